"""Our answers hold against the vendor's recorded ones: of the same content the same members of the same JSON types."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
import pytest

from services.query.bazaarvoice.envelope import failure
from services.query.bazaarvoice.errors import BAD_PASS_KEY
from services.query.core.answers import ProductCounts, Row
from services.query.core.query import Subject
from tests.bazaarvoice_differences import DIFFERENCES
from tests.bazaarvoice_examples import GivenAnswers, display, shown
from tests.bazaarvoice_recordings import (
    FOLDER,
    author_of,
    comment_of,
    differences,
    product_of,
    recorded,
    review_of,
    vocabularies_of,
)

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the vendor's recorded answers are not at {FOLDER.name}")

KINDS: Mapping[str, tuple[str, Subject, Callable[[Any], Row]]] = {
    "Reviews": ("Review", Subject.REVIEWS, review_of),
    "Comments": ("Comment", Subject.COMMENTS, comment_of),
    "Products": ("Product", Subject.PRODUCTS, product_of),
    "Authors": ("Author", Subject.AUTHORS, author_of),
}
PAGES = {
    "reviews_all_reviews.json": ("reviews.json", "Reviews", ""),
    "reviews_all_reviews_include_rev_stats.json": ("reviews.json", "Reviews", "Stats=Reviews"),
    "reviews_include_comments.json": ("reviews.json", "Reviews", ""),
    "reviews_include_value_label.json": ("reviews.json", "Reviews", "Stats=Reviews"),
    "reviews_syndicated_source.json": ("reviews.json", "Reviews", "Limit=50&Stats=Reviews"),
    "review_tag_stats.json": ("reviews.json", "Reviews", "Stats=Reviews"),
    "review_incentivized.json": (
        "reviews.json",
        "Reviews",
        "Limit=20&Stats=Reviews&FilteredStats=Reviews&IncentivizedStats=true",
    ),
    "comments_for_review.json": ("reviewcomments.json", "Comments", ""),
    "author_by_id_with_options.json": ("authors.json", "Authors", "Stats=Reviews"),
    "product_catalog_prod_include_rev_stats.json": ("products.json", "Products", "Stats=Reviews"),
}
_MAPPINGS = (
    "SecondaryRatings|ContextDataValues|TagDimensions|AdditionalFields|Badges|SecondaryRatingsAverages|"
    "ContextDataDistribution|TagDistribution"
)
_NAMED = re.compile(rf"\.({_MAPPINGS})\.[^.\[]+")


async def test_pages_have_the_recorded_members_but_for_the_listed_differences() -> None:
    found: dict[tuple[str, str], set[str]] = {}
    for name in PAGES:
        async for difference in _of_page(name):
            found.setdefault(difference, set()).add(name)
    listed = {(one.place, one.what) for one in DIFFERENCES}
    unlisted = {one: files for one, files in found.items() if one not in listed}
    assert not unlisted
    assert listed <= found.keys(), "a listed difference is gone"


async def _of_page(name: str) -> Any:
    theirs = recorded(name)
    endpoint, kind, query = PAGES[name]
    _, _, row_of = KINDS[kind]
    included = {
        KINDS[one][1]: [KINDS[one][2](theirs["Includes"][one][key]) for key in theirs["Includes"][f"{one}Order"]]
        for one in KINDS
        if one in theirs["Includes"]
    }
    rows = [row_of(one) for one in theirs["Results"]]
    ours = await shown(endpoint, query, GivenAnswers(rows, included, known=vocabularies_of(theirs)))
    assert [one["Id"] for one in ours["Results"]] == [one["Id"] for one in theirs["Results"]]
    for one in _envelope(theirs, ours):
        yield one
    pairs = list(zip([kind] * len(rows), theirs["Results"], ours["Results"], strict=True))
    for one, members in theirs["Includes"].items():
        if not one.endswith("Order"):
            assert ours["Includes"][f"{one}Order"] == theirs["Includes"][f"{one}Order"]
            pairs += [(one, members[key], ours["Includes"][one][key]) for key in members]
    for of_kind, recorded_one, our_one in pairs:
        for place, what in differences(recorded_one, our_one, KINDS[of_kind][0]):
            yield _NAMED.sub(r".\1.*", place), what


def _envelope(theirs: Any, ours: Any) -> Iterator[tuple[str, str]]:
    def bare(envelope: Any) -> Any:
        return {**envelope, "Results": [], "Includes": dict.fromkeys(envelope["Includes"])}

    return iter(differences(bare(theirs), bare(ours), "Envelope"))


async def test_values_are_the_recorded_ones() -> None:
    ours_to_give = {"CID", "SourceClient", "Helpfulness", "InappropriateFeedbackList"}
    ours_to_order = {"BadgesOrder", "ContextDataValuesOrder", "SecondaryRatingsOrder"}
    compared = 0
    for name in ("reviews_all_reviews.json", "reviews_include_value_label.json", "review_tag_stats.json"):
        theirs = recorded(name)
        rows = [review_of(one) for one in theirs["Results"]]
        ours = await shown("reviews.json", "", GivenAnswers(rows, known=vocabularies_of(theirs)))
        for one, our in zip(theirs["Results"], ours["Results"], strict=True):
            for member in one.keys() - ours_to_give - ours_to_order:
                assert our[member] == one[member], member
                compared += 1
            for order in ours_to_order & one.keys():
                assert sorted(our[order]) == sorted(one[order])
            assert our["Helpfulness"] == pytest.approx(one["Helpfulness"], abs=1e-6)
    assert compared > 1_000


async def test_distributions_of_newer_answers_come_in_the_recorded_order() -> None:
    for name in ("review_tag_stats.json", "review_incentivized.json"):
        theirs = recorded(name)
        (product,) = theirs["Includes"]["Products"].values()
        reader = GivenAnswers([], {Subject.PRODUCTS: [product_of(product)]}, known=vocabularies_of(theirs))
        ours = await shown("reviews.json", "Include=Products&Stats=Reviews", reader)
        our, their = ours["Includes"]["Products"][product["Id"]]["ReviewStatistics"], product["ReviewStatistics"]
        for member in ("RatingDistribution", "TagDistribution", "AverageOverallRating", "FirstSubmissionTime"):
            assert our[member] == their[member]


async def test_bulk_statistics_are_the_recorded_ones() -> None:
    theirs = recorded("bulk_ratings_response.json")
    (one,) = (result["ProductStatistics"] for result in theirs["Results"])
    # 241 of 55 ratings is the only sum with the recorded average.
    counts = ProductCounts(one["ProductId"], 55, 241, 15, 55, 241, 15)
    query = f"Filter=ProductId:{one['ProductId']}&Stats=Reviews,NativeReviews&IncentivizedStats=True"
    ours = await shown("statistics.json", query, GivenAnswers(products=[counts]))
    assert ours == theirs


async def test_errors_are_the_recorded_ones() -> None:
    theirs = recorded("display_bv_errors.json")
    ours = await shown("reviews.json", "Filter=roductId:eq:1000001")
    assert ours == theirs
    assert (await display("reviews.json", "Filter=roductId:eq:1000001")).status == 200


def test_a_bad_pass_key_has_the_same_members() -> None:
    theirs, ours = recorded("display_bv_errors.json"), orjson.loads(failure([BAD_PASS_KEY], None))
    assert ours.keys() == theirs.keys()
    assert [ours[name] for name in ("Limit", "Offset", "TotalResults", "Locale")] == [None] * 4
    assert ours["Errors"] == [{"Message": "The passKey provided is invalid.", "Code": "ERROR_PARAM_INVALID_API_KEY"}]
