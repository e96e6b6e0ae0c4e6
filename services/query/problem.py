"""Why a request is refused, before a dialect puts it into its vendor's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Detail(NamedTuple):
    """What is wrong and the cure; never the value that was sent."""

    message: str
    field: str | None = None


class Problem(Exception):
    """`status` is HTTP's; each dialect maps it to its own codes."""

    def __init__(self, status: int, details: Sequence[Detail], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(details[0].message)
        self.status = status
        self.details = tuple(details)
        self.headers = headers or {}


def problem(status: int, message: str, field: str | None = None, **headers: str) -> Problem:
    """Header names with underscores for their hyphens."""
    return Problem(status, [Detail(message, field)], {name.replace("_", "-"): value for name, value in headers.items()})


def not_found(message: str) -> Problem:
    return problem(404, message)


def method_not_allowed(allow: str) -> Problem:
    return problem(405, f"this path takes {allow} only", Allow=allow)


def unavailable(message: str, retry_after_seconds: int = 1) -> Problem:
    return problem(503, message, Retry_After=str(retry_after_seconds))
