"""The core against a real Postgres: what the role may read, and that SQL means what the query's words say."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import asyncpg
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.query.core.connections import Connections, TooBusy, TooSlow, Unreachable, WrongRole
from services.query.core.document import Column, Document, FirstReply, Member, Milliseconds, Plain
from services.query.core.query import (
    AnyOf,
    Attribute,
    Compare,
    Condition,
    Contains,
    Field,
    Op,
    Order,
    Page,
    ReviewQuery,
    Value,
)
from services.query.core.reader import PostgresReader
from services.query.core.sql import Statement, reviews_statement
from tests.parts import Database
from tests.query_world import count_summaries

START = datetime(2026, 1, 1, tzinfo=UTC)
SHOWN = Document((Member("id", Plain(Column.REVIEW_ID)), Member("name", Plain(Column.AUTHOR_NAME), optional=True)))


@pytest.fixture(scope="module")
def query_postgres(module_database: Database) -> str:
    """DSN of the owner of a database with all schemas."""
    return module_database.dsn


class Row(NamedTuple):
    review_id: int
    entity_id: str
    entity_name: str | None
    rating: int
    title: str | None
    text: str | None
    author_name: str | None
    locale: str
    created_at: datetime
    review_date: datetime
    is_featured: bool
    display_order: int | None

    @property
    def slug(self) -> str:
        return f"r-{self.review_id}"


_AUTHORS = ("Anna", "anna", "Émile", "Zoë", "bob", None)
_TEXTS = ("It fits well", "100% wool_mix", "back\\slash", "Größe passt", None)
_LOCALES = ("en", "en-GB", "EN-us", "de", "pt_BR", "enx")
ROWS = [
    Row(
        1000 + number,
        ("", "a", "b")[number % 3],
        (None, "Shirt", "b")[number // 3 % 3],
        1 + number * 7 % 5,
        ("Fits", "Wool", None)[number % 3],
        _TEXTS[number * 3 % 5],
        _AUTHORS[number * 5 % 6],
        _LOCALES[number * 11 % 6],
        # Several at the same moment, so that ties have to be broken.
        START + timedelta(days=number // 4),
        START - timedelta(days=number * 13 % 9),
        number % 4 == 0,
        (None, 3, 1, None, 2)[number % 5],
    )
    for number in range(60)
]
OTHER_SITE = Row(5000, "a", None, 1, "Elsewhere", "Never seen", "Anna", "en", START, START, True, 1)


async def _fill(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        for site, rows in (("shop", ROWS), ("other", [OTHER_SITE])):
            await connection.execute("insert into published.sites values ($1, 1, 'Name', true, '{}')", site)
            for row in rows:
                await connection.execute(
                    "insert into projection.reviews (site, review_id, moderated_sequence, approved_revision)"
                    " values ($1, $2, 1, 1)",
                    site,
                    row.review_id,
                )
                await connection.execute(
                    "insert into published.reviews values ($1, $2, 1, $3, $4, $5, $6, $7, $8, null, $9, null, $10, $11,"
                    " $11, $12, $11, $11, 1, $13, $14)",
                    *(site, row.review_id, row.slug, row.entity_id, row.entity_name, row.rating, row.title, row.text),
                    *(row.author_name, row.locale, row.created_at, row.review_date, row.is_featured, row.display_order),
                )
        await count_summaries(connection)
    await connection.close()


def connections(dsn: str, size: int = 2, role: str = "plaudit_query", timeout: float = 5.0) -> Connections:
    return Connections(
        dsn,
        size=size,
        role=role,
        may_read=("published", "access"),
        application_name="plaudit-query-test",
        statement_timeout_seconds=timeout,
        wait_seconds=0.3,
    )


@pytest.fixture(scope="module")
async def reader(query_postgres: str) -> AsyncIterator[PostgresReader]:
    await _fill(query_postgres)
    opened = connections(query_postgres)
    yield PostgresReader(opened)
    await opened.close()


# Of a view Postgres says first that nobody can write to it.
_FORBIDDEN = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.WrongObjectTypeError,
)


async def test_the_role_reads_published_and_keys_and_nothing_else(query_postgres: str) -> None:
    connection = await asyncpg.connect(query_postgres)
    tables = await connection.fetch(
        "select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'v', 'm', 'p', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
    )
    found = {(row["schema"], row["name"]) for row in tables}
    assert {schema for schema, _ in found} >= {"published", "projection", "intake", "moderation", "access"}
    await connection.execute("set role plaudit_query")
    readable = set()
    for schema, name in found:
        try:
            await connection.execute(f'select from "{schema}"."{name}" limit 0')
            readable.add((schema, name))
        except asyncpg.InsufficientPrivilegeError:
            pass
        for attempt in ("delete from", "insert into", "truncate"):
            with pytest.raises(_FORBIDDEN):
                await connection.execute(
                    f'{attempt} "{schema}"."{name}"' + (" default values" if attempt == "insert into" else "")
                )
    assert readable == {table for table in found if table[0] == "published"} | {
        ("access", "api_keys"),
        ("access", "pass_keys"),
    }
    await connection.close()


async def test_sessions_have_that_role_and_cannot_write(query_postgres: str) -> None:
    opened = connections(query_postgres)
    (row,) = await opened.fetch(Statement("select current_user, current_setting('transaction_read_only')", []))
    assert tuple(row) == ("plaudit_query", "on")
    await opened.close()


async def test_a_role_that_may_read_more_is_refused(query_postgres: str) -> None:
    opened = connections(query_postgres, role="plaudit_moderation")
    with pytest.raises(WrongRole, match="moderation"):
        await opened.fetch(Statement("select 1", []))
    await opened.close()


async def test_a_connection_that_broke_is_replaced(query_postgres: str) -> None:
    opened = connections(query_postgres, size=1)
    (before,) = await opened.fetch(Statement("select pg_backend_pid()", []))
    admin = await asyncpg.connect(query_postgres)
    await admin.execute("select pg_terminate_backend($1)", before[0])
    (after,) = await opened.fetch(Statement("select pg_backend_pid()", []))
    assert after[0] != before[0]
    await admin.close()
    await opened.close()


async def test_statements_survive_a_table_that_was_replaced(query_postgres: str) -> None:
    admin = await asyncpg.connect(query_postgres)
    await admin.execute("create table published.probe (one integer)")
    await admin.execute("grant select on published.probe to plaudit_query")
    opened = connections(query_postgres, size=1)
    statement = Statement("select * from published.probe", [])
    await opened.fetch(statement)
    await admin.execute("alter table published.probe add two text")
    await admin.execute("insert into published.probe values (1, 'x')")
    assert [tuple(row) for row in await opened.fetch(statement)] == [(1, "x")]
    await admin.execute("drop table published.probe")
    await admin.close()
    await opened.close()


async def test_a_statement_that_takes_too_long_is_ended(query_postgres: str) -> None:
    opened = connections(query_postgres, size=1, timeout=0.1)
    with pytest.raises(TooSlow):
        await opened.fetch(Statement("select pg_sleep(10)", []))
    assert len(await opened.fetch(Statement("select 1", []))) == 1
    await opened.close()


async def test_callers_wait_for_a_connection_only_so_long(query_postgres: str) -> None:
    opened = connections(query_postgres, size=1)
    slow = asyncio.ensure_future(opened.fetch(Statement("select pg_sleep(1)", [])))
    await asyncio.sleep(0.05)
    with pytest.raises(TooBusy):
        await opened.fetch(Statement("select 1", []))
    await slow
    assert len(await opened.fetch(Statement("select 1", []))) == 1
    await opened.close()


async def test_expensive_reads_leave_connections_to_the_others(query_postgres: str) -> None:
    opened = connections(query_postgres, size=4)
    slow = asyncio.ensure_future(opened.fetch(Statement("select pg_sleep(0.6)", []), expensive=True))
    await asyncio.sleep(0.05)
    with pytest.raises(TooBusy):
        await opened.fetch(Statement("select 1", []), expensive=True)
    for _ in range(3):
        assert len(await opened.fetch(Statement("select 1", []))) == 1
    assert not slow.done()
    await slow
    for _ in range(2):
        assert len(await opened.fetch(Statement("select 1", []), expensive=True)) == 1
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await opened.fetch(Statement("no sql", []), expensive=True)
    assert len(await opened.fetch(Statement("select 1", []), expensive=True)) == 1
    await opened.close()


async def test_a_cancelled_read_gives_its_connection_back(query_postgres: str) -> None:
    opened = connections(query_postgres, size=1)
    await opened.fetch(Statement("select 1", []))
    slow = asyncio.ensure_future(opened.fetch(Statement("select pg_sleep(5)", [])))
    await asyncio.sleep(0.05)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert len(await opened.fetch(Statement("select 1", []))) == 1
    await opened.close()


async def test_a_server_that_is_not_there() -> None:
    opened = connections("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unreachable):
        await opened.fetch(Statement("select 1", []))
    await opened.close()


def value_of(row: Row, field: Attribute) -> Value | None:
    assert isinstance(field, Field)
    value: Value | None = getattr(row, field.value)
    return value


# What Lynkow asks for; the rest has a reference of its own.
ASKED = (
    Field.REVIEW_ID,
    Field.ENTITY_ID,
    Field.ENTITY_NAME,
    Field.SLUG,
    Field.RATING,
    Field.AUTHOR_NAME,
    Field.LOCALE,
    Field.IS_FEATURED,
    Field.DISPLAY_ORDER,
    Field.CREATED_AT,
    Field.REVIEW_DATE,
)


def holds(condition: Condition, row: Row) -> bool:
    """The words of the query, read a second time in Python."""
    match condition:
        case AnyOf():
            return any(holds(one, row) for one in condition.comparisons)
        case Contains():
            parts = [part.lower() for part in (row.title, row.text, row.author_name) if part is not None]
            return all(any(word.lower() in part for part in parts) for word in condition.words)
    value, wanted = value_of(row, condition.field), condition.values
    if condition.op is Op.IN_LANGUAGE:
        tag = row.locale.lower().replace("_", "-")
        ranges = [str(one).lower().replace("_", "-") for one in wanted]
        return any(tag == one or tag.startswith(f"{one}-") for one in ranges)
    if condition.op is Op.IN:
        return value in wanted
    if condition.op is Op.NOT_IN:
        return value not in wanted
    if value is None:
        return False
    first = wanted[0]
    if condition.op is Op.AT_LEAST:
        return value >= first  # type: ignore[operator]  # both are of the field's kind
    if condition.op is Op.BELOW:
        return value < first  # type: ignore[operator]  # both are of the field's kind
    return value <= first  # type: ignore[operator]  # both are of the field's kind


# Bounds of text depend on the database's own collation, and no dialect asks for them.
_BOUNDED = (Field.REVIEW_ID, Field.RATING, Field.DISPLAY_ORDER, Field.CREATED_AT, Field.REVIEW_DATE)


def values(field: Field) -> st.SearchStrategy[Value]:
    present = sorted({value for row in ROWS if (value := value_of(row, field)) is not None}, key=str)
    return st.sampled_from(present)


@st.composite
def comparisons(draw: st.DrawFn) -> Compare:
    field = draw(st.sampled_from(ASKED))
    ops = [Op.IN, Op.NOT_IN, *((Op.AT_LEAST, Op.BELOW, Op.AT_MOST) if field in _BOUNDED else ())]
    if field is Field.LOCALE:
        ops.append(Op.IN_LANGUAGE)
    op = draw(st.sampled_from(ops))
    many = op in (Op.IN, Op.NOT_IN, Op.IN_LANGUAGE)
    return Compare(
        field, op, tuple(draw(st.lists(values(field), min_size=0 if many else 1, max_size=3 if many else 1)))
    )


conditions = st.one_of(
    comparisons(),
    st.lists(comparisons(), min_size=1, max_size=2).map(lambda found: AnyOf(tuple(found))),
    st.lists(
        st.sampled_from(["fits", "WOOL", "100%", "%", "_", "\\", "größe", "anna", "well Fits"]), min_size=1, max_size=2
    ).map(lambda words: Contains(tuple(words))),
)
_SORTABLE = (Field.CREATED_AT, Field.RATING, Field.DISPLAY_ORDER, Field.REVIEW_DATE)
orders = st.lists(st.builds(Order, st.sampled_from(_SORTABLE), st.booleans()), min_size=1, max_size=2)


def expected(query: ReviewQuery) -> list[int]:
    rows = [row for row in ROWS if all(holds(condition, row) for condition in query.conditions)]
    rows.sort(key=lambda row: row.review_id, reverse=query.order[0].descending)
    for order in reversed(query.order):
        filled = [row for row in rows if value_of(row, order.field) is not None]
        empty = [row for row in rows if value_of(row, order.field) is None]
        filled.sort(key=lambda row: value_of(row, order.field), reverse=order.descending)  # type: ignore[arg-type,return-value]  # nulls are out
        # A reversed sort keeps equal ones in their order, as a stable sort does.
        rows = filled + empty
    return [row.review_id for row in rows]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(conditions, max_size=3), orders, st.integers(0, 25), st.integers(0, 70))
async def test_sql_means_what_the_query_says(
    reader: PostgresReader, found: list[Condition], order: list[Order], limit: int, offset: int
) -> None:
    query = ReviewQuery("shop", Page(limit, offset), tuple(found), tuple(order))
    page = await reader.reviews(query, SHOWN)
    assert page is not None
    ids = expected(query)
    assert page.total == len(ids)
    assert [review["id"] for review in orjson.loads(page.documents)] == ids[offset : offset + limit]


async def test_names_are_in_the_order_of_people_with_the_nameless_last(reader: PostgresReader) -> None:
    for descending, names in (
        (False, ["anna", "bob", "émile", "zoë", None]),
        (True, ["zoë", "émile", "bob", "anna", None]),
    ):
        page = await reader.reviews(
            ReviewQuery("shop", Page(100), (), (Order(Field.AUTHOR_NAME, descending, alphabetical=True),)), SHOWN
        )
        assert page is not None
        assert (
            list(dict.fromkeys(review.get("name", "").lower() or None for review in orjson.loads(page.documents)))
            == names
        )


async def test_the_newest_page_comes_from_the_index(query_postgres: str, reader: PostgresReader) -> None:
    connection = await asyncpg.connect(query_postgres)
    async with connection.transaction():
        await connection.execute("set local enable_seqscan = off")
        plan = await connection.fetch(
            "explain select review_id from published.reviews r where r.site = 'shop'"
            " order by r.created_at desc, r.review_id desc limit 20"
        )
    text = "\n".join(row[0] for row in plan)
    assert "reviews_newest" in text
    assert "Sort" not in text
    await connection.close()


async def test_a_product_comes_from_indexes_by_id_or_by_name(query_postgres: str, reader: PostgresReader) -> None:
    either = AnyOf((Compare(Field.ENTITY_ID, Op.IN, ("e7",)), Compare(Field.ENTITY_NAME, Op.IN, ("e7",))))
    statement = reviews_statement("published", SHOWN, ReviewQuery("shop", Page(20), (either,)))
    connection = await asyncpg.connect(query_postgres)
    transaction = connection.transaction()
    await transaction.start()
    # Of sixty rows a scan is quickest. These are gone before anybody asks whether they are approved.
    await connection.execute(
        "insert into published.reviews select 'shop', n, 1, 'r', 'e' || n % 500, 'name ' || n % 500, 5, null, null,"
        " null, null, null, 'en', t, t, t, t, t, 1, false, null"
        " from generate_series(10000, 14999) n, lateral (select timestamptz '2026-01-01' + n * interval '1 s') _ (t)"
    )
    await connection.execute("analyze published.reviews")
    plan = await connection.fetch(f"explain {statement.text}", *statement.arguments)
    await transaction.rollback()
    await connection.close()
    text = "\n".join(row[0] for row in plan)
    for index in ("reviews_of_entity(_dated|_helpful|_rated)?", "reviews_of_entity_name"):
        assert len(re.findall(f"Bitmap Index Scan on {index} ", text)) == 2, text


async def test_summaries(reader: PostgresReader) -> None:
    for entity in (None, "", "a", "b", "unknown"):
        rows = [row for row in ROWS if entity is None or row.entity_id == entity]
        summary = await reader.summary("shop", entity)
        assert summary is not None
        assert summary.review_count == len(rows)
        assert summary.ratings == tuple(sum(row.rating == stars for row in rows) for stars in range(1, 6))
        assert summary.average == (sum(row.rating for row in rows) / len(rows) if rows else None)


async def test_unknown_sites_and_reviews(reader: PostgresReader) -> None:
    for site in ("unknown", "", "sh\0op"):
        assert await reader.site(site) is None
        assert await reader.summary(site, None) is None
        assert await reader.review(site, 1000, SHOWN) is None
    assert await reader.reviews(ReviewQuery("unknown", Page(20)), SHOWN) is None
    for review_id in (1, 0, -5, 2**70):
        found = await reader.review("shop", review_id, SHOWN)
        assert found is None or found.document is None
    # Another site's review does not show under its id either.
    elsewhere = await reader.review("shop", OTHER_SITE.review_id, SHOWN)
    assert elsewhere is not None
    assert elsewhere.document is None


_TRICKY = st.text(
    st.one_of(st.sampled_from('",:\\{}[] \n'), st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_TRICKY | st.sampled_from(['x,"name":null', ',"reply":null}', '","name":null,"', "\\"]), st.booleans())
async def test_documents_say_any_text_exactly(
    query_postgres: str, reader: PostgresReader, text: str, named: bool
) -> None:
    shown = Document(
        (
            Member("id", Plain(Column.REVIEW_ID)),
            Member("title", Plain(Column.TITLE)),
            Member("name", Plain(Column.AUTHOR_NAME), optional=True),
            Member("text", Plain(Column.TEXT, otherwise="it's empty")),
            Member("at", Milliseconds(Column.CREATED_AT)),
            Member("reply", FirstReply("says", "when"), optional=True),
        )
    )
    admin = await asyncpg.connect(query_postgres)
    async with admin.transaction():
        await admin.execute(
            "insert into projection.reviews (site, review_id, moderated_sequence, approved_revision)"
            " values ('other', 6000, 1, 1) on conflict do nothing"
        )
        await admin.execute("delete from published.reviews where review_id = 6000")
        reply = [{"slot": 1, "text": text, "author_name": None, "posted_at": "2026-01-01T00:00:00.0019Z"}]
        await admin.execute(
            "insert into published.reviews values ('other', 6000, 1, 's', '', null, 5, $1, null, null, $2, null, 'en',"
            " $3, $3, $3, $3, $3, 1, false, null, $4)",
            *(text, text if named else None, START + timedelta(microseconds=120_999)),
            orjson.dumps(reply).decode() if named else "[]",
        )
    await admin.close()
    expected_document = {
        "id": 6000,
        "title": text,
        **({"name": text} if named else {}),
        "text": "it's empty",
        "at": "2026-01-01T00:00:00.120+00:00",
        **({"reply": {"says": text, "when": "2026-01-01T00:00:00.001+00:00"}} if named else {}),
    }
    single = await reader.review("other", 6000, shown)
    assert single is not None
    assert orjson.loads(single.document or "") == expected_document
    page = await reader.reviews(ReviewQuery("other", Page(5), (Compare(Field.REVIEW_ID, Op.IN, (6000,)),)), shown)
    assert page is not None
    assert orjson.loads(page.documents) == [expected_document]


def test_names_of_members_are_plain_words() -> None:
    for bad in ('a"b', "a'b", "", "a b"):
        with pytest.raises(ValueError, match="name"):
            Member(bad, Plain(Column.SLUG))
        with pytest.raises(ValueError, match="name"):
            Member("reply", FirstReply(bad, "when"))
    with pytest.raises(ValueError, match="first"):
        Document((Member("id", Plain(Column.REVIEW_ID), optional=True),))
