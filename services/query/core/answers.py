"""What the read model answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

from services.query.core.query import Subject
from shared.events.settings import SiteSettings

Row = dict[str, Any]
"""One subject, as parsed JSON. Times are text as Postgres writes them in UTC: `2017-01-04T05:35:00+00:00`, with up to
six digits of a second where there are any. Every key is there, null where nothing is known.

REVIEWS: the columns of published.reviews without `site` (mappings such as `secondary_ratings` are objects or null,
    `replies` a list); `comment_ids` if comments are included as children of reviews.
COMMENTS: the columns of published.comments without `site`; `entity_id` is the product of its review.
PRODUCTS: the columns of published.subjects without `site` (product_id, in_catalog, name, description, image_url,
    page_url, category_id, brand_id, family_ids, is_active, is_disabled, attributes, identifiers, localized);
    `brand` {brand_id, name, localized} or null; `entity_name`, what the newest review calls a product that is not in
    the catalog; `review_count`, of the family unless excluded; `review_ids` of primary ones if reviews are included.
CATEGORIES: the columns of published.categories without `site`; `product_ids` of primary ones if products are included.
AUTHORS: author_id, review_count, comment_count; of their newest review, else comment: author_name, author_location,
    badges, context_data, content_date, submitted_at, published_at; `review_ids` and `comment_ids` of primary ones if
    included.

Products and authors have `statistics` and `filtered_statistics` (a Statistics each) when these were asked for.
"""


class Statistics(TypedDict):
    """Of the public reviews of a product or author; averages are for who shows them."""

    review_count: int
    rating_sum: int
    ratings: list[int]
    """How many of 1, 2, 3, 4 and 5."""
    recommended_count: int
    not_recommended_count: int
    positive_votes: int
    negative_votes: int
    featured_count: int
    ratings_only_count: int
    incentivized_count: int
    native_count: int
    """These three are of the reviews that are not syndicated."""
    native_rating_sum: int
    native_incentivized_count: int
    first_date: str | None
    """Of the oldest and newest review, by review date."""
    last_date: str | None
    secondary_ratings: dict[str, dict[str, int]]
    """Dimension, then value (digits), then how many reviews."""
    context_data: dict[str, dict[str, int]]
    tags: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Answer:
    """`enabled` is told and not acted upon: what a closed site answers differs between dialects."""

    enabled: bool
    total: int
    """Of all pages, exactly."""
    rows: list[Row]
    included: Mapping[Subject, list[Row]]
    """One list for each included subject that applies, in the order in which to show it; each row once."""


class ProductCounts(NamedTuple):
    """`native`: of the product's own reviews that are not syndicated, whatever family it belongs to."""

    product_id: str
    review_count: int
    rating_sum: int
    incentivized_count: int
    native_count: int
    native_rating_sum: int
    native_incentivized_count: int


class BulkStatistics(NamedTuple):
    enabled: bool
    products: list[ProductCounts]
    """One for each product id that the catalog or a review knows, in the order of the question, each once."""


class ReviewPage(NamedTuple):
    enabled: bool
    total: int
    """Of all pages."""
    documents: str
    """A JSON array."""


class SingleReview(NamedTuple):
    enabled: bool
    document: str | None


class Site(NamedTuple):
    name: str
    settings: SiteSettings


class Summary(NamedTuple):
    """Exact at every commit; `ratings[0]` counts the ratings of 1."""

    enabled: bool
    review_count: int
    rating_sum: int
    ratings: tuple[int, int, int, int, int]

    @property
    def average(self) -> float | None:
        return self.rating_sum / self.review_count if self.review_count else None
