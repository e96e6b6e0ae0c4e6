"""What becomes of a case: pure functions from (case, what happened) to (case, decision, event).

Decisions are only ever on the latest revision; an older one may stay public meanwhile, but never comes back once
something newer was public or it was itself taken down by a newer decision.

Every function returns None when what happened changes nothing, so that duplicates and redeliveries leave no trace.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import assert_never

from services.moderation.case import (
    ABUSE_REPORTS,
    INTAKE,
    MODERATION,
    REPAIRED,
    UNREADABLE,
    Case,
    DecisionRow,
    NotDecidable,
    NotPlaceable,
    Ruling,
    Step,
)
from services.moderation.contents import (
    Content,
    Moderated,
    Submitted,
    Visible,
    Withdrawn,
    content_of,
    moderated,
    read_submission,
)
from shared.events.models import Decision, ReviewSubmitted, SignalSummary, Status


def submitted(case: Case | None, event: Submitted, text: str, ruling: Ruling, now: datetime) -> Step | None:
    """A revision came in. `text` is the event's JSON, `ruling` the policy's on it.

    The policy decides once per revision: where the revision was judged before and comes again because a record after it
    could not be read, the ruling is not used, and unless the case is as clear as before a person has the word.
    """
    content_id, parent_id, entity_id, rating = event.review_id, None, "", None
    if isinstance(event, ReviewSubmitted):
        entity_id, rating = event.content.entity_id or "", event.content.rating
    else:
        content_id, parent_id = event.comment_id, event.review_id
    if case is None:
        fresh = Case(
            review_id=content_id,
            site=event.site,
            version=0,
            sequence=0,
            submitted_sequence=event.sequence,
            revision=event.revision,
            status="held",
            queue=None,
            rule=None,
            codes=(),
            entity_id=entity_id,
            locale=event.content.locale,
            rating=rating,
            opened_at=now,
            updated_at=now,
            submission=text,
            kind="review" if parent_id is None else "comment",
            parent_id=parent_id,
        )
        return _rule(fresh, None, ruling, now, event)
    if not case.awaits(event):
        return None
    latest = case._replace(
        submitted_sequence=event.sequence,
        revision=event.revision,
        entity_id=entity_id,
        locale=event.content.locale,
        rating=rating,
        submission=text,
        public_submission=case.public_text,
        parent_id=parent_id,
    )
    if event.revision == case.revision:
        ruling = _after_repair(case)
    else:
        latest = latest._replace(revision_codes=(), older_codes=case.public_codes)
    return _rule(latest, case.status, ruling, now, event)


def withdrawn(case: Case | None, event: Withdrawn, now: datetime) -> Step | None:
    """It is gone: nothing of it stays but the marker and the history, and nothing is published for it again.

    Holds whatever the sequence says: to withdraw too much can be put right, to publish what was taken back cannot.
    """
    content = content_of(event)
    if case is None:
        case = Case(
            review_id=content.content_id,
            site=event.site,
            version=0,
            sequence=0,
            submitted_sequence=0,
            revision=event.revision,
            status="withdrawn",
            queue=None,
            rule=None,
            codes=(),
            entity_id="",
            locale=None,
            rating=None,
            opened_at=now,
            updated_at=now,
            submission=None,
            kind=content.kind,
        )
        previous = None
    elif case.status == "withdrawn":
        return None
    else:
        previous = case.status
    ruling = Ruling("withdrawn", "system", INTAKE, rule=event.reason)
    gone = case._replace(
        submitted_sequence=max(case.submitted_sequence, event.sequence),
        revision=max(case.revision, event.revision),
        locale=None,
        rating=None,
        parent_id=content.parent_id,
    )
    return _rule(gone, previous, ruling, now)


def unreadable(
    case: Case | None,
    site: str,
    content: Content,
    *,
    is_submission: bool,
    sequence: int | None,
    reason: str,
    now: datetime,
) -> Step | None:
    """A record of this content could not be read: the case is held until its owner publishes the content again.

    A record that says of itself that it is a submission cannot take anything back, so what is public stays so, as while
    any edit waits. Of any other the worst is assumed, a withdrawal, and nothing stays public. `sequence` is None where
    that is unreadable too; one that was folded before is a damaged duplicate and changes nothing.
    """
    if case is None:
        fresh = Case(
            review_id=content.content_id,
            site=site,
            version=0,
            sequence=0,
            submitted_sequence=0,
            revision=0,
            status="held",
            queue=UNREADABLE,
            rule=None,
            codes=(),
            entity_id="",
            locale=None,
            rating=None,
            opened_at=now,
            updated_at=now,
            submission=None,
            kind=content.kind,
            parent_id=content.parent_id,
        )
        return _rule(fresh, None, _unreadable_ruling(reason), now)
    if case.status == "withdrawn" or (sequence is not None and sequence <= case.submitted_sequence):
        return None
    takes_down = not is_submission and case.public_revision is not None
    if case.queue == UNREADABLE and not takes_down:
        return None
    after = _nothing_public(case) if takes_down else case
    return _rule(after, case.status, _unreadable_ruling(reason), now)


def reported(case: Case, ruling: Ruling, hides: bool, now: datetime) -> Step | None:
    """So many readers have reported what is public that a person has to look: `ruling` holds it, in its queue.

    Where it `hides`, nothing stays public meanwhile. What waits for a person already stays in the queue where it is.
    Nothing comes of reports on what is not public: whether enough of them are there is asked again when it is.
    """
    if case.public_revision is None or (case.status == "held" and not hides):
        return None
    after = _nothing_public(case) if hides else case
    if case.status == "held":
        ruling = ruling._replace(queue=case.queue, codes=case.codes)
    elif case.queue == UNREADABLE:
        ruling = ruling._replace(queue=UNREADABLE)  # until its owner repairs the record, nothing is approved
    return _rule(after, case.status, ruling, now)


def judged(case: Case, ruling: Ruling, now: datetime) -> Step:
    """A person decides on the latest revision; that the person saw it is the caller's to check. Raises NotDecidable.

    To reject what waits because of reports takes down whatever is public: an older revision is what they are about.
    """
    if case.status == "withdrawn":
        raise NotDecidable(f"the {case.kind} was withdrawn; nothing is decided on it any more")
    if case.submission is None:
        raise NotDecidable(f"no revision of this {case.kind} could be read yet; have it published again by its owner")
    if case.queue == UNREADABLE and ruling.status == "approved":
        raise NotDecidable(
            f"the newest record of this {case.kind} could not be read; have it published again by its owner"
        )
    # A rejection does not repair the record: until its owner does, nobody can know that it was not withdrawn.
    queue = UNREADABLE if case.queue == UNREADABLE else None
    before = case
    if ruling.status == "rejected" and case.rule == ABUSE_REPORTS:
        before = _nothing_public(case)
    step = _rule(before, case.status, ruling._replace(queue=queue), now)
    if ruling.status == "approved" or step.case.public_revision is None:
        # Reports on an older revision that stays public are not answered by what is said of an edit.
        step = step._replace(case=step.case._replace(reports_since=now))
    return step


def presented(
    case: Case, decision: Decision, is_featured: bool, display_order: int | None
) -> tuple[Case, Moderated | None] | None:
    """A moderator places content among others. `decision` is the newest one, which the event repeats: none was made.

    The event is None where nothing of it is public. Raises NotDecidable, and NotPlaceable for a comment's order.
    """
    if case.status == "withdrawn":
        raise NotDecidable(f"the {case.kind} was withdrawn; it has no place among others any more")
    if case.kind == "comment" and display_order is not None:
        raise NotPlaceable("a comment has no display_order; it may be featured")
    if (is_featured, display_order) == (case.is_featured, case.display_order):
        return None
    after = case._replace(is_featured=is_featured, display_order=display_order)
    if case.public_revision is None:
        return after, None
    after = after._replace(sequence=case.sequence + 1)
    return after, _event(after, decision, case.status, None)


def _after_repair(case: Case) -> Ruling:
    """A revision that was judged before the unreadable record, and is the newest after all."""
    if case.public_revision == case.revision:
        return Ruling("approved", "system", MODERATION, rule=REPAIRED)
    if case.status == "rejected":
        return Ruling("rejected", "system", MODERATION, rule=REPAIRED, codes=case.codes)
    return Ruling("held", "system", MODERATION, queue=REPAIRED, rule=REPAIRED)


def _unreadable_ruling(reason: str) -> Ruling:
    return Ruling("held", "system", MODERATION, queue=UNREADABLE, rule=UNREADABLE, note=reason)


def _rule(case: Case, previous: Status | None, ruling: Ruling, now: datetime, event: Submitted | None = None) -> Step:
    """Writes a ruling into a case: what becomes public, the decision's row and the event."""
    first = case.first_published_at
    since = case.public_since
    public = case.public_revision
    older = case.public_submission
    text = case.submission
    highest = case.highest_published_revision
    count = case.publish_count
    codes, older_codes = case.revision_codes, case.older_codes
    if ruling.codes:
        codes = tuple(dict.fromkeys((*codes, *ruling.codes)))
    match ruling.status:
        case "approved":
            if case.revision < highest or text is None:
                raise ValueError("an older revision never comes back")
            if public != case.revision:
                public, since, count = case.revision, now, count + 1
                first = first or now
            older, highest, older_codes = None, case.revision, ()
        case "rejected":
            if public == case.revision:
                public = since = None
        case "held":
            pass
        case "withdrawn":
            public = since = older = text = None
            older_codes = ()
        case _:
            assert_never(ruling.status)
    after = Case(
        review_id=case.review_id,
        site=case.site,
        version=case.version + 1,
        sequence=case.sequence + 1,
        submitted_sequence=case.submitted_sequence,
        revision=case.revision,
        status=ruling.status,
        queue=ruling.queue,
        rule=ruling.rule,
        codes=ruling.codes,
        entity_id=case.entity_id,
        locale=case.locale,
        rating=case.rating,
        opened_at=case.opened_at,
        updated_at=now,
        submission=text,
        public_submission=older,
        public_revision=public,
        public_since=since,
        highest_published_revision=highest,
        first_published_at=first,
        publish_count=count,
        is_featured=case.is_featured,
        display_order=case.display_order,
        kind=case.kind,
        parent_id=case.parent_id,
        revision_codes=codes,
        older_codes=older_codes,
        reports_since=case.reports_since,
    )
    row = DecisionRow(
        site=after.site,
        review_id=after.review_id,
        version=after.version,
        revision=after.revision,
        status=after.status,
        previous_status=previous,
        public_revision=public,
        actor_kind=ruling.actor_kind,
        actor=ruling.actor,
        moderator=ruling.moderator,
        policy=ruling.policy,
        policy_version=ruling.policy_version,
        policy_scope=ruling.policy_scope,
        rule=ruling.rule,
        codes=ruling.codes,
        signals=ruling.signals,
        note=ruling.note,
        decided_at=now,
    )
    if after.revision == 0:
        return Step(after, row, None)
    return Step(after, row, _event(after, _decision(ruling, after.version, now), previous, event))


def _event(case: Case, decision: Decision, previous: Status | None, known: Submitted | None) -> Moderated:
    return moderated(
        case.content,
        site=case.site,
        sequence=case.sequence,
        revision=case.revision,
        status=case.status,
        previous_status=previous,
        decision=decision,
        visible=_visible(case, known),
        first_published_at=case.first_published_at,
        publish_count=case.publish_count,
    )


@lru_cache(maxsize=256)
def _decision(ruling: Ruling, version: int, now: datetime) -> Decision:
    """A decision as topics show it: without the matched words, the note and the person's name.

    Kept, for most reviews of a batch get the same one.
    """
    return Decision(
        version=version,
        actor_kind=ruling.actor_kind,
        actor=ruling.actor,
        policy=ruling.policy,
        policy_version=ruling.policy_version,
        rule=ruling.rule,
        codes=ruling.codes,
        signals=tuple(
            SignalSummary(
                detector=signal.detector,
                category=signal.category,
                severity=signal.severity,
                field=signal.field,
                start=signal.start,
                end=signal.end,
            )
            for signal in ruling.signals
        ),
        decided_at=now,
    )


def _visible(case: Case, known: Submitted | None) -> Visible | None:
    if case.public_revision is None:
        return None
    source = known
    text, since = case.public_text, case.public_since
    if text is None or since is None:
        raise ValueError("a public revision has its content and its time")
    if source is None or source.revision != case.public_revision:
        source = read_submission(case.kind, text)
    return Visible(source, since, case.public_codes, case.is_featured, case.display_order)


def _nothing_public(case: Case) -> Case:
    return case._replace(public_revision=None, public_submission=None, public_since=None, older_codes=())
