"""What goes on beside an import: showing how far it has come, and listening for whoever wants it to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from services.cli.importing.progress import Display

SHOW_SECONDS = 0.25


async def every(seconds: float, work: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        work()


@contextmanager
def stopped_by_signals(stop: asyncio.Event, screen: Display) -> Iterator[None]:
    """Ctrl-C ends the import after the batches in hand; a second one ends it at once, which loses nothing either."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def asked() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        elif not stop.is_set():
            screen.say("stopping after the batches in hand; once more stops at once")
            stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    with suppress(ValueError, RuntimeError):
        for number in numbers:
            loop.add_signal_handler(number, asked)
    try:
        yield
    finally:
        with suppress(ValueError, RuntimeError):
            for number in numbers:
                loop.remove_signal_handler(number)
