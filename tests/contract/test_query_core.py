"""The query core against a real Postgres: every question means what the reference says, row for row."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from random import Random

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.query.core.connections import Connections
from services.query.core.query import (
    EQUALITY,
    ID_FIELD,
    Compare,
    Dimension,
    Dynamic,
    Include,
    Op,
    Order,
    Page,
    Query,
    StatisticsQuery,
    Subject,
    Value,
    has_many,
)
from services.query.core.reader import PostgresReader
from tests.parts import Database
from tests.query_questions import Base, P, Questions, R, attributes, operators, values
from tests.query_reference import World, bulk_statistics
from tests.query_world import (
    PRODUCTS,
    allow_any_rows,
    world,
)


@pytest.fixture(scope="module")
async def base(module_database: Database) -> AsyncIterator[Base]:
    connection = await asyncpg.connect(module_database.dsn)
    await allow_any_rows(connection)
    connections = Connections(
        module_database.dsn,
        size=2,
        role="plaudit_query",
        may_read=("published", "access"),
        application_name="plaudit-query-test",
    )
    yield Base(connection, PostgresReader(connections))
    await connections.close()
    await connection.close()


@pytest.mark.parametrize("subject", list(Subject))
@pytest.mark.parametrize("exclusive", [False, True])
async def test_every_operator_of_every_attribute(base: Base, subject: Subject, exclusive: bool) -> None:
    random = Random(f"{subject}{exclusive}")
    rows = world(random, reviews=30, comments=20)
    site = await base.site(rows)
    reference = site.reference(exclusive, exclusive)
    asked = 0
    for attribute in attributes(subject):
        every = values(reference, subject, attribute)
        for op in operators(attribute):
            lists: list[tuple[Value | None, ...]] = [(random.choice(every),), tuple(random.choices(every, k=2))]
            if op in EQUALITY:
                lists += [(), (None,), (None, random.choice(every))]
            elif op in (Op.MATCHES, Op.NOT_MATCHES):
                some = f"{str(random.choice(every))[:1]}*"
                lists = [(some,), (str(every[-1]), some), ("*",)]
            for wanted in lists:
                conditions = (Compare(attribute, op, wanted),)
                query = Query(
                    *(subject, site.name, Page(20, random.choice((0, 0, 2))), conditions),
                    exclude_family=exclusive,
                    excludes_syndicated=exclusive,
                )
                await base.check(site, query)
                asked += 1
    assert asked > 60


@pytest.mark.parametrize("subject", list(Subject))
async def test_every_order_both_ways(base: Base, subject: Subject) -> None:
    rows = world(Random(f"orders of {subject}"), reviews=40, comments=25)
    site = await base.site(rows)
    for attribute in attributes(subject):
        if has_many(attribute):
            with pytest.raises(ValueError, match="several values"):
                Order(attribute)
            continue
        for descending in (False, True):
            order = Order(attribute, descending)
            await base.check(site, Query(subject, site.name, Page(100), (), (order,)))
            rest = (order, Order(ID_FIELD[subject], not descending))
            await base.check(site, Query(subject, site.name, Page(7, 3), (), rest, exclude_family=True))


QUESTIONS = 30


@settings(max_examples=40)
@given(st.integers(0, 2**32))
async def test_random_questions_of_random_sites(base: Base, seed: int) -> None:
    random = Random(seed)
    rows = world(random, reviews=random.choice((0, 5, 20, 35)), comments=15, families=random.random() < 0.7)
    site = await base.site(rows)
    questions = Questions(random, site)
    for _ in range(QUESTIONS):
        await base.check(site, questions.query())


@settings(max_examples=15)
@given(st.integers(0, 2**32))
async def test_counts_of_many_products_at_once(base: Base, seed: int) -> None:
    random = Random(seed)
    rows = world(random, families=random.random() < 0.7)
    site = await base.site(rows)
    questions = Questions(random, site)
    for exclude_family, native, restricted in itertools.product((False, True), repeat=3):
        query = StatisticsQuery(
            site.name,
            tuple(random.choices((*PRODUCTS, "unknown", ""), k=random.randint(0, 12))),
            questions.conditions(R, 2) if restricted else (),
            exclude_family,
            native,
        )
        assert await base.reader.statistics(query) == bulk_statistics(rows, query), query


async def test_what_nothing_restricts_has_stored_statistics_in_both_places(base: Base) -> None:
    rows = world(Random(3), reviews=40)
    site = await base.site(rows)
    query = Query(P, site.name, Page(100), statistics=True, filtered_statistics=True)
    answer = await base.reader.ask(query)
    assert answer is not None
    assert sum(row["statistics"]["review_count"] for row in answer.rows) > 20
    for row in answer.rows:
        assert row["filtered_statistics"] == row["statistics"]


async def test_unknown_sites_have_no_answer(base: Base) -> None:
    for subject in Subject:
        includes = tuple(Include(one) for one in Subject)
        assert await base.reader.ask(Query(subject, "unknown", Page(10), includes=includes, statistics=True)) is None
    assert await base.reader.statistics(StatisticsQuery("unknown", ("a",))) is None
    assert await base.reader.vocabularies("unknown") is None
    assert await base.reader.vocabularies("a\0b") is None


async def test_other_sites_rows_never_show(base: Base) -> None:
    rows, others = world(Random(5), reviews=30), world(Random(6), reviews=30)
    site = await base.site(rows)
    await base.site(others)
    every = tuple(Include(one) for one in Subject)
    for subject in Subject:
        await base.check(site, Query(subject, site.name, Page(100), includes=every, statistics=True))


async def test_names_of_dimensions_resolve_in_any_case_against_all_locales(base: Base) -> None:
    site = await base.site(World())
    for locale, vocabulary in (
        ("*", '{"context_data": [{"id": "Age", "label": "Age"}], "tags": [{"id": "Pro"}]}'),
        ("fr_FR", '{"context_data": [{"id": "Age", "label": "Âge"}], "secondary_ratings": [{"id": "Fit"}]}'),
    ):
        await base.connection.execute(
            "insert into published.vocabularies values ($1, $2, $3)", site.name, locale, vocabulary
        )
    found = await base.reader.vocabularies(site.name)
    assert found is not None
    assert found.resolve(Dimension.CONTEXT_DATA, "aGE") == Dynamic(Dimension.CONTEXT_DATA, "Age")
    assert found.resolve(Dimension.SECONDARY_RATING, "FIT") == Dynamic(Dimension.SECONDARY_RATING, "Fit")
    assert found.resolve(Dimension.TAG, "Age") is None
    assert [term.label for term in found.of("fr-fr").context_data] == ["Âge"]
    assert [term.label for term in found.of("de_DE").context_data] == ["Age"]
    # Two seconds long nobody asks again.
    await base.connection.execute("delete from published.vocabularies where site = $1", site.name)
    assert await base.reader.vocabularies(site.name) is found
