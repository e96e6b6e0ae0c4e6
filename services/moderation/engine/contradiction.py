"""Stars that say the opposite of the words, so that somebody may have mistaken the scale."""

import re
from collections.abc import Iterable
from typing import Final

from services.moderation.engine.context import Context
from services.moderation.engine.glance import telling
from services.moderation.engine.hints import REPROACH_HINT
from services.moderation.engine.passage import Passage
from services.moderation.engine.patterns import lazy
from services.moderation.engine.sentiment import ELSEWHERE, KIND, PRAISE, REPROACH, TURN
from services.moderation.engine.signal import Category, Detector, Signal

ENOUGH: Final = 5
ENOUGH_OF_A_FEW_WORDS: Final = 3
A_FEW_WORDS: Final = 8
LONGEST: Final = 600
"""Characters of a text that is judged at all: a longer one weighs for and against."""

_NEGATED: Final = lazy(
    r"(?:(?<!\w)(?:not|no|never|nothing|hardly|isn't|wasn't|ain't|aren't|far from|\w+n't)\s+(?:\w+\s+){0,2})\Z"
)
_NEAR: Final = 30
# One is enough to know that a text with few stars has its reasons.
_GRUDGES: Final = (" but ", "n't ", " not ", " return", " too ", "isappoint", " wanted ", " however")


def find_contradiction(passage: Passage, context: Context) -> Iterable[Signal]:
    """High praise with one or two stars, or nothing but reproach with four or five; `detail` says which."""
    rating, source = context.rating, passage.source
    if rating is None or rating == 3 or passage.field != "text" or len(source) > LONGEST:
        return ()
    if rating > 3:
        return _check(passage, "negative text", _reproach(passage.lower)) if telling(passage) & REPROACH_HINT else ()
    for grudge in _GRUDGES:
        if grudge in source:
            return ()
    return _check(passage, "positive text", _praise(passage.lower))


def _check(passage: Passage, detail: str, weight: int) -> Iterable[Signal]:
    few = len(passage.words) <= A_FEW_WORDS
    if weight < (ENOUGH_OF_A_FEW_WORDS if few else ENOUGH):
        return ()
    source = passage.source
    start, end = len(source) - len(source.lstrip()), len(source.rstrip())
    confidence = 0.9 if weight > ENOUGH else 0.7
    return (
        Signal(
            Detector.CONTRADICTION, Category.CONTENT, None, passage.field, start, end, source[start:end], confidence,
            detail,
        ),
    )  # fmt: skip


def _reproach(text: str) -> int:
    text = text.replace("’", "'")
    if _weigh(text, ((1, KIND),)):  # soon found where there is one, which is in nearly all texts that come here
        return 0
    weight = _weigh(text, REPROACH)
    return 0 if weight and ELSEWHERE.search(text) else weight


def _praise(text: str) -> int:
    text = text.replace("’", "'")
    return 0 if TURN.search(text) else _weigh(text, PRAISE)


def _weigh(text: str, phrases: Iterable[tuple[int, re.Pattern[str]]]) -> int:
    """The weight of the phrases that stand in `text` and are not denied there, each counted once."""
    return sum(
        weight
        for weight, phrase in phrases
        if any(
            not _NEGATED.search(text[max(0, match.start() - _NEAR) : match.start()]) for match in phrase.finditer(text)
        )
    )
