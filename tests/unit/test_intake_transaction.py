"""Doing a piece of work again when somebody else was quicker."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from services.intake.transaction import ATTEMPTS, DEADLOCKS, Contended, KeysTaken, again_on_conflict
from shared.postgres.errors import is_transient
from tests.intake_world import SteppingClock


class Savepoints:
    """Counts them, and how many were rolled back."""

    def __init__(self) -> None:
        self.begun = self.rolled_back = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self.begun += 1
        try:
            yield
        except BaseException:
            self.rolled_back += 1
            raise


class Work:
    """Fails with these errors, one after the other, and then is done."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def __call__(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "done"


async def run(savepoints: Any, work: Work, unique_violations: int = ATTEMPTS) -> str:
    rng = random.Random(1)
    return await again_on_conflict(savepoints, SteppingClock(), rng, work, unique_violations=unique_violations)


async def test_lost_races_are_run_again() -> None:
    savepoints = Savepoints()
    lost = (asyncpg.UniqueViolationError("x"), asyncpg.DeadlockDetectedError("x"), asyncpg.SerializationError("x"))
    assert await run(savepoints, Work(*lost)) == "done"
    assert (savepoints.begun, savepoints.rolled_back) == (4, 3)


@pytest.mark.parametrize(
    ("error", "attempts"),
    [(asyncpg.SerializationError, ATTEMPTS), (asyncpg.DeadlockDetectedError, DEADLOCKS)],
)
async def test_it_gives_up_and_the_transaction_may_be_tried_again(error: type[Exception], attempts: int) -> None:
    """What a deadlock is about may have been locked before the savepoint: only the end of all gives that back."""
    savepoints = Savepoints()
    with pytest.raises(Contended, match=f"after {attempts} attempts: {error.__name__}") as given_up:
        await run(savepoints, Work(*[error("Key (identity)=(somebody's)")] * ATTEMPTS))
    assert savepoints.begun == savepoints.rolled_back == attempts
    assert is_transient(given_up.value)
    assert "somebody" not in str(given_up.value)
    assert given_up.value.__suppress_context__


async def test_unique_keys_have_a_limit_of_their_own() -> None:
    savepoints = Savepoints()
    with pytest.raises(KeysTaken):
        await run(savepoints, Work(*[asyncpg.UniqueViolationError("x")] * ATTEMPTS), 3)
    assert savepoints.begun == 3


async def test_what_is_no_race_is_raised() -> None:
    savepoints = Savepoints()
    with pytest.raises(ZeroDivisionError):
        await run(savepoints, Work(ZeroDivisionError()))
    assert savepoints.begun == 1
