"""The read model's schema on a database that is in use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from services.projection.recount import differences
from tests.parts import Database
from tests.projection_world import migration

_TABLES = """
    select table_schema || '.' || table_name || '.' || column_name
    from information_schema.columns where table_schema in ('old_projection', 'old_published') order by 1"""
_OF_THE_FIRST_VERSION = """
    insert into old_projection.reviews (site, review_id, moderated_sequence, approved_revision)
        values ('shop', 1, 1, 1), ('shop', 2, 1, 1), ('shop', 3, 1, 1);
    insert into old_published.reviews
        (site, review_id, revision, slug, entity_id, rating, title, text, author_id, locale, created_at, submitted_at,
         review_date, published_at, first_published_at, publish_count, is_featured)
    select 'shop', id, 1, 's' || id, 'shirt', 3 + id % 3, case id when 1 then 'Fits' end, null,
           case when id < 3 then 'jane' end, 'en', now(), now(), now(), now(), now(), 1, id = 2
    from generate_series(1, 3) as id;
    insert into old_published.summaries
        (site, scope, entity_id, review_count, rating_sum, ratings_1, ratings_2, ratings_3, ratings_4, ratings_5)
    values ('shop', 'entity', 'shirt', 3, 12, 0, 0, 1, 1, 1), ('shop', 'site', '', 3, 12, 0, 0, 1, 1, 1)"""


@pytest.fixture
async def connection(module_database: Database) -> AsyncIterator[asyncpg.Connection[Any]]:
    connected = await asyncpg.connect(module_database.dsn)
    await connected.execute("drop schema if exists old_projection, old_published cascade")
    yield connected
    await connected.close()


async def _apply(connection: asyncpg.Connection[Any], sql: str) -> None:
    """As dbmate does it."""
    async with connection.transaction():
        await connection.execute(sql)


async def test_what_was_published_before_is_counted(connection: asyncpg.Connection[Any]) -> None:
    await _apply(connection, migration("old_", number="0001"))
    await _apply(connection, _OF_THE_FIRST_VERSION)
    await _apply(connection, migration("old_", number="0002"))
    await _apply(connection, migration("old_", number="0004"))
    assert await differences(connection, "old_projection", "old_published") == []
    rows = await connection.fetch("select submission_id, is_ratings_only from old_published.reviews order by review_id")
    assert [tuple(row) for row in rows] == [("r1", False), ("r2", True), ("r3", True)]
    assert await connection.fetch("select author_id, review_count from old_published.authors") == [("jane", 2)]
    site = await connection.fetchrow("select * from old_published.summaries where scope = 'site'")
    assert site is not None
    assert (site["featured_count"], site["ratings_only_count"]) == (1, 2)
    assert (site["native_count"], site["native_rating_sum"]) == (3, 12)


async def test_it_goes_back_and_forth(connection: asyncpg.Connection[Any]) -> None:
    await _apply(connection, migration("old_", number="0001"))
    await _apply(connection, _OF_THE_FIRST_VERSION)
    found = [await connection.fetch(_TABLES)]
    for number in ("0002", "0003", "0004"):
        await _apply(connection, migration("old_", number=number))
        found.append(await connection.fetch(_TABLES))
    for place, number in ((2, "0004"), (1, "0003"), (0, "0002")):
        await _apply(connection, migration("old_", number=number, down=True))
        assert await connection.fetch(_TABLES) == found[place]
    for number in ("0002", "0003", "0004"):
        await _apply(connection, migration("old_", number=number))
    assert await connection.fetch(_TABLES) == found[-1]
    assert await differences(connection, "old_projection", "old_published") == []
