"""The details of a row: columns by name in a mapping, nested as a submission has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from services.cli.importing.columns import Get, getter
from services.cli.importing.detail_kinds import Kind, kind_of
from services.cli.importing.mapping import Detail
from services.cli.importing.source import Values
from services.cli.importing.values import ValueProblem, band_reader, flag, items, links, text, whole, words


class Problem(NamedTuple):
    field: str
    message: str


class _Reading(NamedTuple):
    field: str
    group: str | None
    name: str
    get: Get


class DetailRows:
    """Raises ImportProblem, when it is made, for columns that the file does not have."""

    def __init__(self, details: Sequence[Detail], header: Sequence[str] | None) -> None:
        self._readings = [
            _Reading(
                detail.field,
                detail.path[0] if len(detail.path) > 1 else None,
                detail.path[-1],
                _reader(detail, getter(detail.source, header)),
            )
            for detail in details
        ]

    def read(self, values: Values) -> tuple[dict[str, Any], Problem | None]:
        """What the row says, without what is empty, and the first thing that is wrong with it."""
        details: dict[str, Any] = {}
        problem = None
        for field, group, name, get in self._readings:
            try:
                value = get(values)
            except ValueProblem as error:
                problem = problem or Problem(field, f"{field} {error}")
                continue
            if value is None:
                continue
            if group is None:
                details[name] = value
            else:
                details.setdefault(group, {})[name] = value
        if "badges" in details:
            details["badges"] = [{"id": name, "kind": kind} for name, kind in details["badges"].items()]
        if "syndication" in details and "name" not in details["syndication"]:
            # Rows of the site's own among syndicated ones: a logo alone is no source.
            del details["syndication"]
        return details, problem


def _reader(detail: Detail, raw: Get) -> Get:
    if detail.bands:
        read = band_reader(detail.bands)
        return lambda values: None if (digits := text(raw(values))) is None else read(digits)
    if detail.path[0] == "badges":
        return lambda values: detail.kind if flag(raw(values)) else None
    match kind_of(detail.path):
        case Kind.TEXT:
            return lambda values: text(raw(values))
        case Kind.WORDS:
            return lambda values: words(raw(values))
        case Kind.FLAG:
            return lambda values: flag(raw(values))
        case Kind.WHOLE:
            return lambda values: whole(raw(values))
        case Kind.LIST:
            return lambda values: items(raw(values), detail.separator or ",")
        case Kind.LINKS:
            return lambda values: links(raw(values), detail.separator)
