"""Authors of content that says nothing of who wrote it: clients look up every `AuthorId` among the included authors."""

from __future__ import annotations

from dataclasses import replace

from services.query.core.answers import Answer, Row, Statistics
from services.query.core.query import Query, Subject

_KINDS = {Subject.REVIEWS: ("review_id", "review_date"), Subject.COMMENTS: ("comment_id", "comment_date")}


def with_authors(answer: Answer, query: Query) -> Answer:
    """Each review and comment with an author id: without a known author, one made of its own id. Where authors are
    included with no condition, so are these."""
    found: list[Row] = []
    rows, included = answer.rows, dict(answer.included)
    if query.subject in _KINDS:
        rows = [_with_author(query.subject, row, query, found) for row in rows]
    for subject in _KINDS.keys() & included.keys():
        included[subject] = [_with_author(subject, row, query, found) for row in included[subject]]
    authors = query.include(Subject.AUTHORS)
    if found and authors is not None and Subject.AUTHORS in included and not authors.conditions:
        included[Subject.AUTHORS] = [*included[Subject.AUTHORS], *found]
    return replace(answer, rows=rows, included=included) if found else answer


def _with_author(subject: Subject, row: Row, query: Query, found: list[Row]) -> Row:
    if row["author_id"] is not None:
        return row
    own_id, date = _KINDS[subject]
    author: Row = {
        "author_id": f"anonymous-{row[own_id]}",
        "author_name": row["author_name"],
        "author_location": row["author_location"],
        "badges": row["badges"],
        "context_data": row.get("context_data"),
        "content_date": row[date],
        "published_at": row["published_at"],
    }
    counted = _statistics(row if subject is Subject.REVIEWS else None)
    if query.statistics:
        author["statistics"] = counted
    if query.filtered_statistics:
        author["filtered_statistics"] = counted
    found.append(author)
    return row | {"author_id": author["author_id"]}


def _statistics(review: Row | None) -> Statistics:
    """Of the one review that such an author has, or of none."""
    said = review or {}
    native = review is not None and review["syndication"] is None
    incentivized = int(said.get("is_incentivized", False))
    rating: int = said.get("rating", 0)
    return {
        "review_count": int(review is not None),
        "rating_sum": rating,
        "ratings": [int(rating == stars) for stars in range(1, 6)],
        "recommended_count": int(said.get("is_recommended") is True),
        "not_recommended_count": int(said.get("is_recommended") is False),
        "positive_votes": said.get("positive_votes", 0),
        "negative_votes": said.get("negative_votes", 0),
        "featured_count": int(said.get("is_featured", False)),
        "ratings_only_count": int(said.get("is_ratings_only", False)),
        "incentivized_count": incentivized,
        "native_count": int(native),
        "native_rating_sum": rating if native else 0,
        "native_incentivized_count": incentivized if native else 0,
        "first_date": said.get("review_date"),
        "last_date": said.get("review_date"),
        "secondary_ratings": {key: {str(value): 1} for key, value in (said.get("secondary_ratings") or {}).items()},
        "context_data": {key: {value: 1} for key, value in (said.get("context_data") or {}).items()},
        "tags": {key: dict.fromkeys(values, 1) for key, values in (said.get("tags") or {}).items()},
    }
