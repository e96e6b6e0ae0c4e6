"""Processes that stand still while others take over, and come back: order, decisions and rows come out as without."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.cli.migrations import Service, role_dsn
from tests.chaos.conftest import running_system
from tests.chaos.load import Import, check_final_state, rows
from tests.running import RunningSystem, eventually

COUNT = 2_000


@pytest.fixture(scope="module")
async def system() -> AsyncIterator[RunningSystem]:
    """With two moderation workers, so that one can take over from the other."""
    async with running_system("--moderation-workers=2") as running:
        yield running


@contextmanager
def second(system: RunningSystem, service: Service, *parts: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process of a service, beside the one that the supervisor keeps."""
    password = json.loads((system.data_dir.run / "secrets.json").read_text())["role-password"]
    with system.data_dir.open_log(f"second-{service}.log") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli.serving", service, "--port=0", *(f"--part={part}" for part in parts)],
            env=os.environ
            | {
                "PLAUDIT_POSTGRES": role_dsn(system.addresses["postgres"], service, password),
                "PLAUDIT_KAFKA__BOOTSTRAP": system.addresses["kafka"],
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


async def frozen_during(load: Import, name: str, seconds: float) -> None:
    """Freezes a process in the middle of the import, and lets it go on after `seconds`."""
    load.begin()
    await load.some(0.2)
    pid = await load.system.kill(name, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)
    await load.finish()
    await load.settle()
    await check_final_state(load)


async def holder(system: RunningSystem) -> str:
    async with system.database() as connection:
        return str(await connection.fetchval("select holder from intake.relay_lease"))


async def test_a_relay_that_was_frozen_cannot_publish_behind_its_successor(
    system: RunningSystem, tmp_path: Path
) -> None:
    site = await system.site("frozen-relay")
    before = await holder(system)
    with second(system, "intake", "relay"):
        await frozen_during(Import(system, site, tmp_path, rows(COUNT)), "intake-relay", 14)
        after = await holder(system)
    assert before != after


async def test_a_relay_cut_from_postgres_sends_nothing_twice_out_of_order(
    system: RunningSystem, tmp_path: Path
) -> None:
    site = await system.site("cut-relay")
    load = Import(system, site, tmp_path, rows(COUNT))
    load.begin()
    await load.some(0.2)
    with second(system, "moderation", "relay"):
        for _ in range(5):
            await cut(system, "usename in ('plaudit_intake', 'plaudit_moderation')")
            await asyncio.sleep(0.4)
        await load.finish()
        await load.settle()
    await check_final_state(load)


async def test_a_moderation_worker_frozen_past_its_session_decides_nothing_twice(
    system: RunningSystem, tmp_path: Path
) -> None:
    site = await system.site("frozen-worker")
    await frozen_during(Import(system, site, tmp_path, rows(COUNT)), "moderation-worker-1", 12)


async def test_a_projection_frozen_past_its_session_writes_nothing_twice(system: RunningSystem, tmp_path: Path) -> None:
    site = await system.site("frozen-projection")
    with second(system, "projection"):
        await asyncio.sleep(3)
        await frozen_during(Import(system, site, tmp_path, rows(COUNT)), "projection", 12)


async def test_all_connections_to_postgres_cut_again_and_again(system: RunningSystem, tmp_path: Path) -> None:
    site = await system.site("cut-all")
    load = Import(system, site, tmp_path, rows(COUNT))
    load.begin()
    await load.some(0.1)
    for _ in range(8):
        await cut(system, "usename like 'plaudit_%'")
        await asyncio.sleep(0.3)
    await load.finish()
    await load.settle()
    await check_final_state(load)

    async def answers() -> bool:
        return bool((await site.public())["meta"]["total"] > 0)

    await eventually(answers, 15, "query to answer again")


async def cut(system: RunningSystem, whose: str) -> None:
    async with system.database() as connection:
        await connection.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {whose}")
