"""Bazaarvoice's display API over a real Postgres: what a storefront asks is what the reference answers."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

import asyncpg
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.query.bazaarvoice.attributes import DYNAMIC, FILTERS, SORTS
from services.query.bazaarvoice.display import ENDPOINTS, Display
from services.query.bazaarvoice.filters import OPERATORS
from services.query.bazaarvoice.question import SUBJECTS, Endpoint
from services.query.core.answers import Answer, BulkStatistics
from services.query.core.connections import Connections
from services.query.core.query import DIMENSIONS, Dimension, Kind, Query, StatisticsQuery, Subject, kind_of
from services.query.core.reader import PostgresReader
from services.query.core.vocabulary import Vocabularies
from shared.events.vocabulary import (
    AdditionalFieldTerm,
    ContextDataTerm,
    SecondaryRatingTerm,
    TagTerm,
    Vocabulary,
)
from shared.pass_keys import PassKey
from tests.bazaarvoice_examples import PASS_KEY, get
from tests.bazaarvoice_queries import QUERIES, good_queries
from tests.parts import Database
from tests.query_reference import Reference, World, bulk_statistics
from tests.query_world import allow_any_rows, load, world

SITE = "bazaarvoice"
KEY = replace(PASS_KEY, site=SITE)
VOCABULARY = Vocabulary(
    secondary_ratings=(SecondaryRatingTerm(id="Fit", label="Fit"), SecondaryRatingTerm(id="Quality")),
    context_data=(
        ContextDataTerm(id="Gender"),
        ContextDataTerm(id="Age", label="Age", value_labels={"18-24": "Young"}),
    ),
    tags=(TagTerm(id="Pro", label="Pros"), TagTerm(id="Con")),
    additional_fields=(AdditionalFieldTerm(id="Size"),),
)
DIMENSION_IDS = {
    Dimension.SECONDARY_RATING: "fit",
    Dimension.CONTEXT_DATA: "AGE",
    Dimension.TAG: "pro",
    Dimension.ADDITIONAL_FIELD: "size",
}
NAMES: dict[Kind, tuple[str, ...]] = {
    Kind.INTEGER: ("3", "0,5", "2.5", "-0.5,4.0,33333333333333333333"),
    Kind.NUMBER: ("3.5", "4,5"),
    Kind.BOOLEAN: ("true", "True,FALSE"),
    Kind.TIME: ("1767528000", "1767268800123,1767700800"),
    Kind.TEXT: ("a", "NULL", "bob,shirts,Shirt,Nike,null,Oslo,spring,CR,Staff,18-24,soft,S"),
}
INCLUDES = "Include=Products,Categories,Authors,Comments,Reviews&Stats=Reviews&FilteredStats=Reviews&Limit=20"


class ReferenceReader:
    def __init__(self, rows: World) -> None:
        self.rows = rows
        self._reference = lru_cache(lambda exclude, native: Reference(rows, exclude_family=exclude, native=native))

    async def ask(self, query: Query) -> Answer | None:
        reference: Reference = self._reference(query.exclude_family, query.excludes_syndicated)
        return reference.ask(query)

    async def statistics(self, query: StatisticsQuery) -> BulkStatistics | None:
        return bulk_statistics(self.rows, query)

    async def vocabularies(self, site: str) -> Vocabularies | None:
        return Vocabularies({"*": VOCABULARY})


class Shop(NamedTuple):
    rows: World
    display: Display
    reference: Display

    async def same(self, endpoint: str, query: str, key: PassKey = KEY) -> Any:
        """The answer, which is that of the reference too."""
        request = get(f"ApiVersion=5.4&{query}")
        found = await self.display.answer(endpoint, request, key)
        expected = await self.reference.answer(endpoint, request, key)
        answer = orjson.loads(found.body)
        assert answer == orjson.loads(expected.body), query
        assert found.body == expected.body
        return answer

    async def good(self, endpoint: str, query: str, key: PassKey = KEY) -> Any:
        answer = await self.same(endpoint, query, key)
        assert answer["Errors"] == [], query
        return answer


@pytest.fixture(scope="module")
async def shop(module_database: Database) -> AsyncIterator[Shop]:
    rows = world(Random(54), reviews=40, comments=30)
    connection = await asyncpg.connect(module_database.dsn)
    await allow_any_rows(connection)
    await load(connection, SITE, rows)
    await connection.execute(
        "insert into published.vocabularies values ($1, '*', $2)", SITE, VOCABULARY.model_dump_json()
    )
    await connection.close()
    connections = Connections(
        module_database.dsn,
        size=2,
        role="plaudit_query",
        may_read=("published", "access"),
        application_name="plaudit-bazaarvoice-test",
    )
    yield Shop(rows, Display(PostgresReader(connections)), Display(ReferenceReader(rows)))
    await connections.close()


def filters(subject: Subject) -> list[tuple[str, Kind]]:
    named = [(name, kind_of(field)) for name, field in FILTERS[subject].items()]
    dynamic = [
        (f"{prefix}{DIMENSION_IDS[dimension]}", Kind.INTEGER if dimension is Dimension.SECONDARY_RATING else Kind.TEXT)
        for prefix, dimension in DYNAMIC.items()
        if dimension in DIMENSIONS[subject]
    ]
    return named + dynamic


@pytest.mark.parametrize("endpoint", SUBJECTS)
async def test_every_filter_with_every_operator(shop: Shop, endpoint: Endpoint) -> None:
    counts = set()
    for (name, kind), operator in itertools.product(filters(SUBJECTS[endpoint]), OPERATORS):
        for values in NAMES[kind]:
            answer = await shop.good(endpoint, f"Filter={name}:{operator}:{quote(values)}&Limit=100")
            counts.add(answer["TotalResults"])
    assert len(counts) > 3


@pytest.mark.parametrize("endpoint", SUBJECTS)
async def test_every_sort_both_ways(shop: Shop, endpoint: Endpoint) -> None:
    names = [*SORTS[SUBJECTS[endpoint]], *(name for name, _ in filters(SUBJECTS[endpoint]) if "_" in name)]
    for name, direction in itertools.product(names, ("asc", "desc")):
        if not name.startswith("Tag_"):
            await shop.good(endpoint, f"Sort={name}:{direction}&Limit=100")
            await shop.good(endpoint, f"Sort={name}:{direction},Id:asc&Limit=5&Offset=3")


@pytest.mark.parametrize("endpoint", SUBJECTS)
@pytest.mark.parametrize(
    "query",
    [
        "",
        "&Limit_Comments=2&Sort_Comments=TotalFeedbackCount:desc&Limit_Reviews=3&Sort_Reviews=Helpfulness:desc",
        "&Filter_Comments=ContentLocale:en*&Filter_Reviews=Rating:gte:4&Filter_Products=IsActive:true",
        "&Search_Comments=fits&Search_Reviews=wool&Filter_Authors=UserLocation:Oslo",
        "&ExcludeFamily=true&IncentivizedStats=true&Attributes=ModeratorCodes",
        "&Filter_Reviews=ContextDataValue_Age:18-24&Filter_Categories=Name:Shirts",
        "&Search=fits",
    ],
)
async def test_what_is_included(shop: Shop, endpoint: Endpoint, query: str) -> None:
    answer = await shop.good(endpoint, INCLUDES + query)
    for name, included in answer["Includes"].items():
        if not name.endswith("Order"):
            assert list(included) == answer["Includes"][f"{name}Order"]
            assert all(one["Id"] == key for key, one in included.items())


async def test_reviews_of_a_product_as_a_storefront_asks_for_them(shop: Shop) -> None:
    # The five commonest calls of the vendor's own pages, with what these add to each.
    for query in (
        "Filter=ProductId:a&Sort=SubmissionTime:desc&Limit=10&Include=Products&Stats=Reviews",
        "Filter=ProductId:eq:a&Filter=IsRatingsOnly:eq:false&Filter=Rating:eq:5,4&Sort=Rating:desc,SubmissionTime:desc",
        "Filter=ProductId:a&Filter=ContentLocale:eq:en*,fr_FR&Include=Authors,Products,Comments&Limit_Comments=5"
        "&Stats=Reviews&FilteredStats=Reviews",
        "Filter=ProductId:a&ExcludeFamily=true&Sort=Helpfulness:desc,Id:asc&Offset=2",
        "Filter=AuthorId:anna&Sort=Rating:asc&Limit=100",
    ):
        answer = await shop.good("reviews.json", query)
        times = [one["SubmissionTime"] for one in answer["Results"]]
        if "Sort=SubmissionTime:desc" in query:
            assert times == sorted(times, reverse=True)
    answer = await shop.good("reviews.json", "Filter=ProductId:a&Include=Products&Stats=Reviews&FilteredStats=Reviews")
    assert answer["TotalResults"] > 0
    for product in answer["Includes"]["Products"].values():
        shown = product["ReviewStatistics"]
        assert shown["TotalReviewCount"] == sum(one["Count"] for one in shown["RatingDistribution"])
        assert product["TotalReviewCount"] == shown["TotalReviewCount"]


async def test_a_product_shown_with_reviews_of_its_family_alone_is_not_included_but_there(shop: Shop) -> None:
    every = (await shop.good("reviews.json", "Filter=ProductId:b&Limit=100"))["Results"]
    others = [one for one in every if one["ProductId"] != "b"]
    ids = ",".join(one["Id"] for one in others)
    page = await shop.good("reviews.json", f"Filter=ProductId:b&Filter=Id:{ids}&Include=Products&Limit=100")
    assert 0 < page["TotalResults"] == len(others) < len(every)
    assert page["Includes"]["Products"].keys() == {one["ProductId"] for one in others}
    (product,) = (await shop.good("products.json", "Filter=Id:b&Stats=Reviews"))["Results"]
    assert product["ReviewStatistics"]["TotalReviewCount"] == len(every)


async def test_statistics_of_many_products(shop: Shop) -> None:
    products = "Filter=ProductId:" + ",".join(
        quote(name.replace(":", "\\:").replace(",", "\\,")) for name in ("a", "B", "x:1,2", "none")
    )
    for query in (
        "&Stats=Reviews,NativeReviews&IncentivizedStats=true",
        "&Stats=NativeReviews&ExcludeFamily=true",
        "&Filter=ContentLocale:en*&Stats=Reviews,NativeReviews",
        "&Stats=Reviews&Limit=1&Offset=1",
    ):
        answer = await shop.good("statistics.json", products + query)
        assert answer["TotalResults"] == 3
    assert answer["Results"][0]["ProductStatistics"]["ProductId"] == "B"


async def test_a_pass_key_without_syndicated_content_shows_none(shop: Shop) -> None:
    key = replace(KEY, excludes_syndicated=True)
    every = await shop.good("reviews.json", "Limit=100")
    native = await shop.good("reviews.json", "Limit=100&Include=Products,Comments&Stats=Reviews", key)
    assert {one["Id"] for one in native["Results"]} == {
        one["Id"] for one in every["Results"] if not one["IsSyndicated"]
    }
    assert 0 < native["TotalResults"] < every["TotalResults"]


async def test_pages_take_all_in_turn(shop: Shop) -> None:
    every = await shop.good("reviews.json", "Limit=100&Sort=Rating:asc")
    paged = [
        one["Id"]
        for offset in range(0, every["TotalResults"], 7)
        for one in (await shop.good("reviews.json", f"Limit=7&Offset={offset}&Sort=Rating:asc"))["Results"]
    ]
    assert paged == [one["Id"] for one in every["Results"]]
    last = await shop.good("reviews.json", "Offset=300000")
    assert (last["TotalResults"], last["Results"]) == (every["TotalResults"], [])


MEANINGS: list[tuple[str, Callable[[Any], object]]] = [
    ("Filter=Rating:gte:4", lambda one: one["Rating"] >= 4),
    ("Filter=Rating:gte:3.5", lambda one: one["Rating"] >= 4),
    ("Filter=Rating:lt:3.5", lambda one: one["Rating"] <= 3),
    ("Filter=Rating:2.5,4.0", lambda one: one["Rating"] == 4),
    ("Filter=SecondaryRating_Fit:gt:2.5", lambda one: one["SecondaryRatings"].get("Fit", {"Value": 0})["Value"] >= 3),
    ("Filter=TotalFeedbackCount:lte:1.9", lambda one: one["TotalFeedbackCount"] <= 1),
    ("Filter=Rating:neq:4,5", lambda one: one["Rating"] not in (4, 5)),
    ("Filter=ContentLocale:neq:en*", lambda one: not one["ContentLocale"].startswith("en")),
    ("Filter=ContentLocale:en_GB", lambda one: one["ContentLocale"] == "en_GB"),
    ("Filter=IsRecommended:neq:true", lambda one: one["IsRecommended"] is not True),
    ("Filter=HasPhotos:true&Filter=HasVideos:false", lambda one: one["Photos"] and not one["Videos"]),
    ("Filter=Tag_Pro:soft", lambda one: "soft" in one["TagDimensions"].get("Pro", {"Values": []})["Values"]),
    ("Filter=SecondaryRating_Fit:lt:3", lambda one: one["SecondaryRatings"].get("Fit", {"Value": 9})["Value"] < 3),
    ("Filter=TotalFeedbackCount:gt:2", lambda one: one["TotalFeedbackCount"] > 2),
    ("Filter=CampaignId:spring", lambda one: one["CampaignId"] == "spring"),
    ("Filter=SubmissionTime:lt:1767528000", lambda one: one["SubmissionTime"] < "2026-01-04T12:00:00.000+00:00"),
]


@pytest.mark.parametrize(("query", "holds"), MEANINGS, ids=[query for query, _ in MEANINGS])
async def test_filters_mean_in_the_answer_what_they_say(shop: Shop, query: str, holds: Callable[[Any], object]) -> None:
    every = (await shop.good("reviews.json", "Limit=100"))["Results"]
    answer = await shop.good("reviews.json", f"{query}&Limit=100")
    expected = {one["Id"] for one in every if holds(one)}
    assert {one["Id"] for one in answer["Results"]} == expected
    assert 0 < len(expected) < len(every)


@pytest.mark.parametrize("stale", ["abc", "1" * 20, "12.5"])
async def test_a_stale_id_finds_nothing_and_its_opposite_everything(shop: Shop, stale: str) -> None:
    reviews = (await shop.good("reviews.json", "Limit=100"))["Results"]
    comments = (await shop.good("reviewcomments.json", "Limit=100"))["Results"]
    first = comments[0]["ReviewId"]
    for endpoint, name, known, count in (
        ("reviews.json", "Id", reviews[0]["Id"], 1),
        ("reviewcomments.json", "Id", comments[0]["Id"], 1),
        ("reviewcomments.json", "ReviewId", first, sum(one["ReviewId"] == first for one in comments)),
    ):
        every = len(reviews if endpoint == "reviews.json" else comments)
        for values, expected in ((stale, 0), (f"{stale},{known}", count)):
            assert (await shop.good(endpoint, f"Filter={name}:{values}&{INCLUDES}"))["TotalResults"] == expected
            assert (await shop.good(endpoint, f"Filter={name}:neq:{values}"))["TotalResults"] == every - expected
    assert "Comments" in (await shop.good("reviews.json", INCLUDES))["Includes"]
    assert "Comments" not in (await shop.good("reviews.json", f"{INCLUDES}&Filter_Comments=Id:{stale}"))["Includes"]


async def test_nothing_is_equal_to_a_fraction_and_all_else_is_not(shop: Shop) -> None:
    every = (await shop.good("reviews.json", ""))["TotalResults"]
    for name in ("Rating", "SecondaryRating_Fit", "TotalCommentCount", "TotalFeedbackCount"):
        assert (await shop.good("reviews.json", f"Filter={name}:3.5"))["TotalResults"] == 0
        assert (await shop.good("reviews.json", f"Filter={name}:neq:3.5"))["TotalResults"] == every


@pytest.mark.parametrize("algorithm", ["a1", "A2"])
async def test_relevancy_is_an_order_of_its_own(shop: Shop, algorithm: str) -> None:
    for of in ("", "Filter=ProductId:a&"):
        answer = await shop.good("reviews.json", f"{of}Sort=relevancy:{algorithm}&Limit=100")
        same = await shop.good("reviews.json", f"{of}Sort=Helpfulness:desc,SubmissionTime:desc&Limit=100")
        assert answer == same
    page = await shop.good("products.json", f"Filter=Id:a&Include=Reviews&Sort_Reviews=Relevancy:{algorithm}")
    found = [page["Includes"]["Reviews"][one]["Helpfulness"] for one in page["Results"][0]["ReviewIds"]]
    voted = [one for one in found if one is not None]
    assert voted == sorted(voted, reverse=True)
    assert found == voted + [None] * (len(found) - len(voted))


async def test_brands_are_null_in_any_case(shop: Shop) -> None:
    without = await shop.good("reviews.json", "Filter=ProductBrandId:eq:null&Limit=100")
    assert 0 < without["TotalResults"] < (await shop.good("reviews.json", ""))["TotalResults"]
    assert await shop.good("reviews.json", "Filter=ProductBrandId:eq:NULL&Limit=100") == without


async def test_errors_are_those_of_any_reader(shop: Shop) -> None:
    for query in ("Filter=roductId:1", "Limit=200", "Filter=ContextDataValue_Nothing:1", "Sort=Rating", "Locale=x"):
        assert (await shop.same("reviews.json", query))["HasErrors"] is True


@settings(max_examples=200, deadline=None)
@given(endpoint=st.sampled_from(sorted(ENDPOINTS)), query=QUERIES)
@example(endpoint="reviews.json", query=b"apiversion=5.4&filter=submissiontime:gt:-62135596800")
@example(endpoint="reviews.json", query=b"apiversion=5.4&filter=submissiontime:lt:253402300799")
@example(endpoint="reviews.json", query=b"apiversion=5.4&filter=rating:lt:9223372036854775807")
@example(endpoint="products.json", query=b"apiversion=5.4&filter=averageoverallrating:gt:9999999999999999999.5")
@example(endpoint="reviews.json", query=b"apiversion=5.4&filter=productbrandid:gt:a,Oslo")
@example(endpoint="authors.json", query=b"apiversion=5.4&search=%25_\\'&limit=0")
async def test_any_query_string_means_what_the_reference_says(shop: Shop, endpoint: str, query: bytes) -> None:
    found = await shop.display.answer(endpoint, get(query), KEY)
    expected = await shop.reference.answer(endpoint, get(query), KEY)
    assert (found.status, found.body) == (200, expected.body)


@settings(max_examples=300, deadline=None)
@given(
    asked=st.sampled_from(sorted(SUBJECTS)).flatmap(lambda one: st.tuples(st.just(one), good_queries(SUBJECTS[one])))
)
async def test_any_good_request_means_what_the_reference_says(shop: Shop, asked: tuple[Endpoint, str]) -> None:
    endpoint, query = asked
    found = await shop.display.answer(endpoint, get(f"ApiVersion=5.4&{query}"), KEY)
    expected = await shop.reference.answer(endpoint, get(f"ApiVersion=5.4&{query}"), KEY)
    assert found.body == expected.body
    assert b'"HasErrors":false' in found.body
