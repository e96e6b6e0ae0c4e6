"""What would become of a text: the engine and a policy together, without a worker around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from services.cli.checking.line import Item
from services.moderation.engine.context import Context
from services.moderation.engine.engine import Engine
from services.moderation.engine.signal import Signal
from services.moderation.engine.site_words import NO_SITE_WORDS, SiteWords
from services.moderation.policy.evidence import evidence
from services.moderation.policy.facts import Facts
from services.moderation.policy.policy import Policy
from services.moderation.policy.verdict import Verdict

if TYPE_CHECKING:
    from services.cli.checking.classifying import Classifying
    from services.moderation.judging.classifier import Classified

CHANNEL = "api"
"""What conditions on `review.channel` see."""


class Judgement(NamedTuple):
    verdict: Verdict
    facts: Facts

    @property
    def signals(self) -> tuple[Signal, ...]:
        return self.facts.signals


@dataclass(frozen=True, slots=True)
class Site:
    """What a site's settings would say. `languages` are ISO 639-1 codes; none takes texts in any."""

    languages: frozenset[str] = frozenset()
    words: SiteWords = NO_SITE_WORDS


class Checker:
    """As a worker would decide, but for what only a worker knows: the history, the author, and the site's settings."""

    def __init__(
        self, engine: Engine, policy: Policy, site: Site | None = None, classifying: Classifying | None = None
    ) -> None:
        self.policy = policy
        self._engine = engine
        self._classifying = classifying
        site = site or Site()
        self._context = lru_cache(maxsize=1024)(
            lambda locale, rating: Context(locale, site.languages, rating, site.words)
        )

    def judge(self, items: Sequence[Item]) -> list[Judgement]:
        """In the order of `items`."""
        if self._classifying is None:
            return [self._judge(item) for item in items]
        return [
            self._judge(item, classified) for item, classified in zip(items, self._classifying.ask(items), strict=True)
        ]

    def _judge(self, item: Item, classified: Classified | None = None) -> Judgement:
        found = self._engine.analyse(fields_of(item), self._context(item.locale, item.rating))
        signals, left_out = evidence(found if classified is None else (*found, *classified.signals))
        facts = Facts(
            item.rating, item.locale, False, CHANNEL, signals, title=item.title, text=item.text, kind=item.kind,
            pros=item.pros, cons=item.cons, left_out=left_out,
        )  # fmt: skip
        verdict = self.policy.decide(facts)
        if classified is not None and self._classifying is not None:
            verdict = self._classifying.verdict(verdict, classified)
        return Judgement(verdict, facts)


def fields_of(item: Item) -> dict[str, str]:
    fields = {"title": item.title, "text": item.text} if item.title else {"text": item.text}
    if item.pros:
        fields["pros"] = item.pros
    if item.cons:
        fields["cons"] = item.cons
    return fields
