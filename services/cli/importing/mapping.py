"""Which column gives which field of a submission: the mapping file, and how mistakes in it are told."""

from __future__ import annotations

import re
import string
from collections.abc import Collection
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from services.cli.importing.detail_kinds import NAMES, PARTS, SINGLE, band_names, option_of
from services.cli.importing.errors import ImportProblem
from services.intake.details import BADGE_KINDS, DIMENSION_ID

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
class Detail:
    path: tuple[str, ...]
    """Within `details`: `("pros",)`, or `("context_data", "Age")`."""
    source: FieldSource
    separator: str | None = None
    bands: tuple[int, ...] = ()
    """Where each band of numbers but the first begins."""
    kind: str = "Custom"
    """Of a badge."""

    @property
    def field(self) -> str:
        return ".".join(("details", *self.path))


@dataclass(frozen=True, slots=True)
class Mapping:
    fields: Map[str, FieldSource]
    source: str | None = None
    """None is the file's name without its endings."""
    source_id: FieldSource | None = None
    """None is the row's number."""
    skip_when_empty: tuple[str, ...] = ()
    """Fields without which a row is left out on purpose."""
    details: tuple[Detail, ...] = ()

    def describe(self) -> list[tuple[str, str]]:
        """Field and where it comes from, for people."""
        rows = [(field, _describe(self.fields[field])) for field in FIELDS if field in self.fields]
        rows += [(detail.field, _describe_detail(detail)) for detail in self.details]
        rows.append(("source_id", "the row's number" if self.source_id is None else _describe(self.source_id)))
        return rows


def read_mapping(path: Path) -> Mapping:
    """Raises ImportProblem, with the line."""
    return MappingReader(path.name).mapping(compose(path))


def compose(path: Path) -> Node | None:
    """The nodes of a YAML file. Raises ImportProblem, with the line."""
    try:
        root: Node | None = YAML(typ="rt", pure=True).compose(path.read_text("utf-8"))
    except OSError as error:
        raise ImportProblem(f"the mapping {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ImportProblem(f"the mapping {path.name} is not UTF-8") from error
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        place = f" line {mark.line + 1}" if mark is not None else ""
        problem = error.problem if isinstance(error, MarkedYAMLError) else "unreadable"
        raise ImportProblem(f"{path.name}{place}: not YAML: {problem}") from error
    return root


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
class MappingReader:
    """Reads nodes, which know their lines and keep a scalar as it is written (`no` is no boolean here)."""

    file: str

    def mapping(self, root: Node | None) -> Mapping:
        if root is None:
            raise ImportProblem(f"{self.file}: the mapping is empty; it needs `fields:`")
        members = self._members(root, {"source", "source_id", "fields", "details", "skip_when_empty"})
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
        skips = self._skips(skip, fields) if skip is not None else ()
        details = self._details(members["details"]) if "details" in members else ()
        return Mapping(fields, source, source_id, skips, details)

    def _skips(self, node: Node, fields: Map[str, FieldSource]) -> tuple[str, ...]:
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        names = []
        for item in nodes:
            name = self._text(item)
            if name not in fields:
                raise self._problem(item, f"skip_when_empty names `{name}`, which is not among `fields:`")
            names.append(name)
        return tuple(names)

    def _details(self, node: Node) -> tuple[Detail, ...]:
        found = []
        for name, member in self._members(node, NAMES).items():
            if name in SINGLE:
                found.append(self._detail((name,), member))
                continue
            for inner, part in self._members(member, PARTS.get(name)).items():
                found.append(self._detail((name, inner), part))
        return tuple(found)

    def _detail(self, path: tuple[str, ...], node: Node) -> Detail:
        option = option_of(path)
        source = self._field(".".join(path), node, option)
        members = {key.value: value for key, value in node.value} if isinstance(node, MappingNode) else {}
        if option is None or option not in members:
            return Detail(path, source)
        said = members[option]
        match option:
            case "bands":
                return Detail(path, source, bands=self._bands(said))
            case "kind":
                if said.value not in BADGE_KINDS:
                    raise self._problem(said, f"kind must be one of {', '.join(BADGE_KINDS)}")
                return Detail(path, source, kind=said.value)
        if not isinstance(said, ScalarNode) or not said.value:
            raise self._problem(said, "the separator must be one or more characters")
        return Detail(path, source, separator=said.value)

    def _bands(self, node: Node) -> tuple[int, ...]:
        texts = [item.value for item in node.value] if isinstance(node, SequenceNode) else []
        if not texts or not all(isinstance(text, str) and re.fullmatch(r"[0-9]{1,15}", text) for text in texts):
            raise self._problem(node, "bands must be whole numbers, such as [18, 25, 35]")
        bounds = tuple(map(int, texts))
        if any(low >= high for low, high in pairwise(bounds)):
            raise self._problem(node, "bands must grow: each number is where the next band begins")
        return bounds

    def _field(self, name: str, node: Node, option: str | None = None) -> FieldSource:
        line = node.start_mark.line + 1
        if isinstance(node, ScalarNode):
            return Column(self._text(node), line=line)
        members = self._members(node, {"column", "value", "template", "format", *({option} if option else ())})
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

    def _members(self, node: Node, known: Collection[str] | None) -> dict[str, Node]:
        """`known` None takes any ids of the site's own."""
        if not isinstance(node, MappingNode):
            of = "ids to columns" if known is None else ", ".join(sorted(known))
            raise self._problem(node, f"this must be a mapping of {of}")
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = self._text(key)
            if known is None:
                if DIMENSION_ID.fullmatch(name) is None:
                    raise self._problem(key, f"`{name}` is no id: letters, digits, points, hyphens and underscores")
            elif name not in known:
                raise self._problem(key, f"`{name}` is not known here; known are {', '.join(sorted(known))}")
            if name in found:
                raise self._problem(key, f"`{name}` is here twice")
            if isinstance(value, ScalarNode) and not value.value.strip() and name != "separator":
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


def _describe_detail(detail: Detail) -> str:
    source = _describe(detail.source)
    if detail.bands:
        return f"{source}, in bands {', '.join(band_names(detail.bands))}"
    return source if detail.separator is None else f"{source}, separated by {detail.separator!r}"
