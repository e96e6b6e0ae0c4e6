"""The same over and over: a letter drawn out, a word or a sentence said again until it makes up most of the text."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from services.moderation.engine.context import Context
from services.moderation.engine.gates import marks
from services.moderation.engine.glance import telling
from services.moderation.engine.hints import DRAWN_OUT_HINT
from services.moderation.engine.passage import Passage
from services.moderation.engine.patterns import lazy
from services.moderation.engine.signal import Category, Detector, Signal

REPEATED_LETTERS: Final = 15  # below that, it is enthusiasm
REPEATED_SIGNS: Final = 25
REPEATED_WORDS: Final = 5
REPEATED_SENTENCES: Final = 3
CHANTED_WORDS: Final = 8
MOST_CHANTED: Final = 60
"""Longer texts repeat their small words anyway: they are judged by their sentences."""
MOST_FOUND: Final = 20
_SENTENCE_WORDS: Final = 2
_PROBE: Final = 12
_FIRST_PROBE: Final = 5
_FEWEST: Final = 16  # bytes of letters, in which five short words may repeat
_FEWEST_AGAIN: Final = min(REPEATED_WORDS - 1, (REPEATED_SENTENCES - 1) * _SENTENCE_WORDS)
_LETTER_RUN: Final = lazy(rf"([^\W\d_])\1{{{REPEATED_LETTERS - 1},}}", re.IGNORECASE)
# Rows of dots, dashes and the like divide or lead; they repeat nothing.
_SIGN_RUN: Final = lazy(rf"([^\w\s.\-=*~_…•·—–])\1{{{REPEATED_SIGNS - 1},}}")
_SENTENCE: Final = lazy(r"[^.!?\s][^.!?\n]*")
_WORD: Final = lazy(r"[^\W_]+(?:['’][^\W_]+)*")


def find_repetition(passage: Passage, context: Context) -> Iterable[Signal]:
    letters = passage.letters
    # Where most of a text repeats, whatever stands beyond its middle has stood there before. A short piece is searched
    # for several times faster than a long one, and tells most texts apart.
    probe = len(letters) * 3 // 5 - _PROBE
    if probe < _PROBE or (
        letters.find(letters[probe : probe + _FIRST_PROBE]) < probe
        and letters.find(letters[probe : probe + _PROBE]) < probe
    ):
        return _repetitions(passage) if len(letters) > _FEWEST and _may_repeat(passage) else ()
    return _runs(passage) if telling(passage) & DRAWN_OUT_HINT else ()


def _may_repeat(passage: Passage) -> bool:
    """False where too few words come again for a run of five, or for three sentences of two; numbers are words, too."""
    words = passage.words
    return (
        len(words) - len(set(words)) >= _FEWEST_AGAIN
        or ord("9") in passage.shape
        or bool(telling(passage) & DRAWN_OUT_HINT)
        or len(marks(passage)) >= REPEATED_SIGNS
    )


def _repetitions(passage: Passage) -> Iterator[Signal]:
    text = passage.source
    runs = 0
    for signal in _runs(passage):
        runs += 1
        yield signal
    if not runs:
        span = _words(text) or _sentences(text)
        if span is not None:
            yield _signal(passage, *span)


def _runs(passage: Passage) -> Iterator[Signal]:
    found = 0
    for form in (_LETTER_RUN, _SIGN_RUN):
        for run in form.finditer(passage.source):
            yield _signal(passage, run.start(), run.end())
            found += 1
            if found == MOST_FOUND:
                return


def _words(text: str) -> tuple[int, int] | None:
    """From the first to the last of the words that a text of few different ones goes round in."""
    words = [(word[0].lower(), word.start(), word.end()) for word in _WORD.finditer(text) if word[0] != "br"]
    if len(words) < REPEATED_WORDS:
        return None
    longest: list[tuple[str, int, int]] = []
    for _, group in groupby(words, key=_said):
        run = list(group)
        if len(run) > len(longest):
            longest = run
    if len(longest) >= REPEATED_WORDS and 2 * len(longest) >= len(words):
        return longest[0][1], longest[-1][2]
    # Prose of a dozen words has ten different ones; a chant has a few, each many times.
    if len(words) >= CHANTED_WORDS and 3 * len({said for said, _, _ in words}) <= len(words) <= MOST_CHANTED:
        return words[0][1], words[-1][2]
    return None


def _said(word: tuple[str, int, int]) -> str:
    return word[0]


def _sentences(text: str) -> tuple[int, int] | None:
    """From the first to the last time of the sentence said most often, if that is most of the text."""
    found = [(" ".join(part[0].casefold().split()), part.start(), part.end()) for part in _SENTENCE.finditer(text)]
    counts = Counter(sentence for sentence, _, _ in found if sentence.count(" ") >= _SENTENCE_WORDS - 1)
    for sentence, count in counts.most_common(1):
        if count >= REPEATED_SENTENCES and 2 * count * len(sentence) >= len(text) * 0.8:
            places = [(start, end) for said, start, end in found if said == sentence]
            return places[0][0], places[-1][1]
    return None


def _signal(passage: Passage, start: int, end: int) -> Signal:
    return Signal(Detector.REPETITION, Category.STYLE, None, passage.field, start, end, passage.source[start:end])
