"""Moderation workers on a backlog: how throughput grows with them, and how fast partitions move when one is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from services.cli.migrations import migrate, open_roles, role_dsn
from shared.events.topics import REVIEW_SUBMITTED
from shared.kafka.admin import Admin
from shared.kafka.client import KafkaSettings
from tests.bench.bench_moderation import fill

PASSWORD = "bench"


@asynccontextmanager
async def workers(count: int, kafka: KafkaSettings, dsn: str) -> AsyncIterator[list[subprocess.Popen[bytes]]]:
    env = os.environ | {
        "PLAUDIT_POSTGRES": role_dsn(dsn, "moderation", PASSWORD),
        "PLAUDIT_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "PLAUDIT_LOG_LEVEL": "ERROR",
    }
    command = [sys.executable, "-m", "services.cli.serving", "moderation", "--part=worker", "--port=0"]
    running = [subprocess.Popen(command, env=env) for _ in range(count)]
    try:
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            await asyncio.to_thread(process.wait, 30)


async def _fresh(kafka: KafkaSettings, dsn: str, count: int) -> None:
    """An empty database, and a topic made anew with a backlog on it."""
    client = AIOKafkaAdminClient(**kafka.client_options("bench"))
    await client.start()
    try:
        await client.delete_topics([REVIEW_SUBMITTED.name])
    finally:
        await client.close()
    async with Admin(kafka) as admin:
        await admin.create([REVIEW_SUBMITTED])
    await fill(kafka, count)
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "truncate moderation.cases, moderation.decisions, moderation.outbox, moderation.consumer_offsets, "
        "moderation.history, moderation.history_probes"
    )
    await connection.close()


async def _done(connection: asyncpg.Connection[asyncpg.Record]) -> int:
    return int(await connection.fetchval("select coalesce(sum(next_offset), 0) from moderation.consumer_offsets"))


async def _drain(kafka: KafkaSettings, dsn: str, number: int, count: int, kill: bool) -> tuple[float, float]:
    """Reviews a second from the first to the last commit, and the seconds until a dead worker's share went on."""
    await _fresh(kafka, dsn, count)
    connection = await asyncpg.connect(dsn)
    try:
        async with workers(number, kafka, dsn) as running:
            while (begun := await _done(connection)) == 0:
                await asyncio.sleep(0.02)
            start = time.perf_counter()
            killed_at, moved = 0.0, 0.0
            while (done := await _done(connection)) < count:
                if kill and not killed_at and done > count / 4:
                    running[0].send_signal(signal.SIGKILL)
                    killed_at = time.perf_counter()
                    still = {row[0]: row[1] for row in await connection.fetch(_PLACES)}
                if killed_at and not moved:
                    now = {row[0]: row[1] for row in await connection.fetch(_PLACES)}
                    if all(now[partition] > offset for partition, offset in still.items()):
                        moved = time.perf_counter() - killed_at
                await asyncio.sleep(0.02)
            seconds = time.perf_counter() - start
        twice = await connection.fetchval(_TWICE)
        cases = await connection.fetchval("select count(*) from moderation.cases")
        assert twice == 0, f"{twice} reviews were decided twice"
        assert cases == count, f"{cases} cases of {count} reviews"
        return (count - begun) / seconds, moved
    finally:
        await connection.close()


_TWICE = """
    select count(*) from (
        select from moderation.decisions group by review_id, revision having count(*) > 1
    ) as repeated"""
_PLACES = "select partition, next_offset from moderation.consumer_offsets"


async def run(kafka: KafkaSettings, dsn: str, count: int = 40_000) -> dict[str, float]:
    """Prints throughput with 1, 2 and 4 workers as ratios to one, then again with one of two killed."""
    migrate(dsn)
    await open_roles(dsn, PASSWORD)
    one, _ = await _drain(kafka, dsn, 1, count, kill=False)
    print(f"moderation workers on a backlog of {count:,}, {os.cpu_count()} processors")
    print(f"  1 worker   {one:8,.0f} reviews/s")
    ratios = {}
    for number in (2, 4):
        rate, _ = await _drain(kafka, dsn, number, count, kill=False)
        ratios[f"{number} workers"] = rate / one
        print(f"  {number} workers  {rate:8,.0f} reviews/s   {rate / one:.2f}×")
    _, moved = await _drain(kafka, dsn, 2, count, kill=True)
    print(f"  one of two killed: its partitions went on after {moved:.1f} s; no review was decided twice")
    return ratios | {"moved_seconds": moved}
