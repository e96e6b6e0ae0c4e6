"""Backtests that run behind the HTTP API: asked for in one request, read in others, run by whichever process has time.

One at a time per process. A process that ends leaves its job to the next that looks, which begins it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

import asyncpg
import orjson

from services.moderation.backtest.run import backtest
from services.moderation.judging.judge import Judge
from services.moderation.judging.rulebook import Ruler
from services.moderation.policies import versions
from services.moderation.policies.reference import NoSuchVersion, Reference
from services.moderation.policy.policy import load_policy
from shared.clock import Clock
from shared.logging import get_logger

log = get_logger(__name__)

MOST_WAITING: Final = 20
"""Per scope; a backtest reads every review there is."""
KEPT: Final = 100
"""Reports per scope; older ones go."""
LOOK_SECONDS: Final = 5.0
STANDS_STILL: Final = timedelta(seconds=60)
"""Without a step for this long, a running job belongs to nobody."""
MOST_BEGUN: Final = 5
"""A job that takes its process or its database with it each time must not do so for ever."""

_COLUMNS = (
    "id, scope, policy_scope, policy, policy_version, reviews_per_hour, status, done, total, report, error, "
    "requested_by, requested_at, finished_at"
)
_ASK = f"""
    insert into moderation.backtests
        (scope, policy_scope, policy, policy_version, reviews_per_hour, requested_by, requested_at)
    values ($1, $2, $3, $4, $5, $6, $7) returning {_COLUMNS}"""
_SAME = f"""
    select {_COLUMNS} from moderation.backtests
    where scope = $1 and policy_scope = $2 and policy = $3 and policy_version = $4
        and reviews_per_hour is not distinct from $5 and status in ('waiting', 'running')
    order by requested_at limit 1"""
_QUEUE = "select pg_advisory_xact_lock(hashtextextended('moderation.backtests ' || $1, 0))"
_WAITING = "select count(*) from moderation.backtests where scope = $1 and status in ('waiting', 'running')"
_FORGET = """
    delete from moderation.backtests where scope = $1 and status in ('done', 'failed') and id not in (
        select id from moderation.backtests where scope = $1 order by requested_at desc limit $2)"""
_FIND = f"select {_COLUMNS} from moderation.backtests where scope = $1 and id = $2"
_LIST = f"select {_COLUMNS} from moderation.backtests where scope = $1 order by requested_at desc limit $2"
_CLAIM = f"""
    update moderation.backtests set status = 'running', begun = begun + 1, done = 0, total = null, beat_at = $1
    where id = (
        select id from moderation.backtests
        where status = 'waiting' or (status = 'running' and beat_at < $2)
        order by requested_at for update skip locked limit 1)
    returning {_COLUMNS}"""
_GIVE_UP = """
    update moderation.backtests set status = 'failed', error = $3, finished_at = $1
    where status = 'running' and beat_at < $2 and begun >= $4"""
_BEAT = "update moderation.backtests set done = $2, total = $3, beat_at = $4 where id = $1 and status = 'running'"
_DONE = """
    update moderation.backtests set status = 'done', report = $2, finished_at = $3
    where id = $1 and status = 'running'"""
_FAILED = """
    update moderation.backtests set status = 'failed', error = $2, finished_at = $3
    where id = $1 and status = 'running'"""


_BROKEN_OFF: Final = f"broken off {MOST_BEGUN} times; see the service's log"
_AWAY: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


class TooMany(Exception):
    """So many wait already that one more would only make all of them later."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """`done` of `total` reviews are read; `total` is None before it has begun. `report` is JSON."""

    id: UUID
    scope: str
    policy_scope: str
    policy: str
    policy_version: int
    reviews_per_hour: float | None
    status: str
    done: int
    total: int | None
    report: str | None
    error: str | None
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None

    @property
    def reference(self) -> Reference:
        return Reference(self.policy_scope, self.policy, self.policy_version)


async def ask(
    tx: asyncpg.Connection[Any],
    scope: str,
    name: str,
    version: int,
    reviews_per_hour: float | None,
    actor: str,
    now: datetime,
) -> tuple[Backtest, bool]:
    """And whether it is new: while the same waits or runs, that is the one. Raises NoSuchVersion and TooMany."""
    found = await versions.find(tx, scope, name, version)
    if found is None:
        raise NoSuchVersion(name, version)
    await tx.execute(_QUEUE, scope)  # two at once would both find none
    same = await tx.fetchrow(_SAME, scope, *found.reference, reviews_per_hour)
    if same is not None:
        return Backtest(**same), False
    if await tx.fetchval(_WAITING, scope) >= MOST_WAITING:
        raise TooMany(f"{MOST_WAITING} backtests wait already; read them first")
    await tx.execute(_FORGET, scope, KEPT)
    row = await tx.fetchrow(_ASK, scope, *found.reference, reviews_per_hour, actor, now)
    assert row is not None, "an insert returns its row"
    return Backtest(**row), True


async def find(pool: asyncpg.Pool[Any], scope: str, id_: UUID) -> Backtest | None:
    row = await pool.fetchrow(_FIND, scope, id_)
    return None if row is None else Backtest(**row)


async def listed(pool: asyncpg.Pool[Any], scope: str, limit: int = KEPT) -> list[Backtest]:
    """Newest first."""
    return [Backtest(**row) for row in await pool.fetch(_LIST, scope, limit)]


class BacktestRunner:
    """Runs what waits, until told to stop; then what it has in hand waits again for another process."""

    def __init__(self, pool: asyncpg.Pool[Any], make_judge: Callable[[], Judge], clock: Clock) -> None:
        """`make_judge` is called with the first backtest: most processes never run one."""
        self._pool = pool
        self._make_judge = make_judge
        self._clock = clock
        self._asked = asyncio.Event()

    def wake(self) -> None:
        """Something waits: look now."""
        self._asked.set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._asked.clear()
            if await self._run_next(stop):
                continue
            waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(self._asked.wait())]
            await asyncio.wait(waits, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    async def _run_next(self, stop: asyncio.Event) -> bool:
        """Whether there was one."""
        now = self._clock.now()
        try:
            await self._pool.execute(_GIVE_UP, now, now - STANDS_STILL, _BROKEN_OFF, MOST_BEGUN)
            row = await self._pool.fetchrow(_CLAIM, now, now - STANDS_STILL)
        except _AWAY:
            return False  # the probes say that Postgres is away
        if row is None:
            return False
        job = Backtest(**row)
        work = asyncio.ensure_future(self._work(job))
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait([work, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait([work])
            return False
        return True

    async def _work(self, job: Backtest) -> None:
        log.info("backtest begins", scope=job.scope, policy=str(job.reference))
        try:
            report = await self._report(job)
            await self._pool.execute(_DONE, job.id, orjson.dumps(report).decode(), self._clock.now())
        except _AWAY as error:
            log.warning("backtest broken off", scope=job.scope, because=type(error).__name__)
            return  # whoever finds it standing still begins it again
        except Exception as error:  # a fault of ours; its message might hold what a person wrote
            log.error("backtest failed", scope=job.scope, because=type(error).__name__)
            because = f"failed by {type(error).__name__}; see the service's log"
            with suppress(*_AWAY):
                await self._pool.execute(_FAILED, job.id, because, self._clock.now())
            return
        log.info("backtest done", scope=job.scope, reviews=report["reviews"], changed=report["changed"])

    async def _report(self, job: Backtest) -> dict[str, Any]:
        async def beat(done: int, total: int) -> None:
            await self._pool.execute(_BEAT, job.id, done, total, self._clock.now())

        async with self._pool.acquire() as pooled:
            connection = cast("asyncpg.Connection[Any]", pooled)
            found = await versions.find(connection, *job.reference)
            assert found is not None, "a foreign key keeps the version"
            candidate = Ruler(job.reference, load_policy(found.source, job.policy, job.policy_version))
            judge = await asyncio.to_thread(self._make_judge)
            return await backtest(connection, judge, job.scope, candidate, beat, job.reviews_per_hour)
