"""Which column gives which field of a submission: the mapping file, and how mistakes in it are told."""

from __future__ import annotations

import string
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from services.cli.importing.errors import ImportProblem

FIELDS = (
    "rating",
    "title",
    "text",
    "entity_id",
    "entity_name",
    "author_id",
    "author_name",
    "author_email",
    "locale",
    "review_date",
    "source_version",
)
UNIX_FORMATS = {"unix": 1, "unix_ms": 1000}
"""Date formats beside those of strptime: seconds and milliseconds since 1970, and how many make a second."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    format: str | None = None
    """Of a date: for strptime, or one of UNIX_FORMATS. None takes RFC 3339."""
    line: int = field(default=0, compare=False, repr=False)
    """Of the mapping file, for messages; 0 is none."""


@dataclass(frozen=True, slots=True)
class Value:
    """The same for every row."""

    value: str


@dataclass(frozen=True, slots=True)
class Template:
    parts: tuple[tuple[str, str | None], ...]
    """Text, and the column that follows it."""
    line: int = field(default=0, compare=False, repr=False)


FieldSource: TypeAlias = Column | Value | Template


@dataclass(frozen=True, slots=True)
class Mapping:
    fields: Map[str, FieldSource]
    source: str | None = None
    """None is the file's name without its endings."""
    source_id: FieldSource | None = None
    """None is the row's number."""
    skip_when_empty: tuple[str, ...] = ()
    """Fields without which a row is left out on purpose."""

    def describe(self) -> list[tuple[str, str]]:
        """Field and where it comes from, for people."""
        rows = [(field, _describe(self.fields[field])) for field in FIELDS if field in self.fields]
        rows.append(("source_id", "the row's number" if self.source_id is None else _describe(self.source_id)))
        return rows


def read_mapping(path: Path) -> Mapping:
    """Raises ImportProblem, with the line."""
    try:
        root = YAML(typ="rt", pure=True).compose(path.read_text("utf-8"))
    except OSError as error:
        raise ImportProblem(f"the mapping {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImportProblem(f"the mapping {path.name} is not UTF-8") from error
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        place = f" line {mark.line + 1}" if mark is not None else ""
        problem = error.problem if isinstance(error, MarkedYAMLError) else "unreadable"
        raise ImportProblem(f"{path.name}{place}: not YAML: {problem}") from error
    return _Reader(path.name).mapping(root)


def parse_template(text: str) -> tuple[tuple[str, str | None], ...]:
    """`{Column}` stands for a column's value, `{{` for a brace. Raises ValueError."""
    parts = []
    for literal, name, spec, conversion in string.Formatter().parse(text):
        if spec or conversion:
            raise ValueError("a template knows {Column} only, without ! and :")
        if name == "":
            raise ValueError("{} names no column")
        parts.append((literal, name))
    if all(name is None for _, name in parts):
        raise ValueError("the template names no column; for a constant write {value: …}")
    return tuple(parts)


@dataclass(frozen=True)
class _Reader:
    """Reads nodes, which know their lines and keep a scalar as it is written (`no` is no boolean here)."""

    file: str

    def mapping(self, root: Node | None) -> Mapping:
        if root is None:
            raise ImportProblem(f"{self.file}: the mapping is empty; it needs `fields:`")
        members = self._members(root, {"source", "source_id", "fields", "skip_when_empty"})
        if "fields" not in members:
            raise self._problem(root, "`fields:` is missing: which column gives which field")
        fields = {name: self._field(name, node) for name, node in self._members(members["fields"], set(FIELDS)).items()}
        if "rating" not in fields:
            raise self._problem(members["fields"], "`rating` is missing; every review has one")
        source = self._text(members["source"]) if "source" in members else None
        source_id = self._field("source_id", members["source_id"]) if "source_id" in members else None
        if isinstance(source_id, Value):
            raise self._problem(members["source_id"], "source_id must differ from row to row; name a column")
        skip = members.get("skip_when_empty")
        return Mapping(fields, source, source_id, self._skips(skip, fields) if skip is not None else ())

    def _skips(self, node: Node, fields: Map[str, FieldSource]) -> tuple[str, ...]:
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        names = []
        for item in nodes:
            name = self._text(item)
            if name not in fields:
                raise self._problem(item, f"skip_when_empty names `{name}`, which is not among `fields:`")
            names.append(name)
        return tuple(names)

    def _field(self, name: str, node: Node) -> FieldSource:
        line = node.start_mark.line + 1
        if isinstance(node, ScalarNode):
            return Column(self._text(node), line=line)
        members = self._members(node, {"column", "value", "template", "format"})
        kinds = [kind for kind in ("column", "value", "template") if kind in members]
        if len(kinds) != 1:
            raise self._problem(node, f"`{name}` needs one of column, value and template")
        if "format" in members and (name != "review_date" or kinds != ["column"]):
            raise self._problem(members["format"], "format is for the column of review_date")
        match kinds[0]:
            case "value":
                return Value(self._text(members["value"]))
            case "template":
                try:
                    return Template(parse_template(self._text(members["template"])), line)
                except ValueError as error:
                    raise self._problem(members["template"], str(error)) from None
        return Column(
            self._text(members["column"]), self._text(members["format"]) if "format" in members else None, line
        )

    def _members(self, node: Node, known: set[str]) -> dict[str, Node]:
        if not isinstance(node, MappingNode):
            raise self._problem(node, f"this must be a mapping of {', '.join(sorted(known))}")
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = self._text(key)
            if name not in known:
                raise self._problem(key, f"`{name}` is not known here; known are {', '.join(sorted(known))}")
            if name in found:
                raise self._problem(key, f"`{name}` is here twice")
            if isinstance(value, ScalarNode) and not value.value.strip():
                raise self._problem(key, f"`{name}` has no value")
            found[name] = value
        return found

    def _text(self, node: Node) -> str:
        if not isinstance(node, ScalarNode) or not node.value.strip():
            raise self._problem(node, "a name or a value is missing here")
        return str(node.value)

    def _problem(self, node: Node, message: str) -> ImportProblem:
        return ImportProblem(f"{self.file} line {node.start_mark.line + 1}: {message}")


def _describe(source: FieldSource) -> str:
    match source:
        case Column(name, None):
            return f"column {name}"
        case Column(name, format_):
            return f"column {name}, read as {format_}"
        case Value(value):
            return f"always {value}"
        case Template(parts):
            return "".join(text + (f"{{{name}}}" if name is not None else "") for text, name in parts)
