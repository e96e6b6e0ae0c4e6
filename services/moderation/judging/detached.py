"""Calls in threads that may never return."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Returned(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class Raised:
    error: BaseException


def call_detached(name: str, function: Callable[[], T]) -> asyncio.Future[Returned[T] | Raised]:
    """The outcome of `function`, called in a thread of its own that nobody waits for at the end of the process.

    An executor would not do: what is stuck in one keeps its place for ever, and the interpreter from ending. Raised
    errors come as a value, for a future refuses some kinds and SystemExit would end the process.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Returned[T] | Raised] = loop.create_future()

    def settle(outcome: Returned[T] | Raised) -> None:
        if not future.done():
            future.set_result(outcome)

    def run() -> None:
        outcome: Returned[T] | Raised
        try:
            outcome = Returned(function())
        except BaseException as error:  # SystemExit of a plug-in ends its thread and nothing else
            outcome = Raised(error)
        with suppress(RuntimeError):  # the loop has closed meanwhile, and nobody asks any more
            loop.call_soon_threadsafe(settle, outcome)

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError as error:  # the system has no more threads
        settle(Raised(error))
    return future
