"""Plug-in classifiers for `plaudit check`, on an event loop of their own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from types import TracebackType

from services.cli.checking.checker import fields_of
from services.cli.checking.line import Item
from services.cli.errors import UNSOUND, CommandError
from services.moderation.judging.classifier import Classified, Writing
from services.moderation.judging.classifiers import Classifiers
from services.moderation.judging.judge import CLASSIFIER_FAILED, CLASSIFIERS
from services.moderation.judging.plugins import PluginError
from services.moderation.policy.verdict import Verdict
from shared.logging import configure

_SITE = "check"


class Classifying:
    """As a worker asks them. `failed` counts the texts that each said nothing about."""

    def __init__(self, names: Sequence[str]) -> None:
        # To standard error: the answers go to the other one.
        configure("check", "console", "WARNING")
        try:
            self._classifiers = Classifiers.enabled(names)
        except PluginError as error:
            raise CommandError(str(error), UNSOUND) from None
        self._runner = asyncio.Runner()
        self.failed: Counter[str] = Counter()

    def __enter__(self) -> Classifying:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._runner.close()

    def ask(self, items: Sequence[Item]) -> list[Classified]:
        writings = [Writing(_SITE, fields_of(item), item.locale, item.rating) for item in items]
        answers = self._runner.run(self._classifiers.classify(writings))
        self.failed.update(failure.name for answer in answers for failure in answer.failures)
        return answers

    def verdict(self, verdict: Verdict, classified: Classified) -> Verdict:
        """Nothing is approved without those that must have their say."""
        if verdict.status != "approved" or not classified.must_hold:
            return verdict
        note = "A classifier gave no answer, without which nothing is approved."
        return Verdict("held", verdict.policy, verdict.policy_version, CLASSIFIER_FAILED, (), CLASSIFIERS, note)
