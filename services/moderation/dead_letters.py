"""The records that moderation could not read, for whoever has to find out why."""

from __future__ import annotations

from typing import Any

import asyncpg

_PAGE = """
    select id, consumer, topic, topic_id, partition, record_offset, site, reason_code, reason, parked_at
    from moderation.dead_letters where id < $1 order by id desc limit $2"""
_BEHIND_ALL = 2**63 - 1


async def page(pool: asyncpg.Pool[Any], before: int | None, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """Newest first, and the id before which the next page begins. Keys, values and headers hold what people wrote."""
    rows = await pool.fetch(_PAGE, _BEHIND_ALL if before is None else before, limit + 1)
    letters = [dict(row) for row in rows[:limit]]
    return letters, letters[-1]["id"] if len(rows) > limit else None
