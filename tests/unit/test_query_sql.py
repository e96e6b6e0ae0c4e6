from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from services.query.core.cost import is_expensive
from services.query.core.document import Column, Document, Member, Plain
from services.query.core.query import (
    FIELDS,
    KINDS,
    AnyOf,
    Compare,
    Condition,
    Contains,
    Field,
    Kind,
    Op,
    Order,
    Page,
    ReviewQuery,
    Subject,
    Value,
)
from services.query.core.sql import reviews_statement, summary_statement

SHOWN = Document((Member("id", Plain(Column.REVIEW_ID)),))
HOSTILE = "x'; drop table published.reviews; --"
SAMPLES: dict[Kind, Value] = {
    Kind.INTEGER: 987654321,
    Kind.NUMBER: 98765.5,
    Kind.TEXT: HOSTILE,
    Kind.BOOLEAN: True,
    Kind.TIME: datetime(2024, 1, 1, tzinfo=UTC),
}


def text(*conditions: Condition, order: tuple[Order, ...] = (Order(Field.CREATED_AT, True),)) -> str:
    return reviews_statement("published", SHOWN, ReviewQuery("shop", Page(20), conditions, order)).text


@pytest.mark.parametrize("field", sorted(FIELDS[Subject.REVIEWS]))
@pytest.mark.parametrize("op", list(Op))
def test_values_are_parameters_and_equal_shapes_have_one_text(field: Field, op: Op) -> None:
    if op is Op.IN_LANGUAGE and field is not Field.LOCALE:
        with pytest.raises(ValueError, match="is for locale"):
            Compare(field, op, (HOSTILE,))
        return
    sample = SAMPLES[KINDS[field]]
    if op in (Op.MATCHES, Op.NOT_MATCHES) and KINDS[field] is not Kind.TEXT:
        with pytest.raises(ValueError, match="is for text"):
            Compare(field, op, (sample,))
        return
    statement = reviews_statement("published", SHOWN, ReviewQuery(HOSTILE, Page(20), (Compare(field, op, (sample,)),)))
    assert "drop" not in statement.text
    assert "987654321" not in statement.text
    again = reviews_statement("published", SHOWN, ReviewQuery("other", Page(5, 9), (Compare(field, op, (sample,)),)))
    assert again.text is statement.text


def test_each_argument_has_its_parameter() -> None:
    conditions = (
        Contains(("a", "b")),
        AnyOf((Compare(Field.ENTITY_ID, Op.IN, ("x",)), Compare(Field.ENTITY_NAME, Op.IN, ("x",)))),
        Compare(Field.RATING, Op.AT_LEAST, (2,)),
        Compare(Field.LOCALE, Op.IN_LANGUAGE, ("pt_BR",)),
    )
    statement = reviews_statement("published", SHOWN, ReviewQuery("shop", Page(20), conditions))
    used = {int(number) for number in re.findall(r"\$(\d+)", statement.text)}
    assert used == set(range(1, len(statement.arguments) + 1))
    assert ["pt-br"] in statement.arguments


def test_the_order_of_conditions_makes_no_other_statement() -> None:
    one, two = Compare(Field.RATING, Op.IN, (5,)), Compare(Field.IS_FEATURED, Op.IN, (True,))
    assert text(one, two) is text(two, one)


def test_totals_are_stored_ones_where_the_filter_allows() -> None:
    assert "scope = 'site'" in text()
    for condition in (Compare(Field.ENTITY_ID, Op.IN, ("x",)), Compare(Field.ENTITY_ID, Op.IN, ("x", "y"))):
        assert "scope = 'entity'" in text(condition)
        assert "count(*)" not in text(condition)
    assert "count(*)" not in text(Compare(Field.RATING, Op.IN, (5,)))
    for condition in (Compare(Field.ENTITY_ID, Op.NOT_IN, ("x",)), Compare(Field.IS_FEATURED, Op.IN, (True,))):
        assert "count(*)" in text(condition)
        assert "summaries" not in text(condition)


PRODUCT = AnyOf((Compare(Field.ENTITY_ID, Op.IN, ("x",)), Compare(Field.ENTITY_NAME, Op.IN, ("x",))))
IDS = Compare(Field.REVIEW_ID, Op.IN, (1, 2))
STARS = Compare(Field.RATING, Op.IN, (5,))
NEWEST, BEST = Order(Field.CREATED_AT, True), Order(Field.RATING, True)


@pytest.mark.parametrize(
    ("conditions", "order", "offset", "expensive"),
    [
        ((), NEWEST, 0, False),
        ((), Order(Field.CREATED_AT), 0, False),
        ((), NEWEST, 10_000, False),
        ((), NEWEST, 10_001, True),
        ((), BEST, 0, True),
        ((PRODUCT,), NEWEST, 0, False),
        ((PRODUCT, STARS), NEWEST, 0, False),
        ((PRODUCT,), BEST, 0, True),
        ((PRODUCT, Contains(("a",))), NEWEST, 0, True),
        ((Compare(Field.ENTITY_ID, Op.IN, ("x",)),), NEWEST, 0, False),
        ((Compare(Field.ENTITY_ID, Op.NOT_IN, ("x",)),), NEWEST, 0, True),
        ((STARS,), NEWEST, 0, True),
        ((Contains(("a",)),), NEWEST, 0, True),
        ((IDS,), NEWEST, 0, False),
        ((IDS, Contains(("a",))), BEST, 0, False),
        ((Compare(Field.REVIEW_ID, Op.NOT_IN, (1,)),), NEWEST, 0, True),
    ],
)
def test_what_grows_with_the_site_is_expensive(
    conditions: tuple[Condition, ...], order: Order, offset: int, expensive: bool
) -> None:
    assert is_expensive(ReviewQuery("shop", Page(20, offset), conditions, (order,))) is expensive


@pytest.mark.parametrize("query", [ReviewQuery("shop", Page(20, 1000)), ReviewQuery("shop", Page(20), (), (BEST,))])
def test_documents_of_skipped_rows_are_not_made(query: ReviewQuery) -> None:
    ids, _, documents = reviews_statement("published", SHOWN, query).text.partition(") select s.enabled")
    assert "json" not in ids
    assert "row_to_json" in documents


def order_by(*order: Order) -> str:
    return text(order=order).partition(" order by ")[2].partition(" limit")[0]


def test_orders() -> None:
    assert order_by(Order(Field.CREATED_AT, True)) == "r.created_at desc, r.review_id desc"
    assert order_by(Order(Field.DISPLAY_ORDER)) == "r.display_order nulls last, r.review_id"
    assert order_by(Order(Field.DISPLAY_ORDER, True)) == "r.display_order desc nulls last, r.review_id desc"
    by_name = 'normalize(lower(r.author_name), nfkd) collate "C" nulls last, r.review_id'
    assert order_by(Order(Field.AUTHOR_NAME, alphabetical=True)) == by_name
    assert order_by(Order(Field.AUTHOR_NAME)) == 'r.author_name collate "C" nulls last, r.review_id'
    assert order_by(Order(Field.REVIEW_ID, True)) == "r.review_id desc"


@pytest.mark.parametrize("value", [True, "5", 2**63, 4.5])
def test_values_of_another_type_are_refused(value: Value) -> None:
    with pytest.raises(ValueError, match=r"a (value|number) must"):
        Compare(Field.RATING, Op.IN, (value,))


def test_what_postgres_cannot_hold_is_refused() -> None:
    for bad in ("a\0b", "\ud800"):
        with pytest.raises(ValueError, match="NUL"):
            Contains((bad,))
    with pytest.raises(ValueError, match="zone"):
        Compare(Field.CREATED_AT, Op.BELOW, (datetime(2024, 1, 1),))  # noqa: DTZ001  # the point of the test
    with pytest.raises(ValueError, match="one value"):
        Compare(Field.RATING, Op.AT_LEAST, ())
    with pytest.raises(ValueError, match="count from 0"):
        Page(-1)
    with pytest.raises(ValueError, match="order"):
        ReviewQuery("shop", Page(1), (), ())


def test_the_summary_names_its_scope() -> None:
    assert "'site'" in summary_statement("published", "shop", None).text
    assert summary_statement("published", "shop", "").arguments == ["shop", ""]
    assert "'entity'" in summary_statement("published", "shop", "").text
