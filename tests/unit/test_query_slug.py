from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.lynkow.slug import review_id_of
from shared.events.ids import MAX_REVIEW_ID

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text


@given(st.integers(1, MAX_REVIEW_ID), st.text(st.sampled_from("abc-019"), max_size=20))
def test_the_end_of_a_slug_names_the_review_whatever_its_words(number: int, words: str) -> None:
    assert review_id_of(f"{words}-{base36(number)}") == number


@given(st.integers(1, MAX_REVIEW_ID))
def test_digits_alone_are_an_id(number: int) -> None:
    assert review_id_of(str(number)) == number


@pytest.mark.parametrize(
    "text", ["", "0", "007", "-", "great", "great-", "great-0", "great-A1", "1²", "٣", "a-zzzzzzzzzzz", str(2**53)]
)
def test_what_names_no_review(text: str) -> None:
    assert review_id_of(text) is None


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    found = review_id_of(text)
    assert found is None or 0 < found <= MAX_REVIEW_ID
