"""What is shown while an import runs."""

from __future__ import annotations

import io

import pytest

from services.cli.importing.progress import PLAIN_SECONDS, Lines, Meter, duration


class Watch:
    time = 100.0

    def __call__(self) -> float:
        return self.time


def test_rate_and_time_left() -> None:
    watch = Watch()
    meter = Meter(watch, 0)
    watch.time += 10
    snapshot = meter.snapshot(3_000, 2, 0.25, None)
    assert (snapshot.rate, snapshot.seconds_left) == (300, 30)
    assert snapshot.line == "3,000 rows, 300 rows/s, 2 refused, about 30 s left"
    assert meter.snapshot(3_000, 0, 0.25, "it answered 503").line.endswith("waiting for intake: it answered 503")


def test_rows_of_an_earlier_run_do_not_count_for_the_rate() -> None:
    watch = Watch()
    meter = Meter(watch, 1_000)
    assert meter.snapshot(1_000, 0, 0.5, None).seconds_left is None
    watch.time += 1
    meter.snapshot(1_001, 0, 0.5, None)
    watch.time += 9
    snapshot = meter.snapshot(2_000, 0, 0.75, None)
    assert (snapshot.rate, snapshot.seconds_left) == (100, 10)


def test_without_a_terminal_there_is_a_line_now_and_then() -> None:
    watch, stream = Watch(), io.StringIO()
    meter, lines = Meter(watch, 0), Lines(stream, watch)
    for step in range(1, 41):
        watch.time += 0.25
        lines.show(meter.snapshot(step * 10, 0, step / 100, None))
    assert len(stream.getvalue().splitlines()) == int(10 / PLAIN_SECONDS)
    assert stream.getvalue().splitlines()[0] == " 20%  200 rows, 40 rows/s, about 20 s left"


@pytest.mark.parametrize(("seconds", "text"), [(59.6, "60 s"), (100, "1 min 40 s"), (7_260, "2 h 01 min")])
def test_durations_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
