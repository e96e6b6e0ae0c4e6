"""Promotion: text that wants readers to go, follow, earn, or buy somewhere else."""

from collections.abc import Iterable, Iterator
from typing import Final

from services.moderation.engine.context import Context
from services.moderation.engine.glance import telling
from services.moderation.engine.hints import SPAM_HINT
from services.moderation.engine.passage import NAMES, Passage
from services.moderation.engine.signal import Category, Detector, Signal
from services.moderation.engine.spam_rules import spam_rules

MOST_FOUND: Final = 20


def find_spam(passage: Passage, context: Context) -> Iterable[Signal]:
    """Each place where readers are lured away; `detail` says how."""
    hinted = telling(passage)
    return _promotions(passage, hinted) if hinted >= SPAM_HINT and passage.field not in NAMES else ()


def _promotions(passage: Passage, hinted: int) -> Iterator[Signal]:
    text, source = passage.lower, passage.source
    taken: list[tuple[int, int]] = []
    for place, rule in enumerate(spam_rules()):
        if not hinted & SPAM_HINT << place:
            continue
        for match in rule.pattern.finditer(text):
            start, end = match.span()
            while not text[start].isalnum():
                start += 1
            if any(start < other_end and other_start < end for other_start, other_end in taken):
                continue
            taken.append((start, end))
            yield Signal(
                Detector.SPAM, Category.SPAM, None, passage.field, start, end, source[start:end], rule.confidence,
                rule.detail,
            )  # fmt: skip
            if len(taken) == MOST_FOUND:
                return
