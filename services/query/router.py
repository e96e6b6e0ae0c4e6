"""Which dialect answers a path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.query.exchange import Request, Response
from services.query.problem import Problem


class Dialect(Protocol):
    async def answer(self, request: Request) -> Response:
        """HEAD is asked as GET. Raises Problem for everything it does not answer."""
        ...

    def refuse(self, request: Request, problem: Problem) -> Response:
        """The problem in the vendor's envelope, whoever found it: the dialect itself or the edge."""
        ...

    def allowed(self, request: Request) -> str:
        """The methods of a path, as in an Allow header; raises Problem for an unknown one."""
        ...


@dataclass(frozen=True, slots=True)
class Mount:
    """All that is below `prefix`, which begins with a slash and ends without one, and the prefix itself."""

    prefix: str
    dialect: Dialect
    takes_forms: bool = True
    """Whether its writes are visitors' forms, which have a stricter limit than those of systems with a key."""

    def holds(self, path: str) -> bool:
        return path.startswith(self.prefix) and path[len(self.prefix) : len(self.prefix) + 1] in ("", "/")


class Router:
    """`otherwise` has every path that is mounted nowhere, unknown ones among them."""

    def __init__(self, otherwise: Dialect, mounts: Sequence[Mount] = ()) -> None:
        self._otherwise = Mount("", otherwise)
        self._mounts = tuple(mounts)

    def find(self, path: str) -> Mount:
        for mount in self._mounts:
            if mount.holds(path):
                return mount
        return self._otherwise
