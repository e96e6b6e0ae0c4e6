"""Commands that are imported when they are asked for: `plaudit check` starts without Kafka's and Postgres' clients."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, ClassVar, cast

import typer
from typer.core import TyperGroup

_BRACKET = re.compile(r"(?<!\\)\[")


class LazyGroup(TyperGroup):
    """A group whose `places` say where each command is: "package.module:name", of a function or a `typer.Typer`."""

    places: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = cast(Any, _Commands(self.places))


class _Commands(MutableMapping[str, Any]):
    """By name. Names are known at once, commands are imported as they are looked up."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        self._others: dict[str, Any] = {}
        self._imported: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self._others:
            return self._others[name]
        if name not in self._imported:
            self._imported[name] = _import(name, self._places[name])
        return self._imported[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._others[name] = command

    def __delitem__(self, name: str) -> None:
        del self._others[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._places, *(name for name in self._others if name not in self._places)])

    def __len__(self) -> int:
        return len(list(iter(self)))


def _import(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found: typer.Typer | Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    command: Any
    if isinstance(found, typer.Typer):
        command = typer.main.get_group(found)
    else:
        # Typer's own tracebacks would show local variables, and those may be what a person wrote.
        single = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        single.command(name)(found)
        command = typer.main.get_command(single)
    command.name = name
    _show_brackets(command)
    return command


def _show_brackets(command: Any) -> None:
    """Or else Rich takes `[default: …]` in an option's help for a colour, and shows nothing of it."""
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = _BRACKET.sub(r"\\[", parameter.help)
    for inner in getattr(command, "commands", {}).values():
        _show_brackets(inner)
