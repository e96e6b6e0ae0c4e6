"""One line of NDJSON, as `plaudit check` takes it: a text to judge, or what is wrong with the line."""

from __future__ import annotations

import json
import math
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import orjson

LONGEST_LINE: Final = 1024 * 1024
"""Bytes. A longer line is reported and not read: to judge one of a megabyte takes seconds already."""

Id: TypeAlias = str | int | float | orjson.Fragment | None
"""As it was given: numbers that no machine word holds keep their digits."""


Kind = Literal["review", "comment"]


class Item(NamedTuple):
    id: Id
    text: str
    title: str | None = None
    rating: int | None = None
    locale: str | None = None
    pros: str | None = None
    cons: str | None = None
    kind: Kind = "review"


class Fault(NamedTuple):
    """`field` is None where it is the line as a whole; the message quotes nothing of it."""

    id: Id
    field: str | None
    message: str


TOO_LONG: Final = Fault(None, None, f"the line is longer than {LONGEST_LINE:,} bytes")
_MIN_RATING: Final = 1
_MAX_RATING: Final = 5
_TEXTS: Final = ("title", "locale", "pros", "cons")
"""Those that a line may leave out."""
_CONTENT_KINDS: Final[dict[str, Kind]] = {"review": "review", "comment": "comment"}


def read_line(line: bytes) -> Item | Fault:
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return _unreadable(line, error)
    if type(values) is not dict:
        return Fault(None, None, f"the line is not a JSON object but {_kind(values)}")
    given = values.get("id")
    if type(given) is float:
        given = _exact(line, given)
    elif given is not None and type(given) is not str and type(given) is not int:
        return Fault(None, "id", f"is not a string or a number but {_kind(given)}")
    return _item(given, values)


def _item(given: Id, values: dict[str, Any]) -> Item | Fault:
    text, title, rating, locale = values.get("text"), values.get("title"), values.get("rating"), values.get("locale")
    if type(text) is not str:
        return Fault(given, "text", "is missing" if "text" not in values else f"is not a string but {_kind(text)}")
    for field in _TEXTS:
        if (value := values.get(field)) is not None and type(value) is not str:
            return Fault(given, field, f"is not a string but {_kind(value)}")
    if rating is not None:
        if type(rating) is float and rating.is_integer():
            rating = int(rating)
        if type(rating) is not int:
            what = "a fraction" if type(rating) is float else _kind(rating)
            return Fault(given, "rating", f"is not a whole number but {what}")
        if not _MIN_RATING <= rating <= _MAX_RATING:
            return Fault(given, "rating", f"is not from {_MIN_RATING} to {_MAX_RATING}")
    stated = "review" if values.get("kind") is None else values["kind"]
    kind = _CONTENT_KINDS.get(stated) if type(stated) is str else None
    if kind is None:
        return Fault(given, "kind", f"is neither {' nor '.join(_CONTENT_KINDS)}")
    return Item(given, text, title, rating, locale or None, values.get("pros"), values.get("cons"), kind)


def _unreadable(line: bytes, error: orjson.JSONDecodeError) -> Fault:
    """With the id, and with the field where it is the text that is wrong, as far as anybody can tell."""
    try:
        values = json.loads(line.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        values = None
    given = _plain_id(values.get("id")) if isinstance(values, dict) else None
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as undecodable:
        return Fault(given, None, f"the line is not UTF-8 from byte {undecodable.start + 1} on")
    for field in ("text", *_TEXTS, "id"):
        if isinstance(values, dict) and _has_surrogate(values.get(field)):
            return Fault(given, field, "holds half of a surrogate pair; send whole characters")
    return Fault(given, None, f"the line is not JSON: {error.msg} (character {error.pos + 1})")


def _exact(line: bytes, given: float) -> Id:
    """orjson makes a float of a whole number of more than 64 bits, another number than was sent."""
    try:
        exact = json.loads(line).get("id")
    except (ValueError, RecursionError):
        return given
    return _plain_id(exact)


def _plain_id(given: object) -> Id:
    if isinstance(given, str):
        return None if _has_surrogate(given) else given
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    if isinstance(given, int):
        return given if -(2**63) <= given < 2**64 else orjson.Fragment(str(given))
    return given if math.isfinite(given) else None


def _has_surrogate(value: object) -> bool:
    return isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value)


_KINDS: Final = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def _kind(value: object) -> str:
    return _KINDS[type(value)]
