"""What of a decision is written."""

from __future__ import annotations

from services.moderation.cases import MOST_MATCHED, signals_json, signals_of
from services.moderation.engine.signal import Category, Detector, Severity, Signal


def signal(matched: str) -> Signal:
    return Signal(Detector.LEXICON, Category.PROFANITY, Severity.STRONG, "text", 3, 3 + len(matched), matched, 0.5, "x")


def test_signals_are_kept_with_all_that_they_say() -> None:
    (kept,) = signals_of(signals_json([signal("wörd")]))
    assert kept == {
        "detector": "lexicon",
        "category": "profanity",
        "severity": "strong",
        "field": "text",
        "start": 3,
        "end": 7,
        "matched": "wörd",
        "confidence": 0.5,
        "detail": "x",
    }
    assert signals_of(signals_json([])) == []


def test_a_signal_of_a_whole_text_keeps_no_other_copy_of_it() -> None:
    text = "Ä🅰" * MOST_MATCHED
    longest, cut = signals_of(signals_json([signal(text[:MOST_MATCHED]), signal(text)]))
    assert longest["matched"] == cut["matched"] == text[:MOST_MATCHED]
    assert (cut["start"], cut["end"]) == (3, 3 + len(text))
