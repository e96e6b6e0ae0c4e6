"""The audit of policies: who did what, and why. Rows are added in the transaction of what they tell, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import asyncpg

from services.moderation.policies.reference import By, Reference

What = Literal[
    "saved",
    "activated",
    "followed",  # a site gave up its own active policy and follows EVERY_SITE again
    "rollout-set",
    "rollout-stopped",
    "shadow-started",
    "shadow-stopped",
]

_APPEND = """
    insert into moderation.policy_events (scope, what, policy_scope, name, version, percent,
        replaced_scope, replaced_name, replaced_version, actor, moderator, note, at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"""
_PAGE = """
    select id, scope, what, policy_scope, name, version, percent, replaced_scope, replaced_name, replaced_version,
        actor, moderator, note, at
    from moderation.policy_events where scope = $1 and id < $2 order by id desc limit $3"""
_BEHIND_ALL = 2**63 - 1
_NOTHING = (None, None, None)


async def append(
    tx: asyncpg.Connection[Any],
    scope: str,
    what: What,
    policy: Reference | None,
    by: By,
    now: datetime,
    *,
    percent: int | None = None,
    replaced: Reference | None = None,
) -> None:
    await tx.execute(_APPEND, scope, what, *(policy or _NOTHING), percent, *(replaced or _NOTHING), *by, now)


async def page(
    connection: asyncpg.Connection[Any], scope: str, before: int | None, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Newest first, and the id before which the next page begins."""
    rows = await connection.fetch(_PAGE, scope, _BEHIND_ALL if before is None else before, limit + 1)
    shown = [dict(row) for row in rows[:limit]]
    return shown, shown[-1]["id"] if len(rows) > limit else None
