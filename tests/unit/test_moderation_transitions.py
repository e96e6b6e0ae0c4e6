"""A case moves by pure transitions: what is public follows from decisions on the latest revision only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from services.moderation.case import REPAIRED, UNREADABLE, Case, NotDecidable, NotPlaceable, Ruling, Step
from services.moderation.contents import Content
from services.moderation.engine.signal import Category, Detector, Severity, Signal
from services.moderation.transitions import judged, presented, reported, submitted, unreadable, withdrawn
from shared.events.cloudevents import encode
from shared.events.content import ReviewContent
from shared.events.models import Published, ReviewSubmitted, ReviewWithdrawn, Status
from shared.events.topics import REVIEW_MODERATED

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
APPROVE = Ruling("approved", "policy", "default", rule="clean", policy="default", policy_version=1)
HOLD = Ruling("held", "policy", "default", queue="links", rule="link", policy="default", policy_version=1)
REJECT = Ruling("rejected", "policy", "default", rule="severe", policy="default", policy_version=1, codes=("PRF",))
PERSON_APPROVES = Ruling("approved", "person", "key000000001", moderator="Ada")
PERSON_REJECTS = Ruling("rejected", "person", "key000000001", codes=("SPM",))


def revision(number: int, sequence: int | None = None) -> ReviewSubmitted:
    return ReviewSubmitted(
        site="shop",
        sequence=sequence or number,
        review_id=7,
        revision=number,
        slug="good-boots-7",
        created_at=NOW,
        submitted_at=NOW,
        content=ReviewContent(entity_id="boots", rating=number % 5 + 1, text=f"revision {number}", locale="en"),
        channel="api",
        settings_version=1,
        require_approval=False,
    )


def withdrawal(sequence: int, number: int = 1, reason: Literal["withdrawn", "erased"] = "withdrawn") -> ReviewWithdrawn:
    return ReviewWithdrawn(
        site="shop",
        sequence=sequence,
        review_id=7,
        revision=number,
        reason=reason,
        withdrawn_at=NOW,
        withdrawn_by="key",
    )


def submit(case: Case | None, event: ReviewSubmitted, ruling: Ruling, now: datetime = NOW) -> Step:
    step = submitted(case, event, event.model_dump_json(), ruling, now)
    assert step is not None
    return step


def damage(case: Case | None, *, is_submission: bool = True, sequence: int | None = None) -> Step | None:
    return unreadable(
        case,
        "shop",
        Content("review", 7),
        is_submission=is_submission,
        sequence=sequence,
        reason="bad_json: no JSON",
        now=LATER,
    )


def public_text(step: Step) -> str | None:
    assert step.event is not None
    return None if step.event.published is None else step.event.published.content.text


def test_an_approved_first_revision_is_public_at_once() -> None:
    step = submit(None, revision(1), APPROVE)

    assert (step.case.status, step.case.version, step.case.sequence) == ("approved", 1, 1)
    assert (step.case.public_revision, step.case.publish_count, step.case.first_published_at) == (1, 1, NOW)
    assert step.event is not None
    assert step.event.published is not None
    assert step.event.published.published_at == NOW
    assert public_text(step) == "revision 1"
    assert step.event.previous_status is None
    assert step.event.decision.version == step.case.version
    assert step.decision.public_revision == 1


@pytest.mark.parametrize("ruling", [HOLD, REJECT])
def test_what_is_not_approved_is_not_public(ruling: Ruling) -> None:
    step = submit(None, revision(1), ruling)

    assert step.case.status == ruling.status
    assert step.case.queue == ruling.queue
    assert step.case.codes == ruling.codes
    assert (step.case.publish_count, step.case.first_published_at) == (0, None)
    assert public_text(step) is None


@pytest.mark.parametrize("event", [revision(1), revision(1, sequence=9), revision(2, sequence=1)])
def test_a_revision_or_sequence_seen_before_changes_nothing(event: ReviewSubmitted) -> None:
    case = submit(None, revision(1), APPROVE).case

    assert submitted(case, event, event.model_dump_json(), REJECT, LATER) is None


def test_the_old_revision_stays_public_while_an_edit_waits_and_gives_way_when_it_is_approved() -> None:
    first = submit(None, revision(1), APPROVE)
    waiting = submit(first.case, revision(2), HOLD, LATER)
    assert (waiting.case.status, waiting.case.public_revision, public_text(waiting)) == ("held", 1, "revision 1")
    assert waiting.event is not None
    assert waiting.event.published is not None
    assert waiting.event.published.published_at == NOW

    approved = judged(waiting.case, PERSON_APPROVES, LATER)
    assert (approved.case.public_revision, public_text(approved)) == (2, "revision 2")
    assert approved.case.public_submission is None
    assert (approved.case.publish_count, approved.case.first_published_at) == (2, NOW)
    assert approved.event is not None
    assert approved.event.previous_status == "held"


def test_rejecting_a_waiting_edit_changes_nothing_public() -> None:
    waiting = submit(submit(None, revision(1), APPROVE).case, revision(2), HOLD)
    rejected = judged(waiting.case, PERSON_REJECTS, LATER)

    assert (rejected.case.status, rejected.case.public_revision, public_text(rejected)) == ("rejected", 1, "revision 1")

    third = submit(rejected.case, revision(3), HOLD)
    assert public_text(third) == "revision 1"


def test_rejecting_the_public_revision_publishes_nothing_and_approving_it_again_reinstates_it() -> None:
    first = submit(None, revision(1), APPROVE)
    rejected = judged(first.case, PERSON_REJECTS, LATER)
    assert (rejected.case.public_revision, rejected.case.public_since, public_text(rejected)) == (None, None, None)

    again = judged(rejected.case, PERSON_APPROVES, LATER)
    assert (again.case.public_revision, again.case.publish_count) == (1, 2)
    assert (again.case.first_published_at, again.case.public_since) == (NOW, LATER)


def test_approving_what_is_public_already_is_a_decision_and_no_publication() -> None:
    first = submit(None, revision(1), APPROVE)
    again = judged(first.case, PERSON_APPROVES, LATER)

    assert (again.case.version, again.case.publish_count, again.case.public_since) == (2, 1, NOW)


def test_an_older_revision_never_comes_back() -> None:
    case = submit(submit(None, revision(1), APPROVE).case, revision(2), APPROVE).case
    damaged = case._replace(revision=1)

    with pytest.raises(ValueError, match="never comes back"):
        judged(damaged, PERSON_APPROVES, LATER)


def test_a_withdrawal_is_final_and_leaves_no_content() -> None:
    waiting = submit(submit(None, revision(1), APPROVE).case, revision(2), HOLD)
    gone = withdrawn(waiting.case, withdrawal(3, 2), LATER)
    assert gone is not None
    assert gone.case.status == "withdrawn"
    assert (gone.case.submission, gone.case.public_submission, gone.case.public_revision) == (None, None, None)
    assert (gone.decision.actor_kind, gone.decision.actor, gone.decision.previous_status) == (
        "system",
        "intake",
        "held",
    )
    assert public_text(gone) is None

    late = revision(3, sequence=9)
    assert submitted(gone.case, late, late.model_dump_json(), APPROVE, LATER) is None
    assert withdrawn(gone.case, withdrawal(4), LATER) is None
    assert damage(gone.case, is_submission=False) is None
    with pytest.raises(NotDecidable):
        judged(gone.case, PERSON_APPROVES, LATER)


def test_a_withdrawal_of_a_review_that_was_never_seen_leaves_a_marker() -> None:
    gone = withdrawn(None, withdrawal(4, 3), NOW)

    assert gone is not None
    assert (gone.case.status, gone.case.version, gone.case.revision) == ("withdrawn", 1, 3)
    assert public_text(gone) is None


def test_matched_words_and_the_moderators_name_stay_in_the_case() -> None:
    signal = Signal(Detector.LEXICON, Category.PROFANITY, Severity.STRONG, "text", 3, 7, "word")
    step = submit(None, revision(1), REJECT._replace(signals=(signal,), note="seen before", moderator="Ada"))

    assert step.decision.signals[0].matched == "word"
    assert step.decision.moderator == "Ada"
    assert step.event is not None
    shown = step.event.decision.model_dump()
    assert shown["signals"] == (
        {
            "detector": "lexicon",
            "category": "profanity",
            "severity": "strong",
            "field": "text",
            "start": 3,
            "end": 7,
        },
    )
    assert not {"note", "moderator"} & set(shown)


def test_a_review_of_which_nothing_could_be_read_waits_without_an_event() -> None:
    step = damage(None, sequence=1)

    assert step is not None
    assert (step.case.status, step.case.queue, step.case.revision) == ("held", UNREADABLE, 0)
    assert step.event is None
    assert step.decision.note == "bad_json: no JSON"
    with pytest.raises(NotDecidable):
        judged(step.case, PERSON_REJECTS, LATER)

    repaired = submit(step.case, revision(1), APPROVE)
    assert (repaired.case.status, repaired.case.queue, public_text(repaired)) == ("approved", None, "revision 1")
    assert repaired.case.sequence > step.case.sequence


def test_an_unreadable_edit_leaves_the_old_revision_public_and_holds_the_case() -> None:
    case = submit(None, revision(1), APPROVE).case
    step = damage(case, sequence=2)

    assert step is not None
    assert (step.case.status, step.case.queue, public_text(step)) == ("held", UNREADABLE, "revision 1")
    assert damage(step.case, sequence=2) is None
    with pytest.raises(NotDecidable):
        judged(step.case, PERSON_APPROVES, LATER)


def test_of_a_record_that_may_be_a_withdrawal_nothing_stays_public() -> None:
    case = submit(submit(None, revision(1), APPROVE).case, revision(2), HOLD).case
    step = damage(case, is_submission=False)

    assert step is not None
    assert (step.case.public_revision, step.case.public_submission, public_text(step)) == (None, None, None)


def test_a_damaged_duplicate_changes_nothing() -> None:
    case = submit(None, revision(1, sequence=4), APPROVE).case

    assert damage(case, is_submission=False, sequence=4) is None


@pytest.mark.parametrize(
    ("first", "is_submission", "status", "queue", "text"),
    [
        (APPROVE, True, "approved", None, "revision 1"),
        (APPROVE, False, "held", REPAIRED, None),
        (HOLD, True, "held", REPAIRED, None),
        (REJECT, True, "held", REPAIRED, None),
    ],
)
def test_the_owner_repairs_an_unreadable_record_and_the_policy_does_not_decide_again(
    first: Ruling, is_submission: bool, status: Status, queue: str | None, text: str | None
) -> None:
    case = submit(None, revision(1), first).case
    held = damage(case, is_submission=is_submission, sequence=2)
    assert held is not None

    repaired = submit(held.case, revision(1, sequence=3), APPROVE)

    assert (repaired.case.status, repaired.case.queue) == (status, queue)
    assert repaired.decision.actor_kind == "system"
    assert public_text(repaired) == text


def test_a_rejection_of_an_unreadable_case_stands_and_does_not_open_the_way_to_an_approval() -> None:
    held = damage(submit(None, revision(1), APPROVE).case, sequence=2)
    assert held is not None
    rejected = judged(held.case, PERSON_REJECTS, LATER)
    assert (rejected.case.status, rejected.case.public_revision) == ("rejected", None)
    with pytest.raises(NotDecidable):
        judged(rejected.case, PERSON_APPROVES, LATER)

    repaired = submit(rejected.case, revision(1, sequence=3), APPROVE)
    assert (repaired.case.status, repaired.case.codes) == ("rejected", ("SPM",))
    assert judged(repaired.case, PERSON_APPROVES, LATER).case.public_revision == 1


def test_a_place_among_others_is_told_with_the_newest_decision() -> None:
    step = submit(None, revision(1), APPROVE)
    assert step.event is not None
    placed = presented(step.case, step.event.decision, True, 3)
    assert placed is not None
    case, event = placed

    assert (case.version, case.sequence) == (1, 2)
    assert event is not None
    assert isinstance(event.published, Published)
    assert (event.published.is_featured, event.published.display_order) == (True, 3)
    assert (event.sequence, event.decision) == (2, step.event.decision)
    assert presented(case, event.decision, True, 3) is None


def test_a_place_of_a_review_that_is_not_public_is_kept_for_the_day_it_is() -> None:
    step = submit(None, revision(1), HOLD)
    assert step.event is not None
    placed = presented(step.case, step.event.decision, True, None)
    assert placed is not None
    case, event = placed
    assert event is None
    assert case.sequence == step.case.sequence

    published = judged(case, PERSON_APPROVES, LATER).event
    assert published is not None
    assert published.published is not None
    assert published.published.is_featured


@pytest.mark.parametrize("ruling", [APPROVE, HOLD, REJECT])
def test_an_event_goes_out_in_the_bytes_that_its_model_would_write(ruling: Ruling) -> None:
    signal = Signal(Detector.LEXICON, Category.PROFANITY, Severity.STRONG, "text", 3, 7, "wörd")
    event = submit(None, revision(1), ruling._replace(signals=(signal,)), LATER.replace(microsecond=123)).event

    assert event is not None
    assert encode(REVIEW_MODERATED, event).value == event.model_dump_json().encode()


REPORTED = Ruling("held", "system", "moderation", queue="reported", rule="abuse-reports", policy="p", policy_version=1)


def recall(case: Case, hides: bool = False) -> Step:
    step = reported(case, REPORTED, hides, LATER)
    assert step is not None
    return step


def test_what_is_reported_is_held_and_stays_public_or_not() -> None:
    approved = submit(None, revision(1), APPROVE).case
    held = recall(approved)
    assert (held.case.status, held.case.queue, held.case.public_revision) == ("held", "reported", 1)
    assert held.decision.previous_status == "approved"
    hidden = recall(approved, hides=True)
    assert (hidden.case.status, hidden.case.public_revision, public_text(hidden)) == ("held", None, None)


def test_reports_change_nothing_twice_nor_on_what_is_not_public() -> None:
    approved = submit(None, revision(1), APPROVE).case
    assert reported(recall(approved).case, REPORTED, False, LATER) is None
    assert reported(recall(approved, hides=True).case, REPORTED, True, LATER) is None
    assert reported(judged(approved, PERSON_REJECTS, LATER).case, REPORTED, True, LATER) is None


def test_reports_that_hide_take_down_the_older_revision_and_the_edit_waits_where_it_did() -> None:
    first = submit(None, revision(1), APPROVE)
    waiting = submit(first.case, revision(2), HOLD)
    hidden = recall(waiting.case, hides=True)

    assert reported(waiting.case, REPORTED, False, LATER) is None
    assert (hidden.case.queue, hidden.case.public_revision, public_text(hidden)) == (waiting.case.queue, None, None)


def test_reports_on_what_stayed_public_behind_a_rejected_edit_hold_it_and_a_rejection_takes_it_down() -> None:
    first = submit(None, revision(1), APPROVE)
    rejected = judged(submit(first.case, revision(2), HOLD).case, PERSON_REJECTS, LATER)
    assert (rejected.case.public_revision, rejected.case.reports_since) == (1, None)
    held = recall(rejected.case)
    assert public_text(held) == "revision 1"

    gone = judged(held.case, PERSON_REJECTS, LATER)
    assert (gone.case.status, gone.case.public_revision, public_text(gone)) == ("rejected", None, None)
    assert gone.case.reports_since == LATER


def test_reports_on_what_cannot_be_read_leave_the_repair_to_its_owner() -> None:
    first = submit(None, revision(1), APPROVE)
    broken = first.case._replace(status="rejected", queue="unreadable")
    held = recall(broken)
    assert (held.case.status, held.case.queue) == ("held", "unreadable")
    with pytest.raises(NotDecidable):
        judged(held.case, PERSON_APPROVES, LATER)


def test_codes_gather_per_revision_and_stay_with_the_public_one() -> None:
    held = submit(None, revision(1), HOLD._replace(codes=("URL",)))
    approved = judged(held.case, PERSON_APPROVES._replace(codes=("PRI", "URL")), LATER)
    edited = submit(approved.case, revision(2), HOLD._replace(codes=("PII",)))
    rejected = judged(edited.case, PERSON_REJECTS, LATER)
    again = judged(rejected.case, PERSON_APPROVES, LATER)

    public = [step.event.published for step in (held, approved, edited, rejected, again) if step.event is not None]
    kept = ("URL", "PRI")
    assert [one and one.codes for one in public] == [None, kept, kept, kept, ("PII", *PERSON_REJECTS.codes)]


def test_a_comment_has_no_order_among_others() -> None:
    step = submit(None, revision(1), APPROVE)
    assert step.event is not None
    with pytest.raises(NotPlaceable):
        presented(step.case._replace(kind="comment", parent_id=3), step.event.decision, True, 1)
