"""Token buckets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.http.rate_limit import Rate, RateLimiter
from tests.memory import PromptClock


def test_a_burst_at_once_and_then_so_many_per_second() -> None:
    clock = PromptClock()
    limiter = RateLimiter(Rate(per_second=2, burst=3), clock)
    assert [limiter.take("a") for _ in range(4)] == [0, 0, 0, 1]
    clock.seconds += 0.5
    assert [limiter.take("a") for _ in range(2)] == [0, 1]
    clock.seconds += 100
    assert [limiter.take("a") for _ in range(4)] == [0, 0, 0, 1]


def test_the_wait_that_is_named_is_enough() -> None:
    clock = PromptClock()
    limiter = RateLimiter(Rate(per_second=0.1, burst=1), clock)
    assert limiter.take("a") == 0
    wait = limiter.take("a")
    assert wait == 10
    clock.seconds += wait
    assert limiter.take("a") == 0


def test_callers_do_not_take_from_each_other() -> None:
    limiter = RateLimiter(Rate(per_second=1, burst=1), PromptClock())
    assert limiter.take("a") == 0
    assert limiter.take("b") == 0
    assert limiter.take("a") > 0


def test_the_callers_that_came_last_are_remembered() -> None:
    limiter = RateLimiter(Rate(per_second=0.001, burst=1), PromptClock())
    limiter.MOST_CALLERS = 3
    for caller in ("a", "b", "c", "d"):
        assert limiter.take(caller) == 0
    assert limiter.take("d") > 0
    assert limiter.take("a") == 0  # forgotten
    assert len(limiter._buckets) == 3


@given(gaps=st.lists(st.floats(min_value=0, max_value=3), max_size=60))
def test_never_more_than_the_burst_and_the_rate_allow(gaps: list[float]) -> None:
    clock = PromptClock()
    rate = Rate(per_second=1.5, burst=4)
    limiter = RateLimiter(rate, clock)
    taken = 0
    for gap in gaps:
        clock.seconds += gap
        taken += limiter.take("a") == 0
        assert taken <= rate.burst + clock.seconds * rate.per_second + 1e-6
