"""Keeps the ingest consumer on the topics that are mapped to sites, as mappings come and go."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

import asyncpg
from aiokafka.errors import KafkaError

from services.intake.ingest import NAME, Ingest
from services.intake.registry import Registry
from shared import metrics
from shared.backoff import Backoff
from shared.clock import Clock
from shared.kafka.admin import Admin, TopicMissing
from shared.kafka.client import KafkaSettings
from shared.kafka.consumer import Consumer
from shared.kafka.progress import PostgresProgress
from shared.kafka.subscription import subscribe
from shared.logging import get_logger
from shared.postgres.errors import is_transient

POLL_SECONDS = 3.0
"""Within this time a new mapping, or a topic that was made after its mapping, is consumed."""

_TOPICS = "select topic from intake.ingest_topics order by topic"

log = get_logger(__name__)


class IngestSubscription:
    def __init__(
        self,
        pool: asyncpg.Pool[Any],
        kafka: KafkaSettings,
        registry: Registry,
        clock: Clock,
        rng: random.Random,
        on_ready: Callable[[bool], None],
    ) -> None:
        self._pool = pool
        self._kafka = kafka
        self._registry = registry
        self._clock = clock
        self._rng = rng
        self._backoff = Backoff(rng)
        self._on_ready = on_ready
        self._ids: dict[str, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. While Kafka or the database is away it waits, unready."""
        while not stop.is_set():
            try:
                topics = await self._topics()
                if topics:
                    await self._consume(topics, stop)
                else:
                    self._ready(True)
                    await _pause(stop, POLL_SECONDS)
            except Exception as error:
                if isinstance(error, TopicMissing):
                    # Deleted while it was consumed. Which one it was is found by asking for all of them anew.
                    self._ids.clear()
                elif not (is_transient(error) or isinstance(error, KafkaError)):
                    raise
                self._ready(False)
                metrics.CONSUMER_RETRIES.labels(NAME).inc()
                log.warning("waiting", consumer=NAME, because=type(error).__name__)
                await _pause(stop, self._backoff.wait())

    def _ready(self, ready: bool) -> None:
        """Only what was ready for once starts to wait from the beginning: topics may be listed and yet not be read."""
        if ready:
            self._backoff.reset()
        self._on_ready(ready)

    async def _consume(self, topics: Collection[str], stop: asyncio.Event) -> None:
        """Until `stop`, or until other topics are to be consumed."""
        log.info("consuming ingest topics", topics=sorted(topics))
        progress = PostgresProgress(self._pool, "intake", NAME, self._find_ids)
        consumer = Consumer(Ingest(self._registry, self._ids), progress, self._clock, self._rng, self._ready)
        changed = asyncio.Event()
        consuming = asyncio.create_task(subscribe(self._kafka, sorted(topics), consumer, changed))
        watching = asyncio.create_task(self._watch(topics, stop, changed))
        try:
            await asyncio.wait({consuming, watching}, return_when=asyncio.FIRST_COMPLETED)
            changed.set()
            await consuming
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, topics: Collection[str], stop: asyncio.Event, changed: asyncio.Event) -> None:
        while not stop.is_set():
            await _pause(stop, POLL_SECONDS)
            try:
                if stop.is_set() or await self._topics() != topics:
                    break
            except Exception as error:
                # The consumer itself says when it cannot work; here, what was known goes on being right.
                if not (is_transient(error) or isinstance(error, KafkaError)):
                    raise
        changed.set()

    async def _topics(self) -> set[str]:
        """Mapped, and there: one that is missing must not keep the others waiting."""
        mapped = [row["topic"] for row in await self._pool.fetch(_TOPICS)]
        missing = [topic for topic in mapped if topic not in self._ids]
        if missing:
            async with Admin(self._kafka) as admin:
                for topic in missing:
                    try:
                        self._ids.update(await admin.topic_ids([topic]))
                    except TopicMissing:
                        log.warning("mapped ingest topic is missing", topic=topic)
        return {topic for topic in mapped if topic in self._ids}

    async def _find_ids(self, topics: Collection[str]) -> Mapping[str, str]:
        """Asked when partitions are assigned; a topic that was made anew has another id then."""
        async with Admin(self._kafka) as admin:
            found = await admin.topic_ids(topics)
        self._ids.update(found)
        return found


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
