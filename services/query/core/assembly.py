"""A statement's JSON texts as an answer: children's ids put into their parents, statistics given their names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson

from services.query.core.answers import Answer, Row, Statistics
from services.query.core.includes import CHILDREN
from services.query.core.query import ID_FIELD, Dimension, Query, Subject

_NOTHING = [0] * 17
_SPREADS = {
    Dimension.SECONDARY_RATING.value: "secondary_ratings",
    Dimension.CONTEXT_DATA.value: "context_data",
    Dimension.TAG.value: "tags",
}
_BETWEEN = {Subject.PRODUCTS: (Subject.REVIEWS,)}
_CHILD_IDS = {Subject.REVIEWS: "review_ids", Subject.COMMENTS: "comment_ids", Subject.PRODUCTS: "product_ids"}


def answer(query: Query, shown: Sequence[Subject], record: Sequence[Any]) -> Answer:
    """Of the row of `includes.statement`, whose included subjects these are."""
    enabled, total, *documents = record
    lists: list[list[Any]] = [[] if text is None else orjson.loads(text) for text in documents]
    rows = {query.subject: lists[0]} | dict(zip(shown, lists[1:], strict=False))
    if query.statistics or query.filtered_statistics:
        for subject in (Subject.PRODUCTS, Subject.AUTHORS):
            for row in rows.get(subject, ()):
                _name_statistics(row, query.statistics, query.filtered_statistics)
    for parent, child in CHILDREN:
        # Comments hang on the reviews of a product as on those of a page.
        if child not in shown or parent not in (query.subject, *_BETWEEN.get(query.subject, ())) or parent not in rows:
            continue
        # In a family a review belongs to several products.
        in_family = (parent, child) == (Subject.PRODUCTS, Subject.REVIEWS)
        pairs = lists[-1] if in_family else _pairs(parent, child, rows[child])
        _hang(rows[parent], ID_FIELD[parent].value, _CHILD_IDS[child], pairs)
    return Answer(enabled, total, rows[query.subject], {subject: rows[subject] for subject in shown})


def _pairs(parent: Subject, child: Subject, children: list[Row]) -> list[tuple[Any, Any]]:
    parent_id, child_id = ID_FIELD[parent].value, ID_FIELD[child].value
    return [(row[parent_id], row[child_id]) for row in children]


def _hang(parents: list[Row], parent_id: str, name: str, pairs: Sequence[Sequence[Any]]) -> None:
    ids: defaultdict[Any, list[Any]] = defaultdict(list)
    for parent, child in pairs:
        ids[parent].append(child)
    for row in parents:
        row[name] = ids.get(row[parent_id], [])


def _name_statistics(row: Row, stored: bool, filtered: bool) -> None:
    first = _statistics(row, "s") if "s_counts" in row else None
    second = _statistics(row, "f") if "f_counts" in row else None
    if stored:
        row["statistics"] = first
    if filtered:
        # Where nothing restricts the reviews only one of the two was asked for.
        row["filtered_statistics"] = first if second is None else second


def _statistics(row: Row, prefix: str) -> Statistics:
    counts, dates, spread = (row.pop(f"{prefix}_{column}") for column in ("counts", "dates", "spread"))
    return statistics(counts, dates, spread)


def statistics(counts: list[int] | None, dates: list[str | None] | None, spread: list[list[Any]] | None) -> Statistics:
    """Of the columns of `core.statistics`."""
    count, rating_sum, *more = counts or _NOTHING
    first, last = dates or (None, None)
    spreads: dict[str, dict[str, dict[str, int]]] = {name: {} for name in _SPREADS.values()}
    for kind, dimension, value, number in spread or ():
        spreads[_SPREADS[kind]].setdefault(dimension, {})[value] = number
    return {
        "review_count": count,
        "rating_sum": rating_sum,
        "ratings": more[:5],
        "recommended_count": more[5],
        "not_recommended_count": more[6],
        "positive_votes": more[7],
        "negative_votes": more[8],
        "featured_count": more[9],
        "ratings_only_count": more[10],
        "incentivized_count": more[11],
        "native_count": more[12],
        "native_rating_sum": more[13],
        "native_incentivized_count": more[14],
        "first_date": first,
        "last_date": last,
        "secondary_ratings": spreads["secondary_ratings"],
        "context_data": spreads["context_data"],
        "tags": spreads["tags"],
    }
