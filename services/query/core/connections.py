"""Connections for short reads, held open with their prepared statements.

A pool that resets a connection at each release runs four statements for every one of ours. Nothing here leaves state in
a session (single statements, read-only, no transactions), so nothing needs a reset: that gave 2.4 times the reads.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TypeAlias

import asyncpg

from services.query.core.sql import Statement

# As text: asyncpg's classes are generic to type checkers only.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Prepared: TypeAlias = "asyncpg.prepared_stmt.PreparedStatement[asyncpg.Record]"


class TooBusy(Exception):
    """All connections stayed in use for as long as a caller may wait."""


class TooSlow(Exception):
    """The statement reached its time limit."""


class Unreachable(Exception):
    """The database does not answer."""


class WrongRole(Exception):
    """The session could read what the public must never see."""


# Another backend, or the server, went away: the same read on a new connection is safe and mostly works.
_LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InternalClientError,  # the server's farewell came, and the end of the connection has not yet
)
CHARACTERS_PER_CONNECTION = 300_000
"""Of the texts of prepared statements. Postgres keeps 130 bytes for each (measured, plan included), and strangers
decide on the texts: as many as fit into 40 MB a connection."""

_CAN_READ_MORE = """
    select string_agg(nspname, ', ' order by nspname) from pg_namespace
    where nspname <> all($1::text[]) and nspname not in ('information_schema', 'public') and nspname !~ '^pg_'
      and has_schema_privilege(oid, 'usage')"""


class _Slot:
    """A place for one connection, empty until it is needed and again after the connection broke."""

    __slots__ = ("connection", "prepared")

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.prepared: dict[str, Prepared] = {}

    def drop(self) -> None:
        if self.connection is not None:
            self.connection.terminate()
        self.connection = None
        self.prepared.clear()


class Connections:
    """At most `size` connections; safe for concurrent use in one event loop."""

    def __init__(
        self,
        dsn: str,
        *,
        size: int,
        role: str,
        may_read: Sequence[str],
        application_name: str,
        statement_timeout_seconds: float = 5.0,
        wait_seconds: float = 2.0,
    ) -> None:
        self._dsn = dsn
        self._role = role
        self._may_read = list(may_read)
        self._application_name = application_name
        self._statement_timeout = statement_timeout_seconds
        self._wait_seconds = wait_seconds
        # Reads that may take long leave most connections to those that do not.
        self._expensive = asyncio.Semaphore(max(1, size // 4))
        # Last in, first out: a quiet server uses few connections and keeps their caches warm.
        self._free: asyncio.LifoQueue[_Slot] = asyncio.LifoQueue()
        self._slots = [_Slot() for _ in range(size)]
        for slot in self._slots:
            self._free.put_nowait(slot)

    async def fetch(self, statement: Statement, *, expensive: bool = False) -> list[asyncpg.Record]:
        """All rows. Raises TooBusy, TooSlow or Unreachable; every other error is a fault in the statement.

        Expensive statements have a quarter of the connections among them, at least one.
        """
        if not expensive:
            return await self._fetch_in_slot(statement)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._expensive.acquire()
        except TimeoutError:
            raise TooBusy from None
        try:
            return await self._fetch_in_slot(statement)
        finally:
            self._expensive.release()

    async def _fetch_in_slot(self, statement: Statement) -> list[asyncpg.Record]:
        try:
            slot = self._free.get_nowait()
        except asyncio.QueueEmpty:
            slot = await self._wait_for_slot()
        try:
            return await self._fetch(slot, statement)
        finally:
            self._free.put_nowait(slot)

    async def close(self) -> None:
        for slot in self._slots:
            if slot.connection is not None:
                with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await slot.connection.close(timeout=2)
            slot.drop()

    async def _wait_for_slot(self) -> _Slot:
        try:
            return await asyncio.wait_for(self._free.get(), self._wait_seconds)
        except TimeoutError:
            raise TooBusy from None

    async def _fetch(self, slot: _Slot, statement: Statement) -> list[asyncpg.Record]:
        fresh = slot.connection is None
        for last_try in (fresh, True):
            try:
                prepared = slot.prepared.get(statement.text) or await self._prepare(slot, statement.text)
                return await prepared.fetch(*statement.arguments)
            except asyncpg.QueryCanceledError:
                raise TooSlow from None
            except (TimeoutError, asyncio.CancelledError) as error:
                # Nobody knows what the connection is still doing.
                slot.drop()
                if isinstance(error, TimeoutError):
                    raise Unreachable from None
                raise
            except (asyncpg.DataError, ValueError, TypeError):
                raise
            except asyncpg.InvalidCachedStatementError:
                # The tables behind it were replaced; so the texts are prepared anew.
                slot.prepared.clear()
                if last_try:
                    raise
            except (*_LOST, asyncpg.InsufficientResourcesError) as error:
                slot.drop()
                if last_try:
                    raise Unreachable from error
        raise AssertionError("the last try returns or raises")

    async def _prepare(self, slot: _Slot, text: str) -> Prepared:
        if slot.connection is None or slot.connection.is_closed():
            slot.drop()
            slot.connection = await self._connect()
        room = CHARACTERS_PER_CONNECTION - len(text) - sum(map(len, slot.prepared))
        while room < 0 and slot.prepared:
            oldest = next(iter(slot.prepared))
            del slot.prepared[oldest]
            room += len(oldest)
        prepared = await slot.connection.prepare(text)
        slot.prepared[text] = prepared
        return prepared

    async def _connect(self) -> Connection:
        connection: Connection = await asyncpg.connect(
            self._dsn,
            timeout=5,
            # Behind the server's own limit, for a server that does not answer at all.
            command_timeout=self._statement_timeout + 1,
            server_settings={
                "application_name": self._application_name,
                "role": self._role,
                "statement_timeout": str(int(self._statement_timeout * 1000)),
                "default_transaction_read_only": "on",
                "jit": "off",
                # Planning a question with includes takes several times as long as answering it, and statements are
                # written so that their plan does not depend on the values.
                "plan_cache_mode": "force_generic_plan",
                "timezone": "UTC",
                "tcp_keepalives_idle": "10",
            },
        )
        try:
            more = await connection.fetchval(_CAN_READ_MORE, self._may_read)
        except BaseException:
            connection.terminate()
            raise
        if more:
            connection.terminate()
            raise WrongRole(
                f"the role {self._role} may use the schemas {more}; the public edge takes a role that may use "
                f"{', '.join(self._may_read)} only: revoke the rest"
            )
        return connection
