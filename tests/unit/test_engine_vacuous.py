import pytest
from hypothesis import given

from services.moderation.engine.signal import Category, Detector
from services.moderation.engine.vacuous import find_vacuous
from tests.unit.detector_harness import assert_linear, matches, signals, texts


@pytest.mark.parametrize(
    "text",
    [
        ".", "...", "…", "???", "-", ":)", "x", "Q", "12345", "1111111",
        "n/a", "N/A.", "na", "None", "nothing", "no comment", "No comments!", "noneee", "nothing to add",
        "test", "Testing...", "testing 123", "this is just a test", "This is a test review, please ignore", "asdf",
        "idk", "I don't know", "I dont know what to write", "Not sure what to say here", "idk what else to put",
        "I have nothing to say", "blah blah blah", "lorem ipsum dolor sit amet", "review", "My review", "see title",
        "20 characters required", "Need at least 50 characters", "Minimum 20 words",
        "writing this to reach the word limit",
        "I have to type 100 characters in order to submit this", "just filling up the space", "filler filler filler",
        "only writing something because the app made me",
        "nada", "Sin comentarios", "Rien à dire", "RAS", "Kein Kommentar", "keine Ahnung", "niente da dire",
        "Sem comentários", "geen commentaar",
    ],
)  # fmt: skip
def test_a_text_that_says_nothing_is_vacuous(text: str) -> None:
    (signal,) = signals(find_vacuous, f"\n{text}  ")
    assert (signal.detector, signal.category, signal.matched) == (Detector.VACUOUS, Category.CONTENT, text)


@pytest.mark.parametrize(
    "text",
    [
        "Love it", "Great", "ok", "OK!", "works", "It works", "good", "Bad", "Meh", "Fine", "Super", "Yes!", "Thanks",
        "10/10", "5/5", "4.5/5", "A+", "A+++++", "B-", "100%", "5 stars", "5", "10", "0", "3 *",
        "No problems", "no issues", "nothing special", "Nothing to complain about", "nothing to write home about",
        "Stood the test of time", "Passed every test", "words cannot describe it", "No words!", "say no more",
        "not enough space", "too short", "the letters are too small", "I need more of these", "was a gift",
        "best character in the game", "The comment box in this app is broken", "I know what I like",
        "very good quality, nothing else to say", "Idk why but it stopped working",
        "很好", "好", "좋아요", "класс", "Ótimo", "très bien", "nul", "gut", "bello",
        "A1", "iPhone 12", "2 of 3 arrived", "Size 8", "", "👍", "👍🏻", "❤️❤️❤️", "⭐⭐⭐⭐⭐", "😍!!!",
    ],
)  # fmt: skip
def test_short_opinions_and_facts_are_not(text: str) -> None:
    assert matches(find_vacuous, text) == []


def test_a_long_text_is_vacuous_only_without_any_letter() -> None:
    assert matches(find_vacuous, "… " * 200) == [("… " * 200).rstrip()]
    assert matches(find_vacuous, "I have nothing to say. " * 40) == []


def test_blanks_and_short_fields_are_not_judged() -> None:
    assert matches(find_vacuous, " \n\t") == []
    assert matches(find_vacuous, "n/a", field="title") == []
    assert matches(find_vacuous, ".", field="author_name") == []


@given(texts("no comment", "n/a", "characters required ", "👍", "5/5"))
def test_spans_are_right_for_any_text(text: str) -> None:
    signals(find_vacuous, text)


def test_work_is_linear() -> None:
    assert_linear(find_vacuous)
