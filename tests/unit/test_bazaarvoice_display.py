from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from services.query.bazaarvoice.display import ENDPOINTS, REFUSED, Display, refuse
from services.query.bazaarvoice.errors import BAD_PASS_KEY, Code, Refused, VendorError
from services.query.bazaarvoice.jsonp import JAVASCRIPT, MAX_CALLBACK, read_callback, wrap
from services.query.bazaarvoice.locales import read_locale, vendor_locale
from services.query.core.answers import ProductCounts
from services.query.core.query import Query, Subject
from services.query.exchange import JSON, NO_STORE
from services.query.problem import Problem
from tests.bazaarvoice_examples import (
    FULL_REVIEW,
    PASS_KEY,
    GivenAnswers,
    author_row,
    category_row,
    comment_row,
    display,
    get,
    product_row,
    review_row,
    shown,
    statistics,
)


async def test_the_envelope_of_an_answer() -> None:
    answer = await shown("reviews.json", "Limit=3&Offset=2", GivenAnswers([review_row(), review_row(review_id=7)]))
    results = answer.pop("Results")
    assert answer == {
        "Limit": 3,
        "Offset": 2,
        "TotalResults": 2,
        "Locale": "en_US",
        "Includes": {},
        "HasErrors": False,
        "Errors": [],
    }
    assert [one["Id"] for one in results] == ["1001", "7"]


async def test_nothing_found_is_an_answer() -> None:
    for endpoint in ENDPOINTS:
        answer = await shown(endpoint, "Filter=ProductId:P1" if endpoint == "statistics.json" else "")
        assert (answer["HasErrors"], answer["TotalResults"], answer["Results"], answer["Includes"]) == (
            False,
            0,
            [],
            {},
        )


@pytest.mark.parametrize(
    ("endpoint", "row", "shown_id"),
    [
        ("reviews.json", review_row(), "1001"),
        ("reviewcomments.json", comment_row(), "2001"),
        ("products.json", product_row(), "P1"),
        ("categories.json", category_row(), "dresses"),
        ("authors.json", author_row(), "a1"),
    ],
)
async def test_every_endpoint_shows_its_own(endpoint: str, row: dict[str, object], shown_id: str) -> None:
    (one,) = (await shown(endpoint, "", GivenAnswers([row])))["Results"]
    assert one["Id"] == shown_id


async def test_includes_are_objects_by_id_with_their_order() -> None:
    included = {
        Subject.PRODUCTS: [product_row(product_id="P2", statistics=statistics()), product_row(statistics=statistics())],
        Subject.COMMENTS: [comment_row(comment_id=9), comment_row(comment_id=10)],
        Subject.CATEGORIES: [category_row()],
        Subject.AUTHORS: [],
    }
    query = "Include=Products,Comments,Categories,Authors&Stats=Reviews"
    answer = await shown("reviews.json", query, GivenAnswers([review_row()], included))
    includes = answer["Includes"]
    assert includes.keys() == {
        "Products",
        "ProductsOrder",
        "Comments",
        "CommentsOrder",
        "Categories",
        "CategoriesOrder",
    }
    assert includes["ProductsOrder"] == ["P2", "P1"]
    assert includes["CommentsOrder"] == ["9", "10"]
    assert includes["Comments"]["9"]["Id"] == "9"
    assert includes["Products"]["P1"]["TotalReviewCount"] == 0
    assert "FilteredReviewStatistics" not in includes["Products"]["P1"]


async def test_included_content_shows_moderator_codes_too() -> None:
    reader = GivenAnswers([review_row(moderator_codes=["PRI"])], {Subject.COMMENTS: [comment_row()]})
    answer = await shown("reviews.json", "Include=Comments&Attributes=ModeratorCodes", reader)
    assert answer["Results"][0]["ModeratorCodes"] == ["PRI"]
    assert answer["Includes"]["Comments"]["2001"]["ModeratorCodes"] == []


async def test_filtered_statistics_stand_beside_the_others() -> None:
    row = author_row(
        statistics=statistics(review_count=2, rating_sum=9, ratings=[0, 0, 0, 1, 1]),
        filtered_statistics=statistics(review_count=1, rating_sum=5, ratings=[0, 0, 0, 0, 1]),
    )
    query = "Stats=Reviews&FilteredStats=Reviews&IncentivizedStats=true"
    (one,) = (await shown("authors.json", query, GivenAnswers([row])))["Results"]
    assert one["TotalReviewCount"] == 2
    assert one["ReviewStatistics"]["AverageOverallRating"] == 4.5
    assert one["FilteredReviewStatistics"]["TotalReviewCount"] == 1
    assert one["FilteredReviewStatistics"]["IncentivizedReviewCount"] == 0


async def test_labels_are_those_of_the_locale_asked_for_else_of_the_pass_key() -> None:
    reader = GivenAnswers([FULL_REVIEW])
    for query, key, locale, label in (
        ("", PASS_KEY, "en_US", "Age"),
        ("Locale=fr_FR", PASS_KEY, "fr_FR", "Âge"),
        ("Locale=fr-FR", PASS_KEY, "fr_FR", "Âge"),
        ("Locale=de_DE", PASS_KEY, "de_DE", "Age"),
        ("", replace(PASS_KEY, locale="fr_FR"), "fr_FR", "Âge"),
    ):
        answer = await shown("reviews.json", query, reader, key)
        assert answer["Locale"] == locale
        assert answer["Results"][0]["ContextDataValues"]["Age"]["DimensionLabel"] == label


async def test_a_changed_vocabulary_shows_at_once() -> None:
    reader = GivenAnswers([FULL_REVIEW])
    shows = Display(reader)

    async def label() -> object:
        response = await shows.answer("reviews.json", get("ApiVersion=5.4"), PASS_KEY)
        return orjson.loads(response.body)["Results"][0]["ContextDataValues"]["Age"].get("DimensionLabel")

    assert await label() == "Age"
    reader.known = type(reader.known)({})
    assert await label() is None


async def test_a_closed_or_unknown_site_shows_nothing() -> None:
    closed = GivenAnswers(
        [review_row()], {Subject.PRODUCTS: [product_row()]}, [ProductCounts("P1", *[1] * 6)], enabled=False
    )
    unknown = GivenAnswers([review_row()], products=[ProductCounts("P1", *[1] * 6)], site="other")
    for reader in (closed, unknown):
        for endpoint in ("reviews.json", "statistics.json"):
            answer = await shown(endpoint, "Filter=ProductId:P1&Include=Products", reader)
            assert (answer["TotalResults"], answer["Results"], answer["Includes"]) == (0, [], {})


async def test_the_pass_key_decides_site_and_syndication() -> None:
    reader = GivenAnswers()
    await shown("reviews.json", "", reader, replace(PASS_KEY, excludes_syndicated=True))
    assert isinstance(reader.asked, Query)
    assert (reader.asked.site, reader.asked.excludes_syndicated) == (PASS_KEY.site, True)


async def test_bulk_statistics_come_for_all_products_unless_limited() -> None:
    reader = GivenAnswers(products=[ProductCounts(f"P{number}", 1, 5, 0, 1, 5, 0) for number in range(12)])
    products = "Filter=ProductId:" + ",".join(f"P{number}" for number in range(12))
    answer = await shown("statistics.json", products, reader)
    assert (answer["Limit"], answer["TotalResults"], len(answer["Results"])) == (12, 12, 12)
    answer = await shown("statistics.json", f"{products}&Limit=2&Offset=11", reader)
    assert (answer["Limit"], answer["Offset"], answer["TotalResults"]) == (2, 11, 12)
    assert [one["ProductStatistics"]["ProductId"] for one in answer["Results"]] == ["P11"]


async def test_answers_have_a_tag_and_errors_are_not_kept() -> None:
    first, again = [await display("reviews.json", "", GivenAnswers([review_row()])) for _ in range(2)]
    other = await display("reviews.json", "", GivenAnswers([review_row(rating=1)]))
    assert dict(first.headers)[b"etag"] == dict(again.headers)[b"etag"] != dict(other.headers)[b"etag"]
    assert first.headers[0] == JSON
    assert first.route == "bazaarvoice.reviews"
    failed = await display("reviews.json", "Limit=200")
    assert failed.route == REFUSED
    assert failed.headers == [JSON, NO_STORE]


async def test_another_endpoint_is_not_found() -> None:
    with pytest.raises(Problem) as refused:
        await display("questions.json", "")
    assert refused.value.status == 404


async def test_answers_and_errors_come_as_scripts_to_those_who_ask() -> None:
    for query in ("Callback=BV.cb_1", "callback=BV.cb_1&Limit=200"):
        response = await display("reviews.json", query, GivenAnswers([review_row(text="a\u2028b")]))
        assert response.headers[0] == JAVASCRIPT
        assert response.body.startswith(b"BV.cb_1({")
        assert response.body.endswith(b"});")
        assert b"\xe2\x80\xa8" not in response.body
        envelope = orjson.loads(response.body[8:-2])
        assert envelope["HasErrors"] is ("Limit" in query)


@pytest.mark.parametrize("name", ["alert(1)", "a-b", "a,b", "é", "a b", "a" * (MAX_CALLBACK + 1), "<script>"])
async def test_a_callback_that_is_more_than_a_name_is_refused_and_not_called(name: str) -> None:
    with pytest.raises(Refused) as refused:
        read_callback(name)
    assert refused.value.errors[0].code is Code.INVALID_CALLBACK
    response = await display("reviews.json", f"Callback={name}")
    assert response.headers[0] == JSON
    assert orjson.loads(response.body)["Errors"][0]["Code"] == "ERROR_PARAM_INVALID_CALLBACK"


def test_without_a_callback_the_body_is_json() -> None:
    assert read_callback("") is None
    assert wrap(b"{}", None) == (b"{}", JSON)


async def test_a_bad_locale_is_refused_in_the_pass_keys_own() -> None:
    answer = await shown("reviews.json", "Locale=../x")
    assert (answer["Locale"], answer["Errors"][0]["Code"]) == ("en_US", "ERROR_PARAM_INVALID_LOCALE")
    assert (await shown("reviews.json", "Locale=fr_FR&Limit=200"))["Locale"] == "fr_FR"


def test_locales_are_written_the_vendors_way() -> None:
    assert [vendor_locale(tag) for tag in ("en", "en-US", "zh-Hant-TW")] == ["en", "en_US", "zh_Hant_TW"]
    assert read_locale("", "en_US") == "en_US"
    assert read_locale("zh-Hant-TW", "en_US") == "zh_Hant_TW"


@pytest.mark.parametrize("query", [b"callback=fn", b"passkey=x&Callback=fn&Limit=200"])
def test_what_others_refuse_is_wrapped_as_well(query: bytes) -> None:
    response = refuse(query, [BAD_PASS_KEY], None)
    assert (response.status, response.body[:4]) == (200, b"fn({")
    envelope = orjson.loads(response.body[3:-2])
    assert [envelope[name] for name in ("Limit", "Offset", "TotalResults", "Locale")] == [None] * 4
    assert envelope["Errors"] == [
        {"Message": "The passKey provided is invalid.", "Code": "ERROR_PARAM_INVALID_API_KEY"}
    ]


def test_others_choose_the_status() -> None:
    error = VendorError(Code.REQUEST_LIMIT_REACHED, "slow down")
    response = refuse(b"callback=alert(1)", [error], "en_US", 429)
    assert (response.status, response.headers[0]) == (429, JSON)
    assert orjson.loads(response.body)["Limit"] == 0


async def test_locales_that_somebody_makes_up_fill_no_memory() -> None:
    reader = GivenAnswers(rows=[FULL_REVIEW])
    asked = Display(reader)
    for number in range(50):
        await asked.answer("reviews.json", get(f"ApiVersion=5.4&Locale=en_{number:02}"), PASS_KEY)
    for locale in ("fr_FR", "fr-fr", "en_US"):
        await asked.answer("reviews.json", get(f"ApiVersion=5.4&Locale={locale}"), PASS_KEY)
    ((_, kept),) = asked._labels.values()
    # One for each vocabulary of the site.
    assert len(kept) == 2
    french = await asked.answer("reviews.json", get("ApiVersion=5.4&Locale=fr_FR"), PASS_KEY)
    other = await asked.answer("reviews.json", get("ApiVersion=5.4&Locale=de_DE"), PASS_KEY)
    assert ("Âge" in french.body.decode(), "Âge" in other.body.decode()) == (True, False)
    assert (orjson.loads(french.body)["Locale"], orjson.loads(other.body)["Locale"]) == ("fr_FR", "de_DE")
