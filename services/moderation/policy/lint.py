"""What a sound condition may still get wrong: names that nothing has, stars, steps beyond what CEL takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from services.moderation.engine.signal import Detector
from services.moderation.policy import tree
from services.moderation.policy.expression import Expression
from services.moderation.policy.facts import NUMBERED_FIELDS, Facts
from services.moderation.policy.problem import did_you_mean
from services.moderation.policy.schema import SIGNAL, VOCABULARY, schema
from services.moderation.policy.tree import Call, Fold, Many, Node, Select, children, walk

RATING_REASON: Final = (
    "keeping reviews from the public because of their stars is unlawful in places where readers take what they see for "
    "all there is (USA: 16 CFR 465.7; EU: Directive 2005/29/EC, Annex I, 23c)"
)


class Finding(NamedTuple):
    """`offset` counts code points from the start of the condition."""

    offset: int
    severity: Literal["error", "warning"]
    message: str
    hint: str | None = None


def lint(condition: Expression) -> Iterator[Finding]:
    untyped = [finding for node in walk(condition.tree) for finding in _untyped(node)]
    if untyped:
        # What the type checker could not follow, we cannot either.
        yield from untyped
        return
    for node in walk(condition.tree):
        yield from _pattern(node)
        for field, literal in _compared(node):
            yield from _word(field, literal)
    yield from _rating(condition)
    yield from _steps(condition.tree, 0)


def reason_of(failure: str) -> str:
    """What CEL says went wrong, without its status code."""
    return re.sub(r"^[A-Z_]+: ", "", failure)


def _untyped(node: Node) -> Iterator[Finding]:
    match node:
        case Call(function="dyn"):
            yield Finding(node.offset, "error", "dyn() keeps the condition from being type-checked", "leave it out")
        case Select(operand=operand) if operand.type == "dyn":
            message = f"the type of what '{node.field}' is a field of is not known before it runs"
            yield Finding(node.offset + 1, "error", message, "the elements of a list must all have one type")


def _pattern(node: Node) -> Iterator[Finding]:
    match node:
        case Call(function="matches", arguments=(_, tree.Literal(value=str(pattern)) as literal)):
            tried = Expression.compile(f'"".matches({json.dumps(pattern, ensure_ascii=False)})')
            value = tried.evaluate(schema().activation(_NO_FACTS, (), ()))
            if isinstance(value, str):
                yield Finding(literal.offset, "error", reason_of(value), "the syntax is that of RE2")


def _compared(node: Node) -> Iterator[tuple[Select, tree.Literal]]:
    """Fields and the constants that they are compared with in this node itself."""
    match node:
        case Call(function="_==_" | "_!=_", arguments=(Select() as field, tree.Literal() as literal)):
            yield field, literal
        case Call(function="_==_" | "_!=_", arguments=(tree.Literal() as literal, Select() as field)):
            yield field, literal
        case Call(function="@in", arguments=(Select() as field, Many(of="list", elements=elements))):
            yield from ((field, element) for element in elements if isinstance(element, tree.Literal))


def _word(field: Select, literal: tree.Literal) -> Iterator[Finding]:
    word, owner = literal.value, field.operand.type
    known = VOCABULARY.get((owner, field.field))
    if known is None or not isinstance(word, str) or word in known:
        return
    if (owner, field.field) == (SIGNAL, "field") and word.startswith(NUMBERED_FIELDS):
        return
    elsewhere = [name for (other, name), words in VOCABULARY.items() if other == owner and word in words]
    if elsewhere:
        hint = f"'{word}' is a {elsewhere[0]}: compare it with .{elsewhere[0]}"
    else:
        hint = did_you_mean(word, [value for value in known if value]) or "unless it is the name of a plug-in"
    yield Finding(literal.offset, "warning", f"no {field.field} is called '{word[:80]}'", hint)


def _rating(condition: Expression) -> Iterator[Finding]:
    is_said = False
    for opinion, named in _OPINIONS.items():
        if opinion not in condition.reads.review:
            continue
        # CEL points at the dot before a field.
        looks = [
            node.offset + (not node.is_test)
            for node in walk(condition.tree)
            if isinstance(node, Select) and node.field == opinion
        ]
        if is_said and not looks:
            continue  # the review as a whole, of which that was said already
        is_said = True
        message = f"the rule looks at the {named}: {RATING_REASON}"
        yield Finding(looks[0] if looks else 0, "warning", message, "decide by the text, whatever the stars")
    for node in walk(condition.tree):
        for field, literal in _compared(node):
            if field.field == "detector" and literal.value == Detector.CONTRADICTION.value:
                yield Finding(literal.offset, "warning", f"a contradiction depends on the star rating: {RATING_REASON}")


def _steps(node: Node, depth: int) -> Iterator[Finding]:
    """CEL stops after 10,000 steps, and a review may have hundreds of signals."""
    inside = depth + isinstance(node, Fold)
    if isinstance(node, Fold) and inside == 2:
        message = "goes through the signals again for each of them: a review with a hundred is held, as too costly"
        yield Finding(node.offset, "warning", message, "to count different words: filter(s, !s.repeated).size()")
    for child in children(node):
        is_range = isinstance(node, Fold) and child is node.over
        yield from _steps(child, depth if is_range else inside)


_OPINIONS: Final = {"rating": "star rating", "is_recommended": "author's recommendation"}
_NO_FACTS: Final = Facts(None, None, False, "", ())
