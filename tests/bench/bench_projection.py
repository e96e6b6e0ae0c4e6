"""The projection against a bare COPY upsert of the same rows, on the same server and connection.

The rival does what nobody can do without: COPY into a temporary table, then INSERT … ON CONFLICT DO UPDATE into a table
with the columns and indexes of published.reviews. It keeps no markers, no summaries and no foreign key, and cannot tell
old from new.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from services.projection.batch import TOPICS, read
from services.projection.replies import NO_REPLIES
from services.projection.rows import PublicReview, public_review
from services.projection.store import Store
from shared.events.cloudevents import Decoder, encode
from shared.events.content import ReviewContent
from shared.events.models import Decision, Published, ReviewModerated, ReviewSubmitted
from shared.events.topics import REVIEW_MODERATED, REVIEW_SUBMITTED
from shared.service import tune_garbage_collection

MIGRATIONS = Path(__file__).parents[2] / "services" / "projection" / "migrations"
COLUMNS = PublicReview._fields
START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = (
    "I ordered this in my usual size and it fits as expected, the fabric is soft and the colour is exactly as shown. "
    "Washed it twice already without any change. Shipping took a little longer than promised, but the shop answered at "
    "once. I would buy it again and have told two friends of it already. "
)


@dataclass(frozen=True, slots=True)
class Row:
    """A record as the consumer loop hands it over."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def moderated(number: int, revision: int) -> ReviewModerated:
    at = START + timedelta(seconds=number)
    text = (WORDS * 2)[: 200 + number * 37 % 300]
    content = ReviewContent(
        entity_id=f"product-{int(1200 * (number * 7919 % 1009 / 1009) ** 20)}",  # some 150 of 1,200 in 1,000 reviews
        entity_name="Linen shirt with long sleeves",
        author_id=f"a{number * 104729 % 10**12:012d}",
        author_name="Jane D.",
        rating=1 + number * number % 5,
        title="Fits well, washes well",
        text=text if revision == 1 else text + f" Edited, revision {revision}.",
        locale="en",
        review_date=at - timedelta(days=1),
    )
    published = Published(
        revision=revision,
        slug=f"fits-well-washes-well-{number}",
        created_at=at,
        submitted_at=at,
        published_at=at + timedelta(seconds=1),
        content=content,
    )
    decision = Decision(
        version=revision, actor_kind="policy", actor="policy", policy="default", policy_version=1, rule="clean",
        decided_at=at + timedelta(seconds=1),
    )  # fmt: skip
    return ReviewModerated(
        site="bench", sequence=revision, review_id=number, revision=revision, status="approved", decision=decision,
        published=published, first_published_at=at + timedelta(seconds=1), publish_count=revision,
    )  # fmt: skip


def submitted(event: ReviewModerated) -> ReviewSubmitted:
    assert event.published is not None
    return ReviewSubmitted(
        site=event.site, sequence=event.sequence, review_id=event.review_id, revision=event.revision,
        slug=event.published.slug, created_at=event.published.created_at, submitted_at=event.published.submitted_at,
        content=event.published.content, channel="import", source="bench", source_id=str(event.review_id),
        settings_version=1, require_approval=False,
    )  # fmt: skip


def records(events: Sequence[ReviewModerated]) -> list[Row]:
    """Two records a review, as on the topics: the submission, which the projection passes by, and the decision."""
    rows = []
    for offset, event in enumerate(events):
        for spec, sent in ((REVIEW_SUBMITTED, submitted(event)), (REVIEW_MODERATED, event)):
            encoded = encode(spec, sent)
            rows.append(Row(spec.name, 0, offset, encoded.key, encoded.value, encoded.headers))
    return rows


def public_rows(events: Sequence[ReviewModerated]) -> list[PublicReview]:
    return [public_review(event, event.published, NO_REPLIES) for event in events if event.published is not None]


class Stopwatch:
    """Adds up, over many uses, wall time, the CPU of this process and, where it can be seen, that of the server's."""

    def __init__(self, backend: int) -> None:
        self.wall = self.python = self.postgres = 0.0
        self._backend = Path(f"/proc/{backend}/stat")
        self._started = (0.0, 0.0, 0.0)

    def __enter__(self) -> None:
        self._started = self._read()

    def __exit__(self, *_: object) -> None:
        wall, python, postgres = self._read()
        self.wall += wall - self._started[0]
        self.python += python - self._started[1]
        self.postgres += postgres - self._started[2]

    def _read(self) -> tuple[float, float, float]:
        ticks = 0
        if self._backend.exists():
            fields = self._backend.read_text().rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
        return time.perf_counter(), time.process_time(), ticks / os.sysconf("SC_CLK_TCK")

    def per_review(self, reviews: int) -> str:
        python, postgres = self.python / reviews * 1e6, self.postgres / reviews * 1e6
        return f"{self.wall / reviews * 1e6:6.1f} µs   CPU: Python {python:5.1f}, Postgres {postgres:5.1f}"


async def _prepare(connection: asyncpg.Connection[Any]) -> None:
    """Fresh schemas of the real names in a database of the benchmark's own."""
    for role in ("plaudit_projection", "plaudit_query"):
        await connection.execute(
            f"do $$ begin create role {role} nologin; exception when duplicate_object then null; end $$"
        )
    await connection.execute("drop schema if exists projection cascade; drop schema if exists published cascade")
    for migration in sorted(MIGRATIONS.glob("*.sql")):
        await connection.execute(migration.read_text().split("-- migrate:down")[0])
    await connection.execute("create table published.rival (like published.reviews including all)")
    await connection.execute("create temp table if not exists incoming (like published.rival) on commit delete rows")


async def _upsert(connection: asyncpg.Connection[Any], rows: Sequence[PublicReview]) -> None:
    names = ", ".join(COLUMNS)
    changes = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[2:])
    await connection.copy_records_to_table("incoming", records=rows, columns=COLUMNS)
    await connection.execute(
        f"insert into published.rival ({names}) select {names} from incoming "
        f"on conflict (site, review_id) do update set {changes}"
    )


async def run(dsn: str, reviews: int = 20_000, batch_size: int = 1_000, rounds: int = 3) -> dict[str, float]:
    """Prints and returns ratios: the rival's time / ours, 1.0 is as fast.

    `dsn` is a superuser's; a database is made and dropped.
    """
    tune_garbage_collection()
    admin = await asyncpg.connect(dsn)
    await admin.execute("drop database if exists bench_projection with (force)")
    await admin.execute("create database bench_projection")
    try:
        connection = await asyncpg.connect(dsn, database="bench_projection")
        try:
            return await _measure(connection, reviews, batch_size, rounds)
        finally:
            await connection.close()
    finally:
        await admin.execute("drop database bench_projection with (force)")
        await admin.close()


async def _measure(connection: asyncpg.Connection[Any], reviews: int, size: int, rounds: int) -> dict[str, float]:
    runs: dict[str, list[dict[str, Stopwatch]]] = {"new": [], "changed": []}
    for _ in range(rounds):
        await _prepare(connection)
        for revision, kind in ((1, "new"), (2, "changed")):
            runs[kind].append(await _round(connection, reviews, size, revision))
        await _verify(connection, reviews)
    print(f"projection: {reviews} reviews in batches of {size} (two records each), best of {rounds}, per review")
    ratios: dict[str, float] = {}
    for kind, rounds_of_kind in runs.items():
        rival = min((run["rival"] for run in rounds_of_kind), key=lambda watch: watch.wall)
        ours = min(rounds_of_kind, key=lambda run: run["decode"].wall + run["apply"].wall + run["commit"].wall)
        stored = ours["apply"].wall + ours["commit"].wall
        ratios[f"{kind}, rows"] = rival.wall / stored
        ratios[f"{kind}, records"] = rival.wall / (stored + ours["decode"].wall)
        print(f"  {kind} reviews")
        print(f"    COPY upsert alone      {rival.per_review(reviews)}")
        for part, label in (
            ("decode", "records to events"),
            ("apply", "fold and write   "),
            ("commit", "commit           "),
        ):
            print(f"    {label}      {ours[part].per_review(reviews)}")
        print(f"    projection / COPY upsert: {ratios[f'{kind}, rows']:.2f} of the same events, decoded")
        print(f"                              {ratios[f'{kind}, records']:.2f} from the records' bytes on")
    return ratios


async def _round(connection: asyncpg.Connection[Any], reviews: int, size: int, revision: int) -> dict[str, Stopwatch]:
    store = Store()
    decoders = {spec.name: Decoder(spec) for spec in TOPICS}
    backend = connection.get_server_pid()
    watches = {name: Stopwatch(backend) for name in ("rival", "decode", "apply", "commit")}
    for start in range(1, reviews + 1, size):
        events = [moderated(number, revision) for number in range(start, min(start + size, reviews + 1))]
        encoded, rows = records(events), public_rows(events)
        # Rival and ours in turn, so that a busy neighbour meets both.
        with watches["rival"]:
            async with connection.transaction():
                await _upsert(connection, rows)
        with watches["decode"]:
            batch = read(encoded, decoders)
        transaction = connection.transaction()
        with watches["apply"]:
            await transaction.start()
            await store.apply(connection, batch)
        with watches["commit"]:
            await transaction.commit()
    return watches


async def _verify(connection: asyncpg.Connection[Any], reviews: int) -> None:
    """A benchmark of something that does not work is none."""
    summary = await connection.fetch(
        "select review_count, rating_sum, 2 from published.summaries where scope = 'site' and site = 'bench'"
    )
    rows = await connection.fetch("select count(*), sum(rating), min(revision) from published.reviews")
    if [tuple(row) for row in summary] != [tuple(row) for row in rows] or summary[0]["review_count"] != reviews:
        raise AssertionError(f"the summaries say {summary}, the rows {rows}")


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
