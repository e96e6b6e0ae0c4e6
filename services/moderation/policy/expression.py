"""Conditions: compiled and type-checked by CEL, evaluated, and asked which facts they look at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from services.moderation.policy.schema import REVIEW, REVIEW_FIELDS, SIGNAL, SIGNAL_FIELDS, schema
from services.moderation.policy.tree import Call, Fold, Many, Name, Node, Select, children, decode, walk

if TYPE_CHECKING:
    from cel_expr_python import cel


@dataclass(frozen=True, slots=True)
class Mistake:
    """`offset` counts code points from the start of the condition."""

    offset: int
    message: str


class ExpressionError(ValueError):
    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(mistake.message for mistake in self.mistakes))


@dataclass(frozen=True, slots=True)
class Reads:
    """Facts that an expression's value depends on: nothing else can change it."""

    review: frozenset[str] = frozenset()
    signals: frozenset[str] = frozenset()
    has_signals: bool = False
    """Also true where only their number counts."""

    def __or__(self, other: Reads) -> Reads:
        return Reads(self.review | other.review, self.signals | other.signals, self.has_signals or other.has_signals)

    @property
    def is_nothing(self) -> bool:
        return not self.review and not self.has_signals


class Expression:
    """Immutable and safe to share between threads."""

    __slots__ = ("_compiled", "reads", "source", "tree")

    def __init__(self, source: str, compiled: cel.Expression, tree: Node) -> None:
        self.source = source
        self.tree = tree
        self.reads = _reads(tree)
        self._compiled = compiled

    @classmethod
    def compile(cls, source: str) -> Self:
        """Raises ExpressionError with every mistake that CEL's parser or type checker finds."""
        try:
            compiled = schema().environment.compile(source)
        except (RuntimeError, ValueError) as error:
            raise ExpressionError(_mistakes(str(error), source)) from None
        return cls(source, compiled, decode(compiled.serialize()))

    @property
    def type(self) -> str:
        return self.tree.type

    def evaluate(self, activation: cel.Activation) -> bool | str:
        """The condition's value, or what went wrong: an index out of range, a division by zero, too many steps.

        What went wrong may quote the review, so it is nothing for logs.
        """
        value = _evaluate(self._compiled, activation)
        return value if isinstance(value, bool) else str(value)


class FirstOf:
    """The first condition in a row that is true, or fails: as if they were evaluated one after the other, but CEL is
    called once for many, which takes a tenth of the time where most are false.
    """

    def __init__(self, conditions: Sequence[Expression]) -> None:
        self._conditions = tuple(conditions)
        self._chunks = [
            (start, self._conditions[start : start + _CHUNK]) for start in range(0, len(self._conditions), _CHUNK)
        ]
        self._chains = [_chain(chunk) for _, chunk in self._chunks]

    def evaluate(self, activation: cel.Activation) -> tuple[int, bool | str] | None:
        """Its index, and True or what went wrong. None when all are false."""
        for (start, conditions), chain in zip(self._chunks, self._chains, strict=True):
            at = _evaluate(chain, activation) if chain is not None else None
            if at == _NO_ONE:
                continue
            if isinstance(at, int):
                return start + at, True
            # One of them fails, or all together take too many steps; which one, only they can say.
            for index, condition in enumerate(conditions):
                value = condition.evaluate(activation)
                if value is not False:
                    return start + index, value
        return None


_CHUNK: Final = 16
"""CEL's parser takes no deeper nesting than 32."""
_NO_ONE: Final = -1


def _chain(conditions: Sequence[Expression]) -> cel.Expression | None:
    """None when it is nested too deeply for CEL together with what the conditions hold themselves."""
    # A condition may end in a comment, so the bracket is on a line of its own.
    tests = "".join(f"({condition.source}\n) ? {index} : " for index, condition in enumerate(conditions))
    try:
        return schema().environment.compile(f"{tests}{_NO_ONE}")
    except (RuntimeError, ValueError):
        return None


def _evaluate(compiled: cel.Expression, activation: cel.Activation) -> Any:
    """What went wrong is a text, as is none of our conditions' values."""
    try:
        return compiled.eval(activation).value()
    except RuntimeError as error:
        return str(error)


_MISTAKE: Final = re.compile(r"^(?:[A-Z_]+: )?ERROR: <input>:(-?\d+):(-?\d+): (.*)$", re.MULTILINE)
_STATUS: Final = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
_MOST_MISTAKES: Final = 5


def _mistakes(text: str, source: str) -> list[Mistake]:
    """From "ERROR: <input>:1:15: found no matching overload …", the line repeated and a mark under it, for each."""
    lines = source.split("\n")
    mistakes = []
    for found in _MISTAKE.finditer(text):
        line, column = int(found[1]), int(found[2])
        inside = 1 <= line <= len(lines) and column >= 1
        offset = sum(len(before) + 1 for before in lines[: line - 1]) + column - 1 if inside else 0
        mistakes.append(Mistake(min(offset, len(source)), _STATUS.sub("", found[3])))
    return mistakes[:_MOST_MISTAKES] or [Mistake(0, _STATUS.sub("", text))]


_HARMLESS: Final = {"size", "_[_]", "_?_:_", "_+_"}
"""Functions that pass reviews and signals on, or count them, without looking into them."""


def _reads(tree: Node) -> Reads:
    review: set[str] = set()
    signals: set[str] = set()
    has_signals = False
    for node in walk(tree):
        match node:
            case Name(name="signals"):
                has_signals = True
            case Select(operand=operand) if operand.type == REVIEW:
                review.add(node.field)
            case Select(operand=operand) if operand.type == SIGNAL:
                signals.add(node.field)
        for child in children(node):
            if _looks_into(node):
                # A comparison of whole messages, or one that hides them from the type checker.
                if REVIEW in child.type:
                    review.update(REVIEW_FIELDS)
                if SIGNAL in child.type:
                    signals.update(SIGNAL_FIELDS)
    return Reads(frozenset(review), frozenset(signals), has_signals)


def _looks_into(node: Node) -> bool:
    if "dyn" in node.type:
        return True
    match node:
        case Select() | Fold():
            return False
        case Many():
            return node.of != "list"
        case Call():
            return node.function not in _HARMLESS
        case _:
            return False
