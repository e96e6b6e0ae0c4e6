from __future__ import annotations

import orjson

from services.projection.catalog import TABLES, UNKNOWN_ENTRY, EntryFact, StagedEntry, hide_entry, row, set_entry
from shared.events.catalog import CatalogAttribute, Localized
from shared.events.vocabulary import TagTerm, Vocabulary
from tests.projection_world import brand, category, product, vocabulary


def test_an_entry_is_what_its_newest_event_says() -> None:
    shown = set_entry(UNKNOWN_ENTRY, EntryFact(2, product()))
    assert shown == StagedEntry(2, False)
    assert set_entry(shown, EntryFact(2, None)) is shown
    assert set_entry(shown, EntryFact(3, None)) == StagedEntry(3, True)
    hidden = hide_entry(shown, None)
    assert hidden == StagedEntry(2, False, 3)
    assert hide_entry(hidden, 2) is hidden
    assert set_entry(hidden, EntryFact(3, product())) == StagedEntry(3, False)


def test_rows_have_the_columns_of_their_table() -> None:
    made = product(
        "p/1",
        family_ids=("f", "g", "f"),
        active=False,
        eans=("4006381333931",),
        attributes={"colour": CatalogAttribute(label="Colour", values=("red",))},
        localized={"fr_FR": Localized(name="Chemise")},
    )
    shown = dict(zip(TABLES["product"].columns, row(made), strict=True))
    assert (shown["site"], shown["product_id"], shown["is_active"], shown["is_disabled"]) == (
        "shop",
        "p/1",
        False,
        False,
    )
    assert shown["family_ids"] == ["f", "g"]
    assert orjson.loads(shown["attributes"]) == {"colour": {"label": "Colour", "labels": {}, "values": ["red"]}}
    assert orjson.loads(shown["identifiers"])["eans"] == ["4006381333931"]
    assert orjson.loads(shown["localized"])["fr_FR"]["name"] == "Chemise"
    made_category = dict(zip(TABLES["category"].columns, row(category("a", "b")), strict=True))
    assert (made_category["category_id"], made_category["parent_id"]) == ("a", "b")
    assert row(brand()) == ("shop", "acme", "Brand 1", "{}")
    site, locale, terms = row(vocabulary("*", given=Vocabulary(tags=(TagTerm(id="Pro", label="Pros"),))))
    assert (site, locale) == ("shop", "*")
    assert orjson.loads(terms)["tags"] == [{"id": "Pro", "label": "Pros", "value_labels": {}}]
