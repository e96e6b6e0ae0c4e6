"""How versions of policies, and those who work with them, are named."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

EVERY_SITE: Final = "*"
"""The scope of what holds on every site that has nothing of its own. No site has this name."""
BUILT_IN: Final = "default"
"""Name of the policy that comes with Plaudit; within EVERY_SITE its versions are the releases'."""
OPERATOR: Final = "operator"
"""Who works at the command line."""
PLAUDIT: Final = "plaudit"
"""Who saves what is built in."""

_REFERENCE = re.compile(r"([a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)@([1-9][0-9]{0,8})")


class Reference(NamedTuple):
    """A version of a policy, as decisions cite it."""

    scope: str
    name: str
    version: int

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


class By(NamedTuple):
    """Who changes something, and why. `actor` is an API key's id, OPERATOR or PLAUDIT; `moderator` a person's name."""

    actor: str
    moderator: str | None = None
    note: str | None = None


class NoSuchVersion(LookupError):
    """Neither the site nor EVERY_SITE has this version of a policy of this name."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(f"there is no policy {name}@{version}")


def parse_reference(text: str) -> tuple[str, int]:
    """Name and version of `NAME@VERSION`; raises ValueError."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ValueError("name a version of a policy as NAME@VERSION, such as strict@3")
    return match[1], int(match[2])
