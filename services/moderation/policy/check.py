"""What a policy must be to be saved: every name known, every type right, every rule reachable and accounted for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from services.moderation.policy.codes import ModeratorCode
from services.moderation.policy.expression import Expression, ExpressionError
from services.moderation.policy.hints import explain
from services.moderation.policy.problem import Problem, did_you_mean
from services.moderation.policy.source import (
    DEFAULT_EXAMPLE,
    REPORTS_EXAMPLE,
    OutcomeSource,
    PolicySource,
    ReportsSource,
    RuleSource,
    Text,
)
from services.moderation.policy.verdict import ReportLimit, Status

if TYPE_CHECKING:
    from services.moderation.policy.limits import Limits
    from services.moderation.policy.reachability import Reachability

Place: TypeAlias = tuple[int, int]

OUTCOMES: Final[dict[str, Status]] = {"approve": "approved", "hold": "held", "reject": "rejected"}
DEFAULT: Final = "default"
POLICY_ERROR: Final = "policy-error"
TOO_MUCH_FOUND: Final = "too-much-found"
RESERVED: Final = frozenset(
    {
        *(DEFAULT, POLICY_ERROR, TOO_MUCH_FOUND),
        *("unreadable", "repaired", "withdrawn", "erased", "classifier-failed", "abuse-reports"),
    }
)
"""Rules that decisions name where no rule of a policy decided."""
MAX_NOTE: Final = 500
MOST_REPORTS: Final = 10_000
REPORT_OUTCOMES: Final = {"hold": False, "hide": True}
"""What becomes of what so many have reported, and whether it is taken from the public meanwhile."""

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_NAME_HINT: Final = "up to 64 lower-case letters, digits and hyphens between them"


@dataclass(frozen=True, slots=True)
class Outcome:
    status: Status
    queue: str | None
    codes: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    condition: Expression
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Checked:
    """Only of use where there was no error."""

    name: str
    description: str
    rules: tuple[Rule, ...]
    default: Outcome
    reports: ReportLimit | None = None


def check(policy: PolicySource, name_hint: str | None = None, *, is_new: bool = True) -> tuple[Checked, list[Problem]]:
    """`name_hint` is the name of a policy that states none. Of one that `is_new`, also what its conditions mean is
    looked at: words that nothing is called, rules that no review reaches, what takes too long.
    """
    return _Checker(is_new).policy(policy, name_hint)


class _Checker:
    def __init__(self, is_new: bool) -> None:
        self._problems: list[Problem] = []
        self._reachability: Reachability | None = None
        self._limits: Limits | None = None
        if is_new:
            from services.moderation.policy.limits import Limits
            from services.moderation.policy.reachability import Reachability

            self._reachability = Reachability()
            self._limits = Limits()

    def policy(self, policy: PolicySource, name_hint: str | None) -> tuple[Checked, list[Problem]]:
        if policy.name is None and name_hint is None:
            self._error(policy.place, "the policy has no name", "name: house-rules")
        if policy.default is None:
            message = "'default' is missing: what becomes of a review that no rule decides"
            self._error(policy.place, message, DEFAULT_EXAMPLE)
        name = self._name(policy.name, "policy") or name_hint or ""
        places: dict[str, Place] = {}
        rules = []
        for source in policy.rules:
            rule = self._rule(source, places)
            if rule is not None:
                rules.append(rule)
        default = self._outcome(policy.default, DEFAULT) if policy.default else _NOTHING
        description = policy.description.value if policy.description else ""
        reports = self._reports(policy.reports) if policy.reports else None
        return Checked(name, description, tuple(rules), default, reports), self._problems

    def _rule(self, rule: RuleSource, places: dict[str, Place]) -> Rule | None:
        name = self._name(rule.name, "rule")
        if rule.name is None:
            self._error(rule.then.place, "a rule needs a name: decisions cite it", "name: strong-profanity")
        elif name in RESERVED and self._reachability is not None:
            self._error(rule.name.place, f"'{name}' is what decisions name that no rule made", "choose another name")
        elif name in places:
            self._error(rule.name.place, f"two rules are called '{name}'", f"the first is on line {places[name][0]}")
        elif name:
            places[name] = rule.name.place
        outcome = self._outcome(rule.then, name)
        if rule.when is None:
            self._error(rule.then.place, "'when' is missing: the condition under which the rule applies")
            return None
        condition = self._condition(rule.when)
        if condition is None:
            return None
        hidden = self._reachability.add(name, rule.when.place[0], condition) if self._reachability else None
        if hidden is not None:
            self._error(rule.when.place_at(0), *hidden)
        return Rule(name, condition, outcome)

    def _name(self, name: Text | None, what: str) -> str:
        if name is None:
            return ""
        if not _NAME.fullmatch(name.value):
            self._error(name.place, f"'{name.value[:80]}' cannot be the name of a {what}", _NAME_HINT)
        return name.value

    def _outcome(self, source: OutcomeSource, rule: str) -> Outcome:
        status = OUTCOMES.get(source.outcome.value) if source.outcome else None
        if source.outcome is None:
            self._error(source.place, "'outcome' is missing", "one of " + ", ".join(OUTCOMES))
        elif status is None:
            hint = _OUTCOME_HINTS.get(source.outcome.value) or did_you_mean(source.outcome.value, OUTCOMES)
            self._error(source.outcome.place, f"'{source.outcome.value[:80]}' is no outcome", hint)
        queue = source.queue
        if queue is None and status == "held":
            self._error(source.place, "'queue' is missing: where moderators find the held review", "queue: general")
        elif queue is not None and status in ("approved", "rejected"):
            hint = "leave it out, or hold the review"
            self._error(queue.place, f"a queue belongs to held reviews: this one is {status}", hint)
        elif queue is not None and not _NAME.fullmatch(queue.value):
            self._error(queue.place, f"'{queue.value[:80]}' cannot be the name of a queue", _NAME_HINT)
        codes = self._codes(source.codes or ())
        if status == "rejected" and not source.codes:
            self._error(source.place, "'codes' is missing: a rejection says why", "codes: [PRF]")
        note = source.note.value.strip() if source.note else ""
        if len(note) > MAX_NOTE and source.note is not None:
            self._error(source.note.place, f"a note has at most {MAX_NOTE} characters, this one {len(note):,}")
        if not note and rule != DEFAULT:
            self._warning(source.place, f"rule '{rule}' has no note: moderators will not see why it decided")
        return Outcome(status or "held", queue.value if queue else None, codes, note or f"Rule {rule}.")

    def _reports(self, source: ReportsSource) -> ReportLimit | None:
        """None where something is wrong with it."""
        given = (("at", source.at), ("then", source.then), ("queue", source.queue))
        missing = [name for name, text in given if text is None]
        for name in missing:
            self._error(source.place, f"'{name}' is missing in 'reports'", REPORTS_EXAMPLE)
        at, then, queue = source.at, source.then, source.queue
        most = int(at.value) if at is not None and _COUNT.fullmatch(at.value) else 0
        if at is not None and not 1 <= most <= MOST_REPORTS:
            message = f"'at' is how many readers must report it: a whole number from 1 to {MOST_REPORTS:,}"
            self._error(at.place, message, REPORTS_EXAMPLE)
        if then is not None and then.value not in REPORT_OUTCOMES:
            message = f"'{then.value[:80]}' cannot become of what readers report"
            hint = _REPORT_HINTS.get(then.value) or did_you_mean(then.value, REPORT_OUTCOMES)
            self._error(then.place, message, hint)
        if queue is not None and not _NAME.fullmatch(queue.value):
            self._error(queue.place, f"'{queue.value[:80]}' cannot be the name of a queue", _NAME_HINT)
        if then is None or queue is None or not most:
            return None
        return ReportLimit(most, REPORT_OUTCOMES.get(then.value, False), queue.value)

    def _codes(self, codes: Iterable[Text]) -> tuple[str, ...]:
        known: list[str] = []
        for code in codes:
            if code.value not in ModeratorCode.__members__:
                hint = did_you_mean(code.value, ModeratorCode.__members__)
                self._error(code.place, f"'{code.value[:80]}' is no moderator code", hint)
            elif code.value in known:
                self._error(code.place, f"the code {code.value} is given twice")
            else:
                known.append(code.value)
        return tuple(known)

    def _condition(self, when: Text) -> Expression | None:
        try:
            condition = Expression.compile(when.value)
        except ExpressionError as error:
            for mistake in error.mistakes:
                offset, message, hint = explain(mistake, when.value)
                self._error(when.place_at(offset), message, hint)
            return None
        if condition.type != "bool":
            kind = condition.type.replace("plaudit.", "").lower()
            self._error(
                when.place_at(0),
                f"a condition is true or false: this one is of the type {kind}",
                "compare it with something",
            )
            return None
        return condition if self._limits is None or self._is_sound(condition, when, self._limits) else None

    def _is_sound(self, condition: Expression, when: Text, limits: Limits) -> bool:
        from services.moderation.policy.lint import lint

        sound = True
        # What costs too much is not tried: lint compiles patterns, and evaluates what is constant.
        findings = list(limits.exceeded(condition.tree)) or lint(condition)
        for offset, severity, message, hint in findings:
            self._problems.append(Problem(*when.place_at(max(0, offset)), severity, message, hint))
            sound = sound and severity != "error"
        return sound

    def _error(self, place: Place, message: str, hint: str | None = None) -> None:
        self._problems.append(Problem(*place, "error", message, hint))

    def _warning(self, place: Place, message: str, hint: str | None = None) -> None:
        self._problems.append(Problem(*place, "warning", message, hint))


_NOTHING: Final = Outcome("held", None, (), "")
_REPORT_HINTS: Final = {
    "reject": "only a person rejects what was reported: 'hide' takes it down until one has looked",
    "held": "did you mean 'hold'?",
    "queue": "did you mean 'hold'?",
    "remove": "did you mean 'hide'?",
    "hidden": "did you mean 'hide'?",
}
_OUTCOME_HINTS: Final = {
    "approved": "did you mean 'approve'?",
    "accept": "did you mean 'approve'?",
    "publish": "did you mean 'approve'?",
    "held": "did you mean 'hold'?",
    "review": "did you mean 'hold'?",
    "queue": "did you mean 'hold'?",
    "block": "did you mean 'reject'?",
    "deny": "did you mean 'reject'?",
}
