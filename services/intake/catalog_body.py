"""What senders may say of products, categories and brands, checked without looking at anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from services.intake.catalog import Change, Key
from services.intake.fields import LINE, LINES, Line, Lines, StrictModel, Url
from services.intake.locales import label_locale
from services.intake.refusal import Refusal
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
    CatalogKind,
    Category,
    Product,
)
from shared.events.content import MAX_DIMENSION_ID, MAX_DIMENSION_VALUE
from shared.http.errors import ErrorCode

MAX_ATTRIBUTE_VALUES = 100

_LINE = re.compile(LINE)


def _filled(value: str) -> str:
    if not value or value.isspace():
        raise PydanticCustomError("blank", "is blank; send a value, or leave it out")
    return value


def _list(value: Any) -> Any:
    """Null is empty, and what stands there twice is meant once."""
    if value is None:
        return ()
    if not isinstance(value, list):
        return value
    return tuple(dict.fromkeys(value)) if all(isinstance(one, str) for one in value) else tuple(value)


def _by_locale(value: Any) -> Any:
    """Keys are judged before their values: what is wrong with a value is told under its key."""
    if not isinstance(value, dict):
        return {} if value is None else value
    if len(value) > MAX_LOCALES:
        raise PydanticCustomError("locales", "has more than {most} locales; send fewer", {"most": MAX_LOCALES})
    found = {label_locale(locale): one for locale, one in value.items()}
    if None in found:
        raise PydanticCustomError("locale", "has a key that is no locale; write it like en or en_US")
    return found


def _by_attribute(value: Any) -> Any:
    if not isinstance(value, dict):
        return {} if value is None else value
    if len(value) > MAX_ATTRIBUTES:
        raise PydanticCustomError("attributes", "has more than {most} entries; send fewer", {"most": MAX_ATTRIBUTES})
    if any(not key.strip() or len(key) > MAX_DIMENSION_ID or _LINE.fullmatch(key) is None for key in value):
        message = "has a key that is no id; ids have 1 to {most} characters, no control characters among them"
        raise PydanticCustomError("attribute_id", message, {"most": MAX_DIMENSION_ID})
    return value


def _true_if_null(value: Any) -> Any:
    return True if value is None else value


def _false_if_null(value: Any) -> Any:
    return False if value is None else value


_IdText = Annotated[str, Field(max_length=MAX_CATALOG_ID, pattern=LINE), AfterValidator(_filled)]
_Id = Annotated[_IdText | None, Line]
_Name = Annotated[Annotated[str, Field(max_length=MAX_CATALOG_NAME, pattern=LINES)] | None, Lines]
_Description = Annotated[Annotated[str, Field(max_length=MAX_DESCRIPTION, pattern=LINES)] | None, Lines]
_ValueText = Annotated[str, Field(max_length=MAX_DIMENSION_VALUE, pattern=LINES), AfterValidator(_filled)]
_Label = Annotated[_ValueText | None, Lines]
_Values = Annotated[tuple[_ValueText, ...], Field(max_length=MAX_ATTRIBUTE_VALUES), BeforeValidator(_list)]
_Identifiers = Annotated[tuple[_IdText, ...], Field(max_length=MAX_IDENTIFIERS), BeforeValidator(_list)]
_Families = Annotated[tuple[_IdText, ...], Field(max_length=MAX_FAMILIES), BeforeValidator(_list)]


class _Attribute(StrictModel):
    label: _Label = None
    labels: Annotated[Mapping[str, _ValueText], BeforeValidator(_by_locale)] = {}
    values: _Values = ()


class _Localized(StrictModel):
    name: _Name = None
    description: _Description = None
    image_url: Url = None
    page_url: Url = None


_Attributes = Annotated[Mapping[str, _Attribute], BeforeValidator(_by_attribute)]
_LocalizedBy = Annotated[Mapping[str, _Localized], BeforeValidator(_by_locale)]


class EntryBody(StrictModel):
    """`id` may be left out where an address has it."""

    KIND: ClassVar[CatalogKind]
    ENTRY: ClassVar[type[Product | Category | Brand]]

    id: _Id = None
    name: _Name = None
    localized: _LocalizedBy = Field(default={})


class ProductBody(EntryBody):
    KIND = "product"
    ENTRY = Product

    description: _Description = None
    image_url: Url = None
    page_url: Url = None
    category_id: _Id = None
    brand_id: _Id = None
    family_ids: _Families = ()
    active: Annotated[bool, BeforeValidator(_true_if_null)] = True
    disabled: Annotated[bool, BeforeValidator(_false_if_null)] = False
    attributes: _Attributes = Field(default={})
    eans: _Identifiers = ()
    upcs: _Identifiers = ()
    isbns: _Identifiers = ()
    model_numbers: _Identifiers = ()
    manufacturer_part_numbers: _Identifiers = ()


class CategoryBody(EntryBody):
    KIND = "category"
    ENTRY = Category

    parent_id: _Id = None
    image_url: Url = None
    page_url: Url = None
    attributes: _Attributes = Field(default={})


class BrandBody(EntryBody):
    KIND = "brand"
    ENTRY = Brand


class RemovedBody(StrictModel):
    """Names an entry that is to go."""

    id: _IdText


BODIES: Mapping[CatalogKind, type[EntryBody]] = {body.KIND: body for body in (ProductBody, CategoryBody, BrandBody)}


class _Line(StrictModel):
    kind: Literal["product", "category", "brand"]
    removed: bool = False


def put(body: EntryBody, traceparent: str | None, address: str | None = None) -> Change:
    """What the body asks for, of the entry that it names, or the address. Raises Invalid."""
    if address is not None and body.id not in (None, address):
        raise _invalid("id", "id is another than that of the address; leave it out, or send the same")
    entry_id = address or body.id
    if entry_id is None:
        raise _invalid("id", "id is missing; it must be sent")
    if isinstance(body, CategoryBody) and body.parent_id == entry_id:
        raise _invalid("parent_id", "parent_id is the category itself; name the one above it, or none")
    return Change(
        Key(body.KIND, entry_id), body.ENTRY.model_validate({**body.model_dump(), "id": entry_id}), traceparent
    )


def removal(kind: CatalogKind, body: RemovedBody, traceparent: str | None) -> Change:
    return Change(Key(kind, body.id), None, traceparent)


def parse_line(body: bytes, traceparent: str | None) -> Change:
    """What a line of a batch asks for: an entry with its `kind`, or that it be `removed`. Raises Invalid."""
    line = parse(_Line, body)
    if line.removed:
        return removal(line.kind, parse(RemovedBody, body), traceparent)
    return put(parse(BODIES[line.kind], body), traceparent)


def _invalid(field: str, message: str) -> Invalid:
    return Invalid((Refusal(ErrorCode.VALIDATION_ERROR, message, field),))
