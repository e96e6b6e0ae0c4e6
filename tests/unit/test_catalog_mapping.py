"""The mapping file of a catalog, and how mistakes in it are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.catalog_mapping import FIELDS, CatalogMapping, Part, read_catalog_mapping
from services.cli.importing.errors import ImportProblem
from services.cli.importing.mapping import Column, Template, Value
from shared.events.catalog import Product

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


def read(tmp_path: Path, text: str) -> CatalogMapping:
    file = tmp_path / "map.yaml"
    file.write_text(text)
    return read_catalog_mapping(file)


def test_all_that_a_mapping_can_say(tmp_path: Path) -> None:
    mapping = read(
        tmp_path,
        """
fields:
  id: Sku
  name: {template: "{Make} {Model}"}
  brand_id: Make
  brand_name: Make
  active: {value: "yes"}
  eans: {column: EAN, separator: ";"}
  family_ids: Family
categories: [Area, {column: Shelf}]
attributes:
  COLOR: {column: Colour, separator: "/"}
localized:
  fr-FR:
    name: Nom
""",
    )
    assert mapping == CatalogMapping(
        (
            Part(("id",), Column("Sku")),
            Part(("name",), Template((("", "Make"), (" ", "Model")))),
            Part(("brand_id",), Column("Make")),
            Part(("brand_name",), Column("Make")),
            Part(("active",), Value("yes"), "flag"),
            Part(("eans",), Column("EAN"), "list", ";"),
            Part(("family_ids",), Column("Family"), "list", "|"),
            Part(("attributes", "COLOR"), Column("Colour"), "list", "/"),
            Part(("localized", "fr_FR", "name"), Column("Nom")),
        ),
        (Column("Area"), Column("Shelf")),
    )
    assert ("category_id", "{column Area}/{column Shelf}") in mapping.describe()


def test_every_field_of_a_product_can_be_mapped() -> None:
    assert set(FIELDS) - {"brand_name"} == set(Product.model_fields) - {"attributes", "localized"}


def test_the_example_is_sound() -> None:
    mapping = read_catalog_mapping(EXAMPLES / "womens-clothing-catalog.yaml")
    assert mapping.categories == (Column("Division Name"), Column("Department Name"), Column("Class Name"))


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 0, "empty"),
        ("categories: [A]", 1, "`fields:` is missing"),
        ("fields:\n  name: A", 2, "`id` is missing"),
        ("fields:\n  id: A\n  price: B", 3, "`price` is not known"),
        ("fields:\n  id: A\n  brand_name: B", 3, "needs a `brand_id`"),
        ("fields:\n  id: A\n  category_id: B\ncategories: [C]", 3, "not both"),
        ("fields:\n  id: A\ncategories: C", 3, "must be a list"),
        ("fields:\n  id: A\ncategories: []", 3, "must be a list"),
        ("fields:\n  id: A\n  name: {column: B, separator: x}", 3, "`separator` is not known"),
        ('fields:\n  id: A\n  eans: {column: B, separator: ""}', 3, "separator"),
        ("fields:\n  id: A\nattributes: X", 3, "must be a mapping"),
        ("fields:\n  id: A\nattributes:\n  X: B\n  X: C", 5, "twice"),
        ("fields:\n  id: A\nlocalized:\n  french: {name: B}", 4, "not a locale"),
        ("fields:\n  id: A\nlocalized:\n  fr: {brand: B}", 4, "`brand` is not known"),
        ("fields: [", 1, "not YAML"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    with pytest.raises(ImportProblem) as problem:
        read(tmp_path, text)
    assert what in str(problem.value)
    if line:
        assert f"map.yaml line {line}" in str(problem.value)
