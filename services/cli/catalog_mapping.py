"""Which column gives which field of a product, and which columns are its categories: the mapping file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from services.cli.importing.errors import ImportProblem
from services.cli.importing.mapping import Column, FieldSource, MappingReader, Template, Value, compose
from services.intake.locales import label_locale

TEXTS = ("id", "name", "description", "image_url", "page_url", "category_id", "brand_id")
FLAGS = ("active", "disabled")
LISTS = ("family_ids", "eans", "upcs", "isbns", "model_numbers", "manufacturer_part_numbers")
FIELDS = (*TEXTS, "brand_name", *FLAGS, *LISTS)
LOCALIZED = ("name", "description", "image_url", "page_url")
DEFAULT_SEPARATOR = "|"

Form = Literal["text", "flag", "list"]


@dataclass(frozen=True, slots=True)
class Part:
    """A member of a product: `("name",)`, `("attributes", "COLOR")` or `("localized", "fr_FR", "name")`."""

    path: tuple[str, ...]
    source: FieldSource
    form: Form = "text"
    separator: str = DEFAULT_SEPARATOR
    """Of a list, between its values."""

    @property
    def field(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class CatalogMapping:
    parts: tuple[Part, ...]
    categories: tuple[FieldSource, ...] = ()
    """From the outermost to the innermost."""

    def describe(self) -> list[tuple[str, str]]:
        """Field and where it comes from, for people."""
        rows = [(part.field, _describe(part.source)) for part in self.parts]
        if self.categories:
            rows.append(("category_id", "/".join(f"{{{_describe(source)}}}" for source in self.categories)))
        return rows


def read_catalog_mapping(path: Path) -> CatalogMapping:
    """Raises ImportProblem, with the line."""
    return _Reader(path.name).catalog(compose(path))


class _Reader(MappingReader):
    def catalog(self, root: Node | None) -> CatalogMapping:
        if root is None:
            raise ImportProblem(f"{self.file}: the mapping is empty; it needs `fields:`")
        members = self._members(root, {"fields", "categories", "attributes", "localized"})
        if "fields" not in members:
            raise self._problem(root, "`fields:` is missing: which column gives which field of a product")
        fields = self._members(members["fields"], set(FIELDS))
        if "id" not in fields:
            raise self._problem(members["fields"], "`id` is missing; every product has one")
        if "brand_name" in fields and "brand_id" not in fields:
            raise self._problem(fields["brand_name"], "`brand_name` needs a `brand_id`; it may be the same column")
        categories = self._categories(members["categories"]) if "categories" in members else ()
        if categories and "category_id" in fields:
            raise self._problem(fields["category_id"], "give `category_id` or `categories`, not both")
        parts = [self._part((name,), node) for name, node in fields.items()]
        for name, node in self._open(members.get("attributes")):
            parts.append(self._part(("attributes", name), node))
        for name, node in self._open(members.get("localized")):
            locale = label_locale(name)
            if locale is None:
                raise self._problem(node, f"`{name}` is not a locale; write it like en or en_US")
            for field, inner in self._members(node, set(LOCALIZED)).items():
                parts.append(self._part(("localized", locale, field), inner))
        return CatalogMapping(tuple(parts), categories)

    def _part(self, path: tuple[str, ...], node: Node) -> Part:
        form: Form = "flag" if path[0] in FLAGS else "list" if path[0] in (*LISTS, "attributes") else "text"
        source = self._field(".".join(path), node, "separator" if form == "list" else None)
        said = {key.value: value for key, value in node.value} if isinstance(node, MappingNode) else {}
        if "separator" not in said:
            return Part(path, source, form)
        separator = said["separator"]
        if not isinstance(separator, ScalarNode) or not separator.value:
            raise self._problem(separator, "the separator must be one or more characters")
        return Part(path, source, form, separator.value)

    def _categories(self, node: Node) -> tuple[FieldSource, ...]:
        if not isinstance(node, SequenceNode) or not node.value:
            raise self._problem(node, "categories must be a list of columns, from the outermost to the innermost")
        return tuple(self._field("categories", item) for item in node.value)

    def _open(self, node: Node | None) -> list[tuple[str, Node]]:
        """Members that the site names itself."""
        if node is None:
            return []
        if not isinstance(node, MappingNode):
            raise self._problem(node, "this must be a mapping")
        found = [(self._text(key), value) for key, value in node.value]
        for number, (name, value) in enumerate(found):
            if name in [other for other, _ in found[:number]]:
                raise self._problem(value, f"`{name}` is here twice")
        return found


def _describe(source: FieldSource) -> str:
    match source:
        case Column(name):
            return f"column {name}"
        case Value(value):
            return f"always {value}"
        case Template(parts):
            return "".join(text + (f"{{{name}}}" if name is not None else "") for text, name in parts)
