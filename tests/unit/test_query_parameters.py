from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.core.query import NEWEST_FIRST, AnyOf, Compare, Condition, Contains, Field, Op, Order
from services.query.lynkow.parameters import Listing, parse_entity_id, parse_listing
from services.query.problem import Problem


def listing(**parameters: str) -> Listing:
    return parse_listing(urlencode(parameters).encode())


def condition(query: str) -> Condition:
    (only,) = parse_listing(query.encode()).conditions
    return only


def refused(query: str) -> list[str | None]:
    with pytest.raises(Problem) as error:
        parse_listing(query.encode())
    assert error.value.status == 422
    return [detail.field for detail in error.value.details]


def test_without_parameters_the_newest_twenty() -> None:
    assert parse_listing(b"") == Listing(1, 20, (), NEWEST_FIRST)


def test_paging() -> None:
    page = listing(page="3", limit="7")
    query = page.query("shop")
    assert (query.page.limit, query.page.offset) == (7, 14)


def test_pages_end_at_an_offset_with_a_cure() -> None:
    assert listing(page="5001").query("shop").page.offset == 100_000
    with pytest.raises(Problem) as error:
        listing(page="1002", limit="100")
    (detail,) = error.value.details
    assert detail.field == "page"
    assert "narrow the list by filters" in detail.message


def test_text_that_is_not_percent_encoded_is_utf_8_or_else_latin_1() -> None:
    for query in ("search=Größe".encode(), b"search=Gr%C3%B6%C3%9Fe", "search=Größe".encode("latin-1")):
        assert parse_listing(query).conditions == (Contains(("Größe",), pros_and_cons=False),)
    assert parse_entity_id("entity_id=Größe".encode()) == "Größe"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("rating=4", Compare(Field.RATING, Op.IN, (4,))),
        ("ratingMin=2", Compare(Field.RATING, Op.AT_LEAST, (2,))),
        ("minRating=2", Compare(Field.RATING, Op.AT_LEAST, (2,))),
        ("ratingMin=2&minRating=2", Compare(Field.RATING, Op.AT_LEAST, (2,))),
        ("ratingMax=3", Compare(Field.RATING, Op.AT_MOST, (3,))),
        ("maxRating=3", Compare(Field.RATING, Op.AT_MOST, (3,))),
        ("isFeatured=true", Compare(Field.IS_FEATURED, Op.IN, (True,))),
        ("isFeatured=0", Compare(Field.IS_FEATURED, Op.IN, (False,))),
        (
            "productName=Blue%20shirt",
            AnyOf(
                (
                    Compare(Field.ENTITY_ID, Op.IN, ("Blue shirt",)),
                    Compare(Field.ENTITY_NAME, Op.IN, ("Blue shirt",)),
                )
            ),
        ),
        ("entity_id=1078", Compare(Field.ENTITY_ID, Op.IN, ("1078",))),
        ("search=soft++fabric", Contains(("soft", "fabric"), pros_and_cons=False)),
        ("dateFrom=2024-03-15", Compare(Field.CREATED_AT, Op.AT_LEAST, (moment("2024-03-15"),))),
        ("dateTo=2024-03-15", Compare(Field.CREATED_AT, Op.BELOW, (moment("2024-03-16"),))),
        ("dateTo=9999-12-31", Compare(Field.CREATED_AT, Op.BELOW, (moment("9999-12-31T23:59:59.999999"),))),
        ("dateFrom=2024-03-15T12:00:00%2B02:00", Compare(Field.CREATED_AT, Op.AT_LEAST, (moment("2024-03-15T10:00"),))),
        ("dateFrom=2024-03-15T12:00:00+02:00", Compare(Field.CREATED_AT, Op.AT_LEAST, (moment("2024-03-15T10:00"),))),
        (
            "dateTo=2024-03-15T10:30:00.123Z",
            Compare(Field.CREATED_AT, Op.BELOW, (moment("2024-03-15T10:30:00.124"),)),
        ),
        ("slug=lovely-2s", Compare(Field.REVIEW_ID, Op.IN, (100,))),
        ("slug=no", Compare(Field.REVIEW_ID, Op.IN, ())),
        ("slugs[]=lovely-2s&slugs[]=soft-2t", Compare(Field.REVIEW_ID, Op.IN, (100, 101))),
        ("slugs[]=lovely-2s,soft-2t", Compare(Field.REVIEW_ID, Op.IN, (100, 101))),
        ("ids=1,2,2", Compare(Field.REVIEW_ID, Op.IN, (1, 2))),
        ("ids[]=1&ids[]=2", Compare(Field.REVIEW_ID, Op.IN, (1, 2))),
        ("ids[0]=1&ids%5B1%5D=2", Compare(Field.REVIEW_ID, Op.IN, (1, 2))),
        ("excludeIds[]=9", Compare(Field.REVIEW_ID, Op.NOT_IN, (9,))),
        ("locale=pt-BR", Compare(Field.LOCALE, Op.IN_LANGUAGE, ("pt-BR",))),
    ],
)
def test_filters(query: str, expected: Condition) -> None:
    assert condition(query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sortBy=rating", Order(Field.RATING, True)),
        ("sort=rating&order=asc", Order(Field.RATING)),
        ("sortBy=author_name&sortOrder=ASC", Order(Field.AUTHOR_NAME, alphabetical=True)),
        ("sort=display_order&order=desc", Order(Field.DISPLAY_ORDER, True)),
        ("sort=review_date", Order(Field.REVIEW_DATE, True)),
        ("order=asc", Order(Field.CREATED_AT)),
        ("sort=created_at", Order(Field.CREATED_AT, True)),
    ],
)
def test_orders(query: str, expected: Order) -> None:
    assert parse_listing(query.encode()).order == (expected,)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=x", "page"),
        ("page=99999999999999999999", "page"),
        ("page=5002", "page"),
        ("page=100002&limit=1", "page"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=%D9%A3", "limit"),
        ("rating=6", "rating"),
        ("rating=4.5", "rating"),
        ("ratingMin=0", "ratingMin"),
        ("maxRating=9", "ratingMax"),
        ("isFeatured=maybe", "isFeatured"),
        ("productName=%00", "productName"),
        ("search=" + "x" * 201, "search"),
        ("search=" + "+".join("abcdefghijk"), "search"),
        ("sortBy=password", "sortBy"),
        ("order=up", "sortOrder"),
        ("dateFrom=yesterday", "dateFrom"),
        ("dateFrom=2024-02-30", "dateFrom"),
        ("dateTo=0001-01-01T00:00:00%2B23:00", "dateTo"),
        ("ids[]=-1", "ids"),
        ("ids=9007199254740992", "ids"),
        ("ids=" + ",".join(["1"] * 101), "ids"),
        ("slug=a%00b", "slug"),
        ("locale=%2A", "locale"),
        ("rating=4&rating=5", "rating"),
        ("ratingMin=1&minRating=2", "minRating"),
    ],
)
def test_bad_values(query: str, field: str) -> None:
    assert refused(query) == [field]


def test_everything_wrong_is_said_at_once() -> None:
    assert sorted(map(str, refused("page=0&limit=1000&rating=9&sort=x"))) == ["limit", "page", "rating", "sortBy"]


def test_too_many_parameters() -> None:
    assert refused("&".join(["a=1"] * 501)) == [None]


@pytest.mark.parametrize(
    "query", ["rating=&search=&ids[]=", "unknown=1&utm_source=x", "&&&", "ids[999999]=1", "%FF=%FF"]
)
def test_empty_and_unknown_parameters_are_passed_over(query: str) -> None:
    assert parse_listing(query.encode()) == parse_listing(b"")


def test_the_summary_tells_the_site_itself_from_all_of_it() -> None:
    assert parse_entity_id(b"") is None
    assert parse_entity_id(b"entity_id=") == ""
    assert parse_entity_id(b"entity_id=a&entity_id=a") == "a"
    for bad in (b"entity_id=a&entity_id=b", b"entity_id=%00"):
        with pytest.raises(Problem):
            parse_entity_id(bad)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(query: bytes) -> None:
    with contextlib.suppress(Problem):
        assert parse_listing(query).query("shop").page.limit <= 100
