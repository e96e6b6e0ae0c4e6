"""A database, a clock and senders for the tests of intake."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import jsonschema
import orjson

from services.intake.plan import Result
from services.intake.registry import Incoming, Registry
from services.intake.sites import create_site
from services.intake.submission import Submission, parse_submission
from services.intake.transaction import transaction
from shared.events.cloudevents import Decoder, unpack_headers
from shared.events.models import Channel, Event
from shared.events.schema import event_schema
from shared.events.settings import SiteSettings
from shared.events.topics import TOPICS
from shared.postgres.pool import create_pool
from tests.parts import Database

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
TABLES = """intake.outbox, intake.dead_letters, intake.idempotent_requests, intake.replies, intake.reviews,
    intake.authors, intake.ingest_topics, intake.consumer_offsets, intake.sites, access.api_keys"""


class SteppingClock:
    """A millisecond later at every look; sleeping gives way to others and takes no time."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        await asyncio.sleep(min(seconds, 0.02))


def submission(**fields: Any) -> Submission:
    return parse_submission(orjson.dumps({"rating": 5, **fields}))


def record_of(source_id: str, **fields: Any) -> Submission:
    return submission(source="shop", source_id=source_id, **fields)


@dataclass
class IntakeWorld:
    """The service's own role on an empty database with two sites, `books` and `films`."""

    pool: asyncpg.Pool[Any]
    clock: SteppingClock = field(default_factory=SteppingClock)
    rng: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        self.registry = Registry(self.clock, self.rng)

    async def create_sites(self, settings: SiteSettings | None = None) -> None:
        async with transaction(self.pool) as tx:
            for site in ("books", "films"):
                await create_site(tx, self.clock, site, site.title(), settings or SiteSettings(), by="test")
            await tx.execute("delete from intake.outbox")

    async def submit(self, *submissions: Submission, site: str = "books", channel: Channel = "api") -> list[Result]:
        incoming = [Incoming(one, channel) for one in submissions]
        async with transaction(self.pool) as tx:
            return await self.registry.submit(tx, site, incoming)

    async def submit_one(self, **fields: Any) -> Result:
        return (await self.submit(submission(**fields)))[0]

    async def events(self) -> list[Event]:
        """What the outbox holds, in its order, read as any consumer reads it."""
        decoders = {spec.name: Decoder(spec) for spec in TOPICS}
        found = []
        for topic, key, value, headers in await self.pool.fetch(
            "select topic, key, value, headers from intake.outbox order by id"
        ):
            event = decoders[topic].decode(key, value, unpack_headers(headers)).event
            assert event is not None
            found.append(event)
        return found

    async def valid_events(self) -> list[Event]:
        """Like `events`, each held against its schema as it was sent."""
        found = await self.events()
        values = [row[0] for row in await self.pool.fetch("select value from intake.outbox order by id")]
        for event, value in zip(found, values, strict=True):
            jsonschema.Draft202012Validator(event_schema(type(event))).validate(orjson.loads(value))
        return found

    async def count(self, table: str) -> int:
        number: int = await self.pool.fetchval(f"select count(*) from {table}")
        return number


@asynccontextmanager
async def intake_world(database: Database) -> AsyncIterator[IntakeWorld]:
    owner = await asyncpg.connect(database.dsn)
    await owner.execute(f"truncate {TABLES} restart identity cascade")
    await owner.close()
    async with await create_pool(database.role("intake"), application_name="test") as pool:
        world = IntakeWorld(pool)
        await world.create_sites()
        yield world


@dataclass(frozen=True, slots=True)
class IngestRecord:
    offset: int
    value: bytes | None
    topic: str = "from-shop"
    partition: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


def ingest_record(offset: int, body: Any, **fields: Any) -> IngestRecord:
    return IngestRecord(offset, body if isinstance(body, bytes | None) else orjson.dumps(body), **fields)
