"""Text written in capitals."""

from collections.abc import Iterable
from typing import Final

from services.moderation.engine.context import Context
from services.moderation.engine.passage import UPPER, Passage
from services.moderation.engine.signal import Category, Detector, Signal

SHOUTED_LETTERS: Final = 25  # shorter texts in capitals are titles, sizes and joy
SHOUTED_WORDS: Final = 5
SHOUTED_SHARE: Final = 0.7
_FEWEST_CAPITALS: Final = int(SHOUTED_LETTERS * SHOUTED_SHARE)
_SAMPLED: Final = 8


def find_shouting(passage: Passage, context: Context) -> Iterable[Signal]:
    """A text most letters of which are capitals; titles and names often are and are not judged."""
    if passage.is_ascii:
        # In a text of capitals they abound in a sample too, which takes a fraction of the time of counting them all.
        sample = passage.shape[::_SAMPLED]
        if 4 * sample.count(UPPER) < len(sample):
            return ()
    return _judge(passage) if passage.field == "text" else ()


def _judge(passage: Passage) -> Iterable[Signal]:
    source = passage.source
    capitals = passage.shape.count(UPPER) if passage.is_ascii else sum(map(str.isupper, source))
    if capitals < _FEWEST_CAPITALS:
        return ()
    letters = sum(map(str.isalpha, source))
    if letters < SHOUTED_LETTERS or capitals < letters * SHOUTED_SHARE or len(source.split()) < SHOUTED_WORDS:
        return ()
    start, end = len(source) - len(source.lstrip()), len(source.rstrip())
    share = round(capitals / letters, 2)
    return (Signal(Detector.SHOUTING, Category.STYLE, None, passage.field, start, end, source[start:end], share),)
