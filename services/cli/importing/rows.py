"""From a row to the body of a submission. Pure. Intake judges the values, apart from what only we can know of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import orjson

from services.cli.importing.errors import ImportProblem
from services.cli.importing.mapping import UNIX_FORMATS, Column, FieldSource, Mapping, Template, Value
from services.cli.importing.source import Row, Values
from shared.http.errors import ErrorCode

Get = Callable[[Any], Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RATING = re.compile(r"\s*0*([1-5])(?:\.0*)?\s*", re.ASCII)
_RATINGS = {spelling.format(n): n for n in range(1, 6) for spelling in ("{}", "{}.0")}


class Mapped(NamedTuple):
    """What is sent for a row."""

    body: bytes
    record: tuple[str, str]
    """Source and source id."""
    author: tuple[str, str] | None
    """Who reviewed what: intake keeps one live review of each, so the order of two such rows matters."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """A row that is not even sent."""

    message: str
    field: str | None = None
    code: str = ErrorCode.VALIDATION_ERROR.value


@dataclass(frozen=True, slots=True)
class Skipped:
    """Left out because the mapping says so."""


SKIPPED = Skipped()


class Mapper(Protocol):
    def __call__(self, row: Row) -> Mapped | Unsent | Skipped: ...


class ValueProblem(Exception):
    """A value that has no place in a submission; the message fits behind the field's name."""


class MappedRows:
    """A mapping that was fitted to a file: the header of CSV, or None for the keys of NDJSON."""

    def __init__(self, mapping: Mapping, header: Sequence[str] | None, source: str) -> None:
        self._source = source
        self._skip = mapping.skip_when_empty
        self._fields = [(name, _getter(name, source, header)) for name, source in mapping.fields.items()]
        self._author = [(name.removeprefix("author_"), name) for name in mapping.fields if name.startswith("author_")]
        if mapping.source_id is not None:
            self._fields.append(("source_id", _getter("source_id", mapping.source_id, header)))

    def __call__(self, row: Row) -> Mapped | Unsent | Skipped:
        values = row.values
        if values is None:
            return Unsent(row.problem, None, ErrorCode.BAD_REQUEST.value)
        problem = None
        body: dict[str, Any] = {"source": self._source, "source_id": str(row.number)}
        for name, get in self._fields:
            try:
                body[name] = get(values)
            except ValueProblem as error:
                body[name] = ""
                problem = problem or Unsent(f"{name} {error}", name)
        # What is to be left out is left out even when something else is wrong with it.
        for name in self._skip:
            if body[name] is None:
                return SKIPPED
        if problem is not None:
            return problem
        if body["source_id"] is None:
            return Unsent("source_id is empty; every row needs its own", "source_id")
        if self._author:
            author = {key: value for key, name in self._author if (value := body.pop(name)) is not None}
            body["author"] = author or None
        return encode({name: value for name, value in body.items() if value is not None})


class NativeRows:
    """NDJSON whose keys are those of the submission body; `source` and `source_id` are added where they are missing."""

    def __init__(self, source: str) -> None:
        self._source = source

    def __call__(self, row: Row) -> Mapped | Unsent | Skipped:
        if row.values is None:
            return Unsent(row.problem, None, ErrorCode.BAD_REQUEST.value)
        assert isinstance(row.values, dict)
        body = row.values.copy()
        # An import is no public form, whatever else was exported.
        body.pop("form", None)
        try:
            if "rating" in body:
                body["rating"] = rating(body["rating"])
        except ValueProblem as error:
            return Unsent(f"rating {error}", "rating")
        if body.get("source") is None and body.get("source_id") is None:
            body["source"], body["source_id"] = self._source, str(row.number)
        elif body.get("source") is None:
            body["source"] = self._source
        return encode(body)


def encode(body: dict[str, Any]) -> Mapped | Unsent:
    try:
        encoded = orjson.dumps(body)
    except TypeError:
        return Unsent(
            "the row holds bytes that are no text; give the file's --encoding", None, ErrorCode.BAD_REQUEST.value
        )
    author = body.get("author")
    person = author.get("id") or author.get("email") if isinstance(author, dict) else None
    who = None if person is None else (str(person).strip().lower(), str(body.get("entity_id") or ""))
    return Mapped(encoded, (str(body.get("source")), str(body.get("source_id"))), who)


def rating(value: Any) -> Any:
    """4, 4.0, "4" and "4.0" are 4. Other types are left for intake to refuse."""
    if isinstance(value, str):
        if (known := _RATINGS.get(value)) is not None:
            return known
        if not value or value.isspace():
            return None
        if (match := _RATING.fullmatch(value)) is None:
            raise ValueProblem("must be a whole number from 1 to 5, such as 4 or 4.0")
        return int(match[1])
    if isinstance(value, float):
        if value not in (1.0, 2.0, 3.0, 4.0, 5.0):
            raise ValueProblem("must be a whole number from 1 to 5, such as 4 or 4.0")
        return int(value)
    return value


def _getter(field: str, source: FieldSource, header: Sequence[str] | None) -> Get:
    raw = _raw(source, header)
    if field == "rating":
        return lambda values: rating(raw(values))
    if field in ("title", "text"):
        return lambda values: _words(raw(values))
    if field == "source_version":
        return lambda values: _whole(_text(raw(values)))
    if field == "review_date" and isinstance(source, Column) and source.format is not None:
        read = _date_reader(source.format)
        return lambda values: None if (text := _text(raw(values))) is None else read(text)
    return lambda values: _text(raw(values))


def _raw(source: FieldSource, header: Sequence[str] | None) -> Get:
    match source:
        case Value(value):
            return lambda _: value
        case Column(name, _, line):
            return _column(name, line, header)
        case Template(parts, line):
            pieces = [(text, None if name is None else _column(name, line, header)) for text, name in parts]
            return lambda values: _fill(pieces, values)


def _column(name: str, line: int, header: Sequence[str] | None) -> Get:
    if header is None:
        return lambda values: _member(values, name)
    place = f"line {line} of the mapping: " if line else ""
    if (count := header.count(name)) != 1:
        has = "has no column" if not count else f"has {count} columns"
        raise ImportProblem(f"{place}the file {has} `{name}`; its columns are: {', '.join(header)}")
    index = header.index(name)
    return lambda values: values[index]


def _member(values: dict[str, Any], name: str) -> Any:
    """A key, or else a path into nested objects: `author.name`."""
    if name in values or "." not in name:
        return values.get(name)
    found: Any = values
    for step in name.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(step)
    return found


def _fill(pieces: list[tuple[str, Get | None]], values: Values) -> str | None:
    """None where every column is empty: what remains then is only punctuation."""
    filled = [(text, None if get is None else _text(get(values))) for text, get in pieces]
    if all(value is None for _, value in filled):
        return None
    return "".join(text + (value or "") for text, value in filled).strip()


def _words(value: Any) -> str | None:
    """As it is written, spaces included."""
    if type(value) is not str:
        return _text(value)
    return None if not value or value.isspace() else value


def _text(value: Any) -> str | None:
    if type(value) is str:
        return value.strip() or None
    if value is None:
        return None
    if isinstance(value, bool | dict | list):
        raise ValueProblem("must be a string or a number")
    # A number that went through a table with gaps: 767.0 is item 767.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,18}", text) is None:
        raise ValueProblem("must be a whole number")
    return int(text)


def _date_reader(format_: str) -> Callable[[str], str]:
    """Files have few different dates, and strptime is slow, so answers are kept."""

    @lru_cache(maxsize=10_000)
    def read(text: str) -> str:
        try:
            if (divisor := UNIX_FORMATS.get(format_)) is not None:
                time = _EPOCH + timedelta(seconds=float(text) / divisor)
            else:
                time = datetime.strptime(text, format_)  # noqa: DTZ007 - without an offset it is UTC
        except (ValueError, OverflowError):
            raise ValueProblem(f"does not have the form {format_}") from None
        return (time.replace(tzinfo=UTC) if time.tzinfo is None else time).isoformat()

    return read
