"""Whether one condition can be true without another: how a rule that no review reaches is found.

Conditions become formulas over what they compare. The reasoning is sound and incomplete: `implies` is true only when it
is so for every review, and false also where that would take more than looking at the structure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from services.moderation.policy.tree import Call, Fold, Literal, Many, Name, Node, walk


@dataclass(frozen=True, slots=True)
class Atom:
    """Something true or false of which no more is known."""

    node: Node
    is_true: bool = True


@dataclass(frozen=True, slots=True)
class OneOf:
    """The subject has one of these values; or none of them."""

    subject: Node
    values: frozenset[Node]
    is_true: bool = True


@dataclass(frozen=True, slots=True)
class Bound:
    """The subject is above the limit, or below it (`is_upper`), or at most just there (not `is_strict`)."""

    subject: Node
    limit: float
    is_strict: bool
    is_upper: bool


@dataclass(frozen=True, slots=True)
class Some:
    """Some element of the range satisfies it; or every one does (`is_all`)."""

    over: Node
    what: Formula
    is_all: bool = False


@dataclass(frozen=True, slots=True)
class And:
    parts: frozenset[Formula]


@dataclass(frozen=True, slots=True)
class Or:
    parts: frozenset[Formula]


Formula: TypeAlias = Atom | OneOf | Bound | Some | And | Or

ALWAYS: Final = And(frozenset())
NEVER: Final = Or(frozenset())


def formula(node: Node) -> Formula:
    return _formula(node, True)


def any_of(formulas: Iterable[Formula]) -> Formula:
    """Simplified: ALWAYS where one contradicts another."""
    parts: set[Formula] = set()
    for part in formulas:
        parts |= part.parts if isinstance(part, Or) else {part}
    if ALWAYS in parts or any(_negation(part) in parts for part in parts if isinstance(part, Atom | OneOf)):
        return ALWAYS
    parts = _merged(parts, frozenset.union)
    return next(iter(parts)) if len(parts) == 1 else Or(frozenset(parts))


def all_of(formulas: Iterable[Formula]) -> Formula:
    """Simplified: NEVER where one contradicts another."""
    parts: set[Formula] = set()
    for part in formulas:
        parts |= part.parts if isinstance(part, And) else {part}
    if NEVER in parts or any(_negation(part) in parts for part in parts if isinstance(part, Atom | OneOf)):
        return NEVER
    parts = _merged(parts, frozenset.intersection)
    if any(isinstance(part, OneOf) and part.is_true and not part.values for part in parts):
        return NEVER
    return next(iter(parts)) if len(parts) == 1 else And(frozenset(parts))


class Reasoner:
    """Remembers what it has found, and gives up (answers False) after so many steps: policies may be written to be
    hard."""

    def __init__(self, steps: int = 100_000) -> None:
        self._known: dict[tuple[Formula, Formula], bool] = {}
        self._steps = steps

    def implies(self, one: Formula, other: Formula) -> bool:
        known = self._known.get((one, other))
        if known is None:
            self._steps -= 1
            known = self._steps > 0 and self._implies(one, other)
            self._known[one, other] = known
        return known

    def _implies(self, one: Formula, other: Formula) -> bool:
        if one == other:
            return True
        if isinstance(one, Or):
            return all(self.implies(part, other) for part in one.parts)
        if isinstance(other, And):
            return all(self.implies(one, part) for part in other.parts)
        if isinstance(one, And) and any(self.implies(part, other) for part in one.parts):
            return True
        if isinstance(other, Or):
            return any(self.implies(one, part) for part in other.parts) or self._splits(one, other)
        match one, other:
            case OneOf(), OneOf() if one.subject == other.subject:
                return _values_imply(one, other)
            case OneOf(is_true=True), Bound() if one.subject == other.subject:
                return all(_is_within(value, other) for value in one.values)
            case Bound(), Bound() if one.subject == other.subject and one.is_upper == other.is_upper:
                return _tightness(one) >= _tightness(other)
            case Some(), Some() if one.over == other.over and one.is_all == other.is_all:
                return self.implies(one.what, other.what)
        return False

    def _splits(self, one: Formula, other: Or) -> bool:
        """`x in [a, b]` where one part of `other` takes a and another b."""
        if not isinstance(one, OneOf) or not one.is_true or len(one.values) < 2:
            return False
        return all(self.implies(OneOf(one.subject, frozenset({value})), other) for value in one.values)


def _formula(node: Node, is_true: bool) -> Formula:
    match node:
        case Literal(value=bool(value)):
            return ALWAYS if value == is_true else NEVER
        case Call(function="!_", arguments=(operand,)):
            return _formula(operand, not is_true)
        case Call(function="_&&_" | "_||_", arguments=arguments):
            join = all_of if (node.function == "_&&_") == is_true else any_of
            return join(_formula(argument, is_true) for argument in arguments)
        # The condition comes in twice: of one that has others in it, in turn, that would become many.
        case Call(function="_?_:_", arguments=(condition, then, other)) if not _has_choice(condition):
            yes = all_of((_formula(condition, True), _formula(then, is_true)))
            return any_of((yes, all_of((_formula(condition, False), _formula(other, is_true)))))
        case Call(function="_==_" | "_!=_", arguments=(one, other)):
            return _equality(node, one, other, (node.function == "_==_") == is_true)
        case Call(function="@in", arguments=(subject, Many(of="list", elements=elements))):
            if all(isinstance(element, Literal) for element in elements):
                return OneOf(subject, frozenset(elements), is_true) if elements else _constant(not is_true)
        case Call(function="_<_" | "_<=_" | "_>_" | "_>=_", arguments=(one, other)):
            found = _bound(node.function, one, other, is_true)
            if found is not None:
                return found
        case Fold():
            found_some = _some(node, is_true)
            if found_some is not None:
                return found_some
    return Atom(node, is_true)


def _has_choice(node: Node) -> bool:
    return any(isinstance(part, Call) and part.function == "_?_:_" for part in walk(node))


def _equality(node: Node, one: Node, other: Node, is_true: bool) -> Formula:
    if isinstance(one, Literal):
        one, other = other, one
    if not isinstance(other, Literal):
        return Atom(node if isinstance(node, Call) and node.function == "_==_" else _opposite(node), is_true)
    if isinstance(other.value, bool):
        return _formula(one, other.value == is_true)
    return OneOf(one, frozenset({other}), is_true)


def _opposite(node: Node) -> Node:
    assert isinstance(node, Call)
    return Call("_==_", node.arguments, offset=node.offset, type=node.type)


_MIRRORED: Final = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_"}
_OPPOSITE: Final = {"_<_": "_>=_", "_<=_": "_>_", "_>_": "_<=_", "_>=_": "_<_"}


def _bound(function: str, one: Node, other: Node, is_true: bool) -> Formula | None:
    if isinstance(one, Literal):
        one, other, function = other, one, _MIRRORED[function]
    if not isinstance(other, Literal) or not isinstance(other.value, int | float) or isinstance(one, Literal):
        return None
    if not is_true:
        function = _OPPOSITE[function]
    is_upper, is_strict, limit = "<" in function, "=" not in function, other.value
    if is_strict and other.kind != "double" and one.type in ("int", "uint"):
        return Bound(one, limit + (-1 if is_upper else 1), False, is_upper)
    return Bound(one, limit, is_strict, is_upper)


def _some(fold: Fold, is_true: bool) -> Formula | None:
    """The macros exists and all, by what CEL expands them to."""
    if not isinstance(fold.result, Name) or not isinstance(fold.start, Literal):
        return None
    match fold.step:
        case Call(function="_||_", arguments=(result, what)) if result == fold.result and fold.start.value is False:
            is_all = not is_true
        case Call(function="_&&_", arguments=(result, what)) if result == fold.result and fold.start.value is True:
            is_all = is_true
        case _:
            return None
    inner = _formula(what, is_true)
    # Some element is this or that: some is this, or some is that. Likewise every element, and both.
    if not is_all and isinstance(inner, Or):
        return any_of(Some(fold.over, part) for part in inner.parts)
    if is_all and isinstance(inner, And):
        return all_of(Some(fold.over, part, True) for part in inner.parts)
    return Some(fold.over, inner, is_all)


def _constant(value: bool) -> Formula:
    return ALWAYS if value else NEVER


def _negation(part: Atom | OneOf) -> Formula:
    if isinstance(part, Atom):
        return Atom(part.node, not part.is_true)
    return OneOf(part.subject, part.values, not part.is_true)


def _merged(
    parts: set[Formula], of_values: Callable[[frozenset[Node], frozenset[Node]], frozenset[Node]]
) -> set[Formula]:
    """What is said about the same subject, in one. Exclusions, the reverse of inclusions, are left as they are."""
    inclusions = [part for part in parts if isinstance(part, OneOf) and part.is_true]
    if len(inclusions) < 2:
        return parts
    merged: dict[Node, frozenset[Node]] = {}
    for part in inclusions:
        known = merged.get(part.subject)
        merged[part.subject] = part.values if known is None else of_values(known, part.values)
    return parts.difference(inclusions) | {OneOf(subject, values) for subject, values in merged.items()}


def _values_imply(one: OneOf, other: OneOf) -> bool:
    if one.is_true:
        return one.values <= other.values if other.is_true else one.values.isdisjoint(other.values)
    return not other.is_true and other.values <= one.values


def _is_within(value: Node, bound: Bound) -> bool:
    if not isinstance(value, Literal) or not isinstance(value.value, int | float):
        return False
    beyond = bound.limit - value.value if bound.is_upper else value.value - bound.limit
    return beyond > 0 or (beyond == 0 and not bound.is_strict)


def _tightness(bound: Bound) -> tuple[float, bool]:
    return (-bound.limit if bound.is_upper else bound.limit), bound.is_strict
