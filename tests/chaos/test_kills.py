"""Whatever is killed, whenever: the final state is the same as without."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos.load import Import, check_final_state, rows
from tests.running import RunningSystem

COUNT = 2_000
VICTIMS = [
    "intake", "intake-relay", "moderation-worker-1", "moderation-relay", "projection", "query", "kafka", "postgres",
]  # fmt: skip


@pytest.mark.parametrize("victim", VICTIMS)
async def test_a_kill_in_the_middle_of_an_import_changes_nothing(
    system: RunningSystem, tmp_path: Path, victim: str
) -> None:
    site = await system.site(f"kill-{victim}")
    load = Import(system, site, tmp_path, rows(COUNT))
    load.begin()
    await load.some(0.25)
    pid = await system.kill(victim)
    await system.restarted(victim, pid)
    await load.finish()
    await load.settle()
    await check_final_state(load)


async def test_everything_killed_at_once_and_started_anew(system: RunningSystem, tmp_path: Path) -> None:
    site = await system.site("kill-all")
    load = Import(system, site, tmp_path, rows(COUNT))
    load.begin()
    await load.some(0.25)
    await system.kill_everything()
    await asyncio.sleep(0.5)
    await system.start()
    await load.finish()
    await load.settle()
    await check_final_state(load)
