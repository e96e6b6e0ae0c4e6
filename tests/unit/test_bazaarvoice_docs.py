"""What docs/bazaarvoice.md lists is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.query.bazaarvoice.attributes import FILTERS, SORTS
from services.query.bazaarvoice.display import ENDPOINTS
from services.query.bazaarvoice.errors import Code, Refused
from services.query.bazaarvoice.filters import MAX_FILTERS, MAX_VALUES, read_filters
from services.query.bazaarvoice.jsonp import MAX_CALLBACK
from services.query.bazaarvoice.paging import DEFAULT_LIMIT, MAX_INCLUDED_LIMIT, MAX_LIMIT, MAX_OFFSET
from services.query.bazaarvoice.parameters import MAX_FIELDS, read_parameters
from services.query.bazaarvoice.question import MAX_PRODUCTS, Endpoint, read_question, read_statistics_question
from services.query.bazaarvoice.searches import MAX_SEARCH, MAX_WORDS
from services.query.bazaarvoice.sorts import ALGORITHMS, MAX_SORTS, RELEVANCY, read_sorts
from services.query.core import cost
from services.query.core.query import Subject
from tests.bazaarvoice_differences import DIFFERENCES
from tests.bazaarvoice_examples import PASS_KEY, VOCABULARIES

TEXT = (Path(__file__).parents[2] / "docs" / "bazaarvoice.md").read_text()


def table(name: str) -> list[list[str]]:
    block = re.search(f"<!-- {name} -->\n(.*?)<!-- /{name} -->", TEXT, re.DOTALL)
    assert block is not None, name
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in block[1].splitlines()[2:]]


def test_attributes() -> None:
    names = sorted({name for names in (*FILTERS.values(), *SORTS.values()) for name in names})
    assert table("bazaarvoice attributes") == [
        [
            f"`{name}`",
            *(
                ", ".join(word for word, known in (("filter", FILTERS), ("sort", SORTS)) if name in known[subject])
                for subject in Subject
            ),
        ]
        for name in names
    ]


def test_differences() -> None:
    assert table("bazaarvoice differences") == [[f"`{one.place}`", one.what, one.reason] for one in DIFFERENCES]


def test_limits() -> None:
    numbers = [[default, most] for _, default, most in table("bazaarvoice limits")]
    assert numbers == [
        [str(DEFAULT_LIMIT), str(MAX_LIMIT)],
        [str(DEFAULT_LIMIT), str(MAX_INCLUDED_LIMIT)],
        ["0", str(MAX_OFFSET)],
        ["", str(MAX_FILTERS)],
        ["", str(MAX_VALUES)],
        ["", str(MAX_SORTS)],
        ["", str(MAX_WORDS)],
        ["", str(MAX_SEARCH)],
        ["all that are named", str(MAX_PRODUCTS)],
        ["", str(MAX_FIELDS)],
        ["", str(MAX_CALLBACK)],
    ]


def test_endpoints() -> None:
    assert set(re.findall(r"`GET /data/(\w+\.json)`", TEXT)) == ENDPOINTS


def test_codes_are_the_vendors() -> None:
    named = set(re.findall(r"`(ERROR_[A-Z_]+)`", TEXT))
    assert named <= set(Code)
    # The rest is of submissions.
    assert set(Code) - named == {
        Code.ACCESS_DENIED,
        Code.DUPLICATE_SUBMISSION,
        Code.INVALID_SUBJECT_ID,
        Code.MISSING_USER_ID,
        Code.PARAM_DUPLICATE_SUBMISSION,
    }


def test_names_of_the_sdks_that_are_refused() -> None:
    refused = [row for row in table("bazaarvoice refused") if row[3]]
    assert len(refused) == len(table("bazaarvoice refused")) > 5
    for subjects, filters, sorts, _ in refused:
        for subject in map(Subject, subjects.split(", ")):
            for name in re.findall(r"`(\w+)`", filters):
                with pytest.raises(Refused, match=f"Invalid URL Filter of '{name}'"):
                    read_filters([f"{name}:1"], subject, VOCABULARIES)
            for name in re.findall(r"`(\w+)`", sorts):
                with pytest.raises(Refused, match=f"Invalid URL Sort of '{name}'"):
                    read_sorts([f"{name}:desc"], subject, VOCABULARIES)


def is_expensive(call: str) -> bool:
    endpoint, _, query = call.partition("?")
    parameters = read_parameters(f"ApiVersion=5.4&{query}".encode())
    if endpoint == Endpoint.STATISTICS:
        return cost.counts_much(read_statistics_question(parameters, PASS_KEY, VOCABULARIES).query)
    return cost.is_expensive(read_question(Endpoint(endpoint), parameters, PASS_KEY, VOCABULARIES).query)


def test_what_is_expensive() -> None:
    calls = [call.strip("`") for _, call in table("bazaarvoice expensive")]
    assert [call for call in calls if not is_expensive(call)] == []
    # Of which the first six are not, once an id is named.
    assert [is_expensive(f"{call}&Filter=Id:1") for call in calls] == [False] * 6 + [True] * 4
    assert not is_expensive("reviewcomments.json?Filter=ReviewId:1&Search=warm")
    assert not is_expensive("categories.json?Filter=ParentId:General")
    # One less of each, or the other way round.
    for call in (
        *(calls[index].replace(more, "") for index, more in ((8, "aa*,"), (9, "1,"))),
        calls[2].replace("10001", "10000"),
        calls[6].replace("Rating:5", "AuthorId:1"),
        calls[7].replace(",Authors", ""),
        "reviews.json?Filter=ProductId:1&Filter=Rating:5&Include=Products&Stats=Reviews",
        "reviews.json",
    ):
        assert not is_expensive(call), call


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_which_sorts_have_an_index(algorithm: str) -> None:
    text = TEXT.partition("With an index are ")[2].partition("\n\n")[0]
    directions = ("asc", "desc")
    named = [f"SubmissionTime:{one}" for one in directions] + [f"Rating:{one}" for one in directions]
    named += [one for one in re.findall(r"`([\w:,]+)`", text) if ":" in one and RELEVANCY not in one]
    assert len(named) == 8
    assert RELEVANCY in text
    for sort in (*named, f"{RELEVANCY}:{algorithm}"):
        assert not is_expensive(f"reviews.json?Filter=ProductId:1,2&Sort={sort}"), sort
    assert not is_expensive("reviewcomments.json?Filter=AuthorId:1&Sort=SubmissionTime:asc")


def test_what_the_vendors_pages_filter_included_reviews_by_is_passed_over_where_reviews_are_asked_for() -> None:
    assert "**`Filter_Reviews` on `reviews.json`**" in TEXT
    ask = [
        read_question(Endpoint.REVIEWS, read_parameters(query), PASS_KEY, VOCABULARIES)
        for query in (
            b"ApiVersion=5.4&Filter=ProductId:1&Include=Products,Reviews&FilteredStats=Reviews",
            b"ApiVersion=5.4&Filter=ProductId:1&Include=Products,Reviews&FilteredStats=Reviews"
            b"&Filter_Reviews=ContentLocale:en*&Filter_Reviews=Nothing:1",
        )
    ]
    assert ask[0] == ask[1]
