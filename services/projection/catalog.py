"""The catalog and the vocabularies: what the newest event of an entry makes public, as rows of its kind's table."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from services.projection.hiding import hide_from, shown_by
from shared.events.models import BrandUpdated, CategoryUpdated, ProductUpdated, VocabularyUpdated

EntryEvent = ProductUpdated | CategoryUpdated | BrandUpdated | VocabularyUpdated


class StagedEntry(NamedTuple):
    """Its fields in the order of the columns."""

    sequence: int = 0
    removed: bool = True
    hidden_from: int | None = None


class EntryFact(NamedTuple):
    """What an event, or a tombstone, says of an entry: `event` is None when it is out of the catalog."""

    sequence: int
    event: EntryEvent | None


class Table(NamedTuple):
    """Where entries of a kind stand, by site and `columns[1]`."""

    name: str
    columns: tuple[str, ...]


UNKNOWN_ENTRY = StagedEntry()
TABLES = {
    "product": Table(
        "products",
        (
            "site",
            "product_id",
            "name",
            "description",
            "image_url",
            "page_url",
            "category_id",
            "brand_id",
            "family_ids",
            "is_active",
            "is_disabled",
            "attributes",
            "identifiers",
            "localized",
        ),
    ),
    "category": Table(
        "categories",
        ("site", "category_id", "name", "parent_id", "image_url", "page_url", "attributes", "localized"),
    ),
    "brand": Table("brands", ("site", "brand_id", "name", "localized")),
    "vocabulary": Table("vocabularies", ("site", "locale", "vocabulary")),
}
_IDENTIFIERS = ("eans", "upcs", "isbns", "model_numbers", "manufacturer_part_numbers")


def set_entry(state: StagedEntry, fact: EntryFact) -> StagedEntry:
    """The same object when the fact changes nothing."""
    if fact.sequence <= state.sequence:
        return state
    return StagedEntry(fact.sequence, fact.event is None, shown_by(state.hidden_from, fact.sequence))


def hide_entry(state: StagedEntry, sequence: int | None) -> StagedEntry:
    hidden_from = hide_from(state.sequence, state.hidden_from, sequence)
    return state if hidden_from == state.hidden_from else state._replace(hidden_from=hidden_from)


def row(event: EntryEvent) -> tuple[Any, ...]:
    """In the order of the columns of its table."""
    if isinstance(event, ProductUpdated):
        product = event.product
        return (
            event.site,
            product.id,
            product.name,
            product.description,
            product.image_url,
            product.page_url,
            product.category_id,
            product.brand_id,
            list(dict.fromkeys(product.family_ids)),
            product.active,
            product.disabled,
            _json(product.attributes),
            _json({name: getattr(product, name) for name in _IDENTIFIERS}),
            _json(product.localized),
        )
    if isinstance(event, CategoryUpdated):
        category = event.category
        return (
            event.site,
            category.id,
            category.name,
            category.parent_id,
            category.image_url,
            category.page_url,
            _json(category.attributes),
            _json(category.localized),
        )
    if isinstance(event, BrandUpdated):
        return (event.site, event.brand.id, event.brand.name, _json(event.brand.localized))
    return (event.site, event.locale, _json(event.vocabulary))


def _json(value: object) -> str:
    return orjson.dumps(value, default=vars).decode()
