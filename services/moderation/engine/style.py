"""How a text is written: in capitals, or the same thing over and over."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from services.moderation.engine.normalise import View
from services.moderation.engine.signal import Category, Detector, Signal

SHOUTED_LETTERS: Final = 40  # shorter texts in capitals are titles, sizes and joy
SHOUTED_SHARE: Final = 0.7
REPEATED_LETTERS: Final = 20  # below that, it is enthusiasm
REPEATED_WORDS: Final = 5
REPEATED_SENTENCES: Final = 3
_SENTENCE_WORDS: Final = 3
_CAPITALS: Final = bytes(range(65, 91))
_LETTER_RUN: Final = re.compile(rf"([^\W\d_])\1{{{REPEATED_LETTERS - 1},}}", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"[^.!?\s][^.!?\n]*")


def find_shouting(field: str, text: str) -> Iterable[Signal]:
    if len(text) < SHOUTED_LETTERS or _capitals(text) < SHOUTED_LETTERS * SHOUTED_SHARE:
        return ()
    letters = sum(map(str.isalpha, text))
    if letters >= SHOUTED_LETTERS and _capitals(text) >= letters * SHOUTED_SHARE:
        return (_signal(Detector.SHOUTING, field, text, len(text) - len(text.lstrip()), len(text.rstrip())),)
    return ()


def find_repetition(field: str, text: str, view: View, *, stretched: bool) -> Iterable[Signal]:
    """A letter drawn out, or words or sentences said again until they make up half of the text.

    `stretched` is whether some letter stands three times in a row.
    """
    words = view.words
    repeated = len(words) >= REPEATED_WORDS and 2 * len(set(words)) <= len(words)
    return _repetitions(field, text, view) if repeated or stretched else ()


def _repetitions(field: str, text: str, view: View) -> Iterator[Signal]:
    for run in _LETTER_RUN.finditer(text):
        yield _signal(Detector.REPETITION, field, text, run.start(), run.end())
    if 2 * len(set(view.words)) <= len(view.words):
        span = _word_run(view) or _sentences(text)
        if span is not None:
            yield _signal(Detector.REPETITION, field, text, *span)


def _word_run(view: View) -> tuple[int, int] | None:
    """The longest run of one word, if it is long enough."""
    longest, best, offset = 0, (0, 0), 1
    for word, group in groupby(view.words):
        count = sum(1 for _ in group)
        width = count * (len(word) + 1)
        if count > longest:
            longest, best = count, (offset, offset + width - 1)
        offset += width
    return view.span(*best) if longest >= REPEATED_WORDS else None


def _sentences(text: str) -> tuple[int, int] | None:
    """From the first to the last time of the sentence said most often, if that is often enough."""
    found = [(" ".join(part[0].casefold().split()), part.start(), part.end()) for part in _SENTENCE.finditer(text)]
    counts = Counter(sentence for sentence, _, _ in found if sentence.count(" ") >= _SENTENCE_WORDS - 1)
    for sentence, count in counts.most_common(1):
        if count >= REPEATED_SENTENCES:
            places = [(start, end) for said, start, end in found if said == sentence]
            return places[0][0], places[-1][1]
    return None


def _capitals(text: str) -> int:
    if text.isascii():
        encoded = text.encode("ascii")
        return len(encoded) - len(encoded.translate(None, _CAPITALS))
    return sum(map(str.isupper, text))


def _signal(detector: Detector, field: str, text: str, start: int, end: int) -> Signal:
    return Signal(detector, Category.STYLE, None, field, start, end, text[start:end])
