"""What a plug-in returned, held to what was agreed before anything is decided by it."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from numbers import Real
from typing import Final

from services.moderation.engine.signal import Category, Severity, Signal
from services.moderation.judging.classifier import Writing

MOST_SIGNALS: Final = 100
"""Of one plug-in about one writing; more is no better evidence."""
LONGEST_DETAIL: Final = 200


class InvalidFinding(Exception):
    """The message says what is wrong and holds nothing of the text."""


def check_results(results: object, batch: Sequence[Writing]) -> Sequence[object]:
    """One result for each writing, or none is taken: nobody could say which is whose."""
    if isinstance(results, str | bytes) or not isinstance(results, Sequence):
        raise InvalidFinding("the result is not a sequence")
    if len(results) != len(batch):
        raise InvalidFinding(f"{len(results)} results for {len(batch)} writings")
    return results


def check_finding(detector: str, writing: Writing, found: object) -> tuple[Signal, ...]:
    """The signals, in order of place, in the plain types that are written to databases and JSON: models tend to return
    their library's own numbers."""
    if isinstance(found, str | bytes) or not isinstance(found, Sequence):
        raise InvalidFinding("the signals of a writing are not a sequence")
    signals = [_check_signal(detector, writing, signal) for signal in found[:MOST_SIGNALS]]
    return tuple(sorted(signals, key=lambda signal: (signal.field, signal.start, signal.end)))


def _check_signal(detector: str, writing: Writing, signal: object) -> Signal:
    if not isinstance(signal, Signal):
        raise InvalidFinding("what is in a result is not a Signal")
    if signal.detector != detector:
        raise InvalidFinding("a signal names another detector")
    text = writing.fields.get(signal.field)
    if text is None:
        raise InvalidFinding("a signal is of a field that the writing does not have")
    try:
        start, end = operator.index(signal.start), operator.index(signal.end)
    except TypeError:
        raise InvalidFinding("a span is not of whole numbers") from None
    if not 0 <= start < end <= len(text):
        raise InvalidFinding("a span is not within the text")
    if signal.matched != text[start:end]:
        raise InvalidFinding("`matched` is not the text of the span")
    return Signal(
        detector,
        _category(signal.category),
        _severity(signal.severity),
        str(signal.field),
        start,
        end,
        text[start:end],
        _confidence(signal.confidence),
        _detail(signal.detail),
    )


def _category(category: str) -> Category:
    try:
        return Category(category)
    except ValueError:
        raise InvalidFinding("a category is unknown; `other` is for what none of ours fits") from None


def _severity(severity: str | None) -> Severity | None:
    try:
        return None if severity is None else Severity(severity)
    except ValueError:
        raise InvalidFinding("a severity is unknown") from None


def _confidence(confidence: object) -> float:
    if isinstance(confidence, Real):
        number = float(confidence)
        if math.isfinite(number) and 0 <= number <= 1:
            return number
    raise InvalidFinding("a confidence is not a number from 0 to 1")


def _detail(detail: object) -> str | None:
    if detail is None:
        return None
    if not isinstance(detail, str):
        raise InvalidFinding("a detail is not text")
    return detail[:LONGEST_DETAIL]
