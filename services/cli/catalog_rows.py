"""From rows to entries of a catalog. Intake judges the values, apart from what only we can know of them.

Rows of one product become one entry: where they differ, that of most rows, the first of them in a tie. Which that is
takes a look at the whole file before anything is sent; what is kept of it is a few bytes per product.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from services.cli.catalog_mapping import CatalogMapping, Part
from services.cli.importing.batch import Batch, Sent
from services.cli.importing.columns import Get, getter
from services.cli.importing.rows import SKIPPED, Mapped, Skipped, Unsent
from services.cli.importing.source import Row
from services.cli.importing.values import ValueProblem, flag, items, text
from shared.events.catalog import MAX_CATALOG_ID
from shared.http.errors import ErrorCode

_DIGEST_BYTES = 8


class Level(NamedTuple):
    """A category of the tree."""

    id: str
    name: str
    parent_id: str | None


class Entries(NamedTuple):
    """What a row says."""

    product: dict[str, Any]
    levels: list[Level]
    brand_name: str | None


def tree(names: Sequence[str]) -> list[Level]:
    """The categories on the way to the innermost. A category's id is its path: one name may stand in two places.

    The slash of a name is written as `%2F` in ids.
    """
    levels: list[Level] = []
    for name in names:
        parent = levels[-1].id if levels else None
        written = name.replace("/", "%2F")
        levels.append(Level(f"{parent}/{written}" if parent is not None else written, name, parent))
    return levels


class CatalogReader:
    """A mapping that was fitted to a file: the header of CSV, or None for the keys of NDJSON."""

    def __init__(self, mapping: CatalogMapping, header: Sequence[str] | None) -> None:
        self._parts = [(part, getter(part.source, header)) for part in mapping.parts]
        self._levels = [getter(source, header) for source in mapping.categories]

    def read(self, row: Row) -> Entries | Unsent:
        if row.values is None:
            return Unsent(row.problem, None, ErrorCode.BAD_REQUEST.value)
        product: dict[str, Any] = {}
        for part, get in self._parts:
            try:
                value = _value(part, get, row.values)
            except ValueProblem as problem:
                return Unsent(f"{part.field} {problem}", part.field)
            if value is not None:
                _put(product, part, value)
        if "id" not in product:
            return Unsent("id is empty; every product has one", "id")
        try:
            names = [name for get in self._levels if (name := text(get(row.values))) is not None]
        except ValueProblem as problem:
            return Unsent(f"categories {problem}", "categories")
        levels = tree(names)
        if levels:
            product["category_id"] = levels[-1].id
            if len(levels[-1].id) > MAX_CATALOG_ID:
                return Unsent(f"the path of the category is longer than {MAX_CATALOG_ID} characters", "category_id")
        return Entries(product, levels, product.pop("brand_name", None))


@dataclass
class Survey:
    """What a file says, taken together."""

    categories: dict[str, tuple[Level, Row]] = field(default_factory=dict)
    brands: dict[str, tuple[str, Row]] = field(default_factory=dict)
    """Name, and where it stands first."""
    _votes: dict[str, dict[bytes, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row], reader: CatalogReader) -> Survey:
        survey = cls()
        for row in rows:
            entries = reader.read(row)
            if isinstance(entries, Unsent):
                continue
            bare = row._replace(values=None)
            for level in entries.levels:
                survey.categories.setdefault(level.id, (level, bare))
            if entries.brand_name is not None and "brand_id" in entries.product:
                survey.brands.setdefault(entries.product["brand_id"], (entries.brand_name, bare))
            body = _encoded("product", entries.product)
            if body is not None:
                votes = survey._votes.setdefault(entries.product["id"], {})
                digest = _digest(body)
                votes[digest] = votes.get(digest, 0) + 1
        return survey

    @property
    def products(self) -> int:
        return len(self._votes)

    @property
    def differing(self) -> int:
        """Products whose rows do not say the same."""
        return sum(len(votes) > 1 for votes in self._votes.values())

    def winner(self, product_id: str) -> bytes:
        """Digest of the entry of most rows; `max` takes the first of several."""
        votes = self._votes[product_id]
        return max(votes, key=votes.__getitem__)

    def batches(self, size: int) -> Iterator[Batch]:
        """Categories, a parent before its children, and brands: before the products, which name them."""
        batch = Batch(0)
        for body, mapped, row in self._others():
            batch.bodies.append(body)
            batch.touches.add(mapped)
            batch.sent.append(Sent(row.number, row.line, None))
            if len(batch.bodies) >= size:
                yield batch
                batch = Batch(0)
        if batch.bodies:
            yield batch

    def _others(self) -> Iterator[tuple[bytes, tuple[str, str], Row]]:
        for level, row in self.categories.values():
            category = {"id": level.id, "name": level.name, "parent_id": level.parent_id}
            body = _encoded("category", {key: value for key, value in category.items() if value is not None})
            if body is not None:
                yield body, ("category", level.id), row
        for brand_id, (name, row) in self.brands.items():
            body = _encoded("brand", {"id": brand_id, "name": name})
            if body is not None:
                yield body, ("brand", brand_id), row


class MappedProducts:
    """One product for all rows of it. Takes the rows in the order of the survey."""

    def __init__(self, reader: CatalogReader, survey: Survey) -> None:
        self._reader = reader
        self._survey = survey
        self._done: set[str] = set()

    def __call__(self, row: Row) -> Mapped | Unsent | Skipped:
        entries = self._reader.read(row)
        if isinstance(entries, Unsent):
            return entries
        product_id = entries.product["id"]
        if product_id in self._done:
            return SKIPPED
        body = _encoded("product", entries.product)
        if body is None:
            return _NO_TEXT
        if _digest(body) != self._survey.winner(product_id):
            return SKIPPED
        self._done.add(product_id)
        return Mapped(body, ("product", product_id), None)


class NativeEntries:
    """NDJSON whose lines are those of the batch address already."""

    def __call__(self, row: Row) -> Mapped | Unsent | Skipped:
        if row.values is None:
            return Unsent(row.problem, None, ErrorCode.BAD_REQUEST.value)
        assert isinstance(row.values, dict)
        try:
            body = orjson.dumps(row.values)
        except TypeError:
            return _NO_TEXT
        return Mapped(body, (str(row.values.get("kind")), str(row.values.get("id"))), None)


_NO_TEXT = Unsent("the row holds bytes that are no text; give the file's --encoding", None, ErrorCode.BAD_REQUEST.value)


def _value(part: Part, get: Get, values: Any) -> Any:
    raw = get(values)
    match part.form:
        case "flag":
            return flag(raw)
        case "list":
            found = items(raw, part.separator)
            return found if found is None or part.path[0] != "attributes" else {"values": found}
    return text(raw)


def _put(product: dict[str, Any], part: Part, value: Any) -> None:
    place = product
    for step in part.path[:-1]:
        place = place.setdefault(step, {})
    place[part.path[-1]] = value


def _encoded(kind: str, entry: dict[str, Any]) -> bytes | None:
    """None for bytes that are no text in the file's encoding."""
    try:
        return orjson.dumps({"kind": kind, **entry})
    except TypeError:
        return None


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
