"""The moderation service's processes: the moderators' API, workers, and the relay."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import cache, partial

from services.moderation.api import ModerationApi
from services.moderation.backtest.jobs import BacktestRunner
from services.moderation.backtest_api import BacktestApi
from services.moderation.cases import SCHEMA
from services.moderation.desk import Desk
from services.moderation.engine.engine import Engine
from services.moderation.judging.classifiers import Classifiers
from services.moderation.judging.judge import Judge
from services.moderation.policies import built_in
from services.moderation.processor import TOPICS, ModerationProcessor
from services.moderation.settings import ModerationSettings
from shared.access import ApiKeys
from shared.clock import SystemClock
from shared.dependencies import Dependencies, Probe, close_pool
from shared.events.topics import COMMENT_MODERATED, REVIEW_MODERATED
from shared.http.app import create_app
from shared.http.server import bind, serve
from shared.kafka.admin import topic_ids
from shared.kafka.consumer import Consumer
from shared.kafka.progress import PostgresProgress
from shared.kafka.relaying import run_relay
from shared.kafka.subscription import subscribe
from shared.postgres.pool import create_pool
from shared.service import Health, Part, run_parts
from shared.settings import ServiceSettings

PARTS = frozenset({"api", "worker", "relay"})
_TOPICS = {"worker": TOPICS, "relay": (REVIEW_MODERATED, COMMENT_MODERATED)}
PROBE = "select kind from moderation.cases, moderation.rules, moderation.backtests, moderation.reports limit 0"
"""Also of the newest migration: on a database that is not migrated yet the process waits, unready."""
MAX_RECORDS = 500
"""Per transaction of a worker: more gain little, and moderators wait while their case is locked."""


async def run(settings: ServiceSettings, parts: frozenset[str] = PARTS) -> int:
    """The exit code, once SIGTERM or SIGINT came or a part failed. Waits for Postgres and Kafka, unready meanwhile.

    Workers may be many processes: they share a consumer group.
    """
    if unknown := parts - PARTS:
        raise ValueError(f"moderation has no part {sorted(unknown)}; it has {sorted(PARTS)}")
    health, clock = Health(), SystemClock()
    # Before anything is open: a classifier that cannot be made keeps the process from starting.
    names = settings.classifiers if isinstance(settings, ModerationSettings) and "worker" in parts else ()
    classifiers = Classifiers.enabled(names, clock)
    listener = bind(settings.host, settings.port)
    # No connection yet: whether Postgres is there is for the probes to say.
    pool = await create_pool(settings.dsn, application_name="plaudit-moderation", min_size=0)
    find_topics = partial(topic_ids, settings.kafka)
    topics = [topic.name for part, needed in _TOPICS.items() if part in parts for topic in needed]
    probes: dict[str, Probe] = {"postgres": lambda: pool.execute(PROBE)}
    if topics:
        probes["kafka"] = lambda: find_topics(topics)
    dependencies = Dependencies(health, probes)

    make_judge = cache(lambda: Judge(Engine.default()))
    backtests = BacktestRunner(pool, make_judge, clock)

    async def http(stop: asyncio.Event) -> None:
        keys = ApiKeys(pool)
        routes = [
            *ModerationApi(pool, keys, Desk(pool, clock)).routes(),
            *BacktestApi(pool, keys, clock, backtests).routes(),
        ]
        app = create_app(SCHEMA, routes if "api" in parts else [], health)
        await serve(app, listener, stop, settings.shutdown_seconds)

    async def policies(stop: asyncio.Event) -> None:
        if await dependencies.reachable(stop):
            await built_in.registered(pool, clock, stop)
            await stop.wait()

    async def work(on_ready: Callable[[bool], None], stop: asyncio.Event) -> None:
        if await dependencies.reachable(stop):
            processor = ModerationProcessor(make_judge(), clock, classifiers=classifiers)
            progress = PostgresProgress(pool, SCHEMA, processor.name, find_topics)
            jitter = random.Random()  # noqa: S311 - spreads waits, keeps no secret
            consumer = Consumer(processor, progress, clock, jitter, on_ready)
            await subscribe(settings.kafka, [topic.name for topic in TOPICS], consumer, stop, max_records=MAX_RECORDS)

    async def relay(on_ready: Callable[[bool], None], stop: asyncio.Event) -> None:
        if await dependencies.reachable(stop):
            await run_relay(SCHEMA, pool, settings.kafka, on_ready, stop)

    running: dict[str, Part] = {"http": http, "watch": dependencies.watch}
    if parts & {"api", "worker"}:
        running["policies"] = policies
    if "api" in parts:
        running["backtests"] = backtests.run
    if classifiers.names:
        running["classifiers"] = partial(classifiers.watch, health.degrade)
    for name, part in (("worker", work), ("relay", relay)):
        if name in parts:
            running[name] = partial(part, health.reporter(name))
    try:
        return await run_parts(running, settings.shutdown_seconds)
    finally:
        await close_pool(pool, settings.shutdown_seconds)
