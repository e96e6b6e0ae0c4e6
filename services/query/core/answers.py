"""What the read model answers."""

from __future__ import annotations

from typing import NamedTuple

from shared.events.settings import SiteSettings


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
