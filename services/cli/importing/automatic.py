"""A mapping by the usual names of columns, for files that come without one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from services.cli.importing.errors import ImportProblem
from services.cli.importing.mapping import Column, Mapping
from services.cli.importing.source import Row
from services.intake.fields import LANGUAGE_TAG, parse_time

# The first name that is there wins. Compared without case, spaces and punctuation.
NAMES: dict[str, tuple[str, ...]] = {
    "rating": ("rating", "ratings", "stars", "star_rating", "review_rating", "rating_value", "score", "overall"),
    "title": ("title", "review_title", "headline", "review_headline", "summary", "review_summary", "subject"),
    "text": (
        "text",
        "review_text",
        "review",
        "body",
        "review_body",
        "review_content",
        "verified_reviews",
        "content",
        "comment",
        "comments",
    ),
    "entity_id": (
        "entity_id",
        "product_id",
        "asin",
        "parent_asin",
        "sku",
        "product_sku",
        "clothing_id",
        "item_id",
        "product_handle",
        "business_id",
        "product",
    ),
    "entity_name": ("entity_name", "product_name", "product_title", "item_name"),
    "author_id": ("author_id", "user_id", "reviewer_id", "customer_id"),
    "author_name": (
        "author_name",
        "author",
        "reviewer_name",
        "reviewer",
        "user_name",
        "nickname",
        "user_nickname",
        "profile_name",
        "display_name",
        "customer_name",
    ),
    "author_email": ("author_email", "email", "e_mail", "reviewer_email", "customer_email"),
    "locale": ("locale", "language", "lang"),
    "review_date": ("review_date", "date", "created_at", "submitted_at", "review_time", "timestamp"),
}
SOURCE_ID_NAMES = ("source_id", "review_id", "external_id", "id", "uuid")

# Where the values of a column are something else, the whole file would be refused: better to leave the column out.
_CHECKS: dict[str, Callable[[str], object]] = {
    "review_date": lambda value: _is_time(value),
    "locale": lambda value: re.fullmatch(LANGUAGE_TAG, value.replace("_", "-")),
}


def map_by_names(header: Sequence[str], sample: Sequence[Row]) -> tuple[Mapping, list[str]]:
    """The mapping, and what a person should know of it. Raises ImportProblem without a column for the rating."""
    columns: dict[str, list[int]] = {}
    for index, name in enumerate(header):
        columns.setdefault(_plain(name), []).append(index)
    fields: dict[str, Column] = {}
    notes: list[str] = []
    for field, names in NAMES.items():
        column = _first(columns, names, header)
        if column is None:
            continue
        check = _CHECKS.get(field)
        values = [row.values[column] for row in sample if isinstance(row.values, list)]
        if check is not None and not all(check(value) for value in values if value.strip()):
            notes.append(
                f"column {header[column]} is left out: its values are no {field} as they stand; name it in a mapping"
            )
            continue
        fields[field] = Column(header[column])
    if "rating" not in fields:
        raise ImportProblem(
            f"no column looks like a rating, among {', '.join(header) or 'none'}; say with --map which one it is"
        )
    source_id = _first(columns, SOURCE_ID_NAMES, header)
    return Mapping(fields, source_id=None if source_id is None else Column(header[source_id])), notes


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _first(columns: dict[str, list[int]], names: Sequence[str], header: Sequence[str]) -> int | None:
    for name in names:
        found = columns.get(_plain(name), [])
        # A name that stands there twice says nothing.
        if len(found) == 1 and header.count(header[found[0]]) == 1:
            return found[0]
    return None


def _is_time(value: str) -> bool:
    try:
        parse_time(value)
    except ValueError:
        return False
    return True
