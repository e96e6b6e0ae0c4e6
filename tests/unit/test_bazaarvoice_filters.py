from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.query.bazaarvoice.attributes import DYNAMIC, FILTERS
from services.query.bazaarvoice.errors import Code, Refused
from services.query.bazaarvoice.filters import (
    MAX_FILTERS,
    MAX_VALUES,
    OPERATORS,
    parse_filter,
    read_filters,
    read_value,
    split,
    unescape,
)
from services.query.core.query import (
    BOUNDS,
    MAX_ID,
    Compare,
    Dimension,
    Dynamic,
    Field,
    Kind,
    Op,
    Subject,
    Value,
    kind_of,
)
from tests.bazaarvoice_examples import VOCABULARIES

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXAMPLES: dict[Kind, tuple[str, Value]] = {
    Kind.INTEGER: ("4", 4),
    Kind.NUMBER: ("4.5", 4.5),
    Kind.TEXT: ("x", "x"),
    Kind.BOOLEAN: ("True", True),
    Kind.TIME: ("1257746400", datetime(2009, 11, 9, 6, tzinfo=UTC)),
}


def read(*texts: str, subject: Subject = Subject.REVIEWS) -> tuple[Compare, ...]:
    conditions = read_filters(texts, subject, VOCABULARIES)
    assert all(isinstance(one, Compare) for one in conditions)
    return tuple(one for one in conditions if isinstance(one, Compare))


def message(*texts: str, subject: Subject = Subject.REVIEWS) -> str:
    with pytest.raises(Refused) as refused:
        read(*texts, subject=subject)
    (error,) = refused.value.errors
    assert error.code is Code.INVALID_FILTER_ATTRIBUTE
    return error.message


@pytest.mark.parametrize("subject", Subject)
@pytest.mark.parametrize("operator", OPERATORS)
def test_every_attribute_takes_every_operator_in_any_case(subject: Subject, operator: str) -> None:
    assert FILTERS[subject]
    for name, field in FILTERS[subject].items():
        text, value = EXAMPLES[kind_of(field)]
        for spelt in (f"{name}:{operator}:{text}", f"{name.upper()}:{operator.upper()}:{text}"):
            assert read(spelt, subject=subject) == (Compare(field, OPERATORS[operator], (value,)),)


def test_an_omitted_operator_means_equal_a_comma_or_and_a_further_filter_and() -> None:
    assert read("Rating:4,5", "IsFeatured:true") == (
        Compare(Field.RATING, Op.IN, (4, 5)),
        Compare(Field.IS_FEATURED, Op.IN, (True,)),
    )


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (r"AuthorId:eq:a\,b,c", ("a,b", "c")),
        (r"AuthorId:eq:a\:b", ("a:b",)),
        (r"AuthorId:a\:b", ("a:b",)),
        ("AuthorId:eq:a:b", ("a:b",)),
        (r"AuthorId:eq:a\\,b", ("a\\", "b")),
        (r"AuthorId:eq:a\b", (r"a\b",)),
        ("AuthorId:eq:a\\", ("a\\",)),
        ("AuthorId:eq:,a,,b,", ("a", "b")),
        ("AuthorId:eq: a , b ", ("a", "b")),
        ("AuthorId:eq:A,a", ("A", "a")),
    ],
)
def test_values(text: str, values: tuple[str, ...]) -> None:
    assert read(text) == (Compare(Field.AUTHOR_ID, Op.IN, values),)


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=4))
def test_escaped_values_come_back(values: list[str]) -> None:
    escaped = [value.replace("\\", "\\\\").replace(",", "\\,").replace(":", "\\:") for value in values]
    assert [unescape(part) for part in split(",".join(escaped), ",")] == (values or [""])


def test_locales_take_wildcards_among_others() -> None:
    assert read("ContentLocale:eq:en*,fr_FR") == (Compare(Field.LOCALE, Op.MATCHES, ("en*", "fr_FR")),)
    assert read("ContentLocale:neq:en*") == (Compare(Field.LOCALE, Op.NOT_MATCHES, ("en*",)),)
    assert read("ContentLocale:en_US") == (Compare(Field.LOCALE, Op.IN, ("en_US",)),)
    assert read("UserLocation:en*") == (Compare(Field.AUTHOR_LOCATION, Op.IN, ("en*",)),)


@pytest.mark.parametrize("null", ["null", "NULL", "Null"])
def test_null_is_a_product_without_a_brand_in_any_case_and_nothing_elsewhere(null: str) -> None:
    assert read(f"ProductBrandId:eq:{null},Acme") == (Compare(Field.BRAND_ID, Op.IN, (None, "Acme")),)
    assert read(f"ProductBrandId:gte:{null}") == (Compare(Field.BRAND_ID, Op.AT_LEAST, (null,)),)
    assert read(f"CampaignId:eq:{null}") == (Compare(Field.CAMPAIGN_ID, Op.IN, (null,)),)
    assert read(f"ProductBrandId:neq:{null}") == (Compare(Field.BRAND_ID, Op.NOT_IN, (None,)),)


@pytest.mark.parametrize("prefix", DYNAMIC)
def test_dynamic_attributes_are_those_of_the_vocabulary_in_any_case(prefix: str) -> None:
    ids = {
        Dimension.ADDITIONAL_FIELD: "Height",
        Dimension.CONTEXT_DATA: "Age",
        Dimension.SECONDARY_RATING: "Quality",
        Dimension.TAG: "Pro",
    }
    dimension = DYNAMIC[prefix]
    attribute = Dynamic(dimension, ids[dimension])
    text, value = EXAMPLES[kind_of(attribute)]
    assert read(f"{prefix.lower()}{ids[dimension].upper()}:GTE:{text}") == (Compare(attribute, Op.AT_LEAST, (value,)),)
    assert message(f"{prefix}Nobody:1") == f"Invalid URL Filter of '{prefix}Nobody'."


def test_authors_have_context_data_and_comments_none() -> None:
    assert read("ContextDataValue_age:18to24", subject=Subject.AUTHORS)
    assert message("ContextDataValue_age:18to24", subject=Subject.COMMENTS) == (
        "Invalid URL Filter of 'ContextDataValue_age'."
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("roductId:eq:1", "Invalid URL Filter of 'roductId'."),
        ("authorid:", "The filter 'authorid:' must specify a non-empty value."),
        ("authorid:eq:", "The filter 'authorid:eq:' must specify a non-empty value."),
        ("authorid", "The filter 'authorid' must specify a non-empty value."),
        ("authorid:eq:, ,", "The filter 'authorid:eq:, ,' must specify a non-empty value."),
        ("Rating:high", "The filter 'Rating' takes numbers, as in Rating:gte:4."),
        ("Rating:4.", "The filter 'Rating' takes numbers, as in Rating:gte:4."),
        ("Rating:gte:4,5e1", "The filter 'Rating' takes numbers, as in Rating:gte:4."),
        ("Rating:" + "1" * 101, "The filter 'Rating' takes numbers, as in Rating:gte:4."),
        ("Rating:4,", None),
        ("Id:gt:abc", "The filter 'Id' takes numbers, as in Id:gte:4."),
        ("IsFeatured:1", "The filter 'IsFeatured' takes true or false, as in IsFeatured:true."),
        (
            "SubmissionTime:gt:yesterday",
            "The filter 'SubmissionTime' takes seconds since 1970-01-01 UTC, as in SubmissionTime:gt:1257746400.",
        ),
        (
            "SubmissionTime:gt:2020-02-30",
            "The filter 'SubmissionTime' takes seconds since 1970-01-01 UTC, as in SubmissionTime:gt:1257746400.",
        ),
        (
            "Rating:above:3",
            "The filter 'Rating' has an unknown operator: send one of eq, neq, gt, gte, lt, lte; "
            "a colon within a value is written as \\:",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(text: str, said: str | None) -> None:
    if said is None:
        assert read(text)
    else:
        assert message(text) == said


STALE = ("abc", "1" * 20, "9" * 5000, "9223372036854775808", "1.5", "x\\:1", "٣")


@pytest.mark.parametrize(
    ("subject", "name", "field"),
    [
        (Subject.REVIEWS, "Id", Field.REVIEW_ID),
        (Subject.COMMENTS, "Id", Field.COMMENT_ID),
        (Subject.COMMENTS, "ReviewId", Field.REVIEW_ID),
    ],
)
def test_an_id_that_is_none_of_ours_is_one_that_nothing_has(subject: Subject, name: str, field: Field) -> None:
    for stale in STALE:
        assert read(f"{name}:{stale}", subject=subject) == (Compare(field, Op.IN, ()),)
        assert read(f"{name}:neq:{stale}", subject=subject) == (Compare(field, Op.NOT_IN, ()),)
    assert read(f"{name}:eq:83,abc,84", subject=subject) == (Compare(field, Op.IN, (83, 84)),)
    for operator in ("gt", "gte", "lt", "lte"):
        assert message(f"{name}:{operator}:7,abc", subject=subject).startswith(f"The filter '{name}' takes numbers")
        assert read(f"{name}:{operator}:{'1' * 20}", subject=subject) == (
            Compare(field, OPERATORS[operator], (MAX_ID,)),
        )


@pytest.mark.parametrize("operator", OPERATORS)
@given(number=st.decimals(-7, 7, places=2), row=st.integers(-8, 8))
@example(number=Decimal("3.5"), row=4)
@example(number=Decimal("-3.5"), row=-3)
@example(number=Decimal("4.00"), row=4)
def test_a_decimal_means_of_whole_numbers_what_it_says(operator: str, number: Decimal, row: int) -> None:
    """Compared here with every whole number, there with what core is asked."""
    for name in ("Rating", "TotalCommentCount", "SecondaryRating_Quality", "Id"):
        if name == "Id" and OPERATORS[operator] not in BOUNDS:
            continue
        (compare,) = read(f"{name}:{operator}:{number:f}")
        values = [value for value in compare.values if isinstance(value, int)]
        assert len(values) == len(compare.values)
        means: dict[Op, bool] = {
            Op.IN: row in values,
            Op.NOT_IN: row not in values,
            Op.ABOVE: any(row > value for value in values),
            Op.AT_LEAST: any(row >= value for value in values),
            Op.BELOW: any(row < value for value in values),
            Op.AT_MOST: any(row <= value for value in values),
        }
        says = {
            "eq": row == number,
            "neq": row != number,
            "gt": row > number,
            "gte": row >= number,
            "lt": row < number,
            "lte": row <= number,
        }
        assert means[compare.op] is says[operator]


def test_numbers_beyond_what_a_row_can_hold() -> None:
    many = "9" * 100
    assert read(f"Rating:eq:{many},4,4.50,4.00") == (Compare(Field.RATING, Op.IN, (4, 4)),)
    assert read(f"Rating:neq:-{many}.5") == (Compare(Field.RATING, Op.NOT_IN, ()),)
    assert read(f"Rating:lt:{many}.9") == (Compare(Field.RATING, Op.BELOW, (MAX_ID,)),)
    assert read(f"Rating:gt:-{many}.9") == (Compare(Field.RATING, Op.ABOVE, (-MAX_ID - 1,)),)


def test_messages_never_repeat_values() -> None:
    for text in ("Rating:secret", "UserLocation:secret:place", "IsFeatured:eq:secret", "Nothing:eq:secret"):
        assert "secret" not in message(text)


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(Refused) as refused:
        read("Rating:x", "Nothing:1", "Rating:4")
    assert len(refused.value.errors) == 2


def test_filters_and_values_are_limited() -> None:
    assert len(read(*["Rating:1"] * MAX_FILTERS)) == MAX_FILTERS
    assert "Too many" in message(*["Rating:1"] * (MAX_FILTERS + 1))
    assert read("Rating:" + ",".join(["1"] * MAX_VALUES))
    assert "Too many" in message("Rating:" + ",".join(["1"] * MAX_VALUES), "Rating:1")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.TIME, "0", EPOCH),
        (Kind.TIME, "-1", EPOCH - timedelta(seconds=1)),
        (Kind.TIME, "1257746400", EPOCH + timedelta(seconds=1257746400)),
        (Kind.TIME, "1257746400123", EPOCH + timedelta(milliseconds=1257746400123)),
        (Kind.TIME, "9999999999999999", None),
        (Kind.TIME, "1257746400.5", EPOCH + timedelta(seconds=1257746400, milliseconds=500)),
        (Kind.TIME, "1257746400123.25", EPOCH + timedelta(milliseconds=1257746400123, microseconds=250)),
        (Kind.TIME, "2009-11-09", EPOCH + timedelta(days=14557)),
        (Kind.TIME, "2009-11-09T06:00:00.250Z", EPOCH + timedelta(seconds=1257746400, milliseconds=250)),
        (Kind.TIME, "2009-11-09T06:00:00+02:00", EPOCH + timedelta(seconds=1257739200)),
        (Kind.TIME, "0001-01-01T00:00:00+02:00", None),
        (Kind.TIME, "0001257746400", EPOCH + timedelta(seconds=1257746400)),
        (Kind.TIME, "9" * 40, None),
        (Kind.INTEGER, "-5", -5),
        (Kind.INTEGER, "9223372036854775807", 2**63 - 1),
        (Kind.INTEGER, "9223372036854775808", None),
        (Kind.INTEGER, "٣", None),
        (Kind.INTEGER, "1_000", None),
        (Kind.NUMBER, "4.25", 4.25),
        (Kind.NUMBER, "nan", None),
        (Kind.NUMBER, "1e999", None),
        (Kind.BOOLEAN, "FALSE", False),
        (Kind.BOOLEAN, "yes", None),
    ],
)
def test_read_value(kind: Kind, text: str, value: object) -> None:
    assert read_value(kind, text) == value


def test_parsing_keeps_what_was_sent() -> None:
    criterion = parse_filter("SecondaryRating_Quality:GTE:3")
    assert (criterion.attribute, criterion.op, criterion.values) == ("SecondaryRating_Quality", Op.AT_LEAST, ("3",))
