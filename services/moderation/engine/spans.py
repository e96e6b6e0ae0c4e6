"""Signals of a place in a field, and which of two that overlap is kept."""

from collections.abc import Iterable, Sequence
from typing import Final

from services.moderation.engine.passage import Passage
from services.moderation.engine.signal import Category, Detector, Signal

_WITHIN: Final = {Detector.URL: frozenset({Detector.EMAIL, Detector.IP}), Detector.IP: frozenset({Detector.URL})}
"""A link may hold an address of a person or a machine; then both stand."""


def mark(
    passage: Passage,
    detector: Detector,
    category: Category,
    start: int,
    end: int,
    confidence: float = 1.0,
    detail: str | None = None,
) -> Signal:
    """The signal of what stands from `start` to `end`."""
    return Signal(detector, category, None, passage.field, start, end, passage.source[start:end], confidence, detail)


def apart(candidates: Iterable[Signal], taken: Sequence[Signal]) -> list[Signal]:
    """Those candidates that are no part of something `taken`; `taken` comes of detectors that go before theirs."""
    return [candidate for candidate in candidates if not any(_clash(candidate, other) for other in taken)]


def _clash(late: Signal, early: Signal) -> bool:
    if late.end <= early.start or early.end <= late.start:
        return False
    if early.detector not in _WITHIN.get(Detector(late.detector), ()):
        return True
    outer, inner = (late, early) if late.detector == Detector.URL else (early, late)
    # A link that is nothing but a part of the address, or has the same place, adds nothing.
    return not (
        outer.start <= inner.start and inner.end <= outer.end and outer.end - outer.start > inner.end - inner.start
    )
