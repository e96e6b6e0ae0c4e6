"""Connections to Postgres. `json` and `jsonb` come and go as text."""

from __future__ import annotations

from typing import Any

import asyncpg

IDLE_IN_TRANSACTION_MS = 10_000
"""A process that is frozen with row locks in hand would hold up whoever takes over from it."""


class Connection(asyncpg.Connection):
    """Keeps no session state between uses, so the pool need not reset it: four statements less at each release."""

    def get_reset_query(self) -> str:
        return ""


async def create_pool(
    dsn: str,
    *,
    application_name: str,
    min_size: int = 1,
    max_size: int = 8,
    statement_timeout_ms: int = 60_000,
) -> asyncpg.Pool[Any]:
    """Every statement is bounded in time; temporary tables of one use must be `on commit drop` or emptied by it."""
    return await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        connection_class=Connection,
        command_timeout=statement_timeout_ms / 1000 + 5,
        timeout=10,
        server_settings={
            "application_name": application_name,
            "statement_timeout": str(statement_timeout_ms),
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
            "tcp_keepalives_idle": "10",
            "timezone": "UTC",
        },
    )
