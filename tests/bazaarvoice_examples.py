"""A site's rows as the core answers them, and a reader that answers with what it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.query.bazaarvoice.display import Display
from services.query.core.answers import Answer, BulkStatistics, ProductCounts, Row, Statistics
from services.query.core.query import Query, StatisticsQuery, Subject
from services.query.core.vocabulary import Vocabularies
from services.query.exchange import Request, Response
from shared.events.vocabulary import (
    AdditionalFieldTerm,
    BadgeTerm,
    ContextDataTerm,
    SecondaryRatingTerm,
    TagTerm,
    Vocabulary,
)
from shared.pass_keys import PassKey

SITE = "shop"
PASS_KEY = PassKey("abcdefgh", SITE, "test", 1_000, 10_000, "en_US", False)

VOCABULARY = Vocabulary(
    secondary_ratings=(
        SecondaryRatingTerm(id="Quality", label="Quality of Product"),
        SecondaryRatingTerm(
            id="Fit",
            label="Fit",
            display_type="SLIDER",
            min_label="Runs Small",
            max_label="Runs Large",
            value_labels={"3": "True to size"},
        ),
    ),
    context_data=(
        ContextDataTerm(id="Gender", label="Gender", value_labels={"Male": "Male", "Female": "Female"}),
        ContextDataTerm(id="Age", label="Age", value_labels={"17orUnder": "17 or under", "18to24": "18 to 24"}),
    ),
    tags=(TagTerm(id="Pro", label="Pros"), TagTerm(id="Con", label="Cons")),
    additional_fields=(AdditionalFieldTerm(id="Height", label="Your height"),),
    badges=(BadgeTerm(id="verifiedPurchaser"), BadgeTerm(id="top25")),
)
FRENCH = Vocabulary(context_data=(ContextDataTerm(id="Age", label="Âge", value_labels={"18to24": "18 à 24 ans"}),))
VOCABULARIES = Vocabularies({"*": VOCABULARY, "fr_FR": FRENCH})


def review_row(**columns: Any) -> Row:
    row: Row = {
        "review_id": 1001,
        "revision": 1,
        "slug": "r-1001",
        "entity_id": "P1",
        "entity_name": None,
        "rating": 4,
        "title": "Good",
        "text": "Quite good.",
        "author_id": "a1",
        "author_name": "Ann",
        "author_email_masked": None,
        "locale": "en-US",
        "created_at": "2017-01-04T05:35:00+00:00",
        "submitted_at": "2017-01-05T05:35:00.5+00:00",
        "review_date": "2017-01-04T05:35:00+00:00",
        "published_at": "2017-01-06T05:35:00.123456+00:00",
        "first_published_at": "2017-01-06T05:35:00+00:00",
        "publish_count": 1,
        "is_featured": False,
        "display_order": None,
        "replies": [],
        "pros": None,
        "cons": None,
        "is_recommended": None,
        "is_ratings_only": False,
        "secondary_ratings": None,
        "context_data": None,
        "tags": None,
        "additional_fields": None,
        "badges": None,
        "photos": None,
        "videos": None,
        "product_recommendation_ids": [],
        "author_location": None,
        "affiliation": None,
        "campaign_id": None,
        "submission_id": "r1001",
        "is_incentivized": False,
        "syndication": None,
        "moderator_codes": [],
        "positive_votes": 0,
        "negative_votes": 0,
        "abuse_reports": 0,
        "comment_count": 0,
    }
    assert columns.keys() <= row.keys() | {"comment_ids"}
    return row | columns


FULL_REVIEW = review_row(
    entity_name="Dress",
    pros="Colour",
    cons="Price",
    is_recommended=True,
    secondary_ratings={"Fit": 3, "Quality": 5, "Aroma": 2},
    context_data={"Age": "18to24", "Gender": "Female", "Zone": "north"},
    tags={"Pro": ["Soft", "Warm"]},
    additional_fields={"Height": "170"},
    badges=[{"id": "top25", "kind": "Merit"}, {"id": "verifiedPurchaser", "kind": "Custom"}],
    photos=[
        {
            "id": "7",
            "url": "https://img.example/7.jpg",
            "thumbnail_url": "https://img.example/7t.jpg",
            "large_url": "https://img.example/7l.jpg",
            "caption": None,
        }
    ],
    videos=[{"id": "xyz", "host": "www.youtube.com", "url": "https://video.example/xyz"}],
    product_recommendation_ids=["P2"],
    author_location="Leeds",
    campaign_id="MAIL",
    syndication={"name": "Elsewhere", "logo_url": "https://img.example/logo.png", "content_link": None},
    moderator_codes=["PUX"],
    positive_votes=3,
    negative_votes=1,
    abuse_reports=2,
    comment_count=1,
    comment_ids=[2001],
    replies=[
        {
            "slot": 0,
            "text": "Thank you.",
            "author_name": "The shop",
            "posted_at": "2017-01-07T00:00:00.5Z",
            "updated_at": "2017-01-07T00:00:00+00:00",
            "department": "Service",
            "response_type": "Apology",
            "response_source": "Console",
        }
    ],
)


def comment_row(**columns: Any) -> Row:
    row: Row = {
        "comment_id": 2001,
        "review_id": 1001,
        "revision": 1,
        "entity_id": "P1",
        "title": None,
        "text": "I agree.",
        "author_id": "a2",
        "author_name": "Ben",
        "author_location": None,
        "locale": "en",
        "comment_date": "2017-02-04T05:35:00+00:00",
        "submitted_at": "2017-02-04T05:35:00+00:00",
        "published_at": "2017-02-04T05:36:00+00:00",
        "submission_id": "c2001",
        "campaign_id": None,
        "is_featured": False,
        "syndication": None,
        "badges": None,
        "photos": None,
        "videos": None,
        "moderator_codes": [],
        "positive_votes": 2,
        "negative_votes": 1,
        "abuse_reports": 0,
    }
    assert columns.keys() <= row.keys()
    return row | columns


def product_row(**columns: Any) -> Row:
    row: Row = {
        "product_id": "P1",
        "in_catalog": True,
        "name": "Dress",
        "description": "Long.",
        "image_url": "https://img.example/p1.jpg",
        "page_url": None,
        "category_id": "dresses",
        "brand_id": "B1",
        "brand": {"brand_id": "B1", "name": "Acme", "localized": {"fr_FR": {"name": "Acmé"}}},
        "family_ids": ["F1"],
        "is_active": True,
        "is_disabled": False,
        "attributes": {"Colour": {"label": "Colour", "labels": {"fr-FR": "Couleur"}, "values": ["red", "blue"]}},
        "identifiers": {"eans": ["123"], "upcs": [], "isbns": [], "model_numbers": ["M1"]},
        "localized": {"fr_FR": {"name": "Robe", "description": None, "image_url": None, "page_url": "https://fr"}},
        "entity_name": None,
        "review_count": 3,
    }
    assert columns.keys() <= row.keys() | {"review_ids", "statistics", "filtered_statistics"}
    return row | columns


def category_row(**columns: Any) -> Row:
    row: Row = {
        "category_id": "dresses",
        "name": "Dresses",
        "parent_id": "clothes",
        "image_url": None,
        "page_url": None,
        "attributes": {},
        "localized": {},
    }
    assert columns.keys() <= row.keys() | {"product_ids"}
    return row | columns


def author_row(**columns: Any) -> Row:
    row: Row = {
        "author_id": "a1",
        "review_count": 2,
        "comment_count": 0,
        "author_name": "Ann",
        "author_location": None,
        "badges": [{"id": "top25", "kind": "Merit"}],
        "context_data": {"Age": "18to24"},
        "content_date": "2017-01-04T05:35:00+00:00",
        "submitted_at": "2017-01-04T05:35:00+00:00",
        "published_at": "2017-01-06T05:35:00+00:00",
    }
    assert columns.keys() <= row.keys() | {"review_ids", "comment_ids", "statistics", "filtered_statistics"}
    return row | columns


def statistics(**counts: Any) -> Statistics:
    found: dict[str, Any] = {
        "review_count": 0,
        "rating_sum": 0,
        "ratings": [0, 0, 0, 0, 0],
        "recommended_count": 0,
        "not_recommended_count": 0,
        "positive_votes": 0,
        "negative_votes": 0,
        "featured_count": 0,
        "ratings_only_count": 0,
        "incentivized_count": 0,
        "native_count": 0,
        "native_rating_sum": 0,
        "native_incentivized_count": 0,
        "first_date": None,
        "last_date": None,
        "secondary_ratings": {},
        "context_data": {},
        "tags": {},
    }
    assert counts.keys() <= found.keys()
    return found | counts  # type: ignore[return-value]  # its keys are those that the assertion compares


@dataclass
class GivenAnswers:
    """A reader of one site. `asked` is what it was asked last."""

    rows: list[Row] = field(default_factory=list)
    included: Mapping[Subject, list[Row]] = field(default_factory=dict)
    products: list[ProductCounts] = field(default_factory=list)
    known: Vocabularies = VOCABULARIES
    enabled: bool = True
    site: str = SITE
    asked: Query | StatisticsQuery | None = None

    async def ask(self, query: Query) -> Answer | None:
        self.asked = query
        return Answer(self.enabled, len(self.rows), self.rows, self.included) if query.site == self.site else None

    async def statistics(self, query: StatisticsQuery) -> BulkStatistics | None:
        self.asked = query
        return BulkStatistics(self.enabled, self.products) if query.site == self.site else None

    async def vocabularies(self, site: str) -> Vocabularies | None:
        return self.known if site == self.site else None


def get(query: str | bytes) -> Request:
    async def receive() -> Any:
        raise AssertionError("a display request has no body")

    raw = query if isinstance(query, bytes) else query.encode()
    scope = {"type": "http", "method": "GET", "path": "/data/reviews.json", "query_string": raw, "headers": []}
    return Request(scope, receive)


async def display(
    endpoint: str, query: str | bytes, reader: GivenAnswers | None = None, key: PassKey = PASS_KEY
) -> Response:
    raw = query if isinstance(query, bytes) else query.encode()
    return await Display(reader or GivenAnswers()).answer(endpoint, get(b"ApiVersion=5.4&PassKey=x&" + raw), key)


async def shown(endpoint: str, query: str, reader: GivenAnswers | None = None, key: PassKey = PASS_KEY) -> Any:
    response = await display(endpoint, query, reader, key)
    assert response.status == 200
    return orjson.loads(response.body)
