"""The policy in force, as the worker asks it."""

from __future__ import annotations

from functools import lru_cache

from services.moderation.case import Ruling
from services.moderation.engine.engine import Engine
from services.moderation.policy.policy import Facts, Policy, decide, default_policy
from shared.events.models import ReviewSubmitted


class PolicyJudge:
    """Deterministic: the same revision under the same policy gets the same ruling."""

    def __init__(self, engine: Engine, policy: Policy) -> None:
        self._engine = engine
        self._policy = policy
        # Most texts hold nothing that the engine reports, and then few facts are left to tell them apart.
        self._rule_kept = lru_cache(maxsize=1024)(self._rule)

    @classmethod
    def default(cls) -> PolicyJudge:
        return cls(Engine.default(), default_policy())

    def __call__(self, event: ReviewSubmitted) -> Ruling:
        content = event.content
        written = {"title": content.title, "text": content.text, "author_name": content.author_name}
        signals = self._engine.analyse({field: text for field, text in written.items() if text})
        rule = self._rule if signals else self._rule_kept
        facts = (content.rating, content.locale, event.require_approval, event.channel, signals)
        return rule(Facts(*facts, has_text=bool(content.title or content.text)))

    def _rule(self, facts: Facts) -> Ruling:
        verdict = decide(self._policy, facts)
        return Ruling(
            status=verdict.status,
            actor_kind="policy",
            actor=verdict.policy,
            queue=verdict.queue,
            rule=verdict.rule,
            policy=verdict.policy,
            policy_version=verdict.policy_version,
            codes=verdict.codes,
            signals=facts.signals,
            note=verdict.note,
        )
