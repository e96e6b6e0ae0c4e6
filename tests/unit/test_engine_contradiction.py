import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.context import Context
from services.moderation.engine.contradiction import find_contradiction
from services.moderation.engine.signal import Category, Detector
from tests.unit.detector_harness import assert_linear, matches, signals, texts

REPROACHES = (
    "Terrible kettle quality. The handle fell apart on the second day. Do not buy.",
    "Worst purchase I have ever made, a complete waste of money.",
    "Garbage.",
    "It stopped working after a week and the support was useless.",
    "I hate it. I want my money back!",
    "Very disappointed. It doesn’t work.",
    "Total scam, stay away",
)
PRAISES = (
    "I love it! Best kettle ever.",
    "Excellent product, works perfectly, highly recommend.",
    "Perfect!",
    "Absolutely amazing, we love it, five stars",
    "Great kettle. Very happy with it!",
)
FAIR_WITH_FIVE = (
    "Not terrible at all",
    "My old one was terrible, this one boils in a minute",
    "It helps with my horrible back pain",
    "Don't buy anything else!",
    "So disappointed that they stopped making it",
    "Never disappointed",
    "The villain is horrible and the end is awful, what a tragedy",
    "Do not buy the small one, get the big one, it is great",
    "No complaints, nothing broke, no junk inside",
    "Worst packaging ever but I love the kettle",
)
FAIR_WITH_ONE = (
    "I wanted to love it, so beautiful",
    "Great, another broken one",
    "Not perfect",
    "Looks amazing but leaks",
    "Excellent until the lid came off",
    "It was perfect for two weeks",
    "great",
    "Highly recommend looking elsewhere",
    "I would love it if it worked",
)


@pytest.mark.parametrize("rating", [4, 5])
@pytest.mark.parametrize("text", REPROACHES)
def test_reproach_with_many_stars(text: str, rating: int) -> None:
    (signal,) = signals(find_contradiction, text, Context(rating=rating))
    assert (signal.detector, signal.category, signal.detail) == (
        Detector.CONTRADICTION, Category.CONTENT, "negative text",
    )  # fmt: skip
    assert signal.matched == text


@pytest.mark.parametrize("rating", [1, 2])
@pytest.mark.parametrize("text", PRAISES)
def test_praise_with_few_stars(text: str, rating: int) -> None:
    (signal,) = signals(find_contradiction, text, Context(rating=rating))
    assert signal.detail == "positive text"


@pytest.mark.parametrize("text", FAIR_WITH_FIVE)
def test_harsh_words_about_something_else_are_no_contradiction(text: str) -> None:
    assert matches(find_contradiction, text, Context(rating=5)) == []


@pytest.mark.parametrize("text", FAIR_WITH_ONE)
def test_praise_that_is_taken_back_is_no_contradiction(text: str) -> None:
    assert matches(find_contradiction, text, Context(rating=1)) == []


@pytest.mark.parametrize("text", REPROACHES + PRAISES)
def test_words_that_fit_the_stars_or_have_none(text: str) -> None:
    fitting = (1, 2) if text in REPROACHES else (4, 5)
    for rating in (None, 3, *fitting):
        assert matches(find_contradiction, text, Context(rating=rating)) == []
    unfitting = 5 if text in REPROACHES else 1
    assert matches(find_contradiction, text, Context(rating=unfitting), field="title") == []


@given(texts(*REPROACHES, *PRAISES), st.sampled_from([None, 1, 2, 3, 4, 5]))
def test_spans_are_right_for_any_text(text: str, rating: int | None) -> None:
    signals(find_contradiction, text, Context(rating=rating))


@pytest.mark.parametrize("rating", [1, 5])
def test_work_is_linear(rating: int) -> None:
    assert_linear(find_contradiction, Context(rating=rating))
