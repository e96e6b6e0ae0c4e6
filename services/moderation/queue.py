"""Reading cases: the moderators' queue in pages, and one case with its whole history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import asyncpg

from services.moderation import cursor as cursors
from services.moderation import reports
from services.moderation.case import Case
from services.moderation.cases import CASE_COLUMNS, DECISION_COLUMNS, case_of
from services.moderation.cursor import Cursor
from shared.events.models import ContentKind, Status

MAX_LIMIT = 100

_CASES = f"select {', '.join(CASE_COLUMNS)} from moderation.cases"
_CASE = f"{_CASES} where site = $1 and review_id = $2"
_HISTORY = f"select {', '.join(DECISION_COLUMNS)} from moderation.decisions where review_id = $1 order by version"
_PLACEMENTS = """
    select is_featured, display_order, actor, moderator, placed_at from moderation.placements
    where review_id = $1 order by sequence, placed_at"""
_PAGE_ORDER = "order by updated_at, review_id limit"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which cases of a site; None is any."""

    status: Status = "held"
    queue: str | None = None
    code: str | None = None
    rule: str | None = None
    entity_id: str | None = None
    kind: ContentKind | None = None

    def listing(self, site: str) -> str:
        """Names what is listed, for its cursors."""
        return repr((site, self))


@dataclass(frozen=True, slots=True)
class Page:
    """`reports` is how many readers report each case since a person decided on it; those of which none does are not
    in it.
    """

    cases: tuple[Case, ...]
    reports: Mapping[int, int]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class History:
    """One case and all that led to it, oldest first."""

    case: Case
    decisions: Sequence[Mapping[str, Any]]
    placements: Sequence[Mapping[str, Any]]
    open_reports: int
    """All of them; `reports` are the newest, also those that are answered."""
    reports: Sequence[Mapping[str, Any]]


async def page(pool: asyncpg.Pool[Any], site: str, filters: Filters, after: Cursor | None, limit: int) -> Page:
    """The longest waiting first. A case that changes between pages moves to the end, any other is shown once."""
    sql, values = page_query(site, filters, after, limit)
    async with pool.acquire() as pooled:
        connection = cast("asyncpg.Connection[Any]", pooled)
        rows = [case_of(row) for row in await connection.fetch(sql, *values)]
        shown = tuple(rows[:limit])
        open_reports = await reports.live(connection, shown)
    more = len(rows) > limit
    last = Cursor(shown[-1].updated_at, shown[-1].review_id) if more else None
    return Page(shown, open_reports, cursors.encode(last, filters.listing(site)) if last else None)


def page_query(site: str, filters: Filters, after: Cursor | None, limit: int) -> tuple[str, list[object]]:
    """Asks for one more than `limit`, by which the caller sees whether there is a next page."""
    conditions = ["site = $1", "status = $2"]
    values: list[object] = [site, filters.status]

    def where(condition: str, *more: object) -> None:
        marks = [f"${len(values) + at}" for at in range(1, len(more) + 1)]
        conditions.append(condition.format(*marks))
        values.extend(more)

    if filters.kind is not None:
        where("kind = {}", filters.kind)
    if filters.queue is not None:
        where("queue = {}", filters.queue)
    if filters.code is not None:
        where("{} = any(codes)", filters.code)
    if filters.rule is not None:
        where("rule = {}", filters.rule)
    if filters.entity_id is not None:
        where("entity_id = {}", filters.entity_id)
    if after is not None:
        where("(updated_at, review_id) > ({}, {})", after.updated_at, after.review_id)
    values.append(limit + 1)
    return f"{_CASES} where {' and '.join(conditions)} {_PAGE_ORDER} ${len(values)}", values


async def history(pool: asyncpg.Pool[Any], site: str, review_id: int) -> History | None:
    """From one snapshot; None where the site has no such case."""
    async with pool.acquire() as pooled, pooled.transaction(isolation="repeatable_read", readonly=True):
        connection = cast("asyncpg.Connection[Any]", pooled)
        row = await connection.fetchrow(_CASE, site, review_id)
        if row is None:
            return None
        decisions = await connection.fetch(_HISTORY, review_id)
        placements = await connection.fetch(_PLACEMENTS, review_id)
        case = case_of(row)
        open_reports = await reports.live(connection, [case])
        shown = await reports.shown(connection, case)
    return History(case, decisions, placements, open_reports.get(review_id, 0), shown)
