"""Gathering rows for requests."""

from __future__ import annotations

from collections.abc import Iterator

from services.cli.importing import batch as batch_module
from services.cli.importing.batch import Batch, batches
from services.cli.importing.rows import SKIPPED, Mapped, Skipped, Unsent
from services.cli.importing.source import Row


def rows(count: int) -> Iterator[Row]:
    return (Row(number, number + 1, [str(number)]) for number in range(1, count + 1))


def mapper(row: Row) -> Mapped | Unsent | Skipped:
    """Of ten rows the third is refused and the sixth left out."""
    if row.number % 10 == 3:
        return Unsent("bad", "rating")
    if row.number % 10 == 6:
        return SKIPPED
    return Mapped(b"%d" % row.number, ("file", str(row.number)), ("jo", "x") if row.number % 10 == 7 else None)


def test_every_row_is_in_one_batch_as_what_it_is() -> None:
    made = list(batches(rows(25), mapper, 10))
    assert [len(batch.bodies) for batch in made] == [10, 10]
    assert [batch.last for batch in made] == [12, 25]
    assert sum(batch.rows for batch in made) == 25
    assert [row.number for batch in made for row in batch.unsent] == [3, 13, 23]
    assert sum(batch.skipped for batch in made) == 2
    assert made[0].touches == {("file", str(n)) for n in (1, 2, 4, 5, 7, 8, 9, 10, 11, 12)} | {("jo", "x")}


def test_rows_that_are_done_are_passed_over_with_pauses() -> None:
    made = list(batches(rows(120_000), mapper, 100_000, begun=119_990))
    assert [batch.last for batch in made] == [50_000, 100_000, 120_000]
    assert [batch.rows for batch in made] == [0, 0, 10]


def test_long_stretches_without_anything_to_send_end_a_batch() -> None:
    made = list(batches(rows(12_000), lambda row: SKIPPED, 500))
    assert [batch.skipped for batch in made] == [5_000, 5_000, 2_000]


def test_a_batch_is_no_larger_than_a_request_should_be() -> None:
    body = b"x" * (batch_module.MOST_BYTES // 3)
    made = list(batches(rows(7), lambda row: Mapped(body, ("file", str(row.number)), None), 500))
    assert [len(batch.bodies) for batch in made] == [4, 3]


def test_values_are_kept_for_a_report_with_content_only() -> None:
    def kept(made: list[Batch]) -> set[bool]:
        found = [row.values for batch in made for row in batch.sent]
        found += [row.values for batch in made for row in batch.unsent]
        return {values is not None for values in found}

    assert kept(list(batches(rows(25), mapper, 10))) == {False}
    assert kept(list(batches(rows(25), mapper, 10, keep_values=True))) == {True}
