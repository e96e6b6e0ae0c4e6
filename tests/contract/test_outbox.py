"""A service's outbox and its lease: Postgres, and the one in memory that simulations use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any, Protocol

import asyncpg
import pytest

from shared.events.cloudevents import Encoded, unpack_headers
from shared.kafka import outbox
from shared.kafka.outbox import Outbox, PostgresOutbox
from shared.postgres.pool import create_pool
from tests.memory import MemoryOutbox, PromptClock, VirtualClock
from tests.parts import Database


class World(Protocol):
    outbox: Outbox

    async def write(self, events: Sequence[Encoded]) -> None: ...
    async def pass_time(self, seconds: float) -> None: ...


class Postgres:
    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self.pool = pool
        self.outbox: Outbox = PostgresOutbox(pool, "intake")

    async def write(self, events: Sequence[Encoded]) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            tx: Any = connection
            await outbox.append(tx, "intake", events)

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Memory:
    def __init__(self) -> None:
        self.clock: PromptClock = VirtualClock()
        self.made = MemoryOutbox(self.clock)
        self.outbox: Outbox = self.made

    async def write(self, events: Sequence[Encoded]) -> None:
        self.made.append(events)

    async def pass_time(self, seconds: float) -> None:
        self.clock.seconds += seconds


@pytest.fixture
async def pool(module_database: Database) -> AsyncIterator[asyncpg.Pool[Any]]:
    async with await create_pool(module_database.role("intake"), application_name="tests", max_size=4) as made:
        await made.execute("delete from intake.outbox; delete from intake.relay_lease")
        yield made


@pytest.fixture
async def postgres_world(pool: asyncpg.Pool[Any]) -> AsyncIterator[Postgres]:
    world = Postgres(pool)
    yield world
    assert isinstance(world.outbox, PostgresOutbox)
    await world.outbox.close()


@pytest.fixture(params=["postgres", "memory"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return Memory()
    found: Postgres = request.getfixturevalue("postgres_world")
    return found


def event(number: int, value: bytes | None = b"{}") -> Encoded:
    return Encoded("t", b"key", value, (("ce_id", b"%d" % number), ("binary", b"\x00\xff")))


def number_of(headers: str) -> int:
    return int(dict(unpack_headers(headers))["ce_id"] or b"")


async def test_rows_come_in_the_order_in_which_they_were_written(world: World) -> None:
    await world.write([event(number) for number in range(3)])
    await world.write([event(3, None)])
    rows = await world.outbox.read(10)
    assert [number_of(row.headers) for row in rows] == [0, 1, 2, 3]
    assert [row.id for row in rows] == sorted(row.id for row in rows)
    assert (rows[0].topic, rows[0].key, rows[0].value, rows[3].value) == ("t", b"key", b"{}", None)
    assert unpack_headers(rows[0].headers) == list(event(0).headers)


async def test_the_oldest_are_read_first_and_only_what_was_sent_is_deleted(world: World) -> None:
    await world.write([event(number) for number in range(5)])
    first = await world.outbox.read(2)
    await world.outbox.delete([row.id for row in first])
    assert [number_of(row.headers) for row in await world.outbox.read(10)] == [2, 3, 4]
    await world.outbox.delete([])
    await world.outbox.delete([row.id for row in first])
    assert len(await world.outbox.read(10)) == 3


async def test_one_has_the_lease(world: World) -> None:
    assert await world.outbox.take_lease("one", 60)
    assert not await world.outbox.take_lease("two", 60)
    assert await world.outbox.take_lease("one", 60)


async def test_a_lease_that_is_over_may_be_taken(world: World) -> None:
    assert await world.outbox.take_lease("one", 0.1)
    await world.pass_time(0.2)
    assert await world.outbox.take_lease("two", 60)
    assert not await world.outbox.take_lease("one", 60)


async def test_only_its_holder_drops_a_lease(world: World) -> None:
    assert await world.outbox.take_lease("one", 60)
    await world.outbox.drop_lease("two")
    assert not await world.outbox.take_lease("two", 60)
    await world.outbox.drop_lease("one")
    assert await world.outbox.take_lease("two", 60)


async def test_waiting_ends_when_something_is_written(world: World) -> None:
    assert await world.outbox.read(10) == []
    begun = time.monotonic()
    waiting = asyncio.create_task(world.outbox.wait(30))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await world.write([event(1)])
    await asyncio.wait_for(waiting, 5)
    assert time.monotonic() - begun < 5


async def test_what_was_written_since_the_last_read_needs_no_waiting(world: World) -> None:
    await world.outbox.read(10)
    await world.write([event(1)])
    await asyncio.sleep(0.1)
    await asyncio.wait_for(world.outbox.wait(30), 1)


async def test_waiting_ends_by_itself(postgres_world: Postgres) -> None:
    await postgres_world.outbox.read(10)
    await asyncio.wait_for(postgres_world.outbox.wait(0.1), 5)


async def test_of_many_that_ask_at_once_one_has_the_lease(postgres_world: Postgres) -> None:
    asked = [postgres_world.outbox.take_lease(f"holder-{number}", 60) for number in range(8)]
    assert sum(await asyncio.gather(*asked)) == 1


async def test_what_is_rolled_back_is_never_there(pool: asyncpg.Pool[Any], postgres_world: Postgres) -> None:
    connection: Any
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await outbox.append(connection, "intake", [event(1)])
        assert await postgres_world.outbox.read(10) == []
        await transaction.rollback()
    assert await postgres_world.outbox.read(10) == []


async def test_writing_nothing_wakes_nobody(postgres_world: Postgres) -> None:
    await postgres_world.outbox.read(10)
    await postgres_world.write([])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(postgres_world.outbox.wait(30), 0.2)


async def test_a_listener_whose_connection_was_killed_listens_again(
    module_database: Database, postgres_world: Postgres
) -> None:
    await postgres_world.outbox.read(10)
    administrator = await asyncpg.connect(module_database.dsn)
    try:
        await administrator.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tests'"
            " and datname = current_database()"
        )
    finally:
        await administrator.close()
    await asyncio.sleep(0.1)
    outcomes = [await outcome(postgres_world.outbox.read(10)) for _ in range(5)]  # some connections are found dead
    assert all(error is None or postgres_world.outbox.is_transient(error) for error in outcomes)
    assert outcomes[-1] is None
    waiting = asyncio.create_task(postgres_world.outbox.wait(30))
    await asyncio.sleep(0)
    await postgres_world.write([event(1)])
    await asyncio.wait_for(waiting, 5)


async def outcome(reading: Awaitable[object]) -> Exception | None:
    try:
        await reading
    except Exception as error:
        return error
    return None


async def test_closing_gives_the_connection_back_clean(pool: asyncpg.Pool[Any], postgres_world: Postgres) -> None:
    """asyncpg warns of listeners that are left behind, and warnings are errors here."""
    await postgres_world.outbox.read(10)
    assert isinstance(postgres_world.outbox, PostgresOutbox)
    await postgres_world.outbox.close()
    assert pool.get_idle_size() == pool.get_size()
    await postgres_world.outbox.close()
