"""Events on their way out: written in the transaction of the facts that they tell, published by the relay."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from shared.events.cloudevents import Encoded, pack_headers
from shared.postgres.errors import is_transient

COLUMNS = ("topic", "key", "value", "headers")


async def append(tx: asyncpg.Connection[Any], schema: str, events: Iterable[Encoded]) -> None:
    """Adds events in their order. Call it last, with the locks of their keys held: ids then grow as sequences do."""
    records = [(event.topic, event.key, event.value, pack_headers(event.headers)) for event in events]
    if records:
        await tx.copy_records_to_table("outbox", schema_name=schema, columns=COLUMNS, records=records)


class OutboxRow(NamedTuple):
    id: int
    topic: str
    key: bytes
    value: bytes | None
    headers: str


class Outbox(Protocol):
    """What a relay needs of the database."""

    async def take_lease(self, holder: str, seconds: float) -> bool:
        """Takes or renews the right to publish; False while somebody else has it."""
        ...

    async def drop_lease(self, holder: str) -> None: ...

    async def read(self, limit: int) -> Sequence[OutboxRow]:
        """The oldest committed rows, by id."""
        ...

    async def delete(self, ids: Sequence[int]) -> None: ...

    async def wait(self, seconds: float) -> None:
        """Returns when there may be new rows, at the latest after `seconds`."""
        ...

    def is_transient(self, error: BaseException) -> bool: ...


class PostgresOutbox:
    """The outbox of one service. One relay uses it at a time, beside its own lease renewal."""

    def __init__(self, pool: asyncpg.Pool, schema: str) -> None:
        self._pool = pool
        self._channel = f"{schema}_outbox"
        self._woken = asyncio.Event()
        self._listening: PoolConnectionProxy[Any] | None = None
        self._take = f"""
            insert into {schema}.relay_lease as lease (name, holder, expires_at)
            values ('relay', $1, now() + make_interval(secs => $2))
            on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
            where lease.holder = excluded.holder or lease.expires_at < now()
            returning holder"""
        self._drop = f"delete from {schema}.relay_lease where name = 'relay' and holder = $1"
        self._read = f"select id, topic, key, value, headers from {schema}.outbox order by id limit $1"
        self._delete = f"delete from {schema}.outbox where id = any($1::bigint[])"

    async def take_lease(self, holder: str, seconds: float) -> bool:
        return await self._pool.fetchval(self._take, holder, seconds) is not None

    async def drop_lease(self, holder: str) -> None:
        await self._pool.execute(self._drop, holder)

    async def read(self, limit: int) -> Sequence[OutboxRow]:
        self._woken.clear()
        await self._listen()
        return [OutboxRow(*row) for row in await self._pool.fetch(self._read, limit)]

    async def delete(self, ids: Sequence[int]) -> None:
        await self._pool.execute(self._delete, ids)

    async def wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return

    def is_transient(self, error: BaseException) -> bool:
        return is_transient(error)

    async def close(self) -> None:
        """Gives back the connection that listens, where it is still there."""
        connection, self._listening = self._listening, None
        if connection is not None and _is_open(connection):
            await connection.remove_listener(self._channel, self._wake)
            await self._pool.release(connection)

    async def _listen(self) -> None:
        """Held outside the pool's turn-taking; a connection that was lost is replaced at the next read."""
        if self._listening is not None and _is_open(self._listening):
            return
        self._listening = None
        connection = await self._pool.acquire()
        await connection.add_listener(self._channel, self._wake)
        self._listening = connection

    def _wake(self, *_: object) -> None:
        self._woken.set()


def _is_open(connection: PoolConnectionProxy[Any]) -> bool:
    """A connection that the server cut goes back to the pool by itself, and its proxy then answers nothing any more."""
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False
