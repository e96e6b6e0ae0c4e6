"""Whatever is killed, whenever: the final state is the same as without."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.moderation.policy.policy import compile_policy
from tests.chaos.load import DEFAULT, Import, check_copies, check_final_state, rows
from tests.chaos.traffic import Traffic
from tests.moderation_world import holding
from tests.running import RunningSystem, Site, eventually

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
    traffic = Traffic(system, await system.site(f"traffic-{victim}"))
    load.begin()
    await load.some(0.1)
    traffic.begin()
    await load.some(0.25)
    pid = await system.kill(victim)
    await system.restarted(victim, pid)
    await load.finish()
    await traffic.finish()
    await load.settle()
    await check_final_state(load)
    await traffic.check()


async def test_everything_killed_at_once_and_started_anew(system: RunningSystem, tmp_path: Path) -> None:
    site = await system.site("kill-all")
    load = Import(system, site, tmp_path, rows(COUNT))
    traffic = Traffic(system, await system.site("traffic-all"))
    load.begin()
    await load.some(0.1)
    traffic.begin()
    await load.some(0.25)
    await system.kill_everything()
    await asyncio.sleep(0.5)
    await system.start()
    await load.finish()
    await traffic.finish()
    await load.settle()
    await check_final_state(load)
    await traffic.check()
    await check_copies(load, 60)


@pytest.mark.parametrize("victim", ["moderation-worker-1", "postgres"])
async def test_an_activation_between_kills_is_obeyed_at_once_and_by_all(
    system: RunningSystem, tmp_path: Path, victim: str
) -> None:
    """What was decided under the older policy when the activation was confirmed is all that ever is."""
    site = await system.site(f"activation-{victim}")
    load = Import(system, site, tmp_path, rows(COUNT))
    load.begin()
    await load.some(0.1)
    pid = await system.kill(victim)
    await system.restarted(victim, pid)
    strict = holding("strict", "pocket")
    saved = await until_answered(site, "POST", "/policies", {"source": strict})
    await until_answered(site, "PUT", "/policies/active", {"name": saved["name"], "version": saved["version"]})
    confirmed = await decided_by(system, site, "default")
    pid = await system.kill(victim)
    await system.restarted(victim, pid)
    await load.finish()
    await load.settle()
    own = (site.site, "strict", 1)
    await check_final_state(load, {**DEFAULT, own: compile_policy(strict, version=1)})
    assert await decided_by(system, site, "default") == confirmed
    assert await decided_by(system, site, "strict") == COUNT - confirmed > 0


async def until_answered(site: Site, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """As clients do while something is away: again, which for these calls changes nothing more."""
    answer: dict[str, Any] = {}

    async def answered() -> bool:
        try:
            found = await site.call("moderation", method, path, json=body)
        except httpx.TransportError:
            return False
        if found.status_code >= 500:
            return False
        assert found.status_code in (200, 201), found.text
        answer.update(found.json())
        return True

    await eventually(answered, 30, f"{method} {path} to be answered")
    return answer


async def decided_by(system: RunningSystem, site: Site, policy: str) -> int:
    async with system.database() as connection:
        count = await connection.fetchval(
            "select count(*) from moderation.decisions where site = $1 and policy = $2", site.site, policy
        )
    return int(count)
