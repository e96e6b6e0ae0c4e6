"""Backtests on a real Postgres: over what is on record, and as jobs behind the HTTP API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from threading import Event
from typing import Any, cast
from uuid import UUID

import asyncpg
import httpx
import pytest

from services.moderation.backtest import jobs
from services.moderation.backtest.jobs import STANDS_STILL, BacktestRunner
from services.moderation.backtest.record import LEAST_DECISIONS
from services.moderation.backtest.run import backtest
from services.moderation.backtest_api import BacktestApi
from services.moderation.case import Ruling
from services.moderation.desk import Desk, Seen
from services.moderation.engine.context import Context
from services.moderation.engine.signal import Signal
from services.moderation.judging.judge import Judge
from services.moderation.judging.rulebook import Ruler
from services.moderation.policies import built_in
from services.moderation.policies.reference import EVERY_SITE, Reference
from services.moderation.policy.policy import compile_policy
from shared.access import ApiKeys, new_key
from shared.clock import SystemClock
from shared.http.app import create_app
from shared.postgres.pool import create_pool
from shared.service import Health
from tests.moderation_world import (
    NOW,
    Spotter,
    activate,
    approving,
    holding,
    process,
    save,
    submission,
    withdrawal,
    worker,
)
from tests.parts import Database

JUDGE = Judge(Spotter())
BACKTESTS = "/v1/sites/shop/backtests"


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool[Any]]:
    async with await create_pool(database.role("moderation"), application_name="test") as pool:
        await built_in.register(pool, NOW)
        await activate(pool, approving())
        yield pool


def candidate(source: str, scope: str = "shop") -> Ruler:
    policy = compile_policy(source)
    return Ruler(Reference(scope, policy.name, policy.version), policy)


async def run(pool: asyncpg.Pool[Any], source: str, scope: str = "shop", **more: Any) -> dict[str, Any]:
    steps: list[tuple[int, int]] = []

    async def progress(done: int, total: int) -> None:
        steps.append((done, total))

    async with pool.acquire() as pooled:
        connection = cast("asyncpg.Connection[Any]", pooled)
        report = await backtest(connection, JUDGE, scope, candidate(source, scope), progress, **more)
    assert steps[0][0] == 0
    assert steps == sorted(steps)
    assert len(steps) == 1 or steps[-1][0] == steps[-1][1]
    return report


async def say(pool: asyncpg.Pool[Any], review_id: int, status: str, moderator: str = "Ada") -> None:
    version = await pool.fetchval("select version from moderation.cases where review_id = $1", review_id)
    ruling = Ruling("approved" if status == "approved" else "rejected", "person", "key", moderator=moderator)
    await Desk(pool, SystemClock()).decide("shop", review_id, Seen(version, 1), ruling)


async def test_it_compares_with_what_is_active_and_with_people(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, worker(), submission(1, "Good boots."), submission(2, "Bad boots."), submission(3, "Fine hat."))
    await say(pool, 1, "approved")
    await say(pool, 2, "rejected")
    report = await run(pool, holding())
    assert (report["candidate"], report["compared_with"]) == ("strict@0", "easy@1")
    assert report["reviews"] == 3
    assert [(one["before"], one["after"], one["reviews"]) for one in report["changes"]] == [("approved", "held", 2)]
    assert [one["review_id"] for one in report["changes"][0]["sample"]] == [1, 2]
    assert report["rules"]["has-word"]["precision"] == 0.5
    assert report["rules"]["has-word"]["recall"] == 1.0


async def test_it_decides_nothing(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, worker(), submission(1))
    before = await pool.fetch("select * from moderation.cases"), await pool.fetch("select * from moderation.decisions")
    await run(pool, holding())
    after = await pool.fetch("select * from moderation.cases"), await pool.fetch("select * from moderation.decisions")
    assert after == before


async def test_other_sites_and_withdrawn_reviews_are_no_part_of_it(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, worker(), submission(1), submission(2, site="other"), submission(3))
    await process(pool, worker(), withdrawal(3))
    assert (await run(pool, holding()))["reviews"] == 1


async def test_for_every_site_it_leaves_out_those_with_a_policy_of_their_own(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, approving("own"), scope="other")
    await process(pool, worker(), submission(1), submission(2, site="other"), submission(3, site="third"))
    assert (await run(pool, holding(), EVERY_SITE))["reviews"] == 2


async def test_only_the_latest_revision_counts_and_only_what_people_said_of_it(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, worker(), submission(1))
    await say(pool, 1, "rejected")
    await process(pool, worker(), submission(1, "A hat.", revision=2))
    report = await run(pool, holding())
    assert report["changed"] == 0
    assert report["judged_by_people"] == {"approved": 0, "rejected": 0}


async def test_what_only_its_time_could_show_is_taken_from_the_record(pool: asyncpg.Pool[Any]) -> None:
    text = "These boots were made for walking and that is just what they will do for you one of these days"
    await process(pool, worker(), submission(1, text), submission(2, text))
    source = holding().replace('review.text.contains("boots")', 'signals.exists(s, s.detector == "duplicate")')
    report = await run(pool, source)
    assert [one["review_id"] for one in report["changes"][0]["sample"]] == [2]


async def test_the_pace_is_measured_once_enough_was_decided(pool: asyncpg.Pool[Any]) -> None:
    many = LEAST_DECISIONS + 1
    await process(pool, worker(), *(submission(number) for number in range(1, many + 1)))
    assert (await run(pool, holding()))["pace_is_measured"] is False
    for number in range(1, many + 1):
        await say(pool, number, "rejected")
    owner_sees = await pool.fetchval("select count(*) from moderation.decisions where actor_kind = 'person'")
    assert owner_sees == many
    report = await run(pool, holding())
    assert report["pace_is_measured"] is True
    assert report["moderators"]["reviews_per_hour"] > 0
    assert (await run(pool, holding(), reviews_per_hour=60))["moderators"]["reviews_per_hour"] == 60


@asynccontextmanager
async def running(pool: asyncpg.Pool[Any]) -> AsyncIterator[BacktestRunner]:
    runner, stop = BacktestRunner(pool, lambda: JUDGE, SystemClock()), asyncio.Event()
    task = asyncio.create_task(runner.run(stop))
    try:
        yield runner
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


@asynccontextmanager
async def office(
    database: Database, pool: asyncpg.Pool[Any], runner: BacktestRunner, site: str | None = "shop"
) -> AsyncIterator[httpx.AsyncClient]:
    key = new_key()
    owner = await asyncpg.connect(database.dsn)
    await owner.execute(
        "insert into access.api_keys (key_id, site, label, secret_hash, scopes) values ($1, $2, 'x', $3, $4)",
        key.key_id,
        site,
        key.secret_hash,
        ["moderate"],
    )
    await owner.close()
    api = BacktestApi(pool, ApiKeys(pool), SystemClock(), runner)
    transport = httpx.ASGITransport(create_app("moderation", api.routes(), Health()))
    headers = {"Authorization": f"Bearer {key.token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://moderation", headers=headers) as http:
        yield http


async def finished(http: httpx.AsyncClient, id_: str, under: str = BACKTESTS) -> dict[str, Any]:
    for _ in range(200):
        answer = (await http.get(f"{under}/{id_}")).raise_for_status().json()
        if answer["status"] in ("done", "failed"):
            return cast("dict[str, Any]", answer)
        await asyncio.sleep(0.05)
    raise AssertionError("it does not end")


async def test_a_job_runs_and_keeps_its_report(database: Database, pool: asyncpg.Pool[Any]) -> None:
    await process(pool, worker(), submission(1))
    name, version = await save(pool, holding(), "shop")
    async with running(pool) as runner, office(database, pool, runner) as http:
        asked = await http.post(BACKTESTS, json={"name": name, "version": version, "reviews_per_hour": 60})
        assert asked.status_code == 202, asked.text
        done = await finished(http, asked.json()["id"])
        listed = (await http.get(BACKTESTS)).json()["backtests"]
    assert (done["status"], done["done"], done["total"]) == ("done", 1, 1)
    assert done["report"]["changed"] == 1
    assert [one["id"] for one in listed] == [done["id"]]


async def test_the_same_is_not_asked_twice_while_it_waits(database: Database, pool: asyncpg.Pool[Any]) -> None:
    name, version = await save(pool, holding(), "shop")
    body = {"name": name, "version": version}
    idle = BacktestRunner(pool, lambda: JUDGE, SystemClock())
    async with office(database, pool, idle) as http:
        first, again = await http.post(BACKTESTS, json=body), await http.post(BACKTESTS, json=body)
        paced = await http.post(BACKTESTS, json={**body, "reviews_per_hour": 60})
        at_once = await asyncio.gather(*(http.post(BACKTESTS, json={**body, "reviews_per_hour": 90}) for _ in range(4)))
    assert (first.status_code, again.status_code, paced.status_code) == (202, 200, 202)
    assert again.json() == first.json()
    assert paced.json()["id"] != first.json()["id"]
    assert sorted(one.status_code for one in at_once) == [200, 200, 200, 202]
    await pool.execute("update moderation.backtests set status = 'running', beat_at = now()")
    async with office(database, pool, idle) as http:
        assert (await http.post(BACKTESTS, json=body)).json()["id"] == first.json()["id"]
        await pool.execute("update moderation.backtests set status = 'failed', error = 'x', finished_at = now()")
        assert (await http.post(BACKTESTS, json=body)).status_code == 202


async def test_a_job_of_a_process_that_is_gone_is_begun_again(database: Database, pool: asyncpg.Pool[Any]) -> None:
    await process(pool, worker(), submission(1))
    name, version = await save(pool, holding(), "shop")
    async with pool.acquire() as pooled, pooled.transaction():
        connection = cast("asyncpg.Connection[Any]", pooled)
        job, _ = await jobs.ask(connection, "shop", name, version, None, "key", NOW)
    long_ago = SystemClock().now() - STANDS_STILL - timedelta(seconds=1)
    await pool.execute("update moderation.backtests set status = 'running', beat_at = $1", long_ago)
    async with running(pool) as runner, office(database, pool, runner) as http:
        assert (await finished(http, str(job.id)))["status"] == "done"


async def test_a_job_in_the_hands_of_another_is_left_alone(pool: asyncpg.Pool[Any]) -> None:
    name, version = await save(pool, holding(), "shop")
    async with pool.acquire() as pooled, pooled.transaction():
        connection = cast("asyncpg.Connection[Any]", pooled)
        job, _ = await jobs.ask(connection, "shop", name, version, None, "key", NOW)
    await pool.execute("update moderation.backtests set status = 'running', beat_at = $1", SystemClock().now())
    async with running(pool):
        await asyncio.sleep(0.3)
    found = await jobs.find(pool, "shop", job.id)
    assert found is not None
    assert found.status == "running"


async def test_a_job_that_is_broken_off_again_and_again_fails(pool: asyncpg.Pool[Any]) -> None:
    name, version = await save(pool, holding(), "shop")
    async with pool.acquire() as pooled, pooled.transaction():
        connection = cast("asyncpg.Connection[Any]", pooled)
        job, _ = await jobs.ask(connection, "shop", name, version, None, "key", NOW)
    long_ago = SystemClock().now() - STANDS_STILL - timedelta(seconds=1)
    await pool.execute(
        "update moderation.backtests set status = 'running', beat_at = $1, begun = $2", long_ago, jobs.MOST_BEGUN
    )
    async with running(pool):
        await asyncio.sleep(0.3)
    found = await jobs.find(pool, "shop", job.id)
    assert found is not None
    assert found.status == "failed"
    assert "broken off" in (found.error or "")
    assert found.finished_at is not None


class Slow(Spotter):
    """Takes half a minute for a chunk."""

    def __init__(self) -> None:
        self.texts = 0
        self.begun = Event()

    def analyse(self, fields: Mapping[str, str], context: Context) -> tuple[Signal, ...]:
        self.texts += 1
        self.begun.set()
        time.sleep(0.2)
        return ()


async def test_a_process_that_stops_leaves_its_job_at_once(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, worker(), *(submission(number) for number in range(1, 151)))
    name, version = await save(pool, holding(), "shop")
    async with pool.acquire() as pooled, pooled.transaction():
        await jobs.ask(cast("asyncpg.Connection[Any]", pooled), "shop", name, version, None, "key", NOW)
    slow = Slow()
    runner, stop = BacktestRunner(pool, lambda: Judge(slow), SystemClock()), asyncio.Event()
    task = asyncio.create_task(runner.run(stop))
    assert await asyncio.to_thread(slow.begun.wait, 10)
    stop.set()
    await asyncio.wait_for(task, 5)
    await asyncio.sleep(0.3)  # the text in hand
    seen = slow.texts
    await asyncio.sleep(0.6)
    assert slow.texts == seen


async def test_what_cannot_be_asked_is_said(database: Database, pool: asyncpg.Pool[Any]) -> None:
    name, version = await save(pool, holding("theirs"), "other")
    async with running(pool) as runner, office(database, pool, runner) as http:
        unknown = await http.post(BACKTESTS, json={"name": name, "version": version})
        assert unknown.status_code == 404
        assert (await http.post(BACKTESTS, json={"name": "strict"})).status_code == 422
        assert (await http.get(f"{BACKTESTS}/{UUID(int=1)}")).status_code == 404
        assert (await http.get(f"{BACKTESTS}/one")).status_code == 404
        assert (await http.get("/v1/sites/other/backtests")).status_code == 403
        assert (await http.get("/v1/backtests")).status_code == 403
