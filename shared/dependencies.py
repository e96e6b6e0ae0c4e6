"""What a process cannot work without: watched, told to its health, and waited for at the start."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import asyncpg

from shared.service import Health

Probe = Callable[[], Awaitable[object]]

PROBE_SECONDS = 2.0


class Dependencies:
    """`watch` runs as a part of the process; other parts begin when `reachable` says so."""

    def __init__(self, health: Health, probes: Mapping[str, Probe]) -> None:
        """A probe raises while its dependency cannot be used."""
        self._probes = [(probe, health.reporter(name)) for name, probe in probes.items()]
        self._reachable = asyncio.Event()

    async def watch(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            results = await asyncio.gather(*(_succeeds(probe) for probe, _ in self._probes))
            for (_, report), there in zip(self._probes, results, strict=True):
                report(there)
            if all(results):
                self._reachable.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PROBE_SECONDS)

    async def reachable(self, stop: asyncio.Event) -> bool:
        """True once everything was there at the same time; False when it is time to stop instead."""
        waits = [asyncio.ensure_future(self._reachable.wait()), asyncio.ensure_future(stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return self._reachable.is_set() and not stop.is_set()


async def _succeeds(probe: Probe) -> bool:
    try:
        await asyncio.wait_for(probe(), PROBE_SECONDS)
    except Exception:  # whatever it is, the dependency cannot be used, and the health says which
        return False
    return True


async def close_pool(pool: asyncpg.Pool[Any], seconds: float) -> None:
    """Waits for connections that are in use; what is still out after `seconds` is cut."""
    try:
        await asyncio.wait_for(pool.close(), seconds)
    except TimeoutError:
        pool.terminate()
