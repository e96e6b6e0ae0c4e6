"""Products and categories in the vendor's shapes, in the words of the locale asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.query.bazaarvoice.labels import Json, Labels
from services.query.bazaarvoice.locales import vendor_locale
from services.query.core.answers import Row

_IDENTIFIERS = (
    ("EANs", "eans"),
    ("UPCs", "upcs"),
    ("ISBNs", "isbns"),
    ("ModelNumbers", "model_numbers"),
    ("ManufacturerPartNumbers", "manufacturer_part_numbers"),
)


def product(row: Row, labels: Labels) -> Json:
    """Without statistics."""
    words = _words(row, labels.locale)
    name = words.get("name") or row["name"]
    if name is None and not row["in_catalog"]:
        name = row["entity_name"]
    shown: Json = {
        "Id": row["product_id"],
        "Name": name,
        "Description": words.get("description") or row["description"],
        "ImageUrl": words.get("image_url") or row["image_url"],
        "ProductPageUrl": words.get("page_url") or row["page_url"],
        "CategoryId": row["category_id"],
        "Brand": _brand(row["brand"], labels.locale),
        "BrandExternalId": row["brand_id"],
        "Active": row["is_active"],
        "Disabled": row["is_disabled"],
        "FamilyIds": row["family_ids"],
    }
    identifiers = row["identifiers"]
    for vendor, ours in _IDENTIFIERS:
        shown[vendor] = identifiers.get(ours) or []
    shown["Attributes"] = attributes = _attributes(row["attributes"], labels.locale)
    shown["AttributesOrder"] = list(attributes)
    shown["ReviewIds"] = [str(one) for one in row.get("review_ids") or ()]
    shown["QuestionIds"] = []
    shown["StoryIds"] = []
    return shown


def category(row: Row, labels: Labels) -> Json:
    words = _words(row, labels.locale)
    attributes = _attributes(row["attributes"], labels.locale)
    return {
        "Id": row["category_id"],
        "Name": words.get("name") or row["name"],
        "ParentId": row["parent_id"],
        "ImageUrl": words.get("image_url") or row["image_url"],
        "CategoryPageUrl": words.get("page_url") or row["page_url"],
        "ProductIds": row.get("product_ids") or [],
        "QuestionIds": [],
        "StoryIds": [],
        "Attributes": attributes,
        "AttributesOrder": list(attributes),
    }


def _brand(brand: Row | None, locale: str) -> Json:
    if brand is None:
        return {}
    return {"Id": brand["brand_id"], "Name": _words(brand, locale).get("name") or brand["name"]}


def _attributes(found: Mapping[str, Mapping[str, Any]], locale: str) -> Json:
    """In the catalog's own order."""
    shown: Json = {}
    for attribute, known in found.items():
        one: Json = {
            "Id": attribute,
            "Values": [{"Value": value, "Locale": None} for value in known.get("values") or ()],
        }
        label = _of_locale(known.get("labels") or {}, locale) or known.get("label")
        if label is not None:
            one["Label"] = label
        shown[attribute] = one
    return shown


def _words(row: Row, locale: str) -> Mapping[str, Any]:
    return _of_locale(row["localized"], locale) or {}


def _of_locale(by_locale: Mapping[str, Any], locale: str) -> Any:
    if not by_locale:
        return None
    wanted = locale.lower()
    return next((found for name, found in by_locale.items() if vendor_locale(name).lower() == wanted), None)
