"""From a row to the body of a submission. Pure. Intake judges the values, apart from what only we can know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import orjson

from services.cli.importing.columns import Get, getter
from services.cli.importing.detail_rows import DetailRows
from services.cli.importing.mapping import Column, FieldSource, Mapping
from services.cli.importing.source import Row
from services.cli.importing.values import ValueProblem, date_reader, rating, text, version, words
from shared.http.errors import ErrorCode


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


class MappedRows:
    """A mapping that was fitted to a file: the header of CSV, or None for the keys of NDJSON."""

    def __init__(self, mapping: Mapping, header: Sequence[str] | None, source: str) -> None:
        self._source = source
        self._skip = mapping.skip_when_empty
        self._fields = [(name, _getter(name, source, header)) for name, source in mapping.fields.items()]
        self._author = [(name.removeprefix("author_"), name) for name in mapping.fields if name.startswith("author_")]
        if mapping.source_id is not None:
            self._fields.append(("source_id", _getter("source_id", mapping.source_id, header)))
        self._details = DetailRows(mapping.details, header) if mapping.details else None

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
        if self._details is not None:
            details, wrong = self._details.read(values)
            body["details"] = details or None
            if wrong is not None:
                problem = problem or Unsent(wrong.message, wrong.field)
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


def _getter(field: str, source: FieldSource, header: Sequence[str] | None) -> Get:
    raw = getter(source, header)
    if field == "rating":
        return lambda values: rating(raw(values))
    if field in ("title", "text"):
        return lambda values: words(raw(values))
    if field == "source_version":
        return lambda values: version(raw(values))
    if field == "review_date" and isinstance(source, Column) and source.format is not None:
        read = date_reader(source.format)
        return lambda values: None if (date := text(raw(values))) is None else read(date)
    return lambda values: text(raw(values))
