"""Columns that are known by their usual names."""

from __future__ import annotations

import pytest

from services.cli.importing.automatic import NAMES, map_by_names
from services.cli.importing.errors import ImportProblem
from services.cli.importing.mapping import FIELDS, Column
from services.cli.importing.source import Row


def columns(*header: str, sample: list[str] | None = None) -> dict[str, str]:
    mapping, _ = map_by_names(header, [Row(1, 2, sample)] if sample else [])
    found = {name: source.name for name, source in mapping.fields.items() if isinstance(source, Column)}
    if isinstance(mapping.source_id, Column):
        found["source_id"] = mapping.source_id.name
    return found


def test_case_spaces_and_punctuation_do_not_matter() -> None:
    assert columns("Review Text", "STARS", "reviewTitle", "Product-ID", "e-mail", "Review ID") == {
        "text": "Review Text",
        "rating": "STARS",
        "title": "reviewTitle",
        "entity_id": "Product-ID",
        "author_email": "e-mail",
        "source_id": "Review ID",
    }


def test_the_more_exact_name_wins() -> None:
    assert columns("overall", "rating", "summary", "title") == {"rating": "rating", "title": "title"}


def test_a_name_that_stands_there_twice_says_nothing() -> None:
    assert columns("rating", "title", "Title", "headline") == {"rating": "rating", "title": "headline"}


def test_dates_that_intake_would_refuse_are_left_out_and_said() -> None:
    assert "review_date" in columns("rating", "date", sample=["5", "2018-07-31"])
    mapping, notes = map_by_names(["rating", "date"], [Row(1, 2, ["5", "31-Jul-18"])])
    assert "review_date" not in mapping.fields
    assert "column date is left out" in notes[0]
    assert "31-Jul" not in notes[0]


def test_without_a_rating_there_is_nothing_to_import() -> None:
    with pytest.raises(ImportProblem, match="no column looks like a rating, among a, b"):
        columns("a", "b")


def test_only_fields_that_exist_are_mapped() -> None:
    assert set(NAMES) <= set(FIELDS)
