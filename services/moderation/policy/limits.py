"""What a policy may cost: one site's conditions keep a worker from all sites' reviews for as long as they take.

Bounds are counted in what is written, never measured: the same policy is taken or refused on every machine. CEL
compiles a pattern each time that it is matched, and copies a text each time that a condition reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from services.moderation.policy.facts import TEXT_FIELDS
from services.moderation.policy.lint import Finding
from services.moderation.policy.schema import REVIEW, SIGNAL
from services.moderation.policy.tree import Call, Fold, Literal, Many, Node, Select, children, walk

MOST_MATCHES: Final = 20
LONGEST_PATTERN: Final = 200
MOST_REPETITIONS: Final = 50
MOST_CHOICES: Final = 50
"""In all patterns: what makes the states of an automaton many, each counted as often as it is repeated."""
MOST_PATTERNS: Final = MOST_MATCHES * LONGEST_PATTERN
"""Characters of all patterns, in a fold counted for each element: each match compiles its pattern anew."""
MOST_LOOKS: Final = 100
"""At what the author wrote: in text functions, joined, or in a fold for each of its elements."""
MOST_NESTED: Final = 10

_TEXT_FUNCTIONS: Final = frozenset({"contains", "startsWith", "endsWith", "matches", "size"})
_SIGNALS: Final = 10
"""Elements that a fold over signals counts for: few reviews have more."""
_OPENED: Final = re.compile(r"\((?:\?(?:P?<\w+>|[imsU-]*:?))?")
_COUNT: Final = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_SCRIPT_CHOICES: Final = 10
"""Of a class such as \\pL, which is hundreds of ranges."""


class Limits:
    """Takes the conditions of a policy in order, and counts them together."""

    def __init__(self) -> None:
        self._matches = 0
        self._choices = 0
        self._patterns = 0
        self._looks = 0
        self._nested = 0

    def exceeded(self, condition: Node) -> Iterator[Finding]:
        """Of a limit of the whole policy, only the condition that goes beyond it."""
        for finding in self._visit(condition, _Place()):
            # CEL does not say of everything where it stands.
            yield finding if finding.offset >= 0 else finding._replace(offset=max(0, condition.offset))

    def _visit(self, node: Node, at: _Place) -> Iterator[Finding]:
        match node:
            case Call(function=function) if function in _TEXT_FUNCTIONS and not _is_many(node.arguments[0]):
                yield from self._text_function(node, at)
                at = replace(at, looks=True)
            case Call(function="_+_") if node.type not in _NUMBERS:
                if at.depth and not at.is_own_step:
                    yield Finding(node.offset, "error", "joins texts or lists for each element", "compare them instead")
                at = replace(at, looks=True, is_own_step=False)
            case Many(of="list", elements=elements):
                if at.depth and any(element.type.startswith("list(") for element in elements):
                    yield Finding(node.offset, "error", "makes lists of lists for each element", "compare them instead")
            case Select() if _is_text(node) and at.looks:
                yield from self._look(node, at)
            case Select(field="matched") if at.depth and not at.over_signals:
                yield from self._look(node, at)
            case Fold():
                yield from self._fold(node, at)
                return
        for child in children(node):
            yield from self._visit(child, at)

    def _fold(self, fold: Fold, at: _Place) -> Iterator[Finding]:
        if at.depth == 1:
            self._nested += 1
            if self._nested == MOST_NESTED + 1:
                message = f"a policy goes at most {MOST_NESTED} times through a list for each element of another"
                yield Finding(fold.offset, "error", message, "to count different words: filter(s, !s.repeated).size()")
        yield from self._visit(fold.over, at)
        elements = _size(fold.over)
        inside = _Place(
            at.depth + 1,
            at.times * elements,
            looks=True,
            over_signals=SIGNAL in fold.over.type,
            texts=at.texts or any(_is_text(node) for node in walk(fold.over)),
        )
        yield from self._visit(fold.start, at)
        yield from self._visit(fold.condition, inside)
        yield from self._visit(fold.step, replace(inside, is_own_step=True))
        yield from self._visit(fold.result, at)

    def _text_function(self, call: Call, at: _Place) -> Iterator[Finding]:
        if at.depth > 1:
            message = f"{call.function}() for each element of a list, for each element of another"
            hint = 'say it in one: signals.exists(s, s.detail.matches("one|other"))'
            yield Finding(call.offset, "error", message, hint)
        if at.texts and not any(_is_text(node) for node in walk(call)):
            yield from self._look(call, at)
        if call.function == "matches" and len(call.arguments) > 1:
            reads = at.texts or any(_is_text(node) for node in walk(call.arguments[0]))
            yield from self._matching(call, at.times if reads else 1, at.times)

    def _matching(self, call: Call, matches: int, compiled: int) -> Iterator[Finding]:
        before, self._matches = self._matches, self._matches + matches
        if before <= MOST_MATCHES < self._matches:
            hint = "join patterns with |, or use contains()"
            message = f"a policy matches at most {MOST_MATCHES} patterns, in a fold counted for each element"
            yield Finding(call.offset, "error", message, hint)
        pattern = call.arguments[1]
        if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
            yield Finding(max(pattern.offset, call.offset), "error", "a pattern is a text in quotes, known in advance")
            return
        if len(pattern.value) > LONGEST_PATTERN:
            message = f"a pattern has at most {LONGEST_PATTERN} characters, this one {len(pattern.value):,}"
            yield Finding(pattern.offset, "error", message, "site words are faster, and find disguises too")
            return
        before, self._patterns = self._patterns, self._patterns + len(pattern.value) * compiled
        if before <= MOST_PATTERNS < self._patterns:
            message = (
                f"the patterns of a policy have at most {MOST_PATTERNS:,} characters, in a fold counted for each "
                "element, of signals for ten"
            )
            yield Finding(pattern.offset, "error", message, "match outside of the fold, or use contains()")
        measured = measure(pattern.value)
        if measured.most > MOST_REPETITIONS:
            message = f"repeats more than {MOST_REPETITIONS} times"
            yield Finding(pattern.offset, "error", message, "use * or +, or look at review.words")
        elif measured.is_nested:
            yield Finding(pattern.offset, "error", "repeats counted repetitions", "use * or + for one of them")
        before, self._choices = self._choices, self._choices + measured.choices * compiled
        if before <= MOST_CHOICES < self._choices:
            message = (
                f"the patterns of a policy have at most {MOST_CHOICES} choices: classes, dots, optional and repeated "
                "parts, each as often as it is repeated"
            )
            hint = "use * or + rather than counts, and words rather than classes"
            yield Finding(pattern.offset, "error", message, hint)

    def _look(self, node: Node, at: _Place) -> Iterator[Finding]:
        before, self._looks = self._looks, self._looks + at.times
        if before <= MOST_LOOKS < self._looks:
            message = (
                f"text functions of a policy look at most {MOST_LOOKS} times at title, text, pros, cons and "
                "author_name, in a fold counted for each element"
            )
            yield Finding(node.offset, "error", message, 'join words in one pattern, "one|other", or use site words')


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a condition: `depth` folds around, which evaluate it `times`; `texts` is whether an element may be one
    of the review's texts, or hold one.
    """

    depth: int = 0
    times: int = 1
    looks: bool = False
    over_signals: bool = False
    texts: bool = False
    is_own_step: bool = False
    """The step of a fold itself: map and filter add an element to a list there."""


@dataclass(frozen=True, slots=True)
class Measured:
    choices: int
    most: int
    """The highest count of a repetition."""
    is_nested: bool
    """A counted repetition within another."""


def measure(pattern: str) -> Measured:
    """Of a pattern of RE2, also one that RE2 refuses."""
    at, most, is_nested = 0, 0, False
    groups: list[list[int]] = [[0, 0, 0]]  # choices, characters, and whether there is a counted repetition
    alternatives = [False]
    last = [0, 0, 0]
    while at < len(pattern):
        char = pattern[at]
        counted = _COUNT.match(pattern, at)
        if char == "(":
            groups.append([0, 0, 0])
            alternatives.append(False)
            opened = _OPENED.match(pattern, at)
            at = opened.end() if opened else at + 1
            last = [0, 0, 0]
            continue
        if char == ")" and len(groups) > 1:
            last = groups.pop()
            last[0] += alternatives.pop()
            _add(groups[-1], last)
        elif char in "*+?" or counted:
            times = 1
            if counted:
                times = max(int(counted[1]), int(counted[3] or 0))
                most = max(most, times)
                is_nested = is_nested or bool(last[2])
                at = counted.end() - 1
            group = groups[-1]
            extra = max(times * max(last[0], last[1]), 1) - last[0] if counted else max(1 - last[0], 0)
            group[0] += extra
            last = [last[0] + extra, last[1] * max(times, 1), int(bool(last[2]) or counted is not None)]
            group[2] |= last[2]
        elif char == "|":
            alternatives[-1] = True
            last = [0, 0, 0]
        else:
            length, choices = _atom(pattern, at)
            last = [choices, 1, 0]
            _add(groups[-1], last)
            at += length - 1
        at += 1
    return Measured(sum(group[0] for group in groups), most, is_nested)


def _add(group: list[int], part: list[int]) -> None:
    group[0] += part[0]
    group[1] += part[1]
    group[2] |= part[2]


_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]", re.DOTALL)
_QUOTED: Final = re.compile(r"\\Q.*?(?:\\E|\Z)", re.DOTALL)
_SCRIPT: Final = re.compile(r"\\[pP](?:\{[^}]*\}|.)?", re.DOTALL)


def _atom(pattern: str, at: int) -> tuple[int, int]:
    """Length and choices of what stands there."""
    if found := _SCRIPT.match(pattern, at):
        return len(found[0]), _SCRIPT_CHOICES
    if found := _QUOTED.match(pattern, at):
        return len(found[0]), 0
    if found := _CLASS.match(pattern, at):
        return len(found[0]), max(1, _SCRIPT_CHOICES * len(_SCRIPT.findall(found[0])))
    if pattern[at] == "\\":
        return 2, int(pattern[at + 1 : at + 2] in tuple("dDwWsSXC"))
    return 1, int(pattern[at] == ".")


def _is_many(node: Node) -> bool:
    return node.type.startswith(("list(", "map("))


def _is_text(node: Node) -> bool:
    return isinstance(node, Select) and node.field in TEXT_FIELDS and node.operand.type == REVIEW


_NUMBERS: Final = frozenset({"int", "uint", "double", "duration", "timestamp"})


def _size(over: Node) -> int:
    """At most so many elements, as far as that can be read from it."""
    match over:
        case Many(of="list", elements=elements):
            return len(elements)
        case Many(elements=elements):
            return len(elements) // 2
        case Fold():
            return _size(over.over)
        case Call(function="_+_", arguments=(one, other)):
            return _size(one) + _size(other)
        case Call(function="_?_:_", arguments=(_, one, other)):
            return max(_size(one), _size(other))
        case _:
            return _SIGNALS
