"""A policy as written: YAML read into texts that know where in the file each of their characters stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from services.moderation.policy.problem import Problem, did_you_mean

if TYPE_CHECKING:
    from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

MAX_SOURCE_BYTES: Final = 64 * 1024
MAX_RULES: Final = 200

POLICY_KEYS: Final = ("name", "description", "rules", "reports", "default")
OUTCOME_KEYS: Final = ("outcome", "queue", "codes", "note")
REPORTS_KEYS: Final = ("at", "then", "queue")
RULE_KEYS: Final = ("name", "when", *OUTCOME_KEYS)
_KEY_HINTS: Final = {
    "version": "leave it out: a policy gets its version when it is saved",
    "if": "did you mean 'when'?",
    "condition": "did you mean 'when'?",
    "action": "did you mean 'outcome'?",
    "code": "did you mean 'codes'? It is a list: codes: [PRF]",
}


class Text:
    """A scalar: its value, and the place of each character of it. Lines and columns count from 1."""

    def __init__(self, value: str, file: _File, start: int, end: int, style: str | None) -> None:
        self.value = value
        self._file = file
        self._start, self._end, self._style = start, end, style

    @property
    def place(self) -> tuple[int, int]:
        return self._file.place(self._start)

    def place_at(self, offset: int) -> tuple[int, int]:
        """Of a character of the value, also in a block, a folded or an escaped scalar. White space, which YAML folds,
        gives the place of the next character that is none.
        """
        inked = sum(not char.isspace() for char in self.value[:offset])
        return self._file.place(self._inked[min(inked, len(self._inked) - 1)])

    @cached_property
    def _inked(self) -> list[int]:
        """Where in the file each character of the value stands that is no white space, and where the last one ends.

        YAML changes white space only, and escapes in quotes.
        """
        raw = self._file.source[self._start : self._end]
        start = self._start
        if self._style in ("|", ">"):
            head = raw.find("\n") + 1 or len(raw)
            places = [start + at for at in range(head, len(raw)) if not raw[at].isspace()]
        elif self._style in ("'", '"'):
            unit = _DOUBLE_QUOTED if self._style == '"' else _SINGLE_QUOTED
            places = [
                start + found.start() for found in unit.finditer(raw, 1, len(raw) - 1) if not _is_blank(found.group())
            ]
        else:
            places = [start + at for at, char in enumerate(raw) if not char.isspace()]
        return [*places, places[-1] + 1 if places else start]


_SINGLE_QUOTED: Final = re.compile(r"''|.", re.DOTALL)
_DOUBLE_QUOTED: Final = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r\n|.)|.",
    re.DOTALL,
)
_BLANK_ESCAPES: Final = frozenset("tnvfr NL_P\t\n\r")


def _is_blank(unit: str) -> bool:
    """Whether an escape, or a character, stands for white space or for nothing."""
    if len(unit) == 1:
        return unit.isspace()
    if unit[0] == "\\":
        return chr(int(unit[2:], 16)).isspace() if unit[1] in "xuU" else unit[1] in _BLANK_ESCAPES
    return False


class _File:
    def __init__(self, source: str) -> None:
        self.source = source

    def place(self, index: int) -> tuple[int, int]:
        line_start = self.source.rfind("\n", 0, index) + 1
        return self.source.count("\n", 0, index) + 1, index - line_start + 1


@dataclass(frozen=True, slots=True)
class OutcomeSource:
    """`place` is where it begins. What is missing is None."""

    place: tuple[int, int]
    outcome: Text | None
    queue: Text | None
    codes: tuple[Text, ...] | None
    note: Text | None


@dataclass(frozen=True, slots=True)
class RuleSource:
    name: Text | None
    when: Text | None
    then: OutcomeSource


@dataclass(frozen=True, slots=True)
class ReportsSource:
    place: tuple[int, int]
    at: Text | None
    then: Text | None
    queue: Text | None


@dataclass(frozen=True, slots=True)
class PolicySource:
    place: tuple[int, int]
    name: Text | None
    description: Text | None
    rules: tuple[RuleSource, ...]
    default: OutcomeSource | None
    reports: ReportsSource | None = None


def read_source(source: str) -> tuple[PolicySource | None, list[Problem]]:
    """What could be read, and what is wrong with its form; what follows from the latter has the same place. None when
    it is no YAML mapping at all.
    """
    if len(source.encode("utf-8", "replace")) > MAX_SOURCE_BYTES:
        return None, [Problem(1, 1, "error", f"a policy has at most {MAX_SOURCE_BYTES // 1024} KiB")]
    if deep := _TOO_DEEP.search(source):
        return None, [Problem(*_File(source).place(deep.start()), "error", "nested too deeply")]
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        root = YAML(typ="safe", pure=True).compose(source)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _File(source).place(min(mark.index, len(source))) if mark else (1, 1)
        return None, [Problem(*place, "error", f"not YAML: {error.problem or error.context}")]
    except YAMLError as error:
        return None, [Problem(*_place_of_character(error, source), "error", f"not YAML: {_first_line(error)}")]
    except RecursionError:
        return None, [Problem(1, 1, "error", "nested too deeply")]
    reader = _Reader(_File(source))
    return reader.policy(root), reader.problems


_TOO_DEEP: Final = re.compile(r"(?:[\[{]\s*){64}")
"""What takes the YAML scanner seconds before it gives up."""


class _Reader:
    def __init__(self, file: _File) -> None:
        self._file = file
        self.problems: list[Problem] = []
        self._keys: dict[int, Node] = {}
        """Of what is empty, by identity: its value has no place of its own."""

    def policy(self, root: Node | None) -> PolicySource | None:
        if root is None:
            self.problems.append(Problem(1, 1, "error", "an empty policy", _SHAPE))
            return None
        entries = self._mapping(root, "a policy", POLICY_KEYS, _SHAPE)
        if entries is None:
            return None
        name, description = (self._text(entries.get(key), f"'{key}'") for key in ("name", "description"))
        rules: list[RuleSource] = []
        for node in self._sequence(entries.get("rules"), "'rules'"):
            if len(rules) == MAX_RULES:
                self._report(node, f"a policy has at most {MAX_RULES} rules")
                break
            rule = self._rule(node)
            if rule is not None:
                rules.append(rule)
        default = None
        if "default" in entries:
            found = self._mapping(entries["default"], "'default'", OUTCOME_KEYS, DEFAULT_EXAMPLE)
            default = self._outcome(entries["default"], found or {})
        reports = self._reports(entries["reports"]) if "reports" in entries else None
        return PolicySource(self._place(root), name, description, tuple(rules), default, reports)

    def _reports(self, node: Node) -> ReportsSource:
        entries = self._mapping(node, "'reports'", REPORTS_KEYS, REPORTS_EXAMPLE) or {}
        at = self._text(entries.get("at"), "'at'", anything=True)
        then, queue = (self._text(entries.get(key), f"'{key}'") for key in ("then", "queue"))
        return ReportsSource(self._place(node), at, then, queue)

    def _rule(self, node: Node) -> RuleSource | None:
        entries = self._mapping(node, "a rule", RULE_KEYS)
        if entries is None:
            return None
        # A plain `true` is a truth value to YAML and a condition to us.
        name, when = self._text(entries.get("name"), "'name'"), self._text(entries.get("when"), "'when'", anything=True)
        return RuleSource(name, when, self._outcome(node, entries))

    def _outcome(self, node: Node, entries: Mapping[str, Node]) -> OutcomeSource:
        codes = None
        if "codes" in entries:
            items = self._sequence(entries["codes"], "'codes'", "codes: [PRF]", otherwise=[entries["codes"]])
            texts = [self._text(item, "a code") for item in items]
            codes = tuple(text for text in texts if text is not None)
        outcome, queue, note = (self._text(entries.get(key), f"'{key}'") for key in ("outcome", "queue", "note"))
        return OutcomeSource(self._place(node), outcome, queue, codes, note)

    def _mapping(
        self, node: Node, what: str, known: tuple[str, ...], hint: str | None = None
    ) -> dict[str, Node] | None:
        from ruamel.yaml.nodes import MappingNode

        if not isinstance(node, MappingNode):
            self._report(node, f"{what} is a mapping, not {_kind(node)}", hint or "keys: " + ", ".join(known))
            return None
        entries: dict[str, Node] = {}
        for key, value in self._entries(node):
            if key.value not in known:
                meant = _KEY_HINTS.get(key.value) or did_you_mean(key.value, known)
                self._report(key, f"{what} has no key '{key.value[:80]}'", meant)
            elif key.value in entries:
                self._report(key, f"'{key.value}' is given twice")
            else:
                entries[key.value] = value
                if value.start_mark.index == value.end_mark.index:
                    self._keys[id(value)] = key
        return entries

    def _entries(self, node: MappingNode) -> Iterator[tuple[ScalarNode, Node]]:
        from ruamel.yaml.nodes import ScalarNode

        for key, value in node.value:
            if isinstance(key, ScalarNode):
                yield key, value
            else:
                self._report(key, f"a key is a text, not {_kind(key)}")

    def _sequence(
        self, node: Node | None, what: str, hint: str | None = None, otherwise: Sequence[Node] = ()
    ) -> Sequence[Node]:
        from ruamel.yaml.nodes import SequenceNode

        if node is None:
            return ()
        if isinstance(node, SequenceNode):
            return tuple(node.value)
        self._report(node, f"{what} is a list, not {_kind(node)}", hint)
        return otherwise

    def _text(self, node: Node | None, what: str, *, anything: bool = False) -> Text | None:
        from ruamel.yaml.nodes import ScalarNode

        if node is None:
            return None
        value, style = (node.value, node.style) if isinstance(node, ScalarNode) else ("", None)
        if str(node.tag) != _TEXT_TAG and not (anything and value):
            is_odd = value or (anything and node.value)
            self._report(node, f"{what} is a text, not {_kind(node)}", "put it in quotes" if is_odd else None)
        return Text(value, self._file, self._start(node), node.end_mark.index, style)

    def _place(self, node: Node) -> tuple[int, int]:
        return self._file.place(self._start(node))

    def _start(self, node: Node) -> int:
        # What is empty ends where the next thing begins.
        start = self._keys.get(id(node), node).start_mark.index
        assert isinstance(start, int)
        return start

    def _report(self, node: Node, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem(*self._place(node), "error", message, hint))


_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_SHAPE: Final = "a policy has a name, rules and a default"
REPORTS_EXAMPLE: Final = "reports: {at: 5, then: hold, queue: reported}"
DEFAULT_EXAMPLE: Final = "default: {outcome: approve, note: Nothing found that needs a look.}"
_KINDS: Final = {
    "null": "empty",
    "bool": "a truth value",
    "int": "a number",
    "float": "a number",
    "timestamp": "a date",
    "map": "a mapping",
    "seq": "a list",
    "str": "a text",
}


def _kind(node: Node) -> str:
    return _KINDS.get(str(node.tag).rpartition(":")[2], f"of the type {node.tag}")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _place_of_character(error: Exception, source: str) -> tuple[int, int]:
    """Control characters are refused before there are lines."""
    at = getattr(error, "position", 0)
    return _File(source).place(min(at, len(source))) if isinstance(at, int) else (1, 1)
