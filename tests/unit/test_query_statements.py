"""Statements of the typed query: what is a parameter, what shares a text, what is expensive, what is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from services.query.core import includes
from services.query.core.cost import counts_much, is_expensive
from services.query.core.query import (
    DIMENSIONS,
    FIELDS,
    AnyOf,
    Attribute,
    Compare,
    Condition,
    Contains,
    Dimension,
    Dynamic,
    Field,
    Include,
    Kind,
    Op,
    Order,
    Page,
    Query,
    StatisticsQuery,
    Subject,
    Value,
    has_many,
    kind_of,
)
from services.query.core.sql import query_statement, statistics_statement
from services.query.core.vocabulary import Vocabularies
from shared.events.vocabulary import ContextDataTerm, Vocabulary

R, C, P, G, A = Subject.REVIEWS, Subject.COMMENTS, Subject.PRODUCTS, Subject.CATEGORIES, Subject.AUTHORS
HOSTILE = "x'; drop table published.reviews; --"
SAMPLES: dict[Kind, Value] = {
    Kind.INTEGER: 987654321,
    Kind.NUMBER: 98765.4321,
    Kind.TEXT: HOSTILE,
    Kind.BOOLEAN: True,
    Kind.TIME: datetime(1987, 1, 1, tzinfo=UTC),
}


def every_attribute(subject: Subject) -> list[Attribute]:
    return [*sorted(FIELDS[subject]), *(Dynamic(one, HOSTILE) for one in sorted(DIMENSIONS[subject]))]


def everything(subject: Subject, *, own: bool) -> Query:
    """A query that compares and orders by all there is, on the page and in every include."""

    def conditions(one: Subject) -> tuple[Condition, ...]:
        compared = [Compare(each, Op.NOT_IN, (SAMPLES[kind_of(each)], None)) for each in every_attribute(one)]
        bounds = [Compare(each, Op.AT_LEAST, (SAMPLES[kind_of(each)],)) for each in every_attribute(one)]
        return (*compared, AnyOf(tuple(bounds)), Contains((HOSTILE, "b")))

    def order(one: Subject) -> tuple[Order, ...]:
        return tuple(Order(each, descending=True) for each in every_attribute(one) if not has_many(each))

    return Query(
        *(subject, HOSTILE, Page(13, 17), conditions(subject), order(subject)),
        tuple(Include(one, conditions(one), order(one), 19) for one in Subject),
        statistics=True,
        filtered_statistics=True,
        review_conditions=None if own else conditions(R),
    )


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("subject", list(Subject))
def test_every_value_is_a_parameter_and_every_parameter_has_a_value(subject: Subject, own: bool) -> None:
    statement, shown = query_statement("published", everything(subject, own=own))
    for secret in ("drop table", "987654321", "98765.4321", "1987"):
        assert secret not in statement.text
    used = {int(number) for number in re.findall(r"\$(\d+)", statement.text)}
    assert used == set(range(1, len(statement.arguments) + 1))
    assert set(shown) == set(includes.FOLLOWS[subject])


def test_equal_shapes_have_one_text_and_other_shapes_another() -> None:
    def text(*conditions: Condition, limit: int = 10, offset: int = 0) -> str:
        return query_statement("published", Query(R, "shop", Page(limit, offset), conditions))[0].text

    one, two = Compare(Field.ENTITY_ID, Op.IN, ("a",)), Compare(Field.RATING, Op.IN, (5,))
    assert text(one, two) is text(two, Compare(Field.ENTITY_ID, Op.IN, ("b", "c")))
    assert text(one) is text(one, limit=100, offset=100)
    assert text(one) is not text(one, limit=100, offset=200)
    assert text(one) is not text(Compare(Field.ENTITY_ID, Op.IN, ("a", None)))
    tags = [Compare(Dynamic(Dimension.TAG, name), Op.IN, ("x",)) for name in ("Pro", "Con")]
    assert text(tags[0]) is text(tags[1])


def test_of_several_bounds_the_widest_decides() -> None:
    for op, widest in ((Op.BELOW, 5), (Op.AT_MOST, 5), (Op.ABOVE, 2), (Op.AT_LEAST, 2)):
        statement, _ = query_statement("published", Query(R, "s", Page(1), (Compare(Field.RATING, op, (3, 5, 2)),)))
        assert statement.arguments[3:] == [widest]


def test_pages_too_deep_for_any_sum_are_still_asked_for() -> None:
    page = Page(100, 2**63 - 1)
    statement, _ = query_statement("published", Query(R, "s", page, (Compare(Field.ENTITY_ID, Op.IN, ("a",)),)))
    assert max(one for one in statement.arguments if isinstance(one, int)) == 2**63 - 1


PRODUCT = Compare(Field.ENTITY_ID, Op.IN, ("a", "b"))
AUTHOR = Compare(Field.AUTHOR_ID, Op.IN, ("a",))
STARS = Compare(Field.RATING, Op.IN, (5,))
VOTED = Compare(Field.POSITIVE_VOTES, Op.ABOVE, (1,))
HELPFUL = (Order(Field.HELPFULNESS, descending=True),)


@pytest.mark.parametrize(
    ("query", "expensive"),
    [
        (Query(R, "s", Page(10)), False),
        # Nobody may have given such a rating lately.
        (Query(R, "s", Page(10), (STARS,)), True),
        (Query(R, "s", Page(10), (STARS,), excludes_syndicated=True), True),
        (Query(R, "s", Page(10, 10_001)), True),
        (Query(R, "s", Page(10), (PRODUCT, STARS)), False),
        (Query(R, "s", Page(10), (PRODUCT,), HELPFUL), False),
        (Query(R, "s", Page(10), (PRODUCT,), (Order(Field.HELPFULNESS),)), True),
        (Query(R, "s", Page(10), (AUTHOR,), HELPFUL), True),
        (Query(R, "s", Page(10), (PRODUCT, Contains(("a",)))), True),
        (Query(R, "s", Page(10), (AUTHOR,)), False),
        (Query(R, "s", Page(10), (Compare(Field.REVIEW_ID, Op.IN, (1,)),), HELPFUL), False),
        (Query(R, "s", Page(10), (Compare(Field.IS_FEATURED, Op.IN, (True,)),)), True),
        (Query(R, "s", Page(10), (PRODUCT,), includes=(Include(P),), filtered_statistics=True), False),
        (Query(R, "s", Page(10), (PRODUCT, STARS), includes=(Include(P),), filtered_statistics=True), True),
        (Query(C, "s", Page(10)), True),
        (Query(C, "s", Page(10), (Compare(Field.REVIEW_ID, Op.IN, (1,)),)), False),
        (Query(P, "s", Page(10)), True),
        (Query(P, "s", Page(10), (Compare(Field.PRODUCT_ID, Op.IN, ("a",)),), statistics=True), False),
        (Query(A, "s", Page(10), (Compare(Field.AUTHOR_ID, Op.NOT_IN, ("a",)),)), True),
        # Statistics of authors are counted, of however many reviews they have.
        (Query(R, "s", Page(10), (PRODUCT,), includes=(Include(A),)), False),
        (Query(R, "s", Page(10), (PRODUCT,), includes=(Include(A),), statistics=True), True),
        (Query(R, "s", Page(10), (PRODUCT,), includes=(Include(A),), filtered_statistics=True), True),
        # Each of a product's reviews is compared with all that is asked.
        (Query(R, "s", Page(10), (PRODUCT, *[STARS] * 19)), False),
        (Query(R, "s", Page(10), (PRODUCT, *[STARS] * 20)), True),
        (Query(R, "s", Page(10), (PRODUCT, Compare(Field.LOCALE, Op.MATCHES, ("en*",) * 19))), False),
        (Query(R, "s", Page(10), (PRODUCT, Compare(Field.LOCALE, Op.NOT_MATCHES, ("en*",) * 20))), True),
        (Query(R, "s", Page(10), (PRODUCT,), includes=(Include(C, (VOTED,) * 21),)), True),
        (Query(P, "s", Page(10), (Compare(Field.PRODUCT_ID, Op.IN, ("a",)),), review_conditions=(STARS,) * 21), True),
    ],
)
def test_what_grows_with_the_site_is_expensive(query: Query, expensive: bool) -> None:
    assert is_expensive(query) is expensive


ENGLISH = Compare(Field.LOCALE, Op.MATCHES, ("en*",))


@pytest.mark.parametrize(
    ("products", "conditions", "much"),
    [
        (100, (), False),
        (100, (ENGLISH,), False),
        (20, (ENGLISH, STARS), False),
        (21, (ENGLISH, STARS), True),
        (1, (STARS,) * 21, True),
    ],
)
def test_stars_of_a_page_of_products_are_no_great_work(
    products: int, conditions: tuple[Compare, ...], much: bool
) -> None:
    assert counts_much(StatisticsQuery("s", tuple(map(str, range(products))), conditions)) is much


def test_what_stands_between_is_found_and_not_shown() -> None:
    chain = includes.chain(Query(A, "s", Page(1), includes=(Include(G, limit=3),)))
    assert [(include.subject, shown) for include, shown in chain] == [(R, False), (P, False), (G, True)]
    # Comments have no categories of their own, and categories include products alone.
    assert includes.chain(Query(G, "s", Page(1), includes=(Include(A), Include(R)))) == []


def test_attributes_of_other_subjects_are_refused() -> None:
    for refused in (
        lambda: Query(P, "s", Page(1), (STARS,)),
        lambda: Query(R, "s", Page(1), (AnyOf((Compare(Field.NAME, Op.IN, ("a",)),)),)),
        lambda: Query(C, "s", Page(1), (), (Order(Field.RATING),)),
        lambda: Include(G, (Compare(Dynamic(Dimension.TAG, "Pro"), Op.IN, ("a",)),)),
        lambda: StatisticsQuery("s", ("a",), (Compare(Field.NAME, Op.IN, ("a",)),)),
    ):
        with pytest.raises(ValueError, match="have no"):
            refused()


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="once"):
        Query(R, "s", Page(1), includes=(Include(P), Include(P)))
    with pytest.raises(ValueError, match="alphabetical"):
        Order(Field.RATING, alphabetical=True)
    with pytest.raises(ValueError, match="several values"):
        Order(Dynamic(Dimension.TAG, "Pro"))
    with pytest.raises(ValueError, match="NUL"):
        Dynamic(Dimension.TAG, "a\0")
    with pytest.raises(ValueError, match="counts from 0"):
        Include(R, limit=-1)
    with pytest.raises(ValueError, match="must be integer"):
        Compare(Field.RATING, Op.ABOVE, (None,))


def test_product_ids_are_asked_for_once() -> None:
    statement = statistics_statement("published", StatisticsQuery("s", ("a", "b", "a")))
    assert statement.arguments == ["s", ["a", "b"]]
    assert "reviews r" not in statement.text
    restricted = statistics_statement("published", StatisticsQuery("s", ("a",), (STARS,)))
    assert "reviews r" in restricted.text


def test_the_default_vocabulary_says_how_an_id_is_spelt() -> None:
    spelt = {
        locale: Vocabulary(context_data=(ContextDataTerm(id=one),)) for locale, one in (("de", "AGE"), ("*", "Age"))
    }
    found = Vocabularies(spelt)
    assert found.resolve(Dimension.CONTEXT_DATA, "age") == Dynamic(Dimension.CONTEXT_DATA, "Age")
    assert found.of("de") is spelt["de"]
    assert found.of(None) is spelt["*"]
    assert Vocabularies({}).of("de") == Vocabulary()
