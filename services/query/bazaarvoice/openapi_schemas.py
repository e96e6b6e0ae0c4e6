"""What schemas of the OpenAPI description are made of."""

from __future__ import annotations

from collections.abc import Mapping

from services.query.core.query import Subject

Schema = dict[str, object]

NAMES = {
    Subject.REVIEWS: "Review",
    Subject.PRODUCTS: "Product",
    Subject.AUTHORS: "Author",
    Subject.CATEGORIES: "Category",
    Subject.COMMENTS: "Comment",
}
INCLUDED = {
    Subject.REVIEWS: "Reviews",
    Subject.PRODUCTS: "Products",
    Subject.AUTHORS: "Authors",
    Subject.CATEGORIES: "Categories",
    Subject.COMMENTS: "Comments",
}

TEXT: Schema = {"type": "string"}
MAYBE: Schema = {"type": ["string", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
MAYBE_FLAG: Schema = {"type": ["boolean", "null"]}
ID: Schema = {"type": "string", "pattern": "^[0-9]+$"}
TIME: Schema = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}\+00:00$"}
MAYBE_TIME: Schema = {**TIME, "type": ["string", "null"]}
MODERATED: Schema = {"const": "APPROVED"}
AVERAGE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 5}
RANGE: Schema = {"const": 5}
NOTHING: Schema = {"type": "object", "maxProperties": 0}
NONE: Schema = {"type": "array", "maxItems": 0}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def by_id(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def members(always: Mapping[str, Schema], sometimes: Mapping[str, Schema] | None = None) -> Schema:
    """An object with all of `always`, any of `sometimes` and nothing else."""
    return {
        "type": "object",
        "required": sorted(always),
        "properties": {**always, **(sometimes or {})},
        "additionalProperties": False,
    }


def ordered(name: str, schema: Schema) -> dict[str, Schema]:
    """The pair of members in which the vendor puts what has an id and an order."""
    return {name: by_id(schema), f"{name}Order": list_of(TEXT)}


def page_of(subject: Subject) -> str:
    return f"{NAMES[subject]}Page"
