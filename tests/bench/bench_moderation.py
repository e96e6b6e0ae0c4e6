"""The moderation worker against a bare aiokafka loop on the same broker: consume, parse with pydantic, send by key.

The rival keeps nothing: no case, no decision, no outbox, no progress but Kafka's own. Ours runs the policy on each text
and commits case, decision, event and offset in one transaction per batch; its relay publishes from another process.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from services.cli.embedded.datadir import DataDir, temporary_data_dir
from services.cli.embedded.parts import EmbeddedParts
from services.cli.embedded.postgres import EmbeddedPostgres
from services.cli.migrations import migrate
from services.moderation.cases import SCHEMA
from services.moderation.engine.engine import Engine
from services.moderation.judging.judge import Judge
from services.moderation.processor import ModerationProcessor
from services.moderation.service import MAX_RECORDS
from shared.clock import SystemClock
from shared.events.cloudevents import Encoded, encode
from shared.events.content import ReviewContent
from shared.events.models import ReviewSubmitted
from shared.events.topics import REVIEW_MODERATED, REVIEW_SUBMITTED, TopicSpec
from shared.kafka.admin import Admin, topic_ids
from shared.kafka.client import KafkaSettings
from shared.kafka.consumer import Consumer
from shared.kafka.progress import PostgresProgress
from shared.kafka.subscription import subscribe
from shared.logging import configure
from shared.postgres.pool import create_pool

START = datetime(2026, 1, 1, tzinfo=UTC)
BARE_OUT = TopicSpec("bench-bare-out", "bench", "site/review", "What the bare loop sends.")
WORDS = (
    *("the", "this", "that", "with", "from", "have", "will", "really", "great", "soft", "colour", "fits", "perfect"),
    *("size", "small", "large", "return", "ordered", "wash", "quality", "material", "sleeve", "shoulder", "length"),
    *("waist", "bought", "summer", "winter", "gift", "daughter", "price", "happy", "little", "bit", "sent", "back"),
    *("would", "not", "recommend", "comfortable", "flattering", "true", "fabric", "thin", "see", "looks", "on"),
)
ODD = (" call me on +49 30 901820", " see www.example.com/offer", " what the hell", " BUY NOW BUY NOW BUY NOW")


@dataclass(frozen=True, slots=True)
class Row:
    """A record as the consumer loop hands it over."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Timing:
    reviews: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        return self.reviews / self.wall

    def __str__(self) -> str:
        spent = (
            f"{self.wall / self.reviews * 1e6:.0f} µs, {self.cpu / self.reviews * 1e6:.0f} of them CPU of this process"
        )
        return f"{self.rate:8,.0f} reviews/s ({spent})"


def reviews(count: int) -> list[Encoded]:
    """Events of about 900 bytes; one in twenty has something for the policy to find."""
    rng = random.Random(7)
    return [encode(REVIEW_SUBMITTED, _review(number, rng)) for number in range(1, count + 1)]


def _review(number: int, rng: random.Random) -> ReviewSubmitted:
    at = START + timedelta(seconds=number)
    text = " ".join(rng.choices(WORDS, k=rng.randrange(40, 80))).capitalize() + "."
    if number % 20 == 0:
        text += rng.choice(ODD)
    content = ReviewContent(
        entity_id=f"product-{number % 1200}",
        entity_name="Linen shirt with long sleeves",
        author_id=f"a{number:012d}",
        author_name="Jane D.",
        rating=1 + number % 5,
        title="Fits well, washes well",
        text=text,
        locale="en",
    )
    return ReviewSubmitted(
        site="bench", sequence=1, review_id=number, revision=1, slug=f"fits-well-{number}", created_at=at,
        submitted_at=at, content=content, channel="import", source="bench", source_id=str(number),
        settings_version=1, require_approval=False,
    )  # fmt: skip


async def processor_alone(dsn: str, count: int) -> Timing:
    """Batches straight into the processor, each in its transaction: what the worker costs without Kafka."""
    rows = [
        Row(REVIEW_SUBMITTED.name, 0, offset, event.key, event.value, event.headers)
        for offset, event in enumerate(reviews(count))
    ]
    processor = ModerationProcessor(Judge(Engine.default()), SystemClock())
    connection = await asyncpg.connect(dsn)
    try:
        begun, cpu = time.perf_counter(), _cpu()
        for first in range(0, count, MAX_RECORDS):
            await processor.prepare(rows[first : first + MAX_RECORDS])
            async with connection.transaction():
                await processor.process(connection, rows[first : first + MAX_RECORDS])
        return Timing(count, time.perf_counter() - begun, _cpu() - cpu)
    finally:
        await connection.close()


async def worker(kafka: KafkaSettings, dsn: str, count: int, *, with_relay: bool) -> Timing:
    """The real consumer loop until every review has its case; with the relay, until every event has left the outbox."""
    pool = await create_pool(dsn, application_name="bench-moderation")
    stop = asyncio.Event()
    processor = _Timed(ModerationProcessor(Judge(Engine.default()), SystemClock()), count)
    progress = PostgresProgress(pool, SCHEMA, processor.name, partial(topic_ids, kafka))
    consumer = Consumer(processor, progress, SystemClock(), random.Random())
    async with _relay(kafka, dsn) if with_relay else nullcontext():
        working = asyncio.create_task(
            subscribe(kafka, [REVIEW_SUBMITTED.name], consumer, stop, max_records=MAX_RECORDS)
        )
        await processor.begun.wait()
        begun, cpu = time.perf_counter(), _cpu()
        await processor.done.wait()
        if with_relay:
            await _sent(pool)
        timing = Timing(count, time.perf_counter() - begun, _cpu() - cpu)
        stop.set()
        await working
    await pool.close()
    return timing


async def _sent(pool: asyncpg.Pool[Any]) -> None:
    """Returns when another process has emptied the outbox."""
    for _ in range(10_000):
        if not await pool.fetchval("select exists (select from moderation.outbox)"):
            return
        await asyncio.sleep(0.02)
    raise TimeoutError("the relay did not empty the outbox within 200 s")


class _Timed:
    """A processor that says when its first batch came and when its last one is through, but for the commit."""

    trusted = True

    def __init__(self, inner: ModerationProcessor, count: int) -> None:
        self.name = inner.name
        self.park = inner.park
        self.begun = asyncio.Event()
        self.done = asyncio.Event()
        self._inner = inner
        self._left = count

    async def prepare(self, records: Sequence[Any]) -> None:
        self.begun.set()
        await self._inner.prepare(records)

    async def process(self, tx: asyncpg.Connection[Any], records: Sequence[Any]) -> None:
        await self._inner.process(tx, records)
        self._left -= len(records)
        if self._left <= 0:
            self.done.set()


async def bare_loop(kafka: KafkaSettings, count: int, group: str) -> Timing:
    consumer = AIOKafkaConsumer(
        REVIEW_SUBMITTED.name,
        **kafka.client_options("bench-bare"),
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=2 * 1024 * 1024,
    )
    producer = AIOKafkaProducer(
        **kafka.client_options("bench-bare"), enable_idempotence=True, max_batch_size=256 * 1024
    )
    await producer.start()
    await consumer.start()
    done = 0
    begun = cpu = 0.0
    try:
        while done < count:
            batches = await consumer.getmany(timeout_ms=1000, max_records=MAX_RECORDS)
            if not done:
                begun, cpu = time.perf_counter(), _cpu()
            sent = []
            for records in batches.values():
                for record in records:
                    event = ReviewSubmitted.model_validate_json(record.value)
                    sent.append(await producer.send(BARE_OUT.name, key=event.key, value=record.value))
            await asyncio.gather(*sent)
            if sent:
                await consumer.commit()
            done += len(sent)
        return Timing(count, time.perf_counter() - begun, _cpu() - cpu)
    finally:
        await consumer.stop()
        await producer.stop()


async def fill(kafka: KafkaSettings, count: int) -> None:
    producer = AIOKafkaProducer(
        **kafka.client_options("bench-fill"), enable_idempotence=True, max_batch_size=256 * 1024
    )
    await producer.start()
    try:
        events = reviews(count)
        for first in range(0, count, 2000):
            sent = [
                await producer.send(event.topic, key=event.key, value=event.value, headers=list(event.headers))
                for event in events[first : first + 2000]
            ]
            await asyncio.gather(*sent)
    finally:
        await producer.stop()


@asynccontextmanager
async def _relay(kafka: KafkaSettings, dsn: str) -> AsyncIterator[None]:
    """The service's own relay part, in a process of its own as in production."""
    settings = json.dumps({"postgres": dsn, "kafka": {"bootstrap": kafka.bootstrap}, "log_level": "ERROR"})
    code = (
        "import asyncio, json, sys; from services.moderation.service import run; "
        "from shared.settings import ServiceSettings; "
        "sys.exit(asyncio.run(run(ServiceSettings(**json.loads(sys.argv[1])), frozenset({'relay'}))))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, settings, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def _emptied(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "truncate moderation.cases, moderation.decisions, moderation.outbox, moderation.consumer_offsets, "
            "moderation.history, moderation.history_probes"
        )
        await connection.execute("checkpoint")
    finally:
        await connection.close()


async def run(kafka: KafkaSettings, dsn: str, count: int = 20_000) -> dict[str, float]:
    """Prints a line per measurement, all in this run on these servers; returns the ratios to the bare loop.

    `dsn` is a migrated database that may be emptied, `kafka` a broker on which the topics may be filled.
    """
    async with Admin(kafka) as admin:
        await admin.create([REVIEW_SUBMITTED, REVIEW_MODERATED, BARE_OUT])
    await fill(kafka, count)
    size = sum(len(event.value or b"") for event in reviews(500)) / 500
    print(f"moderation: {count:,} reviews of {size:.0f} bytes, batches of {MAX_RECORDS}")
    await _emptied(dsn)
    print(f"  processor with Postgres, no Kafka    {await processor_alone(dsn, count)}")
    bare = await bare_loop(kafka, count, "bench-bare")
    print(f"  bare consume, parse, send            {bare}")
    ratios = {}
    for name, with_relay in (("worker", False), ("worker and relay", True)):
        await _emptied(dsn)
        timing = await worker(kafka, dsn, count, with_relay=with_relay)
        ratios[name] = timing.rate / bare.rate
        print(f"  {name:36} {timing}  ratio {ratios[name]:.2f}")
    again = await bare_loop(kafka, count, "bench-bare-again")
    print(f"  bare loop once more                  {again}")  # the machine's own drift
    return ratios


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _alone(count: int, only_processor: bool) -> None:
    with temporary_data_dir() as directory:
        if only_processor:
            await _with_postgres(directory, count)
            return
        with EmbeddedParts(directory) as parts:
            migrate(parts.postgres.dsn)
            await run(KafkaSettings(bootstrap=parts.kafka.bootstrap), parts.postgres.dsn, count)


async def _with_postgres(directory: DataDir, count: int) -> None:
    postgres = EmbeddedPostgres(directory)
    postgres.start()
    try:
        migrate(postgres.dsn)
        for _ in range(3):
            await _emptied(postgres.dsn)
            print(f"  processor with Postgres, no Kafka    {await processor_alone(postgres.dsn, count)}")
    finally:
        postgres.stop()


if __name__ == "__main__":
    configure("bench", level="ERROR")
    asyncio.run(_alone(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000, "--processor" in sys.argv))
