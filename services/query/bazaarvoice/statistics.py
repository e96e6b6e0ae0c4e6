"""Statistics of reviews in the vendor's shape: averages are computed here, from sums that are exact."""

from __future__ import annotations

from collections.abc import Mapping

from services.query.bazaarvoice.labels import Json, Labels, Terms, ordered
from services.query.bazaarvoice.render_parts import moment_or_none
from services.query.core.answers import ProductCounts, Statistics

RATING_RANGE = 5
_DECIMALS = 4
"""Of averages in statistics.json; all others are whole doubles."""


def review_statistics(found: Statistics, labels: Labels, incentivized: bool) -> Json:
    count = found["review_count"]
    averages = _averages(found["secondary_ratings"], labels.secondary_ratings)
    context = _context_data(found["context_data"], labels.context_data)
    tags = _tags(found["tags"], labels.tags)
    shown: Json = {
        "TotalReviewCount": count,
        "RatingsOnlyReviewCount": found["ratings_only_count"],
        "FeaturedReviewCount": found["featured_count"],
        "RecommendedCount": found["recommended_count"],
        "NotRecommendedCount": found["not_recommended_count"],
        "HelpfulVoteCount": found["positive_votes"],
        "NotHelpfulVoteCount": found["negative_votes"],
        "AverageOverallRating": found["rating_sum"] / count if count else None,
        "OverallRatingRange": RATING_RANGE,
        "RatingDistribution": rating_distribution(found["ratings"]),
        "FirstSubmissionTime": moment_or_none(found["first_date"]),
        "LastSubmissionTime": moment_or_none(found["last_date"]),
        "SecondaryRatingsAverages": averages,
        "SecondaryRatingsAveragesOrder": list(averages),
        "ContextDataDistribution": context,
        "ContextDataDistributionOrder": list(context),
        "TagDistribution": tags,
        "TagDistributionOrder": list(tags),
    }
    if incentivized:
        shown["IncentivizedReviewCount"] = found["incentivized_count"]
    return shown


def rating_distribution(counts: list[int]) -> list[Json]:
    """`counts[0]` is of the ratings of 1. The commonest rating first, of equally common ones the lower."""
    found = [(count, rating) for rating, count in enumerate(counts, start=1) if count]
    found.sort(key=lambda one: (-one[0], one[1]))
    return [{"RatingValue": rating, "Count": count} for count, rating in found]


def product_statistics(counts: ProductCounts, every: bool, native: bool, incentivized: bool) -> Json:
    """One result of statistics.json."""
    shown: Json = {"ProductId": counts.product_id}
    if native:
        shown["NativeReviewStatistics"] = _summary(
            counts.native_count, counts.native_rating_sum, counts.native_incentivized_count, incentivized
        )
    if every:
        shown["ReviewStatistics"] = _summary(
            counts.review_count, counts.rating_sum, counts.incentivized_count, incentivized
        )
    return {"ProductStatistics": shown}


def _summary(count: int, rating_sum: int, incentivized_count: int, incentivized: bool) -> Json:
    shown: Json = {
        "AverageOverallRating": round(rating_sum / count, _DECIMALS) if count else None,
        "TotalReviewCount": count,
        "OverallRatingRange": RATING_RANGE,
    }
    if incentivized:
        shown["IncentivizedReviewCount"] = incentivized_count
    return shown


def _averages(found: Mapping[str, Mapping[str, int]], terms: Terms) -> Json:
    shown: Json = {}
    for dimension in terms.ordered(found):
        term, counts = terms.of(dimension), found[dimension]
        total = sum(int(value) * count for value, count in counts.items())
        one: Json = {"Id": dimension, "AverageRating": total / sum(counts.values()), **term.fixed}
        if term.label is not None:
            one["Label"] = term.label
        shown[dimension] = one
    return shown


def _context_data(found: Mapping[str, Mapping[str, int]], terms: Terms) -> Json:
    shown: Json = {}
    for dimension in terms.ordered(found):
        term, counts = terms.of(dimension), found[dimension]
        values: list[Json] = []
        for value in ordered(counts, term.values):
            entry: Json = {"Value": value, "Count": counts[value]}
            if (label := term.values.get(value)) is not None:
                entry["ValueLabel"] = label
            values.append(entry)
        shown[dimension] = _dimension(dimension, term.label, values)
    return shown


def _tags(found: Mapping[str, Mapping[str, int]], terms: Terms) -> Json:
    shown: Json = {}
    for dimension in terms.ordered(found):
        counts = sorted(found[dimension].items(), key=lambda one: (-one[1], one[0]))
        values: list[Json] = [{"Value": value, "Count": count} for value, count in counts]
        shown[dimension] = _dimension(dimension, terms.of(dimension).label, values)
    return shown


def _dimension(dimension: str, label: str | None, values: list[Json]) -> Json:
    shown: Json = {"Id": dimension, "Values": values}
    if label is not None:
        shown["Label"] = label
    return shown
