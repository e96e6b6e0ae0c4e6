"""From rows to entries of a catalog."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.catalog_mapping import CatalogMapping, Part
from services.cli.catalog_rows import CatalogReader, Entries, Level, MappedProducts, NativeEntries, Survey, tree
from services.cli.importing.mapping import Column
from services.cli.importing.rows import SKIPPED, Mapped, Unsent
from services.cli.importing.source import BAD_BYTES, Row
from services.intake.catalog_body import parse_line

HEADER = ["Id", "Name", "Brand", "Maker", "Area", "Shelf", "Codes", "Sold"]
MAPPING = CatalogMapping(
    (
        Part(("id",), Column("Id")),
        Part(("name",), Column("Name")),
        Part(("brand_id",), Column("Brand")),
        Part(("brand_name",), Column("Maker")),
        Part(("eans",), Column("Codes"), "list"),
        Part(("active",), Column("Sold"), "flag"),
        Part(("attributes", "AREA"), Column("Area"), "list"),
        Part(("localized", "fr", "name"), Column("Name")),
    ),
    (Column("Area"), Column("Shelf")),
)
READER = CatalogReader(MAPPING, HEADER)


def row(number: int, *values: str) -> Row:
    return Row(number, number + 1, [*values, *[""] * (len(HEADER) - len(values))])


def sent(rows: list[Row], reader: CatalogReader = READER) -> tuple[list[dict[str, Any]], list[object]]:
    """All entries in the order in which they are sent, and what became of each row."""
    survey = Survey.of(rows, reader)
    bodies = [body for batch in survey.batches(2) for body in batch.bodies]
    products = MappedProducts(reader, survey)
    results = [products(one) for one in rows]
    bodies += [one.body for one in results if isinstance(one, Mapped)]
    for body in bodies:
        parse_line(body, None)
    return [orjson.loads(body) for body in bodies], list(results)


def test_a_row_becomes_a_product_a_brand_and_a_branch_of_the_tree() -> None:
    entries, _ = sent([row(1, "p1", "Dress", "acme", "Acme Ltd", "General", "Dresses", "1|2", "no")])
    assert entries == [
        {"kind": "category", "id": "General", "name": "General"},
        {"kind": "category", "id": "General/Dresses", "name": "Dresses", "parent_id": "General"},
        {"kind": "brand", "id": "acme", "name": "Acme Ltd"},
        {
            "kind": "product", "id": "p1", "name": "Dress", "brand_id": "acme", "eans": ["1", "2"], "active": False,
            "attributes": {"AREA": {"values": ["General"]}}, "localized": {"fr": {"name": "Dress"}},
            "category_id": "General/Dresses",
        },
    ]  # fmt: skip


def test_what_is_empty_is_left_out() -> None:
    entries, _ = sent([row(1, "p1")])
    assert entries == [{"kind": "product", "id": "p1"}]


def test_one_name_in_two_places_is_two_categories() -> None:
    entries, _ = sent([row(1, "p1", "", "", "", "General", "Dresses"), row(2, "p2", "", "", "", "Petite", "Dresses")])
    ids = [one["id"] for one in entries if one["kind"] == "category"]
    assert ids == ["General", "General/Dresses", "Petite", "Petite/Dresses"]


def test_a_level_that_is_empty_is_passed_over() -> None:
    entries, _ = sent([row(1, "p1", "", "", "", "", "Dresses"), row(2, "p2", "", "", "", "General")])
    assert [one.get("category_id") for one in entries if one["kind"] == "product"] == ["Dresses", "General"]


def test_rows_of_one_product_become_one_as_most_have_it() -> None:
    rows = [
        row(1, "p1", "a"), row(2, "p2", "x"), row(3, "p1", "b"), row(4, "p1", "b"),
        row(5, "p2", "y"), row(6, "p2", "y"), row(7, "p2", "x"),
    ]  # fmt: skip
    entries, results = sent(rows)
    assert [(one["id"], one["name"]) for one in entries] == [("p2", "x"), ("p1", "b")]
    assert [index for index, one in enumerate(results) if one is SKIPPED] == [0, 3, 4, 5, 6]
    survey = Survey.of(rows, READER)
    assert (survey.products, survey.differing) == (2, 2)


def test_a_brand_has_the_name_that_it_has_first() -> None:
    entries, _ = sent([row(1, "p1", "", "a", ""), row(2, "p2", "", "a", "One"), row(3, "p3", "", "a", "Two")])
    assert [one for one in entries if one["kind"] == "brand"] == [{"kind": "brand", "id": "a", "name": "One"}]


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (row(1), "id"),
        (row(1, "p1", "", "", "", "", "", "", "perhaps"), "active"),
        (row(1, "p1", "", "", "", "x" * 200, "y" * 200), "category_id"),
        (Row(1, 2, None, "the row has 2 columns"), None),
        (row(1, "p1", f"a{BAD_BYTES}"), None),
    ],
)
def test_a_row_that_cannot_be_sent_says_why_and_takes_no_other_with_it(bad: Row, field: str | None) -> None:
    good = row(2, "p2", "Good")
    entries, results = sent([bad, good])
    assert [one["id"] for one in entries if one["kind"] == "product"] == ["p2"]
    refused = results[0]
    assert isinstance(refused, Unsent)
    assert refused.field == field


def test_rows_of_ndjson() -> None:
    mapping = CatalogMapping((Part(("id",), Column("sku")), Part(("eans",), Column("codes"), "list")), (Column("a.b"),))
    reader = CatalogReader(mapping, None)
    entries, _ = sent([Row(1, 1, {"sku": 767.0, "codes": ["1", 2], "a": {"b": "Shelf"}})], reader)
    assert entries[1] == {"kind": "product", "id": "767", "eans": ["1", "2"], "category_id": "Shelf"}


def test_lines_that_are_ours_already() -> None:
    line = {"kind": "brand", "id": "b", "name": "B"}
    assert NativeEntries()(Row(1, 1, line)) == Mapped(orjson.dumps(line), ("brand", "b"), None)
    assert isinstance(NativeEntries()(Row(1, 1, None, "not JSON")), Unsent)


names = st.text(st.sampled_from("ab/ "), min_size=1, max_size=3).filter(lambda name: name == name.strip())


@given(st.lists(st.lists(names, max_size=3), max_size=8))
def test_trees_hold_together(paths: list[list[str]]) -> None:
    """Different paths are different categories, and the parent of each is the path without its end."""
    ids: dict[str, tuple[str, ...]] = {}
    for path in paths:
        levels = tree(path)
        assert [level.name for level in levels] == path
        for depth, level in enumerate(levels):
            assert level.parent_id == (levels[depth - 1].id if depth else None)
            assert ids.setdefault(level.id, tuple(path[: depth + 1])) == tuple(path[: depth + 1])
    assert tree(["A/B", "C"]) == [Level("A%2FB", "A/B", None), Level("A%2FB/C", "C", "A%2FB")]


def test_entries_keep_no_brand_name() -> None:
    entries = READER.read(row(1, "p1", "", "b", "B"))
    assert isinstance(entries, Entries)
    assert entries.brand_name == "B"
    assert "brand_name" not in entries.product
