"""How many reviews at once are too many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.judging.bursts import Counts, Limits, Tally, bursts

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits()
NOBODY = Counts()
MANY = 10**9


@pytest.mark.parametrize(
    ("stored", "batch", "most_of_entity", "expected"),
    [
        (Counts((4, 4), 0), NOBODY, MANY, ()),
        (Counts((5, 5), 0), NOBODY, MANY, ("author",)),
        (Counts((2, 2), 0), Counts((3, 3), 0), MANY, ("author",)),
        (Counts((0, 19), 0), NOBODY, MANY, ()),
        (Counts((0, 20), 0), NOBODY, MANY, ("author",)),
        (Counts((0, 0), 19), NOBODY, 20, ()),
        (Counts((0, 0), 15), Counts((0, 0), 5), 20, ("entity",)),
        (Counts((5, 5), 20), NOBODY, 20, ("author", "entity")),
    ],
)
def test_more_than_the_limit_is_a_burst(
    stored: Counts, batch: Counts, most_of_entity: int, expected: tuple[str, ...]
) -> None:
    assert bursts(LIMITS, stored, batch, most_of_entity) == expected


@pytest.mark.parametrize(("usual", "most"), [(0.0, 20), (9.9, 20), (10.6, 21), (300.0, 600)])
def test_a_busy_entity_may_have_more_at_once(usual: float, most: int) -> None:
    assert LIMITS.entity_most(usual) == most


@given(
    st.lists(st.integers(0, 100_000), max_size=40),
    st.integers(0, 100_000),
)
def test_a_tally_counts_what_lies_within_each_time_and_not_after(seconds: list[int], at: int) -> None:
    tally = Tally()
    for second in seconds:
        tally.add(1, 2, NOON + timedelta(seconds=second))
    short = sum(at - 600 < second <= at for second in seconds)
    day = sum(at - 86_400 < second <= at for second in seconds)
    assert tally.before(LIMITS, 1, 2, NOON + timedelta(seconds=at)) == Counts((short, day), short)
    assert tally.before(LIMITS, None, 3, NOON + timedelta(seconds=at)) == NOBODY
