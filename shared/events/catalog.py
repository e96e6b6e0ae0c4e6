"""What a site sells, as its catalog says: products, brands, and categories as a tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

CatalogKind = Literal["product", "category", "brand"]

MAX_CATALOG_ID = 255
MAX_CATALOG_NAME = 500
MAX_DESCRIPTION = 10_000
MAX_IDENTIFIERS = 100
"""Of one kind in one product."""
MAX_FAMILIES = 20
MAX_ATTRIBUTES = 100
MAX_LOCALES = 100


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Localized(_Entry):
    """What stands in for an entry's own words in one locale."""

    name: str | None = None
    description: str | None = None
    image_url: str | None = None
    page_url: str | None = None


class CatalogAttribute(_Entry):
    """A property of a product or category; `labels` by locale."""

    label: str | None = None
    labels: Mapping[str, str] = {}
    values: tuple[str, ...] = ()


class Product(_Entry):
    """Keys of `localized` are locales (`fr_FR`), those of `attributes` ids of attributes."""

    id: str
    name: str | None = None
    description: str | None = None
    image_url: str | None = None
    page_url: str | None = None
    category_id: str | None = None
    brand_id: str | None = None
    family_ids: tuple[str, ...] = Field(default=(), description="Products of one family share their reviews.")
    active: bool = True
    disabled: bool = False
    attributes: Mapping[str, CatalogAttribute] = {}
    eans: tuple[str, ...] = ()
    upcs: tuple[str, ...] = ()
    isbns: tuple[str, ...] = ()
    model_numbers: tuple[str, ...] = ()
    manufacturer_part_numbers: tuple[str, ...] = ()
    localized: Mapping[str, Localized] = {}


class Category(_Entry):
    """Ids are the site's; where one name stands in two places of the tree the id is its path."""

    id: str
    name: str | None = None
    parent_id: str | None = None
    image_url: str | None = None
    page_url: str | None = None
    attributes: Mapping[str, CatalogAttribute] = {}
    localized: Mapping[str, Localized] = {}


class Brand(_Entry):
    id: str
    name: str | None = None
    localized: Mapping[str, Localized] = {}
