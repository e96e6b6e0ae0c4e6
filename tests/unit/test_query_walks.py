from __future__ import annotations

from services.query.core.walks import BEGINNING, MAX_PLACES, MAX_QUESTIONS, MAX_TEXT, Known, Place, Walks


def test_the_last_place_before_the_page_is_found() -> None:
    walks = Walks()
    assert walks.find("question", 100) is None
    walks.keep("question", "v1", 7, None)
    assert walks.find("question", 100) == Known("v1", 7, BEGINNING)
    for offset in (30, 10, 20):
        walks.keep("question", "v1", 7, Place(offset, (offset,)))
    for offset, place in ((9, BEGINNING), (10, Place(10, (10,))), (29, Place(20, (20,))), (500, Place(30, (30,)))):
        assert walks.find("question", offset) == Known("v1", 7, place)
    assert walks.find("another", 100) is None


def test_another_version_takes_nothing_over() -> None:
    walks = Walks()
    walks.keep("question", "v1", 7, Place(10, (1,)))
    walks.keep("question", "v2", 8, Place(30, (2,)))
    assert walks.find("question", 20) == Known("v2", 8, BEGINNING)


def test_what_is_kept_is_bounded_and_the_newest_place_stays() -> None:
    walks = Walks()
    for number in range(1, 1000):
        walks.keep("question", "v", 0, Place(number * 10, (number,)))
        found = walks.find("question", number * 10)
        assert found is not None
        assert found.place == Place(number * 10, (number,))
    kept = {walks.find("question", number * 10) for number in range(1000)}
    assert 10 < len(kept) <= MAX_PLACES + 1
    for number in range(MAX_QUESTIONS):
        walks.keep(number, "v", 0, None)
    assert walks.find("question", 0) is None
    assert walks.find(0, 0) is not None


def test_a_place_with_long_keys_is_not_kept() -> None:
    walks = Walks()
    walks.keep("question", "v", 7, Place(10, (MAX_TEXT, "x" * (MAX_TEXT + 1))))
    assert walks.find("question", 20) == Known("v", 7, BEGINNING)
    kept = Place(10, (None, "x" * MAX_TEXT))
    walks.keep("question", "v", 7, kept)
    assert walks.find("question", 20) == Known("v", 7, kept)


def test_the_question_asked_longest_ago_is_forgotten() -> None:
    walks = Walks()
    for number in range(MAX_QUESTIONS):
        walks.keep(number, "v", 0, None)
    walks.find(0, 0)
    walks.keep("one more", "v", 0, None)
    assert walks.find(0, 0) is not None
    assert walks.find(1, 0) is None
