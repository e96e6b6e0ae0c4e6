"""What a reader may ask for, whatever vendor's words it was asked in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum

Value = int | str | bool | datetime

MAX_ID = 2**63 - 1
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Kind(Enum):
    """What a field holds: decides the SQL type of its parameters and how it is ordered."""

    INTEGER = int
    TEXT = str
    BOOLEAN = bool
    TIME = datetime


class Field(StrEnum):
    """The only columns that a query can name."""

    REVIEW_ID = "review_id"
    ENTITY_ID = "entity_id"
    ENTITY_NAME = "entity_name"
    SLUG = "slug"
    RATING = "rating"
    AUTHOR_NAME = "author_name"
    LOCALE = "locale"
    IS_FEATURED = "is_featured"
    DISPLAY_ORDER = "display_order"
    CREATED_AT = "created_at"
    REVIEW_DATE = "review_date"


class Op(StrEnum):
    IN = "in"
    NOT_IN = "not in"
    AT_LEAST = "at least"
    BELOW = "below"
    AT_MOST = "at most"
    IN_LANGUAGE = "in language"
    """RFC 4647 basic filtering, of any of the ranges: `en` takes `en` and `en-GB`, in any case."""


KINDS: dict[Field, Kind] = {
    Field.REVIEW_ID: Kind.INTEGER,
    Field.ENTITY_ID: Kind.TEXT,
    Field.ENTITY_NAME: Kind.TEXT,
    Field.SLUG: Kind.TEXT,
    Field.RATING: Kind.INTEGER,
    Field.AUTHOR_NAME: Kind.TEXT,
    Field.LOCALE: Kind.TEXT,
    Field.IS_FEATURED: Kind.BOOLEAN,
    Field.DISPLAY_ORDER: Kind.INTEGER,
    Field.CREATED_AT: Kind.TIME,
    Field.REVIEW_DATE: Kind.TIME,
}
NULLABLE = frozenset({Field.ENTITY_NAME, Field.AUTHOR_NAME, Field.DISPLAY_ORDER})
_LISTS = frozenset({Op.IN, Op.NOT_IN, Op.IN_LANGUAGE})


@dataclass(frozen=True, slots=True)
class Compare:
    """One field against values: any of them for the list operators, the only one for the others.

    A null is in no list and passes no bound; NOT_IN lets it through.
    """

    field: Field
    op: Op
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        kind = KINDS[self.field]
        if self.op not in _LISTS and len(self.values) != 1:
            raise ValueError(f"{self.op} takes one value")
        if self.op is Op.IN_LANGUAGE and self.field is not Field.LOCALE:
            raise ValueError(f"{self.op} is for {Field.LOCALE}")
        for value in self.values:
            _check(kind, value)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the comparisons holds."""

    comparisons: tuple[Compare, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """Each of the words stands somewhere in title, text or author name, in any case."""

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        for word in self.words:
            _check(Kind.TEXT, word)


Condition = Compare | AnyOf | Contains


@dataclass(frozen=True, slots=True)
class Order:
    """Text by its letters in any case, accented ones after plain ones; nulls last in both directions."""

    field: Field
    descending: bool = False


NEWEST_FIRST = (Order(Field.CREATED_AT, descending=True),)


@dataclass(frozen=True, slots=True)
class Page:
    limit: int
    offset: int = 0

    def __post_init__(self) -> None:
        if self.limit < 0 or not 0 <= self.offset <= MAX_ID:
            raise ValueError("limit and offset count from 0")


@dataclass(frozen=True, slots=True)
class ReviewQuery:
    """All conditions hold. The review id breaks ties, in the direction of the first order, so pages never overlap."""

    site: str
    page: Page
    conditions: tuple[Condition, ...] = ()
    order: tuple[Order, ...] = field(default=NEWEST_FIRST)

    def __post_init__(self) -> None:
        _check(Kind.TEXT, self.site)
        if not self.order:
            raise ValueError("an order is needed")


def _check(kind: Kind, value: Value) -> None:
    # bool is an int to Python and not to Postgres.
    if type(value) is not kind.value:
        raise ValueError(f"a value must be {kind.name.lower()}")
    if isinstance(value, str) and not storable(value):
        raise ValueError("text must not contain NUL or lone surrogates")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a time must have a zone")
    if type(value) is int and not -MAX_ID - 1 <= value <= MAX_ID:
        raise ValueError("a number must fit in 64 bits")


def storable(text: str) -> bool:
    """Whether Postgres can hold the text at all."""
    return _UNSTORABLE.search(text) is None
