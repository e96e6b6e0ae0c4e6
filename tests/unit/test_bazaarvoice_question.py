from __future__ import annotations

from dataclasses import replace

import pytest

from services.query.bazaarvoice.errors import Code, Refused
from services.query.bazaarvoice.parameters import read_parameters
from services.query.bazaarvoice.question import (
    SUBJECTS,
    Endpoint,
    Question,
    StatisticsQuestion,
    read_question,
    read_statistics_question,
)
from services.query.core.query import Compare, Contains, Field, Include, Op, Order, Page, Query, Subject
from tests.bazaarvoice_examples import PASS_KEY, SITE, VOCABULARIES

PLAIN = Query(Subject.REVIEWS, SITE, Page(10))


def question(query: str, endpoint: Endpoint = Endpoint.REVIEWS) -> Question:
    return read_question(endpoint, read_parameters(f"ApiVersion=5.4&{query}".encode()), PASS_KEY, VOCABULARIES)


def asked(query: str, endpoint: Endpoint = Endpoint.REVIEWS) -> Query:
    return question(query, endpoint).query


def bulk(query: str) -> StatisticsQuestion:
    return read_statistics_question(read_parameters(f"ApiVersion=5.4&{query}".encode()), PASS_KEY, VOCABULARIES)


def code(query: str, endpoint: Endpoint = Endpoint.REVIEWS) -> tuple[Code, str]:
    with pytest.raises(Refused) as refused:
        question(query, endpoint)
    (error,) = refused.value.errors
    return error


def bulk_code(query: str) -> Code:
    with pytest.raises(Refused) as refused:
        bulk(query)
    (error,) = refused.value.errors
    return error.code


@pytest.mark.parametrize("endpoint", SUBJECTS)
def test_nothing_but_the_version_asks_for_the_first_ten(endpoint: Endpoint) -> None:
    assert asked("", endpoint) == replace(PLAIN, subject=SUBJECTS[endpoint])


def test_names_are_read_in_any_case_and_what_is_unknown_or_empty_is_not_read() -> None:
    query = (
        "LIMIT=5&oFFset=7&filter=rating:5&FILTER=isfeatured:TRUE&sort=rating:DESC&what=ever&Search=&Stats=&Include=,"
    )
    assert asked(query) == replace(
        PLAIN,
        page=Page(5, 7),
        conditions=(Compare(Field.RATING, Op.IN, (5,)), Compare(Field.IS_FEATURED, Op.IN, (True,))),
        order=(Order(Field.RATING, descending=True),),
    )


def test_of_a_scalar_sent_twice_the_first_counts() -> None:
    assert asked("Limit=5&Limit=7&Limit=x").page == Page(5)


@pytest.mark.parametrize("version", ["5.4", "5.3", "5.2", "5.1", "5.0"])
def test_versions(version: str) -> None:
    parameters = read_parameters(f"apiversion={version}".encode())
    assert read_question(Endpoint.REVIEWS, parameters, PASS_KEY, VOCABULARIES).query == PLAIN


@pytest.mark.parametrize(
    ("version", "expected"),
    [("", Code.MISSING_PARAMETERS), ("4.9", Code.UNSUPPORTED), ("5.40", Code.UNSUPPORTED)],
)
def test_other_versions_are_refused(version: str, expected: Code) -> None:
    parameters = read_parameters(f"ApiVersion={version}&Filter=ProductId:1".encode())
    with pytest.raises(Refused) as of_page:
        read_question(Endpoint.REVIEWS, parameters, PASS_KEY, VOCABULARIES)
    with pytest.raises(Refused) as of_statistics:
        read_statistics_question(parameters, PASS_KEY, VOCABULARIES)
    for refused in (of_page, of_statistics):
        assert [error.code for error in refused.value.errors] == [expected]


@pytest.mark.parametrize(
    ("query", "expected", "message"),
    [
        ("Limit=200", Code.INVALID_LIMIT, "Invalid limit value: 200, limit cannot be greater than 100"),
        ("Limit=-1", Code.INVALID_LIMIT, "Invalid limit value: limit must be a whole number from 0 to 100"),
        ("Limit=ten", Code.INVALID_LIMIT, "Invalid limit value: limit must be a whole number from 0 to 100"),
        ("Offset=300001", Code.INVALID_OFFSET, "Invalid offset value: 300001, offset cannot be greater than 300000"),
        ("Offset=1.5", Code.INVALID_OFFSET, "Invalid offset value: offset must be a whole number from 0 to 300000"),
        (
            "Include=Comments&Limit_Comments=21",
            Code.INVALID_LIMIT,
            "Invalid limit value: 21, limit_comments cannot be greater than 20",
        ),
        (
            "Include=Products,Shops",
            Code.INVALID_INCLUDED,
            "Invalid include of 'Shops': send any of products, categories, authors, comments, reviews.",
        ),
        ("Stats=Views", Code.INVALID_PARAMETERS, None),
        ("FilteredStats=Views", Code.INVALID_PARAMETERS, None),
        ("ExcludeFamily=maybe", Code.INVALID_PARAMETERS, "Invalid value of 'excludefamily': send true or false."),
        ("IncentivizedStats=1", Code.INVALID_PARAMETERS, None),
        ("Search=" + "a" * 201, Code.INVALID_SEARCH_ATTRIBUTE, None),
        ("Search=a+b+c+d+e+f+g+h+i+j+k", Code.INVALID_SEARCH_ATTRIBUTE, None),
        ("Filter=roductId:1", Code.INVALID_FILTER_ATTRIBUTE, "Invalid URL Filter of 'roductId'."),
        ("Sort=Rating", Code.INVALID_SORT_ATTRIBUTE, None),
        ("Filter=AuthorId:%00", Code.INVALID_PARAMETERS, None),
        ("&".join(["a=1"] * 300), Code.INVALID_PARAMETERS, None),
        ("Include=Comments&Filter_Comments=Rating:5", Code.INVALID_FILTER_ATTRIBUTE, None),
        ("Include=Comments&Sort_Comments=Rating:asc", Code.INVALID_SORT_ATTRIBUTE, None),
    ],
)
def test_what_is_wrong_has_the_vendors_code(query: str, expected: Code, message: str | None) -> None:
    found, said = code(query)
    assert found is expected
    assert message is None or said == message


def test_limits_reach_to_their_ends() -> None:
    assert asked("Limit=100&Offset=300000").page == Page(100, 300_000)
    assert asked("Limit=0").page == Page(0)
    assert asked("Include=Comments&Limit_Comments=20").includes[0].limit == 20


def test_everything_wrong_is_said_at_once_and_once() -> None:
    with pytest.raises(Refused) as refused:
        question("Limit=200&Offset=x&Filter=a:1&Filter=a:1&Sort=Rating&Include=x")
    assert [error.code for error in refused.value.errors] == [
        Code.INVALID_LIMIT,
        Code.INVALID_OFFSET,
        Code.INVALID_FILTER_ATTRIBUTE,
        Code.INVALID_SORT_ATTRIBUTE,
        Code.INVALID_INCLUDED,
    ]


def test_a_search_overrides_the_sort() -> None:
    assert asked("Search=%22soft+%20wool%22+soft&Sort=Rating:asc&Filter=Rating:5") == replace(
        PLAIN, conditions=(Compare(Field.RATING, Op.IN, (5,)), Contains(("soft", "wool")))
    )


def test_included_content_has_its_own_filter_sort_limit_and_search() -> None:
    query = (
        "include=COMMENTS,products,,&Filter_Comments=IsFeatured:true&filter_comments=ContentLocale:en*"
        "&Sort_Comments=TotalFeedbackCount:desc&Limit_Comments=3&Search_Products=soft&Sort_Products=Name:asc"
        "&Filter_Authors=nothing:1"
    )
    assert asked(query).includes == (
        Include(
            Subject.COMMENTS,
            (Compare(Field.IS_FEATURED, Op.IN, (True,)), Compare(Field.LOCALE, Op.MATCHES, ("en*",))),
            (Order(Field.VOTES, descending=True),),
            3,
        ),
        Include(Subject.PRODUCTS, (Contains(("soft",)),)),
    )


def test_includes_that_do_not_apply_are_tolerated() -> None:
    assert asked("Include=Reviews,Questions,Answers,Authors,authors").includes == (Include(Subject.AUTHORS),)
    assert asked("Include=ReviewComments&Limit_ReviewComments=2", Endpoint.PRODUCTS).includes == (
        Include(Subject.COMMENTS, limit=2),
    )


def test_statistics_come_of_reviews_alone() -> None:
    assert asked("Stats=Reviews,&Include=Products").statistics
    assert asked("stats=questions, REVIEWS").statistics
    assert not asked("Stats=Questions,Answers").statistics
    query = asked("FilteredStats=Reviews&Filter=Rating:5")
    assert (query.statistics, query.filtered_statistics, query.review_conditions) == (False, True, None)


def test_filtered_statistics_of_products_go_by_the_filter_of_reviews() -> None:
    query = asked("FilteredStats=Reviews&Filter=Id:P1&Filter_Reviews=Rating:5", Endpoint.PRODUCTS)
    assert query.review_conditions == (Compare(Field.RATING, Op.IN, (5,)),)
    assert asked("FilteredStats=Reviews", Endpoint.PRODUCTS).review_conditions == ()
    assert asked("Stats=Reviews&Filter_Reviews=nothing:5", Endpoint.PRODUCTS).review_conditions is None


def test_switches() -> None:
    assert asked("ExcludeFamily=True").exclude_family
    assert not asked("ExcludeFamily=FALSE").exclude_family
    assert question("IncentivizedStats=true").incentivized
    assert question("Attributes=moderatorcodes,").moderator_codes
    assert not question("Attributes=Other").moderator_codes
    key = replace(PASS_KEY, excludes_syndicated=True)
    assert read_question(
        Endpoint.REVIEWS, read_parameters(b"ApiVersion=5.4"), key, VOCABULARIES
    ).query.excludes_syndicated


def test_bulk_statistics() -> None:
    found = bulk("Filter=ProductId:eq:a,b,a&Filter=ContentLocale:en*&Stats=NativeReviews&ExcludeFamily=true")
    assert found.query.product_ids == ("a", "b")
    assert found.query.conditions == (Compare(Field.LOCALE, Op.MATCHES, ("en*",)),)
    assert found.query.exclude_family
    assert (found.limit, found.offset, found.all_reviews, found.native_reviews) == (None, 0, False, True)
    assert bulk("Filter=ProductId:a&Filter=ProductId:b,a").query.product_ids == ("a",)
    plain = bulk("Filter=ProductId:a&Limit=5&Offset=1")
    assert (plain.limit, plain.offset, plain.all_reviews, plain.native_reviews) == (5, 1, True, False)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", Code.MISSING_SUBJECT_ID),
        ("Filter=Rating:5", Code.MISSING_SUBJECT_ID),
        ("Filter=ProductId:neq:a", Code.INVALID_FILTER_ATTRIBUTE),
        ("Filter=ProductId:gt:a", Code.INVALID_FILTER_ATTRIBUTE),
        ("Filter=roductId:a", Code.INVALID_FILTER_ATTRIBUTE),
        ("Filter=ProductId:" + ",".join(map(str, range(101))), Code.INVALID_PARAMETERS),
        ("Filter=ProductId:a&Limit=101", Code.INVALID_LIMIT),
        ("Filter=ProductId:a&Stats=Views", Code.INVALID_PARAMETERS),
    ],
)
def test_bulk_statistics_need_products(query: str, expected: Code) -> None:
    assert bulk_code(query) is expected
