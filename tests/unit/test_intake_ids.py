"""Review ids and slugs."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.ids import RANDOM_BITS, CommentIds, ReviewIds, base36
from services.intake.slug import MAX_WORDS, slug
from shared.events.ids import MAX_REVIEW_ID


class StillClock:
    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def ids_at(time: datetime) -> tuple[StillClock, ReviewIds]:
    clock = StillClock(time)
    return clock, ReviewIds(clock, random.Random(1))


def test_ids_grow_with_the_seconds_and_are_unique_within_one() -> None:
    clock, ids = ids_at(datetime(2026, 1, 1, tzinfo=UTC))
    first = ids.take(5000)
    clock.time += timedelta(seconds=1)
    second = ids.take(5000)
    assert max(first) < min(second)
    assert len({*first, *second}) == 10_000


def test_a_clock_that_is_set_back_gives_no_id_twice() -> None:
    clock, ids = ids_at(datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC))
    first = ids.take(20_000)
    clock.time -= timedelta(seconds=5)
    second = ids.take(20_000)
    assert not {*first} & {*second}
    assert min(second) >> RANDOM_BITS == min(first) >> RANDOM_BITS


def test_neighbours_tell_nothing_about_each_other() -> None:
    """Counting would show a site how many reviews the others get."""
    _, ids = ids_at(datetime(2026, 1, 1, tzinfo=UTC))
    drawn = ids.take(1000)
    steps = [after - before for before, after in pairwise(drawn)]
    assert median(abs(step) for step in steps) > 2**RANDOM_BITS / 10
    assert 400 < sum(step > 0 for step in steps) < 600


def test_the_last_id_is_exact_in_javascript() -> None:
    _, ids = ids_at(datetime(2088, 1, 19, 3, 14, 7, tzinfo=UTC))
    assert ids.take(1)[0] <= MAX_REVIEW_ID


@pytest.mark.parametrize("year", [2019, 2089])
def test_a_clock_that_is_far_off_is_noticed(year: int) -> None:
    _, ids = ids_at(datetime(year, 12, 31, tzinfo=UTC))
    with pytest.raises(ValueError, match="the clock"):
        ids.take(1)


@given(st.integers(0, MAX_REVIEW_ID))
def test_base36_says_the_number(number: int) -> None:
    assert int(base36(number), 36) == number


@pytest.mark.parametrize(
    ("title", "author", "words"),
    [
        ("Très bien, élégant!", "Jo", "tres-bien-elegant"),
        ("Straße & Æble – 100 %", None, "strasse-aeble-100"),
        ("太好了", "李 Wei", "wei"),
        (None, "Jane D.", "jane-d"),
        ("👍", None, "review"),
        ("2024", None, "2024"),
        ("settings", None, "settings"),
    ],
)
def test_slugs_are_words_and_the_id(title: str | None, author: str | None, words: str) -> None:
    assert slug(title, author, 123_456) == f"{words}-2n9c"


def test_long_titles_end_at_a_word() -> None:
    made = slug("wonderful " * 100, None, 36)
    assert made == "wonderful-" * 6 + "10"
    assert slug("w" * 3000, None, 36) == "w" * MAX_WORDS + "-10"


@given(st.text(max_size=200) | st.none(), st.text(max_size=100) | st.none(), st.integers(1, MAX_REVIEW_ID))
def test_a_slug_is_never_a_number_nor_a_routes_name(title: str | None, author: str | None, review_id: int) -> None:
    made = slug(title, author, review_id)
    assert "-" in made
    assert made.endswith(f"-{base36(review_id)}")
    assert len(made) <= MAX_WORDS + 12
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@given(st.integers(0, 2**32))
def test_no_comment_has_the_id_of_a_review(seed: int) -> None:
    """Two processes, the same second, the same dice."""
    clock = StillClock(datetime(2026, 1, 1, tzinfo=UTC))
    reviews = ReviewIds(clock, random.Random(seed)).take(200)
    comments = CommentIds(clock, random.Random(seed)).take(200)
    assert not {*reviews} & {*comments}
    assert len({*reviews}) == len({*comments}) == 200
