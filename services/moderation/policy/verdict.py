"""What a policy looks at and what it says."""

from dataclasses import dataclass
from typing import Literal

from services.moderation.engine.signal import Signal

Status = Literal["approved", "held", "rejected"]


@dataclass(frozen=True, slots=True)
class Facts:
    """One revision of a review as a policy sees it.

    `rating` is None for content without one. It is here for the record and for policies of sites that want low and
    high ratings sampled alike; no rule of the default policy reads it, for moderation must not bend the average.
    """

    rating: int | None
    locale: str | None
    require_approval: bool
    channel: str
    signals: tuple[Signal, ...]
    has_text: bool = True


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
