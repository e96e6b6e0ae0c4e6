"""What an import is going to do: the file, how it is read, and which column is which."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from services.cli.importing.automatic import map_by_names
from services.cli.importing.checkpoint import Job
from services.cli.importing.errors import ImportProblem
from services.cli.importing.mapping import Mapping, read_mapping
from services.cli.importing.rows import MappedRows, Mapper, NativeRows
from services.cli.importing.source import Dialect, Format, Identity, Source, guess_format
from shared.events.content import MAX_SOURCE

SAMPLE = 100


@dataclass(frozen=True)
class Plan:
    dialect: Dialect
    source: str
    mapping: Mapping | None
    """None where the keys of the file are ours already."""
    mapper: Mapper
    notes: list[str] = field(default_factory=list)

    def describe(self) -> Iterator[str]:
        yield f"source  {self.source}"
        if self.mapping is None:
            yield "fields  the keys of each line, as they are"
        else:
            width = max(len(name) for name, _ in self.mapping.describe())
            for name, origin in self.mapping.describe():
                yield f"  {name:<{width}}  {origin}"
            if self.mapping.skip_when_empty:
                yield f"rows without {' or '.join(self.mapping.skip_when_empty)} are left out"
        for note in self.notes:
            yield f"note: {note}"

    def job(self, path: Path, site: str) -> Job:
        digest = hashlib.sha256(repr((self.dialect, self.source, self.mapping)).encode()).hexdigest()
        return Job(Identity.of(path), site, digest)


def choose_dialect(path: Path, format_: Format | None, delimiter: str | None, encoding: str) -> Dialect:
    """Raises ImportProblem."""
    tabs = ".tsv" in (ending.lower() for ending in path.suffixes)
    delimiter = {None: "\t" if tabs else ",", "tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    if delimiter is None or len(delimiter) != 1 or delimiter in '"\r\n':
        raise ImportProblem("--delimiter must be one character, or tab")
    try:
        "".encode(encoding)
    except LookupError:
        raise ImportProblem(f"there is no encoding {encoding}; try utf-8, cp1252 or utf-16") from None
    return Dialect(format_ or guess_format(path), delimiter, encoding)


def make_plan(source: Source, dialect: Dialect, map_file: Path | None, source_name: str | None) -> Plan:
    """Raises ImportProblem where the mapping and the file do not fit."""
    mapping = None if map_file is None else read_mapping(map_file)
    notes: list[str] = []
    if mapping is None and dialect.format == "csv":
        mapping, notes = map_by_names(source.header, source.sample(SAMPLE))
        if len(source.header) == 1:
            notes.append("the file has a single column; if that is wrong, give --delimiter")
    name = source_name or (mapping.source if mapping is not None else None) or _name(source.path)
    if not name or len(name) > MAX_SOURCE or not name.isprintable():
        raise ImportProblem(f"the source must have 1 to {MAX_SOURCE} printable characters; name one with --source")
    if mapping is None:
        _check_native(source)
        return Plan(dialect, name, None, NativeRows(name), notes)
    if mapping.source_id is None:
        notes.append(
            f"rows are known by their number in {name}: another file of that source would overwrite them; "
            "name a column as source_id, or give every file its own --source"
        )
    header = source.header if dialect.format == "csv" else None
    return Plan(dialect, name, mapping, MappedRows(mapping, header, name), notes)


def place_beside(path: Path, suffix: str) -> Path:
    """Beside the file, or here where nobody may write there."""
    folder = path.resolve().parent
    writable = os.access(folder, os.W_OK) and folder.stat().st_mode & 0o222
    return (folder if writable else Path.cwd()) / f"{path.name}{suffix}"


def _name(path: Path) -> str:
    return re.sub(r"(\.(csv|tsv|txt|ndjson|jsonl|jsonlines|json|gz))+$", "", path.name, flags=re.IGNORECASE)


def _check_native(source: Source) -> None:
    """Better to say once that the keys are others than to refuse every row."""
    objects = [row.values for row in source.sample(SAMPLE) if isinstance(row.values, dict)]
    if objects and not any("rating" in values for values in objects):
        keys = sorted({key for values in objects for key in values})
        raise ImportProblem(f"no line has the key `rating`; say with --map which key is which. Keys: {', '.join(keys)}")
