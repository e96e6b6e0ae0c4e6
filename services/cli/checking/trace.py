"""How a policy came to its verdict: every rule in its order, and what kept it from deciding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from services.moderation.policy.check import Rule
from services.moderation.policy.expression import Expression, ExpressionError
from services.moderation.policy.facts import Facts
from services.moderation.policy.policy import Policy
from services.moderation.policy.schema import schema
from services.moderation.policy.tree import Call


@dataclass(frozen=True, slots=True)
class Considered:
    """`result` is what the condition said, or what went wrong. `reached` is false behind the rule that decided.

    `untrue` are the parts of a condition of several, joined by &&, that were not true.
    """

    rule: Rule
    result: bool | str
    reached: bool
    untrue: tuple[str, ...] = ()


def trace(policy: Policy, facts: Facts) -> list[Considered]:
    activation = schema().activation(facts, policy.reads.review, policy.reads.signals)
    considered: list[Considered] = []
    reached = True
    for rule in policy.rules:
        result = rule.condition.evaluate(activation)
        untrue = () if result is True else tuple(_untrue(rule.condition, activation))
        considered.append(Considered(rule, result, reached, untrue))
        reached = reached and result is False
    return considered


def _untrue(condition: Expression, activation: Any) -> Iterator[str]:
    if not isinstance(condition.tree, Call) or condition.tree.function != "_&&_":
        return
    for part in conjuncts(condition.source):
        try:
            value = Expression.compile(part).evaluate(activation)
        except ExpressionError:
            continue
        if value is not True:
            yield part


_TOKEN: Final = re.compile(
    r"""(?P<comment>//[^\n]*)
      | (?P<raw>(?:[rR][bB]?|[bB][rR])(?:'{3}.*?'{3} | "{3}.*?"{3} | '[^']*' | "[^"]*"))
      | (?P<string>[bB]?(?:'{3}(?:\\.|.)*?'{3} | "{3}(?:\\.|.)*?"{3} | '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*"))
      | (?P<open>[(\[{]) | (?P<close>[)\]}]) | (?P<and>&&)""",
    re.VERBOSE | re.DOTALL,
)
"""What matters of CEL's signs: a raw string ends at the next quote, whatever stands before it."""


def conjuncts(source: str) -> list[str]:
    """The parts of a condition whose outermost operator is &&."""
    parts = []
    begin = depth = 0
    for token in _TOKEN.finditer(source):
        if token["open"]:
            depth += 1
        elif token["close"]:
            depth -= 1
        elif token["and"] and depth == 0:
            parts.append(source[begin : token.start()])
            begin = token.end()
    return [" ".join(_uncommented(part).split()) for part in [*parts, source[begin:]]]


def _uncommented(source: str) -> str:
    return _TOKEN.sub(lambda token: "" if token["comment"] else token[0], source)
