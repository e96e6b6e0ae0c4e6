"""Parameters of addresses in the OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterable

from services.query.bazaarvoice.jsonp import MAX_CALLBACK
from services.query.bazaarvoice.openapi_schemas import Schema, list_of

LOCALE: Schema = {"type": "string", "pattern": "^[A-Za-z]{2,8}(?:[_-][A-Za-z0-9]{1,8}){0,3}$"}
VERSION: Schema = {"type": "string", "enum": [f"5.{minor}" for minor in (4, 3, 2, 1, 0)]}
CALLBACK: Schema = {"type": "string", "pattern": r"^[A-Za-z0-9_.]+$", "maxLength": MAX_CALLBACK}
BOOLEAN: Schema = {"type": "string", "enum": ["true", "false"]}
PASS_KEY: dict[str, list[str]] = {"PassKey": []}


def parameter(name: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def comma(name: str, values: Iterable[str] = (), pattern: str | None = None) -> Schema:
    item: Schema = (
        {"type": "string", "enum": list(values)} if pattern is None else {"type": "string", "pattern": pattern}
    )
    return {"name": name, "in": "query", "style": "form", "explode": False, "schema": list_of(item)}


def shared() -> list[Schema]:
    return [parameter("Locale", LOCALE), parameter("Callback", CALLBACK)]
