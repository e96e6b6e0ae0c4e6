from __future__ import annotations

from itertools import permutations

import orjson
import pytest

from services.projection.fold import (
    UNKNOWN,
    UNKNOWN_COMMENT,
    WITHDRAWN,
    WITHDRAWN_COMMENT,
    Marker,
    hide,
    hide_comment,
    moderate,
    moderate_comment,
)
from tests.projection_world import comment, moderated


def test_the_newest_decision_wins_in_whatever_order_they_come() -> None:
    events = [
        moderated(sequence=1, public=1),
        moderated(sequence=2, status="rejected", public=None),
        moderated(sequence=3, public=2),
    ]
    for order in permutations(events):
        state = UNKNOWN
        for event in order:
            state = moderate(state, event)
        assert state == Marker(3, 2)


def test_an_event_that_changes_nothing_gives_back_the_same_object() -> None:
    state = Marker(2, 1)
    assert moderate(state, moderated(sequence=2)) is state
    assert moderate(WITHDRAWN, moderated(sequence=9)) is WITHDRAWN
    assert hide(WITHDRAWN, 9) is WITHDRAWN
    assert hide(state, 2) is state


@pytest.mark.parametrize(
    ("state", "sequence", "hidden_from"),
    [
        (UNKNOWN, 4, 4),
        (UNKNOWN, None, 1),
        (Marker(3, 1), None, 4),
        (Marker(3, 1, hidden_from=6), 5, 6),
        (Marker(3, 1, hidden_from=6), 8, 8),
        (Marker(3, 1, hidden_from=6), None, 6),
    ],
)
def test_hiding(state: Marker, sequence: int | None, hidden_from: int) -> None:
    hidden = hide(state, sequence)
    assert hidden.hidden_from == hidden_from
    assert hidden.public_revision is None
    assert hide(hidden, sequence) is hidden
    assert moderate(hidden, moderated(sequence=hidden_from)).public_revision == 1


def test_an_event_from_before_the_unreadable_one_counts_but_does_not_show() -> None:
    state = moderate(hide(Marker(3, 1), 6), moderated(sequence=5, public=2))
    assert state == Marker(5, 2, hidden_from=6)
    assert state.public_revision is None


def test_a_comment_keeps_its_content_exactly_while_it_may_be_shown() -> None:
    event = comment(text="Me too", review_id=7)
    state = moderate_comment(UNKNOWN_COMMENT, event)
    assert state.review_id == 7
    assert state.published is not None
    assert orjson.loads(state.published)["content"]["text"] == "Me too"
    assert moderate_comment(state, event) is state
    hidden = hide_comment(state, 3)
    assert (hidden.published, hidden.marker.hidden_from) == (None, 3)
    assert hide_comment(hidden, 2) is hidden
    assert moderate_comment(hidden, comment(sequence=2)).published is None, "older than what cannot be read"
    assert moderate_comment(hidden, comment(sequence=3)).published is not None
    assert moderate_comment(state, comment(sequence=2, status="rejected", public=None)).published is None
    assert moderate_comment(state, comment(sequence=2, status="withdrawn", public=None)) == WITHDRAWN_COMMENT
    assert moderate_comment(WITHDRAWN_COMMENT, comment(sequence=9)) is WITHDRAWN_COMMENT
