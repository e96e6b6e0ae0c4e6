"""The projection's process: one worker, and its probes."""

from __future__ import annotations

import asyncio
import random
from functools import partial

from services.projection.batch import TOPICS
from services.projection.processor import NAME, ProjectionProcessor
from services.projection.store import Store
from shared.clock import SystemClock
from shared.dependencies import Dependencies, close_pool
from shared.http.app import create_app
from shared.http.server import bind, serve
from shared.kafka.admin import topic_ids
from shared.kafka.consumer import Consumer
from shared.kafka.progress import PostgresProgress
from shared.kafka.subscription import subscribe
from shared.postgres.pool import create_pool
from shared.service import Health, run_parts
from shared.settings import ServiceSettings

PARTS = frozenset({"worker"})
MAX_RECORDS = 1_000
"""Per transaction. Larger batches gain little and hold their locks longer."""


async def run(settings: ServiceSettings, parts: frozenset[str] = PARTS) -> int:
    """The exit code, once SIGTERM or SIGINT came or a part failed. Waits for Postgres and Kafka, unready meanwhile."""
    if unknown := parts - PARTS:
        raise ValueError(f"the projection has no part {sorted(unknown)}; it has {sorted(PARTS)}")
    health = Health()
    listener = bind(settings.host, settings.port)
    store = Store()
    # No connection yet: whether Postgres is there is for the probes to say.
    pool = await create_pool(settings.dsn, application_name="plaudit-projection", min_size=0, max_size=3)
    names = [spec.name for spec in TOPICS]
    find_topics = partial(topic_ids, settings.kafka)
    consumer_ready = health.reporter("consumer")
    dependencies = Dependencies(
        health,
        {
            "postgres": lambda: pool.execute(f"select 1 from {store.staging}.consumer_offsets limit 0"),
            "kafka": lambda: find_topics(names),
        },
    )

    async def work(stop: asyncio.Event) -> None:
        if not await dependencies.reachable(stop):
            return
        progress = PostgresProgress(pool, store.staging, NAME, find_topics)
        jitter = random.Random()  # noqa: S311 - spreads waits, keeps no secret
        consumer = Consumer(ProjectionProcessor(store), progress, SystemClock(), jitter, consumer_ready)
        await subscribe(settings.kafka, names, consumer, stop, max_records=MAX_RECORDS)

    async def probes(stop: asyncio.Event) -> None:
        await serve(create_app("projection", [], health), listener, stop, settings.shutdown_seconds)

    try:
        return await run_parts(
            {"probes": probes, "watch": dependencies.watch, "worker": work}, settings.shutdown_seconds
        )
    finally:
        await close_pool(pool, settings.shutdown_seconds)
