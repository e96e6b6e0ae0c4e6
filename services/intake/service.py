"""The intake service's processes: the write API, the ingest consumer, and the relay."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial

from services.intake.idempotency import sweep_until
from services.intake.registry import Registry
from services.intake.routes import routes
from services.intake.subscription import IngestSubscription
from shared.access import ApiKeys
from shared.clock import SystemClock
from shared.dependencies import Dependencies, Probe, close_pool
from shared.events.topics import TOPICS
from shared.http.app import create_app
from shared.http.server import bind, serve
from shared.kafka.admin import topic_ids
from shared.kafka.relaying import run_relay
from shared.postgres.pool import create_pool
from shared.service import Health, Part, run_parts
from shared.settings import ServiceSettings

NAME = "intake"
PARTS = frozenset({"api", "ingest", "relay"})


async def run(settings: ServiceSettings, parts: frozenset[str] = PARTS) -> int:
    """The exit code, once SIGTERM or SIGINT came or a part failed. Waits for Postgres and Kafka, unready meanwhile."""
    if unknown := parts - PARTS:
        raise ValueError(f"intake has no part {sorted(unknown)}; it has {sorted(PARTS)}")
    listener = bind(settings.host, settings.port)
    # No connection yet: whether Postgres is there is for the probes to say.
    pool = await create_pool(settings.dsn, application_name="plaudit-intake", min_size=0)
    # Ids of reviews and authors must not be guessed.
    health, clock, rng = Health(), SystemClock(), random.SystemRandom()
    registry = Registry(clock, rng)
    topics = [spec.name for spec in TOPICS if spec.written_by == NAME]
    probes: dict[str, Probe] = {"postgres": lambda: pool.execute("select 1 from intake.sites limit 0")}
    if "relay" in parts:
        # The API needs Postgres alone: while Kafka is away, what is accepted waits in the outbox.
        probes["kafka"] = lambda: topic_ids(settings.kafka, topics)
    dependencies = Dependencies(health, probes)

    async def http(stop: asyncio.Event) -> None:
        made = routes(pool, ApiKeys(pool), registry) if "api" in parts else []
        app = create_app(NAME, made, health)
        await serve(app, listener, stop, settings.shutdown_seconds)

    async def sweep(stop: asyncio.Event) -> None:
        if await dependencies.reachable(stop):
            await sweep_until(pool, clock, stop)

    async def ingest(on_ready: Callable[[bool], None], stop: asyncio.Event) -> None:
        if await dependencies.reachable(stop):
            await IngestSubscription(pool, settings.kafka, registry, clock, rng, on_ready).run(stop)

    async def relay(on_ready: Callable[[bool], None], stop: asyncio.Event) -> None:
        if await dependencies.reachable(stop):
            await run_relay(NAME, pool, settings.kafka, on_ready, stop)

    running: dict[str, Part] = {"http": http, "watch": dependencies.watch}
    if "api" in parts:
        running["sweep"] = sweep
    for name, part in (("ingest", ingest), ("relay", relay)):
        if name in parts:
            running[name] = partial(part, health.reporter(name))
    try:
        return await run_parts(running, settings.shutdown_seconds)
    finally:
        await close_pool(pool, settings.shutdown_seconds)
