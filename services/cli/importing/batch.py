"""Rows gathered for one request, with what was decided about the others on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from services.cli.importing.rows import Mapped, Mapper, Unsent
from services.cli.importing.source import Row, Values

MOST_BYTES = 4 * 1024 * 1024
MOST_UNSENT = 5_000
"""Rows that are not sent end a batch too, so that progress is kept through long stretches of them."""
BREATH = 50_000


@dataclass(frozen=True, slots=True)
class Sent:
    number: int
    line: int
    values: Values | None
    """Kept for a report with content only."""

    def refused(self, code: str, field: str | None, message: str) -> RefusedRow:
        return RefusedRow(self.number, self.line, code, field, message, self.values)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    number: int
    line: int
    code: str
    field: str | None
    message: str
    values: Values | None = None


@dataclass(slots=True)
class Batch:
    """A contiguous run of rows, up to and including `last`."""

    last: int
    bodies: list[bytes] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    unsent: list[RefusedRow] = field(default_factory=list)
    skipped: int = 0
    touches: set[tuple[str, str]] = field(default_factory=set)
    """The records and reviews that it is about; batches that share one must not overtake each other."""

    @property
    def rows(self) -> int:
        return len(self.sent) + len(self.unsent) + self.skipped


def batches(
    rows: Iterable[Row], mapper: Mapper, size: int, *, begun: int = 0, keep_values: bool = False
) -> Iterator[Batch]:
    """`begun` rows are done already and are passed over; a batch without rows now and then lets others work."""
    batch, total = Batch(begun), 0
    for row in rows:
        if row.number <= begun:
            if row.number % BREATH == 0:
                yield Batch(row.number)
            continue
        batch.last = row.number
        mapped = mapper(row)
        if isinstance(mapped, Mapped):
            batch.bodies.append(mapped.body)
            batch.sent.append(Sent(row.number, row.line, row.values if keep_values else None))
            batch.touches.add(mapped.record)
            if mapped.author is not None:
                batch.touches.add(mapped.author)
            total += len(mapped.body)
        elif isinstance(mapped, Unsent):
            values = row.values if keep_values else None
            batch.unsent.append(RefusedRow(row.number, row.line, mapped.code, mapped.field, mapped.message, values))
        else:
            batch.skipped += 1
        if len(batch.bodies) >= size or total >= MOST_BYTES or len(batch.unsent) + batch.skipped >= MOST_UNSENT:
            yield batch
            batch, total = Batch(row.number), 0
    if batch.rows:
        yield batch
