"""Rules that no review reaches, since those before them decide everything that they would."""

from __future__ import annotations

from typing import Final, NamedTuple

from services.moderation.policy.expression import Expression
from services.moderation.policy.facts import Facts
from services.moderation.policy.implication import ALWAYS, NEVER, Formula, Reasoner, any_of, formula
from services.moderation.policy.lint import reason_of
from services.moderation.policy.schema import schema


class _Earlier(NamedTuple):
    name: str
    line: int
    condition: Formula


class Reachability:
    """Takes the rules of a policy in order."""

    def __init__(self) -> None:
        self._reasoner = Reasoner()
        self._earlier: list[_Earlier] = []

    def add(self, name: str, line: int, condition: Expression) -> tuple[str, str | None] | None:
        """What is wrong, and a hint; None for a rule that some review may reach."""
        what = formula(condition.tree)
        if condition.reads.is_nothing:
            value = condition.evaluate(schema().activation(_NO_FACTS, (), ()))
            if isinstance(value, str):
                return f"the condition fails whenever it is evaluated: {reason_of(value)}", None
            what = ALWAYS if value else NEVER
        if what == NEVER:
            return "the condition is never true: the rule decides nothing", "leave the rule out"
        if self._reasoner.implies(what, any_of(earlier.condition for earlier in self._earlier)):
            return self._hidden(name, what)
        self._earlier.append(_Earlier(name, line, what))
        return None

    def _hidden(self, name: str, what: Formula) -> tuple[str, str]:
        never = f"rule '{name}' is never reached"
        for other, line, condition in self._earlier:
            if condition == ALWAYS:
                return (
                    f"{never}: '{other}' on line {line} applies to every review",
                    f"make the outcome of '{other}' the default",
                )
            if self._reasoner.implies(what, condition):
                return (
                    f"{never}: '{other}' on line {line} decides all that it would",
                    f"put it before '{other}', or leave it out",
                )
        return f"{never}: the rules before it decide all that it would", "put it before them, or leave it out"


_NO_FACTS: Final = Facts(None, None, False, "", ())
