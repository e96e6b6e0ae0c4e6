"""The life of a service process: its parts run side by side, and end together."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from shared.logging import get_logger

log = get_logger(__name__)

Part = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set, then finishes what is in hand and returns."""


class StartError(Exception):
    """The process cannot start as it is set up. The message is for whoever starts it, and says what to change."""


@dataclass
class Health:
    """Whether this process can do its work now; each part reports for itself.

    `degraded` says what works less well than it should, by name, while the work goes on.
    """

    parts: dict[str, bool] = field(default_factory=dict)
    degraded: dict[str, str] = field(default_factory=dict)

    def reporter(self, part: str) -> Callable[[bool], None]:
        """Not ready until it says so for the first time."""
        self.parts[part] = False

        def report(ready: bool) -> None:
            if self.parts[part] != ready:
                log.info("ready" if ready else "not ready", part=part)
            self.parts[part] = ready

        return report

    def degrade(self, name: str, trouble: str | None) -> None:
        """None once it is well again."""
        if trouble is None:
            log.info("recovered", what=name)
            self.degraded.pop(name, None)
        else:
            log.warning("degraded", what=name, because=trouble)
            self.degraded[name] = trouble

    @property
    def ready(self) -> bool:
        return all(self.parts.values())


def tune_garbage_collection() -> None:
    """Events hold no cycles, but a batch of them is enough objects to have all others examined again and again: a
    sixth of the time of decoding."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def run_parts(parts: Mapping[str, Part], shutdown_seconds: float) -> int:
    """The exit code: 0 after SIGTERM or SIGINT, 1 when a part failed. What exceeds the budget is cancelled."""
    tune_garbage_collection()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, stop.set)
    tasks = {asyncio.ensure_future(part(stop)): name for name, part in parts.items()}
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    ended_by_itself = not stop.is_set()
    stop.set()
    stopping.cancel()
    done, late = await asyncio.wait(tasks, timeout=shutdown_seconds)
    for task in late:
        log.warning("cancelled, for it did not end in time", part=tasks[task])
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=1)
    code = 1 if ended_by_itself else 0
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("part failed", part=tasks[task], exc_info=error)
            code = 1
    return code
