"""What a policy says."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["approved", "held", "rejected"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision with its account: which rule of which policy version, the codes, and a note for people.

    `queue` is where a held review waits, None for the other statuses.
    """

    status: Status
    policy: str
    policy_version: int
    rule: str
    codes: tuple[str, ...]
    queue: str | None
    note: str


@dataclass(frozen=True, slots=True)
class ReportLimit:
    """What becomes of what readers report: when `at` different ones have, a person looks at it in `queue`."""

    at: int
    hides: bool
    """Whether it is taken from the public until then."""
    queue: str
