"""`make bench`: every benchmark, each comparing things in one run, on parts started for it.

python -m tests.bench [moderation] [history] [projection] [query] [workers] [latency]
"""

from __future__ import annotations

import asyncio
import sys

import asyncpg

from services.cli.embedded.datadir import temporary_data_dir
from services.cli.embedded.parts import EmbeddedParts
from services.cli.migrations import migrate
from shared.kafka.client import KafkaSettings
from shared.logging import configure
from tests.bench import bench_history, bench_latency, bench_moderation, bench_projection, bench_query, bench_workers
from tests.running import RunningSystem

NAMES = ("moderation", "history", "projection", "query", "workers", "latency")


async def _database(parts: EmbeddedParts, name: str) -> str:
    connection = await asyncpg.connect(parts.postgres.dsn)
    await connection.execute(f"create database {name}")
    await connection.close()
    return parts.postgres.dsn_for(name)


async def run(names: list[str]) -> None:
    with temporary_data_dir() as data_dir, EmbeddedParts(data_dir) as parts:
        kafka = KafkaSettings(bootstrap=parts.kafka.bootstrap)
        for name in names:
            if name == "latency":
                continue
            print(f"\n== {name}", flush=True)
            dsn = await _database(parts, f"bench_{name}_all")
            if name == "moderation":
                await asyncio.to_thread(migrate, dsn)
                await bench_moderation.run(kafka, dsn)
            elif name == "history":
                await asyncio.to_thread(migrate, dsn)
                await bench_history.run(dsn)
            elif name == "projection":
                await bench_projection.run(dsn)
            elif name == "query":
                await bench_query.run(dsn)
            else:
                await bench_workers.run(kafka, dsn)
    if "latency" in names:
        print("\n== latency", flush=True)
        with temporary_data_dir() as data_dir:
            system = await RunningSystem(data_dir.root).start()
            try:
                await bench_latency.run(system)
            finally:
                await system.stop()


if __name__ == "__main__":
    chosen = sys.argv[1:] or list(NAMES)
    if unknown := set(chosen) - set(NAMES):
        sys.exit(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    configure("bench", level="ERROR")
    asyncio.run(run(chosen))
