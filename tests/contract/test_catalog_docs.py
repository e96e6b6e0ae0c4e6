"""What docs/catalog.md lists must be what the code has."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.routing import Route

from services.cli.catalog_mapping import DEFAULT_SEPARATOR
from services.intake import catalog_body, pass_keys, vocabulary_body
from services.intake.catalog import Catalog
from services.intake.catalog_api import CatalogApi
from services.intake.catalog_operations import OPERATIONS
from services.intake.vocabulary_api import VocabularyApi
from shared.access import ApiKeys
from shared.clock import SystemClock
from shared.events import catalog, vocabulary
from shared.events.content import MAX_DIMENSIONS
from shared.pass_keys import HINT_LENGTH, PASS_KEY
from tests.contract.test_docs import _code, _table

DOCS = Path(__file__).parents[2] / "docs"
ENTRIES: Mapping[str, type[BaseModel]] = {
    "product": catalog.Product,
    "category": catalog.Category,
    "brand": catalog.Brand,
}
MOST = {
    "id": catalog.MAX_CATALOG_ID,
    "name": catalog.MAX_CATALOG_NAME,
    "description": catalog.MAX_DESCRIPTION,
    "localized": catalog.MAX_LOCALES,
    "family_ids": catalog.MAX_FAMILIES,
    "attributes": catalog.MAX_ATTRIBUTES,
    **dict.fromkeys(("eans", "upcs", "isbns", "model_numbers", "manufacturer_part_numbers"), catalog.MAX_IDENTIFIERS),
}


def test_fields_of_entries() -> None:
    rows = {_code(field): (of, meaning) for field, of, meaning in _table("catalog.md", "catalog fields")}
    assert set(rows) == {name for entry in ENTRIES.values() for name in entry.model_fields}
    for field, (of, meaning) in rows.items():
        has = [kind for kind, entry in ENTRIES.items() if field in entry.model_fields]
        assert of == ("all" if len(has) == 3 else ", ".join(has)), field
        if field in MOST:
            assert re.search(rf"≤ {MOST[field]:,}\b", meaning), field
    assert f"`values` (≤ {catalog_body.MAX_ATTRIBUTE_VALUES})" in rows["attributes"][1]


def test_lists_of_vocabularies() -> None:
    for name, others in _table("catalog.md", "vocabulary"):
        terms = vocabulary.Vocabulary.model_fields[_code(name)].annotation
        assert terms is not None
        fields = set(terms.__args__[0].model_fields) - {"id", "label"}
        assert {_code(one) for one in others.split(", ")} == fields, name
    assert [_code(row[0]) for row in _table("catalog.md", "vocabulary")] == list(vocabulary.Vocabulary.model_fields)


def test_numbers_and_names() -> None:
    text = (DOCS / "catalog.md").read_text()
    for wanted in (
        f"At most {vocabulary_body.MAX_TERMS} items a list, {vocabulary_body.MAX_VALUES} values an item; "
        f"at most {MAX_DIMENSIONS} of a list are required",
        f"(`--per-minute`, {pass_keys.PER_MINUTE:,})",
        f"(`--per-hour`, {pass_keys.PER_HOUR:,})",
        f"are cut at `{DEFAULT_SEPARATOR}`",
    ):
        assert wanted in text, wanted
    assert (PASS_KEY.pattern, HINT_LENGTH) == ("[A-Za-z0-9]{24,64}", len("2cpdrhoh"))
    for operation in OPERATIONS:
        assert f"`{operation}`" in text, operation
        assert f"`{operation}`" in (DOCS / "http-api.md").read_text(), operation


@pytest.mark.parametrize("name", ["womens-clothing-catalog.yaml"])
def test_the_mapping_that_is_shown_is_the_example(name: str) -> None:
    example = "".join(
        line + "\n" for line in (DOCS / "examples" / name).read_text().splitlines() if line and not line.startswith("#")
    )
    assert f"```yaml\n{example}```" in (DOCS / "catalog.md").read_text()


def test_routes_are_listed() -> None:
    pool: Any = None
    rng, clock, keys = random.Random(), SystemClock(), ApiKeys(pool)
    entries = Catalog(clock, rng)
    made = [*CatalogApi(pool, keys, clock, entries).routes(), *VocabularyApi(pool, keys, clock, entries).routes()]
    paths = {
        f"{method} {route.path.replace('{entry_id:path}', '{id}')}"
        for route in made
        if isinstance(route, Route)
        for method in set(route.methods or ()) - {"HEAD"}
    }
    # The document says of products that the others have the same.
    others = {path for path in paths if "/categories/" in path or "/brands/" in path}
    assert {re.sub("categories|brands", "products", path) for path in others} <= paths
    text = (DOCS / "http-api.md").read_text()
    listed = set(re.findall(r"^\| `([A-Z]+ /v1/sites/\{site\}/(?:catalog|vocabularies)[^`]*)` \|", text, re.MULTILINE))
    assert listed == paths - others
