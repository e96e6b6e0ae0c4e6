"""Policies: ordered rules over facts. The first rule that applies decides; where none does, the default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from services.moderation.policy.check import DEFAULT, POLICY_ERROR, TOO_MUCH_FOUND, Checked, Outcome, Rule, check
from services.moderation.policy.expression import FirstOf, Reads
from services.moderation.policy.facts import TEXT_FIELDS, Facts, repeated
from services.moderation.policy.problem import PolicyErrors, Problem, sort_problems
from services.moderation.policy.schema import schema
from services.moderation.policy.source import read_source
from services.moderation.policy.verdict import Verdict

if TYPE_CHECKING:
    from cel_expr_python.cel import Activation

DEFAULT_VERSION: Final = 3
"""Of default.yaml; a change of any rule in it is a new version."""

_MOST_VERDICTS: Final = 1024


class Policy:
    """Decisions cite name and version: a change of any rule is a new version. Safe to share between threads."""

    def __init__(self, checked: Checked, source: str, version: int, warnings: Sequence[Problem] = ()) -> None:
        self.name = checked.name
        self.version = version
        self.description = checked.description
        self.source = source
        self.rules = checked.rules
        self.reports = checked.reports
        """When reports of readers bring back what is public; None where no number of them does."""
        self.warnings = tuple(warnings)
        self._verdicts = [self._verdict(rule.name, rule.outcome) for rule in checked.rules]
        self._default = self._verdict(DEFAULT, checked.default)
        self.reads = _union([rule.condition.reads for rule in checked.rules])
        """All that a verdict may depend on. What is not in it need not be in the facts."""
        # What depends on the text itself is not worth remembering: the same does not come again.
        self._textual = [at for at, rule in enumerate(checked.rules) if _reads_text(rule)]
        self._ordinary = [at for at in range(len(checked.rules)) if at not in self._textual]
        self._first_ordinary = FirstOf([checked.rules[at].condition for at in self._ordinary])
        ordinary = _union([checked.rules[at].condition.reads for at in self._ordinary])
        self._key = _key(ordinary)
        self._key_has_texts = "matched" in ordinary.signals
        self._known: dict[Any, tuple[int, Verdict]] = {}

    def decide(self, facts: Facts) -> Verdict:
        """Total and deterministic. A condition that fails holds the review: it neither approves nor passes it on.
        Nor is anything approved of which only a part of the signals can be looked at.
        """
        verdict = self._first(facts)
        return self._of_a_part(verdict, facts) if facts.left_out else verdict

    def _of_a_part(self, verdict: Verdict, facts: Facts) -> Verdict:
        said = (
            f"Only {len(facts.signals):,} of {facts.left_out + len(facts.signals):,} findings were looked at and kept."
        )
        if verdict.status == "approved":
            return Verdict("held", self.name, self.version, TOO_MUCH_FOUND, (), TOO_MUCH_FOUND, said)
        return replace(verdict, note=f"{verdict.note} {said}" if verdict.note else said)

    def _first(self, facts: Facts) -> Verdict:
        key = self._key(facts)
        known = self._known.get(key)
        if known is None:
            known = self._decide(facts)
            if not (self._key_has_texts and facts.signals):
                if len(self._known) >= _MOST_VERDICTS:
                    self._known.clear()
                self._known[key] = known
        if self._textual and self._textual[0] < known[0]:
            return self._decide_by_text(facts, before=known[0]) or known[1]
        return known[1]

    def _decide(self, facts: Facts) -> tuple[int, Verdict]:
        """By the rules that do not look at the text: the one that decides, and how."""
        found = self._first_ordinary.evaluate(self._activation(facts)) if self._ordinary else None
        if found is None:
            return len(self.rules), self._default
        at = self._ordinary[found[0]]
        return at, self._verdict_of(at, found[1])

    def _decide_by_text(self, facts: Facts, before: int) -> Verdict | None:
        activation = self._activation(facts)
        for at in self._textual:
            if at >= before:
                break
            value = self.rules[at].condition.evaluate(activation)
            if value is not False:
                return self._verdict_of(at, value)
        return None

    def _activation(self, facts: Facts) -> Activation:
        return schema().activation(facts, self.reads.review, self.reads.signals)

    def _verdict_of(self, at: int, value: bool | str) -> Verdict:
        return self._verdicts[at] if value is True else self._failure(self.rules[at].name)

    def _verdict(self, rule: str, outcome: Outcome) -> Verdict:
        return Verdict(outcome.status, self.name, self.version, rule, outcome.codes, outcome.queue, outcome.note)

    def _failure(self, rule: str) -> Verdict:
        note = f"The condition of rule {rule} could not be evaluated on this review."
        return Verdict("held", self.name, self.version, POLICY_ERROR, (), POLICY_ERROR, note)


def compile_policy(source: str, name_hint: str | None = None, version: int = 0) -> Policy:
    """Raises PolicyErrors with all problems when there is an error among them; warnings are kept in the policy.

    `name_hint` names a policy that states no name. Version 0 is one that was never saved.
    """
    return _compiled(*_check(source, name_hint, is_new=True), source, version)


def load_policy(source: str, name_hint: str | None = None, version: int = 0) -> Policy:
    """Of what was checked when it was saved: refuses only what cannot be used, not what a later release of the check
    would advise against. Takes half the time.
    """
    return _compiled(*_check(source, name_hint, is_new=False), source, version)


def check_policy(source: str, name_hint: str | None = None) -> list[Problem]:
    """All errors and warnings, by place."""
    return _check(source, name_hint, is_new=True)[1]


@lru_cache(maxsize=1)
def default_policy() -> Policy:
    return load_policy(default_source(), version=DEFAULT_VERSION)


def default_source() -> str:
    return Path(__file__).with_name("default.yaml").read_text(encoding="utf-8")


def _check(source: str, name_hint: str | None, *, is_new: bool) -> tuple[Checked | None, list[Problem]]:
    read, problems = read_source(source)
    if read is None:
        return None, problems
    reported = {(problem.line, problem.column) for problem in problems}
    checked, more = check(read, name_hint, is_new=is_new)
    # What is of the wrong type is not called unknown as well.
    more = [problem for problem in more if (problem.line, problem.column) not in reported]
    return checked, sort_problems([*problems, *more])


def _compiled(checked: Checked | None, problems: Sequence[Problem], source: str, version: int) -> Policy:
    if checked is None or any(problem.severity == "error" for problem in problems):
        raise PolicyErrors(problems)
    return Policy(checked, source, version, problems)


def _reads_text(rule: Rule) -> bool:
    return not rule.condition.reads.review.isdisjoint(TEXT_FIELDS)


def _union(reads: Sequence[Reads]) -> Reads:
    union = Reads()
    for one in reads:
        union |= one
    return union


def _key(reads: Reads) -> Callable[[Facts], Any]:
    """What tells facts apart for conditions that read this."""
    of_review = attrgetter(*sorted(reads.review)) if reads.review else None
    own = sorted(reads.signals - {"repeated"})
    of_signal = attrgetter(*own) if own else None
    reads_repeated = "repeated" in reads.signals

    def key(facts: Facts) -> Any:
        review = of_review(facts) if of_review else None
        signals = facts.signals
        if not reads.has_signals or not signals:
            return review
        of_signals = tuple(map(of_signal, signals)) if of_signal else len(signals)
        return review, of_signals, repeated(signals) if reads_repeated else None

    return key
