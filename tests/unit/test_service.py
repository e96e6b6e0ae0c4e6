"""The life of a service process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from shared.service import Health, Part, run_parts

# A test that takes over signals must not leave them taken.
pytestmark = pytest.mark.usefixtures("own_signals")


@pytest.fixture
async def own_signals() -> AsyncIterator[None]:
    before = {sig: signal.getsignal(sig) for sig in (signal.SIGTERM, signal.SIGINT)}
    yield
    loop = asyncio.get_running_loop()
    for sig, handler in before.items():
        loop.remove_signal_handler(sig)
        signal.signal(sig, handler)


def until_stopped(log: list[str], name: str) -> Part:
    async def part(stop: asyncio.Event) -> None:
        await stop.wait()
        await asyncio.sleep(0.01)
        log.append(name)

    return part


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_every_part_and_lets_it_finish(sig: signal.Signals) -> None:
    log: list[str] = []
    asyncio.get_running_loop().call_later(0.02, os.kill, os.getpid(), sig)
    code = await run_parts({"api": until_stopped(log, "api"), "relay": until_stopped(log, "relay")}, 5)
    assert code == 0
    assert sorted(log) == ["api", "relay"]


async def test_a_part_that_fails_stops_the_others_and_the_process_says_so() -> None:
    log: list[str] = []

    async def fails(stop: asyncio.Event) -> None:
        raise RuntimeError("broken")

    assert await run_parts({"api": until_stopped(log, "api"), "worker": fails}, 5) == 1
    assert log == ["api"]


async def test_a_part_that_ends_by_itself_is_a_failure_too() -> None:
    async def ends(stop: asyncio.Event) -> None:
        return

    assert await run_parts({"worker": ends}, 5) == 1


async def test_a_part_that_fails_while_it_stops_is_a_failure() -> None:
    async def fails_late(stop: asyncio.Event) -> None:
        await stop.wait()
        raise RuntimeError("could not finish")

    asyncio.get_running_loop().call_later(0.02, os.kill, os.getpid(), signal.SIGTERM)
    assert await run_parts({"worker": fails_late}, 5) == 1


async def test_what_does_not_end_within_the_budget_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def hangs(stop: asyncio.Event) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    loop = asyncio.get_running_loop()
    loop.call_later(0.02, os.kill, os.getpid(), signal.SIGTERM)
    begun = loop.time()
    assert await run_parts({"worker": hangs}, 0.1) == 0
    assert cancelled.is_set()
    assert loop.time() - begun < 5


def test_a_process_is_ready_when_all_its_parts_say_so() -> None:
    health = Health()
    seen = [health.ready]  # nothing that could be away
    api, relay = health.reporter("api"), health.reporter("relay")
    seen.append(health.ready)
    for report, ready in ((api, True), (relay, True), (api, False)):
        report(ready)
        seen.append(health.ready)
    assert seen == [True, False, False, True, False]
    assert health.parts == {"api": False, "relay": True}


def test_what_works_less_well_is_said_and_keeps_nobody_unready() -> None:
    health = Health()
    health.reporter("worker")(True)
    health.degrade("toxicity", "fails; it is tried again now and then")

    assert health.ready
    assert health.degraded == {"toxicity": "fails; it is tried again now and then"}

    health.degrade("toxicity", None)
    assert health.degraded == {}
