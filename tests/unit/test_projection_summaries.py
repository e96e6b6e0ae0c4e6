from __future__ import annotations

from services.projection.summaries import Delta, Movements, Rated


def test_a_new_review_adds_to_its_entity_and_its_site() -> None:
    movements = Movements()
    movements.move("shop", None, Rated("hat", 5))
    movements.move("shop", None, Rated("", 1))
    growing, shrinking = movements.deltas()
    assert growing == [
        Delta("shop", "entity", "", (1, 0, 0, 0, 0)),
        Delta("shop", "entity", "hat", (0, 0, 0, 0, 1)),
        Delta("shop", "site", "", (1, 0, 0, 0, 1)),
    ]
    assert shrinking == []


def test_a_changed_rating_moves_within_both() -> None:
    movements = Movements()
    movements.move("shop", Rated("hat", 2), Rated("hat", 4))
    assert movements.deltas() == (
        [],
        [Delta("shop", "entity", "hat", (0, -1, 0, 1, 0)), Delta("shop", "site", "", (0, -1, 0, 1, 0))],
    )


def test_a_review_that_changes_its_entity_changes_nothing_for_the_site() -> None:
    movements = Movements()
    movements.move("shop", Rated("hat", 2), Rated("shirt", 2))
    growing, shrinking = movements.deltas()
    assert growing == [Delta("shop", "entity", "shirt", (0, 1, 0, 0, 0))]
    assert shrinking == [Delta("shop", "entity", "hat", (0, -1, 0, 0, 0))]


def test_what_cancels_out_is_not_written() -> None:
    movements = Movements()
    movements.move("shop", Rated("hat", 2), None)
    movements.move("shop", None, Rated("hat", 2))
    movements.move("shop", Rated("hat", 3), Rated("hat", 3))
    assert movements.deltas() == ([], [])
