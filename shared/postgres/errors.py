"""Which errors of Postgres pass by themselves."""

from __future__ import annotations

import asyncpg

_TRANSIENT = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a connection that was cut in the middle of an answer raises
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, cancelled by a time-out
    asyncpg.TransactionRollbackError,  # deadlock, serialisation
    asyncpg.InsufficientResourcesError,  # connections, memory, disk
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby during a fail-over
    asyncpg.PostgresSystemError,
)


def is_transient(error: BaseException) -> bool:
    """True when the same work may succeed later, unchanged."""
    if isinstance(error, asyncpg.InterfaceError):
        # Wrong arguments are an InterfaceError too, and a DataError besides.
        return not isinstance(error, asyncpg.DataError | ValueError)
    return isinstance(error, _TRANSIENT)
