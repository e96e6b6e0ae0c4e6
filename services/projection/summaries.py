"""Counts and sums per entity, locale, site, author and value, moved by the difference of a row's old and new form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import orjson

from services.projection.rows import PublicReview

COUNTS = (
    "ratings_1",
    "ratings_2",
    "ratings_3",
    "ratings_4",
    "ratings_5",
    "recommended_count",
    "not_recommended_count",
    "positive_votes",
    "negative_votes",
    "featured_count",
    "ratings_only_count",
    "incentivized_count",
    "native_count",
    "native_rating_sum",
    "native_incentivized_count",
)
"""What a Delta counts, in its order: the columns of published.summaries but for two that follow from the stars."""
_STARS = 5
(
    _RECOMMENDED,
    _NOT_RECOMMENDED,
    _POSITIVE,
    _NEGATIVE,
    _FEATURED,
    _RATINGS_ONLY,
    _INCENTIVIZED,
    _NATIVE,
    _NATIVE_SUM,
    _NATIVE_INCENTIVIZED,
) = range(_STARS, len(COUNTS))
MAX_VALUE_BYTES = 1_000
"""Of a value that is counted: beside the longest ids an index entry holds no more."""


class Delta(NamedTuple):
    """What a summary wins or loses. Sorts in the order in which rows are locked."""

    site: str
    scope: str
    entity_id: str
    locale: str
    """'' where all of the entity's count."""
    counts: tuple[int, ...]


class Counted(NamedTuple):
    """What of a public review is counted, its fields in the order of the columns that are read."""

    entity_id: str
    locale: str
    rating: int
    is_recommended: bool | None
    positive_votes: int
    negative_votes: int
    is_featured: bool
    is_ratings_only: bool
    is_incentivized: bool
    is_native: bool
    author_id: str | None
    comment_count: int
    secondary_ratings: str | None
    context_data: str | None
    tags: str | None


def counted(row: PublicReview) -> Counted:
    return Counted(
        row.entity_id,
        row.locale,
        row.rating,
        row.is_recommended,
        row.positive_votes,
        row.negative_votes,
        row.is_featured,
        row.text is None and row.title is None and row.pros is None and row.cons is None,
        row.is_incentivized,
        row.syndication is None,
        row.author_id,
        row.comment_count,
        row.secondary_ratings,
        row.context_data,
        row.tags,
    )


class Value(NamedTuple):
    """Of a distribution. Sorts in the order in which rows are locked."""

    site: str
    entity_id: str
    kind: str
    dimension: str
    value: str


Author = tuple[str, str]
"""Of a site, by id."""


class Movements:
    """Of the content of a batch, into and out of the statistics."""

    def __init__(self) -> None:
        self._locales: dict[tuple[str, str, str], list[int]] = {}
        self._reviews_by: Counter[Author] = Counter()
        self._comments_by: Counter[Author] = Counter()
        self._values: Counter[Value] = Counter()

    def move(self, site: str, before: Counted | None, after: Counted | None) -> None:
        if before == after:
            return
        if before is not None:
            self._add(site, before, -1)
        if after is not None:
            self._add(site, after, 1)

    def vote(self, site: str, entity_id: str, locale: str, positive: int, negative: int) -> None:
        counts = self._counts(site, entity_id, locale)
        counts[_POSITIVE] += positive
        counts[_NEGATIVE] += negative

    def comment(self, site: str, author_id: str | None, count: int) -> None:
        if author_id is not None:
            self._comments_by[site, author_id] += count

    def deltas(self) -> tuple[list[Delta], list[Delta]]:
        """Those of summaries that only win and may not exist yet, and those of summaries that must exist, for they lose
        something or win nothing but votes. Both sorted; an entity's own follows from its locales', a site's from its
        entities'."""
        entities: dict[tuple[str, str], list[tuple[int, ...]]] = {}
        sites: dict[str, list[tuple[int, ...]]] = {}
        deltas = []
        for (site, entity_id, locale), counted in self._locales.items():
            deltas.append(Delta(site, "locale", entity_id, locale, tuple(counted)))
            entities.setdefault((site, entity_id), []).append(deltas[-1].counts)
        for (site, entity_id), parts in entities.items():
            deltas.append(Delta(site, "entity", entity_id, "", _total(parts)))
            sites.setdefault(site, []).append(deltas[-1].counts)
        deltas += [Delta(site, "site", "", "", _total(parts)) for site, parts in sites.items()]
        deltas.sort()
        growing, shrinking = [], []
        for delta in deltas:
            if min(delta.counts) >= 0 and any(delta.counts[:_STARS]):
                growing.append(delta)
            elif any(delta.counts):
                shrinking.append(delta)
        return growing, shrinking

    def authors(self) -> tuple[list[tuple[str, str, int, int]], list[tuple[str, str, int, int]]]:
        """Site, author, reviews and comments: of authors who only win, and of those who lose something."""
        if not self._reviews_by and not self._comments_by:
            return [], []
        everybody = self._reviews_by.keys() | self._comments_by.keys()
        moved = [(*author, self._reviews_by[author], self._comments_by[author]) for author in sorted(everybody)]
        return [row for row in moved if min(row[2:]) >= 0 and any(row[2:])], [row for row in moved if min(row[2:]) < 0]

    def values(self) -> tuple[list[tuple[Value, int]], list[tuple[Value, int]]]:
        """Those that win reviews and those that lose some."""
        moved = sorted(self._values.items())
        return [pair for pair in moved if pair[1] > 0], [pair for pair in moved if pair[1] < 0]

    def _add(self, site: str, review: Counted, sign: int) -> None:
        counts = self._counts(site, review.entity_id, review.locale)
        rating = review.rating
        counts[rating - 1] += sign
        if review.is_recommended is not None:
            counts[_RECOMMENDED if review.is_recommended else _NOT_RECOMMENDED] += sign
        if review.positive_votes or review.negative_votes:
            counts[_POSITIVE] += sign * review.positive_votes
            counts[_NEGATIVE] += sign * review.negative_votes
        if review.is_featured:
            counts[_FEATURED] += sign
        if review.is_ratings_only:
            counts[_RATINGS_ONLY] += sign
        if review.is_incentivized:
            counts[_INCENTIVIZED] += sign
        if review.is_native:
            counts[_NATIVE] += sign
            counts[_NATIVE_SUM] += sign * rating
            if review.is_incentivized:
                counts[_NATIVE_INCENTIVIZED] += sign
        if review.author_id is not None:
            self._reviews_by[site, review.author_id] += sign
        if review.secondary_ratings or review.context_data or review.tags:
            for kind, dimension, value in distributed(review):
                self._values[Value(site, review.entity_id, kind, dimension, value)] += sign

    def _counts(self, site: str, entity_id: str, locale: str) -> list[int]:
        key = (site, entity_id, locale)
        counts = self._locales.get(key)
        if counts is None:
            counts = self._locales[key] = [0] * len(COUNTS)
        return counts


def _total(parts: list[tuple[int, ...]]) -> tuple[int, ...]:
    return parts[0] if len(parts) == 1 else tuple(map(sum, zip(*parts, strict=True)))


def distributed(review: Counted) -> Iterable[tuple[str, str, str]]:
    """Kind, dimension and value of all that the distributions of its entity count, each once."""
    ratings: dict[str, int] = orjson.loads(review.secondary_ratings or "{}")
    context: dict[str, str] = orjson.loads(review.context_data or "{}")
    tags: dict[str, list[str]] = orjson.loads(review.tags or "{}")
    for dimension, rating in ratings.items():
        yield "secondary rating", dimension, str(rating)
    for dimension, value in context.items():
        if _is_counted(value):
            yield "context data", dimension, value
    for dimension, values in tags.items():
        for value in dict.fromkeys(values):
            if _is_counted(value):
                yield "tag", dimension, value


def _is_counted(value: str) -> bool:
    return len(value) * 4 <= MAX_VALUE_BYTES or len(value.encode()) <= MAX_VALUE_BYTES
