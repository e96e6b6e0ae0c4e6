from __future__ import annotations

from datetime import timedelta, timezone
from itertools import permutations

import orjson

from services.projection.replies import NO_REPLIES, ReplyFact, StagedReply, hide_reply, public_replies, set_reply
from tests.projection_world import START, posted


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


def test_how_a_reply_is_signed_is_shown_where_it_is_given() -> None:
    signed = posted().model_copy(update={"department": "Customer care", "response_source": "shop"})
    state = set_reply(StagedReply(1, 0), ReplyFact("shop", 1, 0, 1, signed))
    (shown,) = orjson.loads(public_replies([state]))
    assert (shown["department"], shown["response_source"]) == ("Customer care", "shop")
    assert "response_type" not in shown
