"""Plans of the main queries: what they cost must not grow with the site, with statistics of the tables or without."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import asyncpg
import orjson
import pytest

from services.query.core.query import Compare, Field, Include, Op, Order, Page, Query, Subject
from services.query.core.sql import query_statement
from services.query.core.walks import Known, Place
from tests.parts import Database
from tests.query_world import allow_any_rows, count_summaries

R, C, P, A = Subject.REVIEWS, Subject.COMMENTS, Subject.PRODUCTS, Subject.AUTHORS
_BIG = ("reviews", "comments", "products", "subjects", "summaries", "authors", "distributions", "category_ancestors")

_FILL = """
    insert into published.sites values ('shop', 1, 'Shop', true, '{}');
    insert into published.reviews (site, review_id, revision, slug, entity_id, rating, text, author_id, locale,
        created_at, submitted_at, review_date, published_at, first_published_at, publish_count, is_featured,
        context_data, comment_count)
    select 'shop', n, 1, 'r', 'p' || n % 400, 1 + n % 5, repeat('It fits. ', 20), 'a' || n % 1500, 'en', t, t, t, t, t,
        1, false, '{"Age": "18-24"}', 1
    from generate_series(1, 12000) n,
        lateral (select timestamptz '2026-01-01' + (n * 7919 % 100000) * interval '1 min') _ (t);
    insert into published.comments (site, comment_id, review_id, revision, text, author_id, locale, comment_date,
        submitted_at, published_at, submission_id, is_featured)
    select 'shop', 100000 + n, 1 + n % 4000, 1, 'Yes', 'a' || n % 1500, 'en', t, t, t, 'c', false
    from generate_series(1, 8000) n, lateral (select timestamptz '2026-01-01' + n * interval '1 min') _ (t);
    insert into published.products (site, product_id, name, category_id, family_ids)
    select 'shop', 'p' || n, 'Product', 'c' || n % 50, case when n % 10 = 0 then array['f' || n / 30] else '{}' end
    from generate_series(0, 4000) n;
    insert into published.distributions
    select site, entity_id, 'context data', 'Age', '18-24', count(*) from published.reviews group by site, entity_id;
    insert into published.authors
    select site, author_id, count(*), 0 from published.reviews group by site, author_id;
"""


class Tables(NamedTuple):
    connection: asyncpg.Connection[asyncpg.Record]
    analysed: bool


@pytest.fixture(scope="module")
async def filled(module_database: Database) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(module_database.dsn)
    # Nobody analyses the tables behind the test's back.
    for table in _BIG:
        if table != "subjects":
            await connection.execute(f"alter table published.{table} set (autovacuum_enabled = false)")
    await allow_any_rows(connection)
    await connection.execute(_FILL)
    await count_summaries(connection)
    await connection.execute(
        "update published.summaries set native_count = review_count, native_rating_sum = rating_sum"
    )
    await connection.execute("set role plaudit_query")
    await connection.execute("set jit = off")
    yield connection
    await connection.close()


@pytest.fixture(scope="module", params=["never analysed", "analysed"])
async def tables(request: pytest.FixtureRequest, filled: asyncpg.Connection[asyncpg.Record]) -> Tables:
    analysed = request.param == "analysed"
    if analysed:
        await filled.execute("reset role")
        await filled.execute("analyze")
        await filled.execute("set role plaudit_query")
    return Tables(filled, analysed)


PRODUCT = Compare(Field.ENTITY_ID, Op.IN, ("p30",))
NEWEST = Page(10)
EVERYTHING = tuple(Include(subject) for subject in Subject)
QUESTIONS = {
    "newest of a product": Query(R, "shop", NEWEST, (PRODUCT,)),
    "newest of a product, later page": Query(R, "shop", Page(10, 20), (PRODUCT,)),
    "oldest of a product": Query(R, "shop", NEWEST, (PRODUCT,), (Order(Field.REVIEW_DATE),)),
    "with its statistics": Query(R, "shop", NEWEST, (PRODUCT,), includes=(Include(P),), statistics=True),
    "with all there is": Query(R, "shop", NEWEST, (PRODUCT,), includes=EVERYTHING, statistics=True),
    "of a product in a language": Query(*(R, "shop", NEWEST, (PRODUCT, Compare(Field.LOCALE, Op.MATCHES, ("en*",))))),
    "five stars of a product": Query(R, "shop", NEWEST, (PRODUCT, Compare(Field.RATING, Op.IN, (5,)))),
    "most helpful of a product": Query(
        *(R, "shop", NEWEST, (PRODUCT,), (Order(Field.HELPFULNESS, True), Order(Field.REVIEW_DATE, True)))
    ),
    "best rated of a product": Query(
        *(R, "shop", NEWEST, (PRODUCT,), (Order(Field.RATING, True), Order(Field.REVIEW_DATE, True)))
    ),
    "worst rated of a product": Query(R, "shop", NEWEST, (PRODUCT,), (Order(Field.RATING),)),
    "newest of some products": Query(R, "shop", NEWEST, (Compare(Field.ENTITY_ID, Op.IN, ("p1", "p2", "p30")),)),
    "newest of the site": Query(R, "shop", NEWEST),
    "newest of the site with all there is": Query(R, "shop", NEWEST, includes=EVERYTHING, statistics=True),
    "by author": Query(R, "shop", NEWEST, (Compare(Field.AUTHOR_ID, Op.IN, ("a7",)),)),
    "by id": Query(R, "shop", NEWEST, (Compare(Field.REVIEW_ID, Op.IN, (7, 8)),)),
    "comments of a review": Query(C, "shop", NEWEST, (Compare(Field.REVIEW_ID, Op.IN, (7,)),), includes=EVERYTHING),
    "comments by author": Query(C, "shop", NEWEST, (Compare(Field.AUTHOR_ID, Op.IN, ("a7",)),)),
    "statistics of products": Query(
        *(P, "shop", Page(100), (Compare(Field.PRODUCT_ID, Op.IN, ("p1", "p2", "p30")),)), statistics=True
    ),
    "products with all there is": Query(
        *(P, "shop", Page(100), (Compare(Field.PRODUCT_ID, Op.IN, ("p1", "p30")),)),
        includes=EVERYTHING,
        statistics=True,
    ),
    "an author with all there is": Query(
        *(A, "shop", NEWEST, (Compare(Field.AUTHOR_ID, Op.IN, ("a7",)),)), includes=EVERYTHING, statistics=True
    ),
}


DEEP = Page(10, 6000)
DEEP_QUESTIONS = {
    "newest of the site": Query(R, "shop", DEEP),
    "oldest of the site": Query(R, "shop", DEEP, (), (Order(Field.CREATED_AT),)),
    "featured ones or not": Query(R, "shop", DEEP, (Compare(Field.IS_FEATURED, Op.IN, (False,)),)),
}


async def explain(tables: Tables, query: Query, options: str = "", known: Known | None = None) -> dict[str, Any]:
    statement, _ = query_statement("published", query, walked=known is not None, known=known)
    text = await tables.connection.fetchval(f"explain ({options}format json) {statement.text}", *statement.arguments)
    plan: dict[str, Any] = orjson.loads(text)[0]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("question", QUESTIONS)
async def test_no_main_question_reads_a_whole_table(tables: Tables, question: str, mode: str) -> None:
    query = QUESTIONS[question]
    await tables.connection.execute(f"set plan_cache_mode = {mode}")
    plan = (await explain(tables, query, "analyze, timing off, "))["Plan"]
    # A product has 30 reviews here, a family 90, and the site 12,000.
    reads_at_most(plan, 600)


def reads_at_most(plan: dict[str, Any], rows: int) -> None:
    for node in nodes(plan):
        loops = node["Actual Loops"]
        if node.get("Relation Name") in _BIG:
            assert node["Node Type"] != "Seq Scan", node
            filtered = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            assert (node["Actual Rows"] + filtered) * loops <= rows, node
        if "Sort" in node["Node Type"]:
            assert node["Actual Rows"] * loops <= 300, node


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("question", DEEP_QUESTIONS)
async def test_a_deep_page_starts_where_the_one_before_ended(tables: Tables, question: str, mode: str) -> None:
    query = DEEP_QUESTIONS[question]
    await tables.connection.execute(f"set plan_cache_mode = {mode}")
    before = Page(10, query.page.offset - 10)
    statement, _ = query_statement("published", replace(query, page=before), walked=True)
    row = await tables.connection.fetchrow(statement.text, *statement.arguments)
    assert row is not None
    *_, count, key, review_id = row.values()
    assert count == 10
    known = Known("", 12000, Place(query.page.offset, (key, review_id)))
    plan = (await explain(tables, query, "analyze, timing off, ", known))["Plan"]
    reads_at_most(plan, 600)


async def test_unfiltered_totals_are_stored(tables: Tables) -> None:
    await tables.connection.execute("set plan_cache_mode = auto")
    for question in (
        "newest of the site",
        "newest of a product",
        "of a product in a language",
        "five stars of a product",
        "newest of some products",
    ):
        statement, _ = query_statement("published", QUESTIONS[question])
        assert "count(*)" not in statement.text, question
        row = await tables.connection.fetchrow(statement.text, *statement.arguments)
        assert row is not None
        assert row[1] == {"newest of the site": 12000, "newest of some products": 150}.get(question, row[1])
