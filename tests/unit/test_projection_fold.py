from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import permutations

import orjson
import pytest

from services.projection.fold import (
    NO_REPLIES,
    UNKNOWN_REVIEW,
    WITHDRAWN_REVIEW,
    PublicReview,
    ReplyFact,
    StagedReply,
    StagedReview,
    StagedSite,
    hide,
    hide_reply,
    hide_site,
    moderate,
    public_replies,
    public_review,
    set_reply,
    set_site,
)
from tests.projection_world import START, content, moderated, posted


def test_the_newest_decision_wins_in_whatever_order_they_come() -> None:
    events = [
        moderated(sequence=1, public=1),
        moderated(sequence=2, status="rejected", public=None),
        moderated(sequence=3, public=2),
    ]
    for order in permutations(events):
        state = UNKNOWN_REVIEW
        for event in order:
            state = moderate(state, event)
        assert state == StagedReview(3, 2)


def test_an_event_that_changes_nothing_gives_back_the_same_object() -> None:
    state = StagedReview(2, 1)
    assert moderate(state, moderated(sequence=2)) is state
    assert moderate(WITHDRAWN_REVIEW, moderated(sequence=9)) is WITHDRAWN_REVIEW
    assert hide(WITHDRAWN_REVIEW, 9) is WITHDRAWN_REVIEW
    assert hide(state, 2) is state


@pytest.mark.parametrize(
    ("state", "sequence", "hidden_from"),
    [
        (UNKNOWN_REVIEW, 4, 4),
        (UNKNOWN_REVIEW, None, 1),
        (StagedReview(3, 1), None, 4),
        (StagedReview(3, 1, hidden_from=6), 5, 6),
        (StagedReview(3, 1, hidden_from=6), 8, 8),
        (StagedReview(3, 1, hidden_from=6), None, 6),
    ],
)
def test_hiding(state: StagedReview, sequence: int | None, hidden_from: int) -> None:
    hidden = hide(state, sequence)
    assert hidden.hidden_from == hidden_from
    assert hidden.public_revision is None
    assert hide(hidden, sequence) is hidden
    assert moderate(hidden, moderated(sequence=hidden_from)).public_revision == 1


def test_an_event_from_before_the_unreadable_one_counts_but_does_not_show() -> None:
    state = moderate(hide(StagedReview(3, 1), 6), moderated(sequence=5, public=2))
    assert state == StagedReview(5, 2, hidden_from=6)
    assert state.public_revision is None


def test_the_row_is_the_events_and_nothing_of_its_own() -> None:
    event = moderated(5, said=content(entity_id=None, author_name="Jane", author_email_masked="j***@example.com"))
    assert event.published is not None
    row = public_review(event, event.published, NO_REPLIES)
    assert row == PublicReview(
        site="shop",
        review_id=5,
        revision=1,
        slug="fits-5",
        entity_id="",
        entity_name=None,
        rating=4,
        title="Revision 1",
        text="It fits – très bien 👍",
        author_id=None,
        author_name="Jane",
        author_email_masked="j***@example.com",
        locale="en",
        created_at=START,
        submitted_at=START + timedelta(hours=1),
        review_date=START,
        published_at=START + timedelta(hours=1, minutes=1),
        first_published_at=START + timedelta(minutes=5),
        publish_count=1,
        is_featured=False,
        display_order=None,
        replies="[]",
    )


def test_the_authors_own_date_is_preferred() -> None:
    own = datetime(2020, 2, 2, tzinfo=UTC)
    event = moderated(said=content(review_date=own))
    assert event.published is not None
    assert public_review(event, event.published, NO_REPLIES).review_date == own


def _fact(sequence: int, text: str | None) -> ReplyFact:
    return ReplyFact("shop", 1, 0, sequence, None if text is None else posted(sequence=sequence, text=text))


def test_a_reply_is_what_its_newest_event_says() -> None:
    for order in permutations([_fact(1, "a"), _fact(2, None), _fact(3, "b")]):
        state = StagedReply(1, 0)
        for fact in order:
            state = set_reply(state, fact)
        assert (state.text, state.is_public, state.sequence) == ("b", True, 3)
    assert set_reply(state, _fact(4, None)) == StagedReply(1, 0, 4)
    assert set_reply(state, _fact(3, "c")) is state


def test_a_hidden_reply_comes_back_with_the_event_that_could_not_be_read() -> None:
    hidden = hide_reply(set_reply(StagedReply(1, 0), _fact(1, "a")), 3)
    assert not hidden.is_public
    assert not set_reply(hidden, _fact(2, "b")).is_public
    assert set_reply(hidden, _fact(3, "c")).is_public
    assert hide_reply(hidden, 1) is hidden


def test_public_replies_are_sorted_and_in_utc() -> None:
    tokyo = START.astimezone(timezone(timedelta(hours=9)))
    shown = StagedReply(1, 1, 1, False, None, "one", None, tokyo, tokyo)
    replies = [shown, StagedReply(1, 0, 1, False, None, "nought", "Shop", START, START), StagedReply(1, 2, 5)]
    assert orjson.loads(public_replies(replies)) == [
        {
            "slot": slot,
            "text": text,
            "author_name": name,
            "posted_at": "2026-01-01T12:00:00Z",
            "updated_at": "2026-01-01T12:00:00Z",
        }
        for slot, text, name in ((0, "nought", "Shop"), (1, "one", None))
    ]
    assert public_replies([StagedReply(1, 2, 5)]) == NO_REPLIES


def test_a_site_is_hidden_and_shown() -> None:
    state = set_site(StagedSite(), 2)
    assert set_site(state, 2) is state
    assert hide_site(state, 2) is state
    hidden = hide_site(state, None)
    assert hidden == StagedSite(2, 3)
    assert set_site(hidden, 3) == StagedSite(3)
    assert set_site(hide_site(state, 5), 4) == StagedSite(4, 5)
