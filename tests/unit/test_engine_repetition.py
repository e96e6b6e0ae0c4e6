import pytest
from hypothesis import given

from services.moderation.engine.repetition import MOST_FOUND, find_repetition
from services.moderation.engine.signal import Category, Detector
from tests.unit.detector_harness import assert_linear, matches, signals, texts


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ("w" + "o" * 20 + "w", "o" * 20),
        ("I am so" + "O" * 30 + " happy with the kettle, it boils fast", "o" + "O" * 30),
        ("Such a nice nice nice nice nice kettle", "nice nice nice nice nice"),
        ("hot\nhot\nhot\nHot\nHOT", "hot\nhot\nhot\nHot\nHOT"),
        ("get it get it get it get it get it", "get it get it get it get it get it"),
        ("It boils fast. It boils fast! It boils fast. ok", "It boils fast. It boils fast! It boils fast"),
        ("très bon très bon très bon très bon très bon", "très bon très bon très bon très bon très bon"),
        ("!" * 60, "!" * 60),
        ("🔥" * 30, "🔥" * 30),
    ],
)
def test_what_is_said_over_and_over_is_repetition(text: str, matched: str) -> None:
    found = signals(find_repetition, text)
    assert [signal.matched for signal in found] == [matched]
    assert (found[0].detector, found[0].category) == (Detector.REPETITION, Category.STYLE)


@pytest.mark.parametrize(
    "text",
    [
        "soooo nice",
        "It is very very very good, and the colour too.",
        "ha ha ha ha",
        "no no no",
        "Love it love it love it",
        "I like the lid. I like the handle. I like the colour.",
        "It boils fast. I told my mother that it boils fast, and she said so too.",
        "-" * 80,
        "Good kettle ............................ for the price",
        "<br /><br /><br /><br /><br /><br />",
        "1 2 3 4 5 6 7 8 9",
        "the lid and the handle and the base and the cord and the box are all fine, and the colour and the size too",
        "",
    ],
)
def test_enthusiasm_rulers_and_prose_are_not(text: str) -> None:
    assert matches(find_repetition, text) == []


def test_signals_are_bounded() -> None:
    assert len(matches(find_repetition, ("a" * 20 + "b") * 200)) == MOST_FOUND


@given(texts("nice nice nice ", "It boils fast. ", "oooooooooooo", "!!!!!!!!!!!!!!!!!!"))
def test_spans_are_right_for_any_text(text: str) -> None:
    signals(find_repetition, text)


def test_work_is_linear() -> None:
    assert_linear(find_repetition)
