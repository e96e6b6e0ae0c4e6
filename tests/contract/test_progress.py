"""A consumer's offsets and dead letters: Postgres, and the one in memory that simulations use."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import asyncpg
import pytest

from shared.events.cloudevents import unpack_headers
from shared.kafka.consumer import Failure, Fenced, Progress, Systematic
from shared.kafka.progress import PostgresProgress
from shared.kafka.record import TopicPartition
from shared.postgres.pool import create_pool
from tests.memory import MemoryDatabase, MemoryProgress, MemoryRecord
from tests.parts import Database

A, B = TopicPartition("t", 0), TopicPartition("t", 1)
FAILURE = Failure("bad_json", "the value is not JSON")

generation = "1"


async def ids(topics: Collection[str]) -> Mapping[str, str]:
    return {topic: f"{topic}-{generation}" for topic in topics}


@pytest.fixture
async def pool(module_database: Database) -> AsyncIterator[asyncpg.Pool[Any]]:
    async with await create_pool(module_database.role("intake"), application_name="tests", max_size=4) as made:
        yield made


@pytest.fixture
def consumer() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def postgres_progress(pool: asyncpg.Pool[Any], consumer: str) -> list[Progress[Any]]:
    return [PostgresProgress(pool, "intake", consumer, ids) for _ in range(2)]


@pytest.fixture(params=["postgres", "memory"])
def both(request: pytest.FixtureRequest, consumer: str) -> list[Progress[Any]]:
    """Two processes of one consumer, over one database."""
    if request.param == "postgres":
        found: list[Progress[Any]] = request.getfixturevalue("postgres_progress")
        return found
    database = MemoryDatabase()
    return [MemoryProgress(database, consumer) for _ in range(2)]


async def move(progress: Progress[Any], **moves: tuple[int | None, int]) -> None:
    async with progress.transaction() as tx:
        await progress.advance(tx, {{"a": A, "b": B}[name]: places for name, places in moves.items()})


async def test_what_was_never_read_has_no_offset(both: list[Progress[Any]]) -> None:
    assert await both[0].load([A, B]) == {A: None, B: None}
    assert await both[0].load([]) == {}


async def test_offsets_move_and_are_found_by_the_next_process(both: list[Progress[Any]]) -> None:
    await both[0].load([A, B])
    await move(both[0], a=(None, 5))
    await move(both[0], a=(5, 9), b=(None, 2))
    assert await both[1].load([A, B]) == {A: 9, B: 2}


async def test_a_process_that_was_overtaken_is_fenced_and_moves_nothing(both: list[Progress[Any]]) -> None:
    for progress in both:
        await progress.load([A, B])
    await move(both[0], a=(None, 5), b=(None, 5))
    await move(both[1], a=(5, 7))
    with pytest.raises(Fenced):
        await move(both[0], a=(5, 6), b=(5, 6))
    assert await both[0].load([A, B]) == {A: 7, B: 5}


async def test_of_two_that_begin_a_partition_one_is_fenced(both: list[Progress[Any]]) -> None:
    for progress in both:
        await progress.load([A])
    outcomes = await asyncio.gather(*(move(progress, a=(None, 3)) for progress in both), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Fenced", "NoneType"]
    assert await both[0].load([A]) == {A: 3}


async def test_of_two_that_move_a_partition_one_is_fenced(both: list[Progress[Any]]) -> None:
    for progress in both:
        await progress.load([A])
    await move(both[0], a=(None, 3))
    outcomes = await asyncio.gather(*(move(progress, a=(3, 6)) for progress in both), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Fenced", "NoneType"]


async def test_a_batch_that_fails_moves_nothing(both: list[Progress[Any]]) -> None:
    progress = both[0]
    await progress.load([A])

    async def fails_at_the_end() -> None:
        async with progress.transaction() as tx:
            await progress.advance(tx, {A: (None, 5)})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails_at_the_end()
    assert await progress.load([A]) == {A: None}


async def test_a_fault_is_not_transient(both: list[Progress[Any]]) -> None:
    assert not both[0].is_transient(ValueError())
    assert not both[0].is_transient(Fenced())


async def test_consumers_have_offsets_of_their_own(pool: asyncpg.Pool[Any]) -> None:
    one, two = (PostgresProgress(pool, "intake", uuid.uuid4().hex, ids) for _ in range(2))
    await one.load([A])
    await move(one, a=(None, 5))
    assert await two.load([A]) == {A: None}


async def test_a_topic_made_anew_is_read_from_its_start(
    pool: asyncpg.Pool[Any], consumer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = PostgresProgress(pool, "intake", consumer, ids)
    await progress.load([A])
    await move(progress, a=(None, 5))
    monkeypatch.setattr(f"{__name__}.generation", "2")
    assert await progress.load([A]) == {A: None}
    await move(progress, a=(None, 1))
    monkeypatch.setattr(f"{__name__}.generation", "1")
    assert await progress.load([A]) == {A: 5}


async def test_a_dead_letter_keeps_every_byte_and_is_there_once(pool: asyncpg.Pool[Any], consumer: str) -> None:
    progress = PostgresProgress(pool, "intake", consumer, ids)
    await progress.load([A])
    headers = [("ce_site", b"sh\x00op\xff"), ("ce_id", None), ("x", bytes(range(256))), ("x", b"again")]
    record = MemoryRecord("t", 0, 17, b"\x00\xffkey", b"\x00\xffvalue", headers)
    empty = MemoryRecord("t", 0, 18, None, None, ())
    for _ in range(2):
        async with progress.transaction() as tx:
            await progress.park(tx, record, FAILURE)
            await progress.park(tx, empty, FAILURE)
    rows = await pool.fetch("select * from intake.dead_letters where consumer = $1 order by record_offset", consumer)
    assert [row["record_offset"] for row in rows] == [17, 18]
    assert (rows[0]["key"], rows[0]["value"]) == (record.key, record.value)
    assert unpack_headers(rows[0]["headers"]) == headers
    assert (rows[0]["topic"], rows[0]["topic_id"], rows[0]["partition"]) == ("t", "t-1", 0)
    assert (rows[0]["reason_code"], rows[0]["reason"]) == ("bad_json", "the value is not JSON")
    assert rows[0]["site"] == "shop\N{REPLACEMENT CHARACTER}"
    assert (rows[1]["key"], rows[1]["value"], rows[1]["site"]) == (None, None, None)


async def test_tables_of_another_release_stop_the_consumer(pool: asyncpg.Pool[Any], consumer: str) -> None:
    progress = PostgresProgress(pool, "intake", consumer, ids)
    await progress.load([A])
    for statement in ("select no_such_column from intake.outbox", "select from intake.no_such_table"):
        with pytest.raises(Systematic, match="run plaudit migrate"):
            await _move_and_ask(progress, statement)
    assert await progress.load([A]) == {A: None}


async def _move_and_ask(progress: PostgresProgress, statement: str) -> None:
    async with progress.transaction() as tx:
        await progress.advance(tx, {A: (None, 5)})
        await tx.execute(statement)


async def test_a_connection_that_is_killed_is_transient_and_rolls_back(
    pool: asyncpg.Pool[Any], consumer: str, module_database: Database
) -> None:
    progress = PostgresProgress(pool, "intake", consumer, ids)
    await progress.load([A])
    administrator = await asyncpg.connect(module_database.dsn)
    caught: BaseException | None = None
    try:
        async with progress.transaction() as tx:
            await progress.advance(tx, {A: (None, 5)})
            await administrator.execute("select pg_terminate_backend($1)", await tx.fetchval("select pg_backend_pid()"))
            await tx.fetchval("select 1")
    except Exception as error:
        caught = error
    finally:
        await administrator.close()
    assert caught is not None
    assert progress.is_transient(caught)
    assert await progress.load([A]) == {A: None}


@pytest.mark.parametrize(
    "statement", ["select 1/0", "select * from nowhere", "insert into intake.sites values (null)", "selec"]
)
async def test_a_statement_that_is_wrong_is_not_transient(pool: asyncpg.Pool[Any], statement: str) -> None:
    progress = PostgresProgress(pool, "intake", "x", ids)
    with pytest.raises(asyncpg.PostgresError) as caught:
        await pool.execute(statement)
    assert not progress.is_transient(caught.value)


async def test_arguments_that_are_wrong_are_not_transient(pool: asyncpg.Pool[Any]) -> None:
    progress = PostgresProgress(pool, "intake", "x", ids)
    for statement, arguments in (("select $1::int", ("one",)), ("select $1::int", ()), ("select $1::text", ("\0",))):
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
            await pool.execute(statement, *arguments)
        assert not progress.is_transient(caught.value), statement


async def test_a_statement_that_takes_too_long_is_ended_and_transient(module_database: Database) -> None:
    async with await create_pool(
        module_database.role("intake"), application_name="tests", statement_timeout_ms=50
    ) as pool:
        with pytest.raises(asyncpg.QueryCanceledError) as caught:
            await pool.execute("select pg_sleep(5)")
        assert PostgresProgress(pool, "intake", "x", ids).is_transient(caught.value)
