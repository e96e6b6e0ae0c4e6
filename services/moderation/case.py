"""The case of a review or comment: what was submitted last, what is decided on it, and what is public because of all
decisions.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.moderation.contents import Content, Moderated, Submitted
from services.moderation.engine.signal import Signal
from shared.events.models import ActorKind, ContentKind, Status

UNREADABLE = "unreadable"
"""Queue and rule of a case whose newest record could not be read."""
REPAIRED = "repaired"
"""Queue and rule of a case whose judged revision was sent again after such a record: a person looks at it."""
ABUSE_REPORTS = "abuse-reports"
"""Rule of a decision that was made because so many readers have reported what is public."""
MODERATION = "moderation"
INTAKE = "intake"


class Case(NamedTuple):
    """Of one review or comment, following the latest revision that was submitted."""

    review_id: int
    """Of the review, or of the comment where `kind` says so: their numbers come from one registry."""
    site: str
    version: int
    """Counts the decisions, from 1; what a person's decision is guarded by."""
    sequence: int
    """Of the last event on review-moderated, or comment-moderated."""
    submitted_sequence: int
    """Of the last submission or withdrawal that was folded; 0 when none could be read."""
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
    kind: ContentKind = "review"
    parent_id: int | None = None
    """The review that a comment is on."""
    revision_codes: tuple[str, ...] = ()
    """Of all decisions on the latest revision, in the order in which they were first given."""
    older_codes: tuple[str, ...] = ()
    """The same of the public revision, where that is an older one than the latest."""
    reports_since: datetime | None = None
    """Reports of abuse that were given up to then are answered: a person has decided on what they are about."""

    @property
    def content(self) -> Content:
        return Content(self.kind, self.review_id, self.parent_id)

    @property
    def public_codes(self) -> tuple[str, ...]:
        """Of all decisions on the revision that is public now."""
        return self.revision_codes if self.public_revision == self.revision else self.older_codes

    @property
    def public_text(self) -> str | None:
        """JSON of the submission that is public now."""
        return self.submission if self.public_revision == self.revision else self.public_submission

    def awaits(self, event: Submitted) -> bool:
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
    event: Moderated | None


class NotDecidable(Exception):
    """The case takes no such decision from a person; the message says why and what would help."""


class NotPlaceable(Exception):
    """Comments stand under their review by date: they may be featured, but have no order of their own."""
