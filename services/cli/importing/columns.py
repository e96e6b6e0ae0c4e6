"""Where a mapping's values stand in the rows of a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from services.cli.importing.errors import ImportProblem
from services.cli.importing.mapping import Column, FieldSource, Template, Value
from services.cli.importing.source import Values
from services.cli.importing.values import text

Get = Callable[[Any], Any]


def getter(source: FieldSource, header: Sequence[str] | None) -> Get:
    """Takes the value out of a row as it stands there: by the header of CSV, or by the keys of NDJSON for None.

    Raises ImportProblem for a column that the header does not have once.
    """
    match source:
        case Value(value):
            return lambda _: value
        case Column(name, _, line):
            return _column(name, line, header)
        case Template(parts, line):
            pieces = [(literal, None if name is None else _column(name, line, header)) for literal, name in parts]
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
    filled = [(literal, None if get is None else text(get(values))) for literal, get in pieces]
    if all(value is None for _, value in filled):
        return None
    return "".join(literal + (value or "") for literal, value in filled).strip()
