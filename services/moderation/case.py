"""A review's case: what was submitted last, what is decided on it, and what is public because of all decisions."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.moderation.engine.signal import Signal
from shared.events.models import ActorKind, ReviewModerated, ReviewSubmitted, Status

UNREADABLE = "unreadable"
"""Queue and rule of a case whose newest record could not be read."""
REPAIRED = "repaired"
"""Queue and rule of a case whose judged revision was sent again after such a record: a person looks at it."""
MODERATION = "moderation"
INTAKE = "intake"


class Case(NamedTuple):
    """One review's, following the latest revision that was submitted."""

    review_id: int
    site: str
    version: int
    """Counts the decisions, from 1; what a person's decision is guarded by."""
    sequence: int
    """Of the last review-moderated event."""
    submitted_sequence: int
    """Of the last review-submitted event that was folded; 0 when none could be read."""
    revision: int
    """The latest that was submitted; 0 when none could be read."""
    status: Status
    queue: str | None
    rule: str | None
    codes: tuple[str, ...]
    entity_id: str
    locale: str | None
    rating: int | None
    opened_at: datetime
    updated_at: datetime
    submission: str | None
    """JSON of the latest submission."""
    public_submission: str | None = None
    """JSON of the public submission, where that is an older one than the latest."""
    public_revision: int | None = None
    public_since: datetime | None = None
    highest_published_revision: int = 0
    first_published_at: datetime | None = None
    publish_count: int = 0
    is_featured: bool = False
    display_order: int | None = None

    @property
    def public_text(self) -> str | None:
        """JSON of the submission that is public now."""
        return self.submission if self.public_revision == self.revision else self.public_submission

    def awaits(self, event: ReviewSubmitted) -> bool:
        """Whether a submission says something that this case does not know yet."""
        if self.status == "withdrawn" or event.sequence <= self.submitted_sequence:
            return False
        return event.revision > self.revision or (event.revision == self.revision and self.queue == UNREADABLE)


class Ruling(NamedTuple):
    """A decision as somebody makes it, before it has a place in a case's history."""

    status: Status
    actor_kind: ActorKind
    actor: str
    queue: str | None = None
    rule: str | None = None
    policy: str | None = None
    policy_version: int | None = None
    policy_scope: str | None = None
    """Whose policy it is: the site's own, or "*" for every site's. Both may have one of the same name."""
    codes: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    note: str | None = None
    moderator: str | None = None
    """Name of the person, where the console says it; it stays in the case and goes on no topic."""


class DecisionRow(NamedTuple):
    """A decision in a case's history; it is never changed."""

    site: str
    review_id: int
    version: int
    revision: int
    status: Status
    previous_status: Status | None
    public_revision: int | None
    """What was public after it; before it, what the decision before says."""
    actor_kind: ActorKind
    actor: str
    moderator: str | None
    policy: str | None
    policy_version: int | None
    policy_scope: str | None
    rule: str | None
    codes: tuple[str, ...]
    signals: tuple[Signal, ...]
    note: str | None
    decided_at: datetime


class Step(NamedTuple):
    """What one happening changes. The event is None only in a case of which no revision was ever read."""

    case: Case
    decision: DecisionRow
    event: ReviewModerated | None


class NotDecidable(Exception):
    """The case takes no such decision from a person; the message says why and what would help."""
