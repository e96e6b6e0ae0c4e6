"""The list's query string, as a query of the core. Everything that is wrong is said at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeVar
from urllib.parse import parse_qsl

from services.query.core.query import (
    NEWEST_FIRST,
    AnyOf,
    Compare,
    Condition,
    Contains,
    Field,
    Op,
    Order,
    Page,
    ReviewQuery,
    storable,
)
from services.query.lynkow.slug import review_id_of
from services.query.problem import Detail, Problem
from shared.events.content import MAX_ENTITY_NAME
from shared.events.ids import MAX_REVIEW_ID

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_PAGE = 1_000_000_000
MAX_OFFSET = 100_000
MAX_LIST = 100
MAX_SEARCH = 200
MAX_WORDS = 10
MAX_FIELDS = 500
_CACHED_BYTES = 200

_SCALARS = {
    "page": "page",
    "limit": "limit",
    "rating": "rating",
    "ratingMin": "ratingMin",
    "minRating": "ratingMin",
    "ratingMax": "ratingMax",
    "maxRating": "ratingMax",
    "isFeatured": "isFeatured",
    "productName": "productName",
    "search": "search",
    "sortBy": "sortBy",
    "sort": "sortBy",
    "sortOrder": "sortOrder",
    "order": "sortOrder",
    "dateFrom": "dateFrom",
    "dateTo": "dateTo",
    "locale": "locale",
    "entity_id": "entity_id",
}
_LISTS = {"slug": "slug", "slugs": "slugs", "ids": "ids", "excludeIds": "excludeIds"}
_SORTS = {
    "created_at": Field.CREATED_AT,
    "rating": Field.RATING,
    "author_name": Field.AUTHOR_NAME,
    "display_order": Field.DISPLAY_ORDER,
    "review_date": Field.REVIEW_DATE,
}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
# `ids`, `ids[]` and `ids[3]` are the same list, written by different clients.
_LIST_SUFFIX = re.compile(r"\[[0-9]{0,4}\]\Z", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,16}", re.ASCII)
_LOCALE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?", re.ASCII
)
_SPACED_OFFSET = re.compile(r" (?=[0-9]{2}:?[0-9]{2}\Z)", re.ASCII)
_MILLISECOND = timedelta(milliseconds=1)
_DAY = timedelta(days=1)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing:
    """A list request without its site."""

    page: int
    per_page: int
    conditions: tuple[Condition, ...]
    order: tuple[Order, ...]

    def query(self, site: str) -> ReviewQuery:
        return ReviewQuery(site, Page(self.per_page, (self.page - 1) * self.per_page), self.conditions, self.order)


def parse_listing(query_string: bytes) -> Listing:
    """Raises Problem 422 with every bad parameter."""
    # The same few questions are asked again and again; long ones would only fill the memory.
    return _cached(query_string) if len(query_string) <= _CACHED_BYTES else _parse(query_string)


def parse_entity_id(query_string: bytes) -> str | None:
    """The summary's parameter; given and empty is the site itself, as an entity."""
    values = [value for name, value in _pairs(query_string) if name == "entity_id"]
    problems: list[Detail] = []
    for value in values:
        if value != values[0]:
            problems.append(Detail("is given several times with different values; send one", "entity_id"))
        elif not storable(value):
            problems.append(Detail("must not contain NUL", "entity_id"))
    if problems:
        raise _invalid(problems)
    return values[0] if values else None


def parse_locale(query_string: bytes) -> str | None:
    """The submission's locale where the address carries it."""
    values = [value for name, value in _pairs(query_string) if name == "locale" and value]
    return values[-1] if values else None


def _pairs(query_string: bytes) -> list[tuple[str, str]]:
    try:
        text = query_string.decode()
    except UnicodeDecodeError:
        text = query_string.decode("latin-1")
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Problem(422, [Detail(f"there must not be more than {MAX_FIELDS} parameters")]) from None


def _invalid(problems: Sequence[Detail]) -> Problem:
    return Problem(422, [Detail(f"{detail.field} {detail.message}", detail.field) for detail in problems])


def _parse(query_string: bytes) -> Listing:
    scalars: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    problems: list[Detail] = []
    for name, value in _pairs(query_string):
        # Forms and SDKs send what was left empty too.
        if not value:
            continue
        if name in _SCALARS:
            known = _SCALARS[name]
            if scalars.setdefault(known, value) != value:
                problems.append(Detail("is given several times with different values; send one", name))
        elif (name := _LIST_SUFFIX.sub("", name)) in _LISTS:
            lists.setdefault(_LISTS[name], []).extend(item.strip() for item in value.split(",") if item.strip())
    reading = _Reading(scalars, lists, problems)
    conditions = tuple(reading.conditions())
    page = reading.scalar("page", _whole(1, MAX_PAGE), 1)
    per_page = reading.scalar("limit", _whole(1, MAX_LIMIT), DEFAULT_LIMIT)
    if (page - 1) * per_page > MAX_OFFSET:
        cure = "narrow the list by filters such as dateTo or productName"
        problems.append(Detail(f"must not skip more than {MAX_OFFSET} reviews; {cure}", "page"))
    order = reading.order()
    if problems:
        raise _invalid(problems)
    return Listing(page, per_page, conditions, order)


_cached = lru_cache(maxsize=2048)(_parse)


class _Reading:
    """Reads one parameter after the other, keeping what is wrong instead of stopping at it."""

    def __init__(self, scalars: dict[str, str], lists: dict[str, list[str]], problems: list[Detail]) -> None:
        self._scalars = scalars
        self._lists = lists
        self._problems = problems

    def scalar(self, name: str, read: Callable[[str], T], default: T) -> T:
        return default if (value := self.optional(name, read)) is None else value

    def optional(self, name: str, read: Callable[[str], T]) -> T | None:
        if name not in self._scalars:
            return None
        try:
            return read(self._scalars[name])
        except ValueError as error:
            self._problems.append(Detail(str(error), name))
            return None

    def items(self, name: str, read: Callable[[str], T]) -> tuple[T, ...] | None:
        """None when the list was not given; it keeps the order of its first appearances."""
        if name not in self._lists:
            return None
        texts = self._lists[name]
        try:
            if len(texts) > MAX_LIST:
                raise ValueError(f"takes {MAX_LIST} values at the most")
            return tuple(dict.fromkeys(read(text) for text in texts))
        except ValueError as error:
            self._problems.append(Detail(str(error), name))
            return None

    def conditions(self) -> Iterable[Condition]:
        stars = _whole(1, 5)
        if (rating := self.optional("rating", stars)) is not None:
            yield Compare(Field.RATING, Op.IN, (rating,))
        if (lowest := self.optional("ratingMin", stars)) is not None:
            yield Compare(Field.RATING, Op.AT_LEAST, (lowest,))
        if (highest := self.optional("ratingMax", stars)) is not None:
            yield Compare(Field.RATING, Op.AT_MOST, (highest,))
        if (featured := self.optional("isFeatured", _boolean)) is not None:
            yield Compare(Field.IS_FEATURED, Op.IN, (featured,))
        if (product := self.optional("productName", _text(MAX_ENTITY_NAME))) is not None:
            # Submissions of this dialect know a product by its name only, other senders by an id and perhaps a name.
            yield AnyOf((Compare(Field.ENTITY_ID, Op.IN, (product,)), Compare(Field.ENTITY_NAME, Op.IN, (product,))))
        if (entity := self.optional("entity_id", _text(MAX_ENTITY_NAME))) is not None:
            yield Compare(Field.ENTITY_ID, Op.IN, (entity,))
        if words := self.optional("search", _words):
            # This dialect shows neither pros nor cons.
            yield Contains(words, pros_and_cons=False)
        if (since := self.optional("dateFrom", _moment)) is not None:
            yield Compare(Field.CREATED_AT, Op.AT_LEAST, (since,))
        if (until := self.optional("dateTo", _end_of_moment)) is not None:
            yield Compare(Field.CREATED_AT, Op.BELOW, (until,))
        if (locale := self.optional("locale", _locale)) is not None:
            yield Compare(Field.LOCALE, Op.IN_LANGUAGE, (locale,))
        yield from self._identities()

    def _identities(self) -> Iterable[Condition]:
        for name, read, op in (
            ("ids", _review_id, Op.IN),
            ("excludeIds", _review_id, Op.NOT_IN),
            ("slug", _slug, Op.IN),
            ("slugs", _slug, Op.IN),
        ):
            found = self.items(name, read)
            if found is not None:
                yield Compare(Field.REVIEW_ID, op, tuple(number for number in found if number is not None))

    def order(self) -> tuple[Order, ...]:
        field = self.optional("sortBy", _one_of(_SORTS))
        descending = self.scalar("sortOrder", _one_of({"asc": False, "desc": True}), True)
        if descending and field in (None, Field.CREATED_AT):
            return NEWEST_FIRST
        return (Order(field or Field.CREATED_AT, descending, alphabetical=field is Field.AUTHOR_NAME),)


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text) or not lowest <= int(text) <= highest:
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return int(text)

    return read


def _one_of(choices: dict[str, T]) -> Callable[[str], T]:
    def read(text: str) -> T:
        if text.lower() not in choices:
            raise ValueError("must be one of " + ", ".join(choices))
        return choices[text.lower()]

    return read


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError("must be true or false")
    return _BOOLEANS[text.lower()]


def _text(longest: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if len(text) > longest:
            raise ValueError(f"must not be longer than {longest} characters")
        if not storable(text):
            raise ValueError("must not contain NUL")
        return text

    return read


def _words(text: str) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(_text(MAX_SEARCH)(text).split()))
    if len(words) > MAX_WORDS:
        raise ValueError(f"takes {MAX_WORDS} words at the most")
    return words


def _locale(text: str) -> str:
    if len(text) > 35 or not _LOCALE.fullmatch(text):
        raise ValueError("must be a language tag such as en or pt-BR")
    return text


def _review_id(text: str) -> int:
    if not _WHOLE.fullmatch(text) or not 0 < int(text) <= MAX_REVIEW_ID:
        raise ValueError("must hold review ids: whole numbers above 0")
    return int(text)


def _slug(text: str) -> int | None:
    return review_id_of(_text(MAX_ENTITY_NAME)(text))


def _moment(text: str) -> datetime:
    if _DATE.fullmatch(text) or _TIME.fullmatch(text := _SPACED_OFFSET.sub("+", text)):
        try:
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ValueError("must be an ISO 8601 date or time such as 2024-03-15 or 2024-03-15T10:30:00Z")


def _end_of_moment(text: str) -> datetime:
    """The first instant after a day, or after a millisecond: what clients see of times ends there."""
    try:
        return _moment(text) + (_DAY if _DATE.fullmatch(text) else _MILLISECOND)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
