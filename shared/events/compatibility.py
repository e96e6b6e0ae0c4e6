"""Which changes of a released contract break somebody who reads it.

Events stay on compacted topics for ever and readers are upgraded one by one, so a contract must hold in both
directions: readers of today read what was written yesterday, and readers of yesterday read what is written today.
Adding an optional field is what remains; for anything else there is a new version of the event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

_ANNOTATIONS = {"title", "description", "examples", "deprecated", "$comment", "$schema", "$id", "$defs", "$ref"}
_STRUCTURE = {"type", "anyOf", "enum", "const", "properties", "required", "items", "default", "additionalProperties"}
_LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems"}
_UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems"}


@dataclass(frozen=True, slots=True)
class Break:
    """`place` is the path of a field, or the name of a topic."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


def breaks_of_schema(released: Schema, current: Schema, name: str) -> list[Break]:
    """What readers of the event `name` would stumble over; empty when the change is safe."""
    return list(_Comparison(released, current).compare(released, current, name))


def breaks_of_topics(released: Schema, current: Schema) -> list[Break]:
    """The same for the channels of two AsyncAPI documents."""
    found = []
    for name, old in released["channels"].items():
        new = current["channels"].get(name)
        if new is None:
            found.append(Break(name, "topic removed"))
            continue
        was, now = old["bindings"]["kafka"], new["bindings"]["kafka"]
        if was["partitions"] != now["partitions"]:
            found.append(Break(name, f"partitions changed from {was['partitions']} to {now['partitions']}"))
        policies = [binding["topicConfiguration"]["cleanup.policy"] for binding in (was, now)]
        if policies[0] != policies[1]:
            found.append(Break(name, "cleanup policy changed"))
        found += [Break(name, f"event {event} removed") for event in sorted(old["messages"].keys() - new["messages"])]
        found += [
            Break(name, f"event {event} added, which readers refuse that do not know it")
            for event in sorted(new["messages"].keys() - old["messages"])
        ]
        found += _breaks_of_messages(released, current, name, old["messages"].keys() & new["messages"].keys())
    return found


def _breaks_of_messages(released: Schema, current: Schema, topic: str, names: set[str]) -> Iterator[Break]:
    for name in sorted(names):
        # Messages of one channel may share their definition with another's; each channel says which it means.
        was, now = (_message(document, topic, name) for document in (released, current))
        yield from breaks_of_schema(was["headers"], now["headers"], f"{topic} {name} headers")
        if was["bindings"]["kafka"]["key"].get("pattern") != now["bindings"]["kafka"]["key"].get("pattern"):
            yield Break(f"{topic} {name}", "key changed")


def _message(document: Schema, topic: str, name: str) -> Schema:
    return _resolve(document, document["channels"][topic]["messages"][name])


def _resolve(document: Schema, node: Schema) -> Schema:
    """Follows `$ref`; what stands beside it is kept."""
    while (reference := node.get("$ref")) is not None:
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


class _Comparison:
    """Of two schemas as pydantic writes them: objects, arrays, scalars, and unions of different types."""

    def __init__(self, released: Schema, current: Schema) -> None:
        self._released = released
        self._current = current

    def compare(self, old: Schema, new: Schema, place: str) -> Iterator[Break]:
        old, new = _resolve(self._released, old), _resolve(self._current, new)
        if old.get("default") != new.get("default") or ("default" in old) != ("default" in new):
            yield Break(place, "default changed, which changes what events without the field mean")
        was, now = _by_type(self._released, old), _by_type(self._current, new)
        for kind in was:
            if not any(_covers(other, kind) for other in now):
                yield Break(place, f"type narrowed: {kind} is no longer read")
        for kind in now:
            if not any(_covers(other, kind) for other in was):
                yield Break(place, f"type widened: {kind} is not read by released readers")
        for kind in was.keys() & now.keys():
            yield from self._one_type(was[kind], now[kind], place)

    def _one_type(self, old: Schema, new: Schema, place: str) -> Iterator[Break]:
        yield from _values(old, new, place)
        yield from _limits(old, new, place)
        yield from self._fields(old, new, place)
        if "items" in old or "items" in new:
            yield from self.compare(old.get("items", {}), new.get("items", {}), f"{place}[]")
        if old.get("additionalProperties", True) != new.get("additionalProperties", True):
            yield Break(place, "unknown fields are treated differently")
        for key in sorted((old.keys() | new.keys()) - _ANNOTATIONS - _STRUCTURE - _LOWER - _UPPER):
            if old.get(key) != new.get(key):
                yield Break(place, f"{key} changed")

    def _fields(self, old: Schema, new: Schema, place: str) -> Iterator[Break]:
        was, now = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_now = set(old.get("required", ())), set(new.get("required", ()))
        for name in was:
            here = f"{place}.{name}"
            if name not in now:
                yield Break(here, "field removed")
                continue
            if name in needed_now - needed_before:
                yield Break(here, "optional field made required")
            if name in needed_before - needed_now:
                yield Break(here, "required field made optional")
            yield from self.compare(was[name], now[name], here)
        for name in now.keys() - was.keys():
            if name in needed_now:
                yield Break(f"{place}.{name}", "required field added")


def _by_type(document: Schema, node: Schema) -> dict[str, Schema]:
    """The alternatives of a union, or the schema itself, by JSON type."""
    found: dict[str, Schema] = {}
    for alternative in node.get("anyOf", [node]):
        schema = _resolve(document, alternative)
        if "anyOf" in schema:
            found |= _by_type(document, schema)
            continue
        types = schema.get("type", "any")
        for kind in [types] if isinstance(types, str) else types:
            if kind in found:
                raise ValueError(f"a union of two schemas of type {kind} cannot be compared")
            found[kind] = schema
    return found


def _covers(wide: str, kind: str) -> bool:
    return wide in (kind, "any") or (wide == "number" and kind == "integer")


def _values(old: Schema, new: Schema, place: str) -> Iterator[Break]:
    was, now = _closed(old), _closed(new)
    if was is None and now is not None:
        yield Break(place, "type narrowed: only some values are read")
    elif was is not None and now is None:
        yield Break(place, "type widened: any value may come")
    elif was is not None and now is not None:
        yield from (Break(place, f"enum value {value!r} removed") for value in sorted(was - now))
        yield from (Break(place, f"enum value {value!r} added to a closed enum") for value in sorted(now - was))


def _closed(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {str(schema["const"])}
    return {str(value) for value in schema["enum"]} if "enum" in schema else None


def _limits(old: Schema, new: Schema, place: str) -> Iterator[Break]:
    for keys, sign in ((_LOWER, 1), (_UPPER, -1)):
        for key in sorted(keys):
            was, now = old.get(key), new.get(key)
            if was == now:
                continue
            tighter = was is None or (now is not None and (now - was) * sign > 0)
            yield Break(place, f"type {'narrowed' if tighter else 'widened'}: {key} was {was}, is {now}")
