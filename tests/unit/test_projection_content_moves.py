from __future__ import annotations

from services.projection.batch import TOPICS, Batch, read
from services.projection.content_moves import move_comments, move_replies, move_reviews
from services.projection.feedback import NO_VOTES
from services.projection.fold import UNKNOWN_COMMENT, WITHDRAWN, WITHDRAWN_COMMENT, Marker, moderate_comment
from services.projection.replies import NO_REPLIES, ReplyFact, StagedReply, set_reply
from services.projection.rows import public_review
from services.projection.summaries import Counted, counted
from shared.events.cloudevents import Decoder
from shared.events.models import Event, ReviewModerated
from tests.projection_world import comment, comment_withdrawn, moderated, posted, record, removed, withdrawn

DECODERS = {spec.name: Decoder(spec) for spec in TOPICS}
REVIEW, COMMENT = ("shop", 1), ("shop", 101)


def _batch(*events: Event) -> Batch:
    return read(list(map(record, events)), DECODERS)


def _counted(event: ReviewModerated) -> Counted:
    assert event.published is not None
    return counted(public_review(event, event.published, NO_REPLIES, NO_VOTES, 0))


def test_a_review_is_shown_by_the_event_that_carries_its_content() -> None:
    event = moderated(sequence=2, public=1)
    (move,) = move_reviews([REVIEW], {}, {}, _batch(event))
    assert (move.is_known, move.is_changed, move.is_public, move.was_public) == (False, True, True, None)
    assert move.after == Marker(2, 1)
    assert move.shown == (event, event.published)


def test_a_review_that_does_not_change_stays_as_public_as_it_was() -> None:
    was = _counted(moderated(sequence=2))
    again, late = _batch(moderated(sequence=2)), _batch(moderated(sequence=1, status="rejected", public=None))
    for batch in (Batch(), again, late):
        (move,) = move_reviews([REVIEW], {REVIEW: Marker(2, 1)}, {REVIEW: was}, batch)
        assert (move.is_known, move.is_changed, move.is_public, move.shown) == (True, False, True, None)
        assert move.was_public == was


def test_rejected_withdrawn_and_hidden_reviews_are_no_longer_public() -> None:
    known, public = {REVIEW: Marker(2, 1)}, {REVIEW: _counted(moderated(sequence=2))}
    rejected = _batch(moderated(sequence=3, status="rejected", public=None))
    gone = _batch(moderated(sequence=3), withdrawn())
    hidden = _batch(moderated(sequence=3))
    hidden.hidden_reviews[REVIEW] = 4
    for batch, after in ((rejected, Marker(3)), (gone, WITHDRAWN), (hidden, Marker(3, 1, hidden_from=4))):
        (move,) = move_reviews([REVIEW], known, public, batch)
        assert (move.after, move.is_public, move.shown) == (after, False, None)


def test_only_comments_that_change_move() -> None:
    staged = moderate_comment(UNKNOWN_COMMENT, comment())
    known = {COMMENT: (staged, 1, "author-1")}
    assert move_comments([COMMENT], known, _batch(comment())) == []

    edited = comment(sequence=2, public=2)
    (move,) = move_comments([COMMENT], known, _batch(edited))
    assert (move.is_known, move.shown_on, move.author_id, move.published) == (True, 1, "author-1", edited.published)

    (move,) = move_comments([COMMENT], known, _batch(edited, comment_withdrawn()))
    assert (move.after, move.published) == (WITHDRAWN_COMMENT, None)

    (move,) = move_comments([COMMENT], {}, _batch(comment()))
    assert (move.is_known, move.shown_on, move.author_id) == (False, None, None)


def test_replies_that_change_are_found_among_those_that_are_staged() -> None:
    staged = {REVIEW: {0: set_reply(StagedReply(1, 0), ReplyFact("shop", 1, 0, 2, posted(sequence=2)))}}
    assert move_replies(staged, _batch(posted(sequence=1))) == {}
    assert move_replies(staged, _batch(removed(sequence=3))) == {("shop", 1, 0): StagedReply(1, 0, 3)}
    (changed,) = move_replies({}, _batch(posted(slot=1))).values()
    assert (changed.slot, changed.is_public) == (1, True)
    hiding = Batch(hidden_replies={("shop", 1, 0): 4})
    assert not move_replies(staged, hiding)["shop", 1, 0].is_public
    assert staged[REVIEW][0].is_public, "what is staged is left to the caller"
