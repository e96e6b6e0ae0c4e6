"""Finding the word list in a text, however the words are dressed up.

One Aho-Corasick automaton searches each view. The plain view is always read; the leetspeak and masked views only when
a sign stands where a letter could be, the stretched words only when a letter stands three times in a row.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from operator import ge
from string import ascii_lowercase
from typing import Final
from unicodedata import name

from ahocorasick_rs import AhoCorasick, Implementation

from services.moderation.engine.masks import MaskedWords
from services.moderation.engine.normalise import LEET, MASKS, Normaliser, View
from services.moderation.engine.signal import Detector, Signal
from services.moderation.engine.wordlist import Word, WordList

_SIGNS: Final = re.escape("".join(LEET)) + re.escape("".join(MASKS))
_TRAILING: Final = re.escape("@$+€¢*#%&")
_UNITS: Final = "(?:[a-zA-Z]|lbs?|ft|in|th|st|nd|rd|cm|mm|kg|oz|hrs?|yrs?|am|pm|xl)"
# A sign before a letter, unless it is a number with its unit; after a letter only signs that do not also end sentences
# and sizes. Only a filter: what it lets through is still looked up.
_DISGUISE: Final = re.compile(
    rf"[{_SIGNS}](?:(?=[a-zA-Z])(?:(?<=[a-zA-Z][{_SIGNS}])|(?!{_UNITS}\b))|(?<=[a-zA-Z][{_TRAILING}]))"
)
_ANY_SIGN: Final = re.compile(rf"[{_SIGNS}]")
# In leetspeak "!" is an i; at the end of a word it is punctuation.
_EXCLAMATION: Final = re.compile(r"!(?!\w)")
_STRETCH: Final = re.compile(r"([a-z])\1\1+")
_DOUBLE: Final = re.compile(r"([a-z])\1+")
_L_SIGNS: Final = frozenset("1!|")
_SHORTEST_SPACED: Final = 4  # shorter words, letter by letter, are initials and sizes

STRETCHED: Final = "stretched"


@dataclass(frozen=True, slots=True)
class _Hit:
    word: Word
    start: int
    end: int

    @property
    def weight(self) -> tuple[int, int]:
        return self.word.severity.rank, self.end - self.start


@dataclass(frozen=True, slots=True)
class _Target:
    """What a pattern of an automaton stands for: a word (perhaps spelt otherwise), or a hint for another detector."""

    word: Word | None
    hint: str = ""


class _Automaton:
    def __init__(self, targets: Mapping[str, _Target]) -> None:
        self._targets = tuple(targets.values())
        self._automaton = AhoCorasick(targets, implementation=Implementation.DFA)

    def search(self, text: str) -> list[tuple[_Target, int, int]]:
        targets = self._targets
        found = self._automaton.find_matches_as_indexes(text, overlapping=True)
        return [(targets[pattern], start, end) for pattern, start, end in found]


class Lexicon:
    """Immutable once built, apart from the folding caches of its normaliser; safe to share between threads.

    `hints` maps a phrase of plain words to a name; `find` reports the names whose phrase the text contains, so that
    other detectors need no search of their own to see that they have nothing to do.
    """

    def __init__(self, words: WordList, normaliser: Normaliser, hints: Mapping[str, str]) -> None:
        self._normaliser = normaliser
        self._ignored = words.ignored
        plain = {word.pattern: _Target(word) for word in words.words}
        with_i = {word.pattern.replace("l", "i"): _Target(word) for word in words.words if "l" in word.letters}
        self._leet = _Automaton(with_i | plain | _stretch_marks())
        spaced = {
            # Its ends are closed: the next letter group is another word.
            f" {' '.join(word.letters)} ": _Target(replace(word, open_start=False, open_end=False))
            for word in words.words
            if len(word.letters) >= _SHORTEST_SPACED and " " not in word.letters
        }
        hinted = {f" {phrase} ": _Target(None, hint=hint) for phrase, hint in hints.items()}
        self._plain = _Automaton(spaced | plain | hinted | _stretch_marks())
        self._squeezed = _Automaton({_squeeze(word.pattern): _Target(word) for word in reversed(words.words)})
        self._masked = MaskedWords(words.words)

    def find(self, field: str, text: str) -> tuple[list[Signal], frozenset[str], View]:
        """The words of the list in `text`, the hints seen, and the plain view that was read."""
        view = self._normaliser.read(text)
        found = self._plain.search(view.text)
        hits: list[_Hit] = []
        hints: frozenset[str] = frozenset()
        if found:
            hints = frozenset(target.hint for target, _, _ in found if target.hint)
            hits.extend(self._locate(view, found))
            if STRETCHED in hints:
                hits.extend(self._stretched(view))
        if _DISGUISE.search(text) if text.isascii() else _ANY_SIGN.search(text):
            hits.extend(self._disguised(text))
        return [_signal(field, text, hit) for hit in _strongest(hits)] if hits else [], hints, view

    def _disguised(self, text: str) -> Iterator[_Hit]:
        view = self._normaliser.read_leet(_EXCLAMATION.sub(" ", text) if "!" in text else text)
        found = self._leet.search(view.text)
        for hit in self._locate(view, found):
            if self._spelt_with_signs(view, hit):
                yield hit
        if any(target.hint for target, _, _ in found):
            for hit in self._stretched(view):
                if self._has_letters(text[hit.start : hit.end]):
                    yield hit
        if not MASKS.isdisjoint(text):
            for word, start, end in self._masked.find(self._normaliser.read_masked(text)):
                yield _Hit(word, start, end)

    def _locate(self, view: View, found: Iterable[tuple[_Target, int, int]]) -> Iterator[_Hit]:
        """Hits in order, as places in the source. An open end grows to the end of its word, once per word."""
        text = view.text
        grown = 0
        for target, start, end in sorted(found, key=_by_place):
            word = target.word
            if word is None:
                continue
            first = start if word.open_start else start + 1
            last = end if word.open_end else end - 1
            if word.open_start or word.open_end:
                if first < grown:
                    continue
                first = text.rfind(" ", grown, first) + 1 if word.open_start else first
                last = text.find(" ", last) if word.open_end else last
                grown = last
                if text[first:last] in self._ignored:
                    continue
            if not view.source.isascii() and _is_foreign(view, first, last):
                continue
            yield _Hit(word, *view.span(first, last))

    def _spelt_with_signs(self, view: View, hit: _Hit) -> bool:
        """Whether the place is a disguise at all, and not a number, a size or a part number that happens to fit."""
        spelling = view.source[hit.start : hit.end]
        if not any(char in LEET for char in spelling):
            return False
        return self._has_letters(spelling) and self._reads_as(spelling, hit.word)

    @staticmethod
    def _has_letters(spelling: str) -> bool:
        letters = sum(map(str.isalpha, spelling))
        digits = any(map(str.isdecimal, spelling))
        return letters >= 2 and len(spelling) >= _SHORTEST_SPACED if digits else letters >= 1

    def _reads_as(self, spelling: str, word: Word) -> bool:
        """An i of the view may be read as l only where the author wrote a sign that looks like both."""
        folded = self._normaliser.read_leet(spelling)
        at = folded.text.find(word.letters.replace("l", "i"))
        if at < 0:
            return True  # spelt with real l's throughout
        return all(
            folded.text[at + offset] == letter or spelling[folded.origin(at + offset)] in _L_SIGNS
            for offset, letter in enumerate(word.letters)
        )

    def _stretched(self, view: View) -> Iterator[_Hit]:
        text = view.text
        done = 0
        for run in _STRETCH.finditer(text):
            if run.start() < done:
                continue
            first = text.rfind(" ", done, run.start()) + 1
            done = text.find(" ", run.end())
            token = text[first:done]
            if token in self._ignored or (not view.source.isascii() and _is_foreign(view, first, done)):
                continue
            lengths = _runs(token)
            for target, start, _ in self._squeezed.search(f" {_squeeze(token)} "):
                word = target.word
                if word is None:
                    continue
                begin = start if not word.open_start else start - 1
                written = lengths[begin : begin + len(_squeeze(word.letters))]
                if max(written, default=0) > 2 and all(map(ge, written, _runs(word.letters))):
                    yield _Hit(word, *view.span(first, done))


def _stretch_marks() -> dict[str, _Target]:
    return {letter * 3: _Target(None, hint=STRETCHED) for letter in ascii_lowercase}


def _squeeze(letters: str) -> str:
    return _DOUBLE.sub(r"\1", letters)


def _runs(letters: str) -> list[int]:
    """How often each letter stands in a row: the lengths that `_squeeze` cuts to one."""
    return [sum(1 for _ in group) for _, group in groupby(letters)]


def _by_place(found: tuple[_Target, int, int]) -> tuple[int, int]:
    return found[1], -found[2]


def _is_foreign(view: View, first: int, last: int) -> bool:
    """Whether every letter is of another script: then it is a word of that script, not a disguised Latin one."""
    source = view.source
    letters = set(filter(str.isalpha, map(source.__getitem__, map(view.origin, range(first, last)))))
    return bool(letters) and all(name(letter, "").startswith(("CYRILLIC", "GREEK")) for letter in letters)


def _strongest(hits: list[_Hit]) -> Iterator[_Hit]:
    """Of hits that overlap, the gravest, then the longest."""
    hits.sort(key=lambda hit: (hit.start, -hit.end, -hit.word.severity.rank))
    best = hits[0]
    for hit in hits[1:]:
        if hit.start >= best.end:
            yield best
            best = hit
        elif hit.weight > best.weight:
            best = hit
    yield best


def _signal(field: str, text: str, hit: _Hit) -> Signal:
    word, matched = hit.word, text[hit.start : hit.end]
    return Signal(Detector.LEXICON, word.category, word.severity, field, hit.start, hit.end, matched)
