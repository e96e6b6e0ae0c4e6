"""Whatever comes, in any order: one policy decision a revision, and the public sees exactly what was approved."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation import cursor as cursors
from services.moderation.case import Case, NotDecidable, Ruling, Step
from services.moderation.contents import Content
from services.moderation.cursor import Cursor
from services.moderation.transitions import judged, presented, reported, submitted, unreadable, withdrawn
from shared.events.content import ReviewContent
from shared.events.models import ReviewModerated, ReviewSubmitted, ReviewWithdrawn, Status

START = datetime(2026, 1, 1, tzinfo=UTC)
REVISIONS = 5
STATUSES: tuple[Status, ...] = ("approved", "held", "rejected")


def revision(number: int) -> ReviewSubmitted:
    return ReviewSubmitted(
        site="shop",
        sequence=number,
        review_id=7,
        revision=number,
        slug="boots",
        created_at=START,
        submitted_at=START,
        content=ReviewContent(rating=number % 5 + 1, text=f"revision {number}", locale="en"),
        channel="api",
        settings_version=1,
        require_approval=False,
    )


def withdrawal() -> ReviewWithdrawn:
    return ReviewWithdrawn(
        site="shop",
        sequence=REVISIONS + 1,
        review_id=7,
        revision=REVISIONS,
        reason="withdrawn",
        withdrawn_at=START,
        withdrawn_by="key",
    )


@dataclass
class History:
    """Runs happenings over one case and keeps all that went out, as the decisions table and the outbox would."""

    case: Case | None = None
    steps: list[Step] = field(default_factory=list)
    events: list[ReviewModerated] = field(default_factory=list)
    now: datetime = START

    def submit(self, number: int, status: Status, codes: tuple[str, ...] = ()) -> None:
        event = revision(number)
        ruling = Ruling(
            status, "policy", "default", queue="any" if status == "held" else None, rule="any", policy="p",
            policy_version=1, codes=codes,
        )  # fmt: skip
        self._take(submitted(self.case, event, event.model_dump_json(), ruling, self._tick()))

    def withdraw(self) -> None:
        self._take(withdrawn(self.case, withdrawal(), self._tick()))

    def damage(self, is_submission: bool, sequence: int | None) -> None:
        self._take(
            unreadable(
                self.case,
                "shop",
                Content("review", 7),
                is_submission=is_submission,
                sequence=sequence,
                reason="bad",
                now=self._tick(),
            )
        )

    def judge(self, status: Status) -> None:
        if self.case is None:
            return
        try:
            self._take(judged(self.case, Ruling(status, "person", "key", codes=("SPM",)), self._tick()))
        except NotDecidable:
            assert self.case.status == "withdrawn" or self.case.queue == "unreadable"

    def report(self, hides: bool) -> None:
        if self.case is not None:
            ruling = Ruling("held", "system", "moderation", queue="reported", rule="abuse-reports")
            self._take(reported(self.case, ruling, hides, self._tick()))

    def place(self, is_featured: bool, order: int | None) -> None:
        if self.case is None or self.case.status == "withdrawn" or not self.events:
            return
        placed = presented(self.case, self.events[-1].decision, is_featured, order)
        if placed is not None:
            self.case, event = placed
            if event is not None:
                assert isinstance(event, ReviewModerated)
                self.events.append(event)

    def _take(self, step: Step | None) -> None:
        if step is not None:
            self.case = step.case
            self.steps.append(step)
            if step.event is not None:
                assert isinstance(step.event, ReviewModerated)
                self.events.append(step.event)

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


Happening = Callable[[History], None]


def submissions() -> st.SearchStrategy[Happening]:
    return st.builds(
        lambda number, status, codes: lambda history: history.submit(number, status, codes),
        st.integers(1, REVISIONS),
        st.sampled_from(STATUSES),
        st.sampled_from([(), ("PII",), ("URL", "PII")]),
    )


def happenings() -> st.SearchStrategy[list[Happening]]:
    judgements = st.sampled_from(("approved", "rejected")).map(lambda status: lambda history: history.judge(status))
    damages = st.builds(
        lambda is_submission, sequence: lambda history: history.damage(is_submission, sequence),
        st.booleans(),
        st.none() | st.integers(1, REVISIONS),
    )
    places = st.builds(
        lambda is_featured, order: lambda history: history.place(is_featured, order),
        st.booleans(),
        st.none() | st.integers(0, 3),
    )
    removals = st.just(lambda history: history.withdraw())
    reports = st.booleans().map(lambda hides: lambda history: history.report(hides))
    usual = submissions() | judgements
    return st.lists(usual | usual | usual | damages | places | reports | removals, max_size=30)


def told(taken: list[Happening]) -> History:
    history = History()
    for happening in taken:
        happening(history)
    return history


@given(happenings())
def test_the_policy_decides_at_most_once_on_a_revision(taken: list[Happening]) -> None:
    decided = Counter(step.decision.revision for step in told(taken).steps if step.decision.actor_kind == "policy")
    assert all(count == 1 for count in decided.values())


@given(happenings())
def test_sequences_and_versions_grow_strictly_in_the_order_of_the_outbox(taken: list[Happening]) -> None:
    history = told(taken)
    sequences = [event.sequence for event in history.events]
    versions = [step.decision.version for step in history.steps]

    assert sequences == sorted(set(sequences))
    assert versions == list(range(1, len(versions) + 1))
    assert [step.event.decision.version for step in history.steps if step.event is not None] == [
        step.decision.version for step in history.steps if step.event is not None
    ]
    if history.case is not None and history.events:
        assert history.case.sequence >= sequences[-1]


@given(happenings())
def test_nothing_is_published_once_a_review_is_withdrawn(taken: list[Happening]) -> None:
    history = told([*taken, lambda history: history.withdraw(), *taken])

    at = [event.status for event in history.events].index("withdrawn")
    assert at == len(history.events) - 1
    assert history.events[-1].published is None
    assert history.case is not None
    assert (history.case.submission, history.case.public_submission) == (None, None)


@given(happenings())
def test_the_public_revision_never_decreases_and_is_exactly_what_was_approved(taken: list[Happening]) -> None:
    history = told(taken)
    highest = 0
    approved: set[int] = set()
    for event in history.events:
        if event.status == "approved":
            approved.add(event.revision)
        if event.published is None:
            continue
        assert event.published.revision >= highest
        highest = event.published.revision
        assert highest in approved
        assert event.published.content == revision(highest).content


@given(happenings())
def test_statuses_say_what_is_public(taken: list[Happening]) -> None:
    for event in told(taken).events:
        public = event.published.revision if event.published is not None else None
        if event.status == "approved":
            assert public == event.revision
        elif event.status == "rejected":
            assert public != event.revision
        elif event.status == "withdrawn":
            assert public is None


@given(happenings())
def test_the_codes_of_what_is_public_are_those_of_all_decisions_on_it(taken: list[Happening]) -> None:
    given_to: dict[int, list[str]] = {}
    history = told(taken)
    decided = {step.decision.version: step.decision for step in history.steps}
    reached = 0
    for event in history.events:
        for version in range(reached + 1, event.decision.version + 1):
            codes = given_to.setdefault(decided[version].revision, [])
            codes += [code for code in decided[version].codes if code not in codes]
        reached = event.decision.version
        if event.published is not None:
            assert event.published.codes == tuple(given_to.get(event.published.revision, ()))


@given(happenings())
def test_reports_that_are_answered_are_so_by_a_person_on_what_is_public(taken: list[Happening]) -> None:
    history = told(taken)
    answers = [
        step.decision.decided_at
        for step in history.steps
        if step.decision.actor_kind == "person"
        and (step.decision.status == "approved" or step.decision.public_revision is None)
    ]
    if history.case is not None:
        assert history.case.reports_since == (answers[-1] if answers else None)


@given(happenings())
def test_publications_are_counted_when_something_becomes_public_that_was_not(taken: list[Happening]) -> None:
    counted, before = 0, None
    for event in told(taken).events:
        now = event.published.revision if event.published is not None else None
        counted += now is not None and now != before
        before = now
        assert event.publish_count == counted
        assert (event.first_published_at is None) == (counted == 0)


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=REVISIONS), st.data())
def test_redelivery_changes_nothing(statuses: list[Status], data: st.DataObject) -> None:
    once, again = History(), History()
    for at, status in enumerate(statuses, 1):
        once.submit(at, status)
        again.submit(at, status)
        now = again.now
        for old in data.draw(st.lists(st.integers(1, at), max_size=4)):
            again.submit(old, data.draw(st.sampled_from(STATUSES)))
        again.now = now

    assert (again.case, again.events) == (once.case, once.events)


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(0, 2**53 - 1),
    st.text(),
    st.text(),
)
def test_a_cursor_is_read_back_by_its_own_listing_only(at: datetime, review_id: int, listing: str, other: str) -> None:
    token = cursors.encode(Cursor(at, review_id), listing)
    assert cursors.decode(token, listing) == Cursor(at, review_id)
    if other != listing:
        with pytest.raises(cursors.InvalidCursor):
            cursors.decode(token, other)


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_what_is_no_cursor_is_said_to_be_none(token: str) -> None:
    with pytest.raises(cursors.InvalidCursor):
        cursors.decode(token, "listing")
