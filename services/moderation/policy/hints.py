"""What CEL's parser and type checker say, in the words of a policy, with a hint where one is known."""

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from services.moderation.policy.expression import Mistake
from services.moderation.policy.problem import did_you_mean
from services.moderation.policy.schema import REVIEW, REVIEW_FIELDS, SIGNAL_FIELDS

_METHODS: Final = (
    "size", "contains", "startsWith", "endsWith", "matches", "exists", "exists_one", "all", "filter", "map",
)  # fmt: skip
_NAMES: Final = ("review", "signals", "has", "int", "double", "string", *_METHODS)

_Explained: TypeAlias = tuple[str, str | None]
"""Message and hint."""


def explain(mistake: Mistake, condition: str) -> tuple[int, str, str | None]:
    """Offset of the word that is wrong, message, hint."""
    for pattern, say in _SAYINGS:
        found = pattern.search(mistake.message)
        if found is not None:
            return _word_at(mistake.offset, found, condition), *say(found)
    return mistake.offset, mistake.message, None


def _word_at(offset: int, found: re.Match[str], condition: str) -> int:
    """CEL points at the dot before a field, and at the bracket behind a function."""
    name = found[1] if found.lastindex else ""
    if condition.startswith(f".{name}", offset):
        return offset + 1
    before = condition[:offset].rstrip()
    if condition.startswith("(", offset) and name.isidentifier() and before.endswith(name):
        return len(before) - len(name)
    return offset


def _no_field(found: re.Match[str]) -> _Explained:
    of_review = found[2] == REVIEW
    fields = REVIEW_FIELDS if of_review else SIGNAL_FIELDS
    message = f"a {'review' if of_review else 'signal'} has no field '{found[1]}'"
    return message, did_you_mean(found[1], fields, len(fields))


def _no_name(found: re.Match[str]) -> _Explained:
    name = found[1]
    message = f"there is no '{name}' here"
    if name in REVIEW_FIELDS:
        return message, f"did you mean 'review.{name}'?"
    if name in SIGNAL_FIELDS:
        return message, f"it belongs to a signal: signals.exists(s, s.{name} == …)"
    if name in _METHODS:
        return message, f"write it behind a dot: signals.{name}(…)"
    return message, did_you_mean(name, _NAMES) or "conditions look at 'review' and 'signals'; texts stand in quotes"


def _no_overload(found: re.Match[str]) -> _Explained:
    function, types = found[1], found[2].replace("plaudit.", "").lower()
    operator = function.strip("_@")
    if function in ("_&&_", "_||_", "!_"):
        return f"'{operator}' joins conditions, not {types}", "every side of it must be true or false"
    if function in ("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in"):
        return f"'{operator}' cannot compare {types}", "both sides must have the same type"
    return f"'{operator}' does not take {types}", None


def _syntax(found: re.Match[str]) -> _Explained:
    what = found[1].partition(" expecting ")[0].replace("'<EOF>'", "end of the condition")
    return f"syntax error: unexpected {what}", None


def _too_deep(_: re.Match[str]) -> _Explained:
    return "the condition is nested too deeply", "split it into several rules"


_SYNTAX: Final = r"Syntax error: (?:(?:mismatched|extraneous) input |no viable alternative at input )?(.*)"
_SAYINGS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], _Explained]], ...]] = (
    (re.compile(r"undefined field '(.*)' not found in struct '(.*)'"), _no_field),
    (re.compile(r"undeclared reference to '(.*)' \(in container"), _no_name),
    (re.compile(r"no matching overload for '(.*)' applied to '(\(.*\))'"), _no_overload),
    (re.compile(_SYNTAX), _syntax),
    (re.compile(r"recursion (?:limit|depth)"), _too_deep),
)
