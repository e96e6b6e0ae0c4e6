"""Text that nobody meant: keys struck at random, consonants without a word in them."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from services.moderation.engine.context import Context
from services.moderation.engine.glance import telling
from services.moderation.engine.hints import NOISE_HINT, PAIRS, WALKS
from services.moderation.engine.passage import PROSE, Passage
from services.moderation.engine.patterns import lazy
from services.moderation.engine.signal import Category, Detector, Signal

MOST_FOUND: Final = 20
MOST_WORDS: Final = 2_000
"""Words looked at: noise shows long before."""

_FEWEST: Final = 4
_LONG_NOISE: Final = 8
_WORD: Final = lazy(r"(?<![\w.@/#\-=&?%+:])[^\W\d_]+(?:;[^\W\d_]+)*(?![\w@/\-])")
_VOWEL: Final = lazy("[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýÿœ]")
_ODD: Final = frozenset(PAIRS.split())
_WALK: Final = lazy("|".join(WALKS.split()))
_NEIGHBOURS: Final = frozenset(
    pair
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for one, other in pairwise(row)
    for pair in (one + other, other + one)
)
_LAYOUTS: Final = frozenset({"qwerty", "qwertz", "azerty"})  # words by now


def find_gibberish(passage: Passage, context: Context) -> Iterable[Signal]:
    """The whole text when much of it is noise, else each long word that is."""
    if not telling(passage) & NOISE_HINT or passage.field not in PROSE:
        return ()
    return _noise(passage)


def _noise(passage: Passage) -> Iterator[Signal]:
    source = passage.source
    words = []
    for word in _WORD.finditer(source):
        words.append(word)
        if len(words) == MOST_WORDS:
            break
    noise = [word for word in words if is_noise(word[0])]
    if not noise:
        return
    letters = sum(map(str.isalpha, source))
    if 5 * sum(len(word[0]) for word in noise) >= 2 * letters:
        start, end = len(source) - len(source.lstrip()), len(source.rstrip())
        yield _signal(passage, start, end, 0.9)
        return
    for word in [word for word in noise if len(word[0]) >= _LONG_NOISE][:MOST_FOUND]:
        yield _signal(passage, word.start(), word.end(), 0.7)


def is_noise(word: str) -> bool:
    """Whether a word is none in any language: a walk over the keyboard, or consonants that never meet."""
    if len(word) < _FEWEST or (word.isupper() and len(word) < _LONG_NOISE):
        return False
    word = word.lower()
    if word in _LAYOUTS or not word.isascii() or len(set(word)) < 3:  # "hmmm", "zzz", "haha"
        return False
    pairs = [word[place : place + 2] for place in range(len(word) - 1)]
    odd = sum(pair in _ODD for pair in pairs)
    walked = sum(pair in _NEIGHBOURS for pair in pairs)
    if _WALK.search(word) and (2 * walked >= len(pairs) or (odd and 3 * walked >= len(pairs))):
        return True
    if odd >= 3 and 3 * odd >= len(pairs):
        return True
    vowels = len(_VOWEL.findall(word))
    return odd >= 2 and 5 * vowels <= len(word) and len(word) >= 6


def _signal(passage: Passage, start: int, end: int, confidence: float) -> Signal:
    return Signal(
        Detector.GIBBERISH, Category.STYLE, None, passage.field, start, end, passage.source[start:end], confidence
    )
