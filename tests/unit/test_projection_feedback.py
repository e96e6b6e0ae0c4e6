from __future__ import annotations

from itertools import permutations

from services.projection.feedback import (
    UNKNOWN_FEEDBACK,
    FeedbackFact,
    Votes,
    difference,
    hide_feedback,
    set_feedback,
)


def test_a_voters_newest_word_counts_in_whatever_order_they_come() -> None:
    for order in permutations([FeedbackFact(1, "positive"), FeedbackFact(2, None), FeedbackFact(3, "negative")]):
        state = UNKNOWN_FEEDBACK
        total = Votes()
        for fact in order:
            after = set_feedback(state, fact)
            total = total.plus(difference(state, after))
            state = after
        assert (state.sequence, state.vote, total) == (3, "negative", Votes(0, 1, 0))
    assert set_feedback(state, FeedbackFact(3, "positive")) is state


def test_a_word_that_cannot_be_read_does_not_count() -> None:
    state = set_feedback(UNKNOWN_FEEDBACK, FeedbackFact(1, "inappropriate"))
    hidden = hide_feedback(state, 3)
    assert difference(state, hidden) == Votes(0, 0, -1)
    assert hide_feedback(hidden, 2) is hidden
    older = set_feedback(hidden, FeedbackFact(2, "inappropriate"))
    assert difference(hidden, older) == Votes()
    assert difference(older, set_feedback(older, FeedbackFact(3, "inappropriate"))) == Votes(0, 0, 1)
