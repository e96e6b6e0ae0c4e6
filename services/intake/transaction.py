"""Transactions, and doing a piece of work again when somebody else was quicker."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar, cast

import asyncpg

from shared.clock import Clock

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.Connection[Any]"

ATTEMPTS = 8
DEADLOCKS = 3
"""After so many, each of which took the server a second to see, it is what the transaction held before that is in the
way: doing the piece again gives none of that back, ending the transaction does."""
LONGEST_WAIT = 0.2  # seconds


class Contended(asyncpg.SerializationError):
    """Too many at the same rows. Transient: the same work may succeed later."""


class KeysTaken(Contended):
    """The work ran into unique keys time and again: it may be in its own way, and smaller pieces of it are not."""


_LOST_RACES = (asyncpg.UniqueViolationError, asyncpg.TransactionRollbackError)


@asynccontextmanager
async def transaction(pool: asyncpg.Pool[Any]) -> AsyncIterator[Connection]:
    """READ COMMITTED: each statement sees what was committed before it began."""
    async with pool.acquire() as connection, connection.transaction():
        yield cast(Connection, connection)


async def again_on_conflict(
    tx: Connection,
    clock: Clock,
    rng: random.Random,
    work: Callable[[], Awaitable[T]],
    *,
    unique_violations: int = ATTEMPTS,
) -> T:
    """Runs `work` in a savepoint of `tx`, and again after a unique violation, deadlock or serialisation failure.

    Under READ COMMITTED every attempt sees what was committed before it. Raises Contended when the last one failed too
    or DEADLOCKS of them ended in a deadlock, and KeysTaken as soon as so many have ended in a unique violation.
    """
    wait = 0.005
    violations = deadlocks = 0
    for left in reversed(range(ATTEMPTS)):
        try:
            async with tx.transaction():
                return await work()
        except _LOST_RACES as error:
            violations += isinstance(error, asyncpg.UniqueViolationError)
            if violations >= unique_violations:
                raise KeysTaken(f"{violations} attempts ran into unique keys") from None
            deadlocks += isinstance(error, asyncpg.DeadlockDetectedError)
            if not left or deadlocks >= DEADLOCKS:
                # The error itself says which key it was, and that may be somebody's.
                raise Contended(f"gave up after {ATTEMPTS - left} attempts: {type(error).__name__}") from None
        await clock.sleep(wait * (0.5 + rng.random()))
        wait = min(2 * wait, LONGEST_WAIT)
    raise AssertionError("unreachable")
