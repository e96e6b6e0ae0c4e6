"""Words in which any letter may be one that looks like it: v@gin@, n1ppl3s, pu55ies, d*ld*.

Other than leetspeak, where every sign has one reading, a sign here stands for any letter that people use it for. Words
are kept by what no such change can touch, so a token is compared with the few words that it can be.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from services.moderation.engine.wordlist import Word

_ANY: Final = "*#%^"
# What may be meant by what is written.
_MEANT: Final = {
    "@": "ao", "4": "a", "0": "o", "1": "il", "!": "il", "|": "il", "3": "e", "$": "s", "5": "s", "7": "t", "+": "t",
    "8": "b", "9": "g", "6": "g", "v": "vu", "u": "uv", "l": "li", "i": "il",
}  # fmt: skip
_OPEN: Final = frozenset("aeiouvl")  # letters that a mask or several signs may stand for
_SETTLED: Final = {"$": "s", "5": "s", "7": "t", "+": "t", "8": "b", "9": "g", "6": "g"}
_TOKEN: Final = re.compile(r"[a-z@4013$57+896*#%^!|]+")
_SIGNS: Final = frozenset("@4013$57+896*#%^!|")
_SHORTEST: Final = 4
_LONGEST: Final = 24
_CLOSING: Final = "!+|%^"


class Lookalikes:
    """Built once from words that stand alone, and from those that are harmless when nobody disguises them."""

    def __init__(self, words: Iterable[Word], harmless: Iterable[Word] = ()) -> None:
        self._by_frame: dict[str, list[Word]] = defaultdict(list)
        self._open: list[tuple[str, Word]] = []
        for word in (*words, *harmless):
            if not word.is_phrase and word.literal is None and len(word.letters) >= _SHORTEST:
                self._by_frame[_frame(word.letters)].append(word)
                if word.open_start or word.open_end:
                    self._open.append((_frame(word.letters), word))

    def find(self, token: bytes) -> Iterator[tuple[Word, int, int]]:
        """In a token of raw text: the word, and its place in the token."""
        text = token.decode("latin-1").lower()
        for found in _TOKEN.finditer(text):
            start, end = found.span()
            stripped = start + len(found[0].rstrip(_CLOSING))
            for last in {end, stripped}:
                if _SHORTEST <= last - start <= _LONGEST and _is_disguised(text[start:last]):
                    for word in self._readings(text[start:last]):
                        yield word, start, last

    def _readings(self, spelling: str) -> Iterator[Word]:
        frame = _frame(spelling)
        for word in self._by_frame.get(frame, ()):
            if _may_be(spelling, word.letters):
                yield word
        for part, word in self._open:
            at = frame.find(part) if word.open_start else (0 if frame.startswith(part) else -1)
            if at < 0 or not (word.open_end or at + len(part) == len(frame)):
                continue
            written = spelling[at : at + len(part)]
            if written.isalpha() and not spelling[at + len(part) :].rstrip(_CLOSING):
                continue  # "shit!": found without looking closer, and the sign is none of its letters
            if _may_be(written, word.letters):
                yield word


def _frame(letters: str) -> str:
    """What stands fast: signs that are drawn like one letter are that letter, all that may be several is a dot."""
    settled = (_SETTLED.get(char, char) for char in letters)
    return "".join(char if "a" <= char <= "z" and char not in _OPEN else "." for char in settled)


def _is_disguised(spelling: str) -> bool:
    """Whether signs stand among letters, and enough letters are left to know the word by."""
    if _SIGNS.isdisjoint(spelling):
        return False
    if spelling.rstrip(_ANY).isalpha():
        return False  # a footnote or emphasis
    letters = sum("a" <= char <= "z" for char in spelling)
    hidden = sum(char in _ANY for char in spelling)
    return letters >= 1 and len(spelling) - hidden >= 2 and 2 * hidden <= len(spelling)


def _may_be(spelling: str, letters: str) -> bool:
    return all(char in _ANY or letter in _MEANT.get(char, char) for char, letter in zip(spelling, letters, strict=True))
