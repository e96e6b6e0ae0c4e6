"""All plug-in classifiers that are enabled, as the worker and `plaudit check` ask them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from services.moderation.engine.signal import Signal
from services.moderation.judging.classifier import Classified, Classifier, ClassifierFailure, Writing
from services.moderation.judging.guard import Guard
from services.moderation.judging.plugins import load_classifiers
from shared.clock import Clock, SystemClock

__all__ = ["Classified", "Classifier", "ClassifierFailure", "Classifiers", "Writing"]

HEALTH_PERIOD_SECONDS: Final = 10.0

Report = Callable[[str, str | None], None]
"""Told a classifier's name and what is wrong with it, or None once nothing is."""

_NOTHING: Final = Classified()


class Classifiers:
    """Asks every classifier about every writing, side by side. A classifier that fails costs its own answer only."""

    def __init__(self, classifiers: Sequence[Classifier] = (), clock: Clock | None = None) -> None:
        self._guards = tuple(Guard(classifier, clock or SystemClock()) for classifier in classifiers)

    @classmethod
    def enabled(cls, names: Sequence[str], clock: Clock | None = None) -> Classifiers:
        """Those that are installed under `names`. Raises PluginError for one that is not, or cannot be made."""
        return cls(load_classifiers(names), clock)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(guard.name for guard in self._guards)

    async def classify(self, writings: Sequence[Writing]) -> list[Classified]:
        """In the order of `writings`. Never raises. A writing without any text is not worth a question."""
        if not self._guards:
            return [_NOTHING] * len(writings)
        asked = {number: written for number, writing in enumerate(writings) if (written := _written(writing))}
        batch = tuple(asked.values())
        answers = await asyncio.gather(*(guard.classify(batch) for guard in self._guards)) if batch else []
        joined = [_NOTHING] * len(writings)
        for number, results in zip(asked, zip(*answers, strict=True), strict=True):
            joined[number] = _join(results)
        return joined

    async def watch(self, report: Report, stop: asyncio.Event) -> None:
        """A part of the process: asks the classifiers how they are, and reports each when that has changed."""
        known: dict[str, str | None] = dict.fromkeys(self.names)
        while not stop.is_set():
            await asyncio.gather(*(guard.check_health() for guard in self._guards))
            for guard in self._guards:
                if guard.trouble != known[guard.name]:
                    known[guard.name] = guard.trouble
                    report(guard.name, guard.trouble)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), HEALTH_PERIOD_SECONDS)


def _written(writing: Writing) -> Writing | None:
    """Without the fields that are empty; None when none is left."""
    if all(writing.fields.values()):
        return writing if writing.fields else None
    fields = {field: text for field, text in writing.fields.items() if text}
    return Writing(writing.site, fields, writing.locale, writing.rating) if fields else None


def _join(results: Sequence[tuple[Signal, ...] | ClassifierFailure]) -> Classified:
    failures = tuple(result for result in results if isinstance(result, ClassifierFailure))
    signals = [signal for result in results if not isinstance(result, ClassifierFailure) for signal in result]
    return Classified(tuple(signals), failures) if signals or failures else _NOTHING
