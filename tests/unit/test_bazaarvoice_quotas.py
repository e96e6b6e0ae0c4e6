"""Windows of the clock, and what the headers say of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.query.bazaarvoice.quotas import Quotas, Usage
from tests.bazaarvoice_examples import PASS_KEY
from tests.storefront_world import Clock

KEY = replace(PASS_KEY, per_minute=3, per_hour=5)


def headers(usage: Usage) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in usage.headers()}


def test_a_minute_and_an_hour_of_the_clock() -> None:
    clock = Clock(datetime(2026, 3, 1, 12, 58, 40, tzinfo=UTC))
    quotas = Quotas(clock)
    assert [quotas.take(KEY).wait_seconds for _ in range(4)] == [0, 0, 0, 20]
    assert headers(quotas.take(KEY)) == {
        "x-bazaarvoice-qpm-allotted": "3",
        "x-bazaarvoice-qpm-current": "3",
        "x-bazaarvoice-quota-allotted": "5",
        "x-bazaarvoice-quota-current": "3",
        "x-bazaarvoice-quota-reset": "Sun, 01 Mar 2026 13:00:00 GMT",
        "access-control-expose-headers": (
            "X-Bazaarvoice-QPM-Allotted, X-Bazaarvoice-QPM-Current, X-Bazaarvoice-Quota-Allotted, "
            "X-Bazaarvoice-Quota-Current, X-Bazaarvoice-Quota-Reset"
        ),
    }
    clock.time += timedelta(seconds=19)
    assert quotas.take(KEY).wait_seconds == 1
    clock.time += timedelta(seconds=1)
    # The next minute of the same hour: two more, and then the hour is full before the minute is.
    assert [quotas.take(KEY).wait_seconds for _ in range(3)] == [0, 0, 60]
    clock.time += timedelta(seconds=60)
    usage = quotas.take(KEY)
    assert (usage.wait_seconds, usage.this_minute, usage.this_hour) == (0, 1, 1)


def test_keys_have_counts_of_their_own() -> None:
    quotas = Quotas(Clock())
    for _ in range(4):
        quotas.take(KEY)
    other = replace(KEY, hint="other678")
    assert quotas.take(KEY).wait_seconds
    assert quotas.take(other).this_hour == 1


def test_a_changed_allotment_counts_at_once() -> None:
    quotas = Quotas(Clock())
    for _ in range(4):
        quotas.take(KEY)
    usage = quotas.take(replace(KEY, per_minute=10))
    assert (usage.wait_seconds, usage.per_minute, usage.this_minute) == (0, 10, 4)


def test_a_clock_that_was_put_back_begins_a_window() -> None:
    clock = Clock()
    quotas = Quotas(clock)
    for _ in range(4):
        quotas.take(KEY)
    clock.time -= timedelta(hours=2)
    assert quotas.take(KEY).wait_seconds == 0


@given(st.lists(st.integers(0, 90), max_size=60))
def test_no_window_of_the_clock_lets_more_through_than_it_may(pauses: list[int]) -> None:
    clock = Clock(datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
    quotas, passed = Quotas(clock), []
    for pause in pauses:
        clock.time += timedelta(seconds=pause)
        usage = quotas.take(KEY)
        if usage.wait_seconds:
            assert usage.this_minute >= usage.per_minute or usage.this_hour >= usage.per_hour
        else:
            passed.append(clock.time)
    for size, most in (("%H:%M", KEY.per_minute), ("%H", KEY.per_hour)):
        windows = [moment.strftime(size) for moment in passed]
        assert max(map(windows.count, windows), default=0) <= most
