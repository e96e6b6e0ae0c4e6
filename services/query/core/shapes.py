"""Conditions and orders without their values: what decides the text of a statement, and the values beside it.

`arguments` lists values in the order in which the texts of conditions.py take their parameters.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from services.query.core.fields import Named
from services.query.core.query import (
    BOUNDS,
    AnyOf,
    Attribute,
    Compare,
    Condition,
    Contains,
    Dynamic,
    Field,
    Include,
    Op,
    Order,
    Subject,
)

Nulls = Literal["none", "also", "only"]
"""Whether the values say that there is none, beside others or alone."""


class Comparison(NamedTuple):
    named: Named
    op: Op
    nulls: Nulls


class Alternatives(NamedTuple):
    comparisons: tuple[Comparison, ...]


class Search(NamedTuple):
    pros_and_cons: bool


Shape = Comparison | Alternatives | Search


class Term(NamedTuple):
    named: Named
    descending: bool
    alphabetical: bool


class Included(NamedTuple):
    subject: Subject
    shapes: tuple[Shape, ...]
    order: tuple[Term, ...]


def shape_of(condition: Condition) -> Shape:
    match condition:
        case Compare():
            return _comparison(condition)
        case AnyOf():
            return Alternatives(tuple([_comparison(one) for one in condition.comparisons]))
        case Contains():
            return Search(condition.pros_and_cons)


def sorted_conditions(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """So that the order of conditions, which means nothing, makes no statement of its own."""
    return tuple(sorted(conditions, key=lambda one: str(shape_of(one)))) if len(conditions) > 1 else conditions


def shapes_of(conditions: tuple[Condition, ...]) -> tuple[Shape, ...]:
    return tuple([shape_of(condition) for condition in conditions])


def terms_of(order: tuple[Order, ...]) -> tuple[Term, ...]:
    return tuple([Term(_named(one.field), one.descending, one.alphabetical) for one in order])


def included(include: Include, conditions: tuple[Condition, ...]) -> Included:
    return Included(include.subject, shapes_of(conditions), terms_of(include.order))


def arguments_of(conditions: tuple[Condition, ...]) -> list[object]:
    return [argument for condition in conditions for argument in _arguments(condition)]


def order_arguments(order: tuple[Order, ...]) -> list[object]:
    return [one.field.id for one in order if isinstance(one.field, Dynamic)]


def _named(attribute: Attribute) -> Named:
    return attribute.dimension if isinstance(attribute, Dynamic) else attribute


def _comparison(condition: Compare) -> Comparison:
    nulls: Nulls = "none"
    if None in condition.values:
        nulls = "also" if any(value is not None for value in condition.values) else "only"
    return Comparison(_named(condition.field), condition.op, nulls)


def _arguments(condition: Condition) -> list[object]:
    match condition:
        case AnyOf():
            return [argument for one in condition.comparisons for argument in _arguments(one)]
        case Contains():
            return [[f"%{_escape(word)}%" for word in condition.words]]
        case Compare():
            found: list[object] = [condition.field.id] if isinstance(condition.field, Dynamic) else []
            values = [value for value in condition.values if value is not None]
            if condition.field is Field.LOCALE and condition.op is not Op.IN_LANGUAGE:
                values = [str(value).replace("-", "_") for value in values]
            if condition.op is Op.IN_LANGUAGE:
                found.append([str(value).lower().replace("_", "-") for value in values])
            elif condition.op in (Op.MATCHES, Op.NOT_MATCHES):
                found.append([_escape(str(value)).replace("*", "%") for value in values])
            elif condition.op in BOUNDS:
                # Of several bounds the widest decides; of what is compared in any case, as it is compared.
                widest = max if condition.op in (Op.BELOW, Op.AT_MOST) else min
                in_any_case = condition.field is Field.BRAND_ID
                found.append(widest(values, key=lambda value: str(value).lower() if in_any_case else value))
            elif values or not condition.values:
                found.append(list(dict.fromkeys(values)))
            return found


def _escape(word: str) -> str:
    """The word as a LIKE pattern that means itself."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
