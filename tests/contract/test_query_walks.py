"""Pages that start where earlier ones ended are those that skip all rows before them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from random import Random

import asyncpg
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.query.core.connections import Connections
from services.query.core.document import Column, Document, Member, Plain
from services.query.core.query import (
    ID_FIELD,
    Compare,
    Contains,
    Field,
    Op,
    Order,
    Page,
    Query,
    ReviewQuery,
    Subject,
    has_many,
)
from services.query.core.reader import PostgresReader
from services.query.core.sql import Statement
from tests.parts import Database
from tests.query_questions import Base, C, Questions, R, attributes
from tests.query_world import PRODUCTS, allow_any_rows, world

SHOWN = Document((Member("id", Plain(Column.REVIEW_ID)),))


class Watched(Connections):
    """Keeps what was asked."""

    asked: list[Statement]

    async def fetch(self, statement: Statement, *, expensive: bool = False) -> list[asyncpg.Record]:
        self.asked.append(statement)
        return await super().fetch(statement, expensive=expensive)


@pytest.fixture(scope="module")
async def connections(module_database: Database) -> AsyncIterator[Watched]:
    opened = Watched(
        module_database.dsn,
        size=2,
        role="plaudit_query",
        may_read=("published", "access"),
        application_name="plaudit-query-test",
    )
    opened.asked = []
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def base(module_database: Database, connections: Watched) -> AsyncIterator[Base]:
    connection = await asyncpg.connect(module_database.dsn)
    await allow_any_rows(connection)
    # Every page is walked, however near.
    yield Base(connection, PostgresReader(connections, far=0))
    await connection.close()


async def publish(base: Base) -> None:
    """What the projection does in the transaction of every change."""
    await base.connection.execute(
        "insert into projection.consumer_offsets values ('projection', 'id', 'topic', 0, 1)"
        " on conflict (consumer, topic_id, partition)"
        " do update set next_offset = consumer_offsets.next_offset + 1, updated_at = now()"
    )


@pytest.mark.parametrize("subject", list(Subject))
async def test_every_order_both_ways_page_by_page(base: Base, connections: Watched, subject: Subject) -> None:
    rows = world(Random(f"walks of {subject}"), reviews=30, comments=20)
    site = await base.site(rows)
    connections.asked.clear()
    size = 7 if subject in (R, C) else 2
    for attribute in attributes(subject):
        if has_many(attribute):
            continue
        for descending in (False, True):
            order = Order(attribute, descending)
            for orders in ((order,), (order, Order(ID_FIELD[subject], not descending))):
                for offset in range(0, 4 * size, size):
                    await base.check(site, Query(subject, site.name, Page(size, offset), (), orders))
    # Pages that have rows start right after a row.
    started = [statement for statement in connections.asked if statement.arguments[2] == 0]
    assert len(started) > len(connections.asked) / 2


@settings(max_examples=25)
@given(st.integers(0, 2**32))
async def test_random_questions_page_by_page(base: Base, seed: int) -> None:
    random = Random(seed)
    rows = world(random, reviews=random.choice((0, 5, 35)), comments=15, families=random.random() < 0.7)
    site = await base.site(rows)
    questions = Questions(random, site)
    for _ in range(10):
        query = questions.query()
        for _ in range(6):
            if random.random() < 0.15:
                await publish(base)
            page = Page(random.choice((0, 1, 3, 10)), random.choice((0, 1, 2, 5, 10, 20, 100)))
            await base.check(site, replace(query, page=page))


@settings(max_examples=15)
@given(st.integers(0, 2**32))
async def test_reviews_rendered_by_postgres_page_by_page(base: Base, seed: int) -> None:
    random = Random(seed)
    rows = world(random, reviews=30)
    site = await base.site(rows)
    questions = Questions(random, site)
    for _ in range(10):
        order = questions.order(R) or (Order(Field.CREATED_AT, random.random() < 0.5),)
        conditions = questions.conditions(R, 2)
        for offset in (0, *sorted(random.choices(range(40), k=4))):
            page = Page(random.choice((1, 4, 10)), offset)
            expected = site.reference(True).ask(Query(R, site.name, page, conditions, order, exclude_family=True))
            found = await base.reader.reviews(ReviewQuery(site.name, page, conditions, order), SHOWN)
            assert found is not None
            assert found.total == expected.total
            assert _ids(found.documents) == [row["review_id"] for row in expected.rows]


def _ids(documents: str) -> Sequence[int]:
    return [document["id"] for document in orjson.loads(documents)]


async def test_what_was_published_in_between_shows(base: Base, connections: Watched) -> None:
    rows = world(Random(11), reviews=30)
    site = await base.site(rows)
    featured = Compare(Field.IS_FEATURED, Op.IN, (False,))
    query = Query(R, site.name, Page(5), (featured,))
    answer = await base.reader.ask(query)
    assert answer is not None
    await base.connection.execute(
        "update published.reviews set is_featured = true where site = $1 and review_id = $2",
        site.name,
        answer.rows[0]["review_id"],
    )
    following = replace(query, page=Page(5, 5))
    connections.asked.clear()
    stale = await base.reader.ask(following)
    assert stale is not None
    assert stale.total == answer.total
    assert len(connections.asked) == 1
    await publish(base)
    connections.asked.clear()
    fresh = await base.reader.ask(following)
    assert fresh is not None
    assert fresh.total == answer.total - 1
    assert fresh.rows[:-1] == stale.rows[1:]
    # Once to find out, which reads no row of the site, and once from the beginning.
    outdated, _ = connections.asked
    (row,) = await connections.fetch(outdated)
    assert (row["version"] != outdated.arguments[-1], row["place"], row[2]) == (True, None, None)
    again = await base.reader.ask(following)
    assert again == fresh


async def test_the_same_offsets_at_another_time_are_another_version(base: Base) -> None:
    """What a repair, or topics read anew, may lead to."""
    await publish(base)
    version = "select version from published.version"
    before = await base.connection.fetchval(version)
    assert await base.connection.fetchval(version) == before
    await base.connection.execute("update projection.consumer_offsets set updated_at = now() + interval '1 second'")
    assert await base.connection.fetchval(version) != before


async def test_near_pages_of_what_an_index_has_are_not_walked(base: Base, connections: Watched) -> None:
    site = await base.site(world(Random(12), reviews=30))
    reader = PostgresReader(connections)
    connections.asked.clear()
    near = Query(R, site.name, Page(10, 20), (Compare(Field.ENTITY_ID, Op.IN, (PRODUCTS[0],)),))
    await reader.ask(near)
    await reader.ask(replace(near, page=Page(10, 200)))
    await reader.ask(replace(near, conditions=(Contains(("fits",)),)))
    assert ["version" in statement.text for statement in connections.asked] == [False, True, True]
