"""What senders may say of the catalog."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from services.intake.catalog import Change, Key
from services.intake.catalog_body import BODIES, MAX_ATTRIBUTE_VALUES, parse_line, put
from services.intake.submission import Invalid, parse
from shared.events.catalog import (
    MAX_ATTRIBUTES,
    MAX_CATALOG_ID,
    MAX_CATALOG_NAME,
    MAX_DESCRIPTION,
    MAX_FAMILIES,
    MAX_IDENTIFIERS,
    MAX_LOCALES,
    Brand,
    CatalogAttribute,
    CatalogKind,
    Category,
    Localized,
    Product,
)
from shared.http.errors import ErrorCode


def line(**fields: Any) -> Change:
    return parse_line(orjson.dumps(fields), None)


def product(**fields: Any) -> Product:
    entry = line(kind="product", id="p1", **fields).entry
    assert isinstance(entry, Product)
    return entry


def refusal(**fields: Any) -> tuple[str | None, str]:
    with pytest.raises(Invalid) as invalid:
        line(**{"kind": "product", "id": "p1", **fields})
    return invalid.value.refusal.field, invalid.value.refusal.message


FULL: dict[str, Any] = {
    "name": "Dress",
    "description": "Long.\nAnd red.",
    "image_url": "https://example.com/1.jpg",
    "page_url": "http://example.com/p/1?x=1#top",
    "category_id": "General/Dresses",
    "brand_id": "acme",
    "family_ids": ["f1", "f2"],
    "active": False,
    "disabled": True,
    "attributes": {"COLOR": {"label": "Color", "labels": {"fr-FR": "Couleur"}, "values": ["red", "blue"]}},
    "eans": ["4006381333931"],
    "upcs": ["036000291452"],
    "isbns": ["9780306406157"],
    "model_numbers": ["M-1"],
    "manufacturer_part_numbers": ["MPN 1"],
    "localized": {"fr_FR": {"name": "Robe", "description": "Longue.", "page_url": "https://example.com/fr/1"}},
}


def test_all_of_a_product_arrives() -> None:
    assert product(**FULL) == Product(
        id="p1",
        name="Dress",
        description="Long.\nAnd red.",
        image_url="https://example.com/1.jpg",
        page_url="http://example.com/p/1?x=1#top",
        category_id="General/Dresses",
        brand_id="acme",
        family_ids=("f1", "f2"),
        active=False,
        disabled=True,
        attributes={"COLOR": CatalogAttribute(label="Color", labels={"fr_FR": "Couleur"}, values=("red", "blue"))},
        eans=("4006381333931",),
        upcs=("036000291452",),
        isbns=("9780306406157",),
        model_numbers=("M-1",),
        manufacturer_part_numbers=("MPN 1",),
        localized={"fr_FR": Localized(name="Robe", description="Longue.", page_url="https://example.com/fr/1")},
    )


def test_every_field_of_the_contract_can_be_sent() -> None:
    for kind, entry in (("product", Product), ("category", Category), ("brand", Brand)):
        body = BODIES[kind]  # type: ignore[index]  # one of the kinds
        assert set(body.model_fields) == set(entry.model_fields), kind


def test_null_and_blank_are_as_if_they_were_left_out() -> None:
    assert product(**dict.fromkeys(FULL)) == Product(id="p1")
    assert product(name=" ", description="\r\n", image_url="", category_id="  ", brand_id="") == Product(id="p1")


def test_what_is_not_known_is_left_to_newer_versions() -> None:
    assert product(price=5, localized={"fr": {"price": 4}}) == Product(id="p1", localized={"fr": Localized()})


def test_what_stands_in_a_list_twice_is_meant_once() -> None:
    found = product(family_ids=["b", "a", "b"], eans=["1", "1"])
    assert (found.family_ids, found.eans) == (("b", "a"), ("1",))


def test_a_category_and_a_brand() -> None:
    category = line(kind="category", id="a/b", parent_id="a", name="B", attributes={"X": {"values": ["1"]}})
    assert category == Change(
        Key("category", "a/b"),
        Category(id="a/b", parent_id="a", name="B", attributes={"X": CatalogAttribute(values=("1",))}),
    )
    assert line(kind="brand", id="acme", name="Acme").entry == Brand(id="acme", name="Acme")


def test_a_line_may_remove() -> None:
    for kind in ("product", "category", "brand"):
        assert line(kind=kind, id="x", removed=True) == Change(Key(kind, "x"), None)
    assert refusal(removed=True, id=None)[0] == "id"


def test_a_category_is_not_its_own_parent() -> None:
    assert refusal(kind="category", id="a", parent_id="a") == (
        "parent_id",
        "parent_id is the category itself; name the one above it, or none",
    )
    assert line(kind="category", id="a", parent_id="A").entry is not None


@pytest.mark.parametrize(
    "url",
    ["/p/1", "example.com", "ftp://example.com", "javascript:alert(1)", "https://", "https://a b.example"],
)
def test_addresses_are_absolute_and_of_the_web(url: str) -> None:
    field, message = refusal(localized={"fr": {"page_url": url}})
    assert field == "localized.fr.page_url"
    assert "absolute http or https" in message
    for name in ("image_url", "page_url"):
        assert refusal(**{name: url})[0] == name


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "review"}, "kind"),
        ({"kind": None}, "kind"),
        ({"id": None}, "id"),
        ({"id": "  "}, "id"),
        ({"id": 7}, "id"),
        ({"id": "a\nb"}, "id"),
        ({"id": "x" * (MAX_CATALOG_ID + 1)}, "id"),
        ({"name": "x" * (MAX_CATALOG_NAME + 1)}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"description": "x" * (MAX_DESCRIPTION + 1)}, "description"),
        ({"image_url": "https://example.com/" + "x" * 2000}, "image_url"),
        ({"category_id": "x" * (MAX_CATALOG_ID + 1)}, "category_id"),
        ({"family_ids": [str(n) for n in range(MAX_FAMILIES + 1)]}, "family_ids"),
        ({"family_ids": "f1"}, "family_ids"),
        ({"family_ids": [""]}, "family_ids.0"),
        ({"eans": [str(n) for n in range(MAX_IDENTIFIERS + 1)]}, "eans"),
        ({"eans": [4006381333931]}, "eans.0"),
        ({"active": "yes"}, "active"),
        ({"disabled": 1}, "disabled"),
        ({"attributes": []}, "attributes"),
        ({"attributes": {"": {}}}, "attributes"),
        ({"attributes": {"a\nb": {}}}, "attributes"),
        ({"attributes": {str(n): {} for n in range(MAX_ATTRIBUTES + 1)}}, "attributes"),
        ({"attributes": {"A": {"values": [str(n) for n in range(MAX_ATTRIBUTE_VALUES + 1)]}}}, "attributes.A.values"),
        ({"attributes": {"A": {"labels": {"english": "x"}}}}, "attributes.A.labels"),
        ({"attributes": {"A": {"labels": {"en": " "}}}}, "attributes.A.labels.en"),
        ({"localized": {"english": {}}}, "localized"),
        ({"localized": {"*": {}}}, "localized"),
        ({"localized": {f"a{chr(97 + n // 26)}{chr(97 + n % 26)}": {} for n in range(MAX_LOCALES + 1)}}, "localized"),
        ({"localized": {"en": {"name": 5}}}, "localized.en.name"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], field: str) -> None:
    named, message = refusal(**fields)
    assert named == field, message
    assert len(message) < 200


@pytest.mark.parametrize("kind", list(BODIES))
def test_an_address_names_the_entry(kind: CatalogKind) -> None:
    body = parse(BODIES[kind], b"{}")
    assert put(body, None, "x/y").key == Key(kind, "x/y")
    same = parse(BODIES[kind], b'{"id": "x/y"}')
    assert put(same, None, "x/y").key == Key(kind, "x/y")
    with pytest.raises(Invalid) as invalid:
        put(same, None, "x")
    assert invalid.value.refusal.field == "id"


def test_what_is_no_object_is_no_entry() -> None:
    for body in (b"[]", b"{", b'"x"', b"\xff"):
        with pytest.raises(Invalid) as invalid:
            parse_line(body, None)
        assert invalid.value.refusal.code == ErrorCode.BAD_REQUEST
