"""Phrases: their words may stand apart by any white space, a hyphen or an apostrophe, but not by the end of a sentence.

A phrase is found by its rarest word; only then is the text before and after that word compared with the rest.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, product
from math import prod
from typing import Final

from services.moderation.engine.expansion import ANY_WORD, ANY_WORD_OR_NONE
from services.moderation.engine.rarity import weight
from services.moderation.engine.wordlist import Word

_GAP: Final = re.compile(rb"[ \t\r\f\v\x01]*\n?[ \t\r\f\v\x01]*|\s*[-_'`~*\x01]+\s*|[./]")
_LOOSE_GAP: Final = re.compile(rb"[^\n.!?A-Za-z0-9]{1,4}|[\s'-]{1,3}|[./]")
_WIDEST_GAP: Final = 6
_BETWEEN: Final = f" {{1,{_WIDEST_GAP}}}"
_LETTER_BEFORE: Final = re.compile(rb"(?<= )([a-z])( {1,3})\Z")
_LETTER_AFTER: Final = re.compile(rb"( {1,3})([a-z])(?= )")
_SPACES: Final = re.compile(b" +")
# One word, with what an apostrophe parts from it.
_ANY: Final = "[^ ]{1,30}(?: (?:s|t|d|m|ll|re|ve)(?= ))?"
_LONGEST_WORD: Final = 40
_SPACE: Final = 0x20
_MOST_RUNS: Final = 80
_CHEAP: Final = 5  # good enough not to think about runs
_LONGEST_RUN: Final = 4
_RARER: Final = 300  # what weighs 1 is met this many times less often than a word is


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a phrase is looked for by: the rarest words of one part, or, where they are common, runs of words: from
    the last of that part on.
    """

    part: int
    words: tuple[str, ...]
    is_run: bool = False

    def patterns(self, word: Word) -> Iterator[str]:
        """What to search for: in a run, the words may stand further apart."""
        head = "" if word.open_start and self.part == 0 else " "
        tail = "" if word.open_end and self.part == len(word.parts) - 1 and not self.is_run else " "
        for said in self.words:
            for gap in (" ", "  ", "   ") if self.is_run else (" ",):
                yield f"{head}{said.replace(' ', gap)}{tail}"


@cache
def trigger(word: Word) -> Trigger:
    candidates = [
        (sum(map(weight, words)), Trigger(number, words))
        for number, part in enumerate(word.parts)
        if not _is_optional(part) and ANY_WORD not in part and (words := _distinct(map(_rarest, part)))
    ]
    if any(cost < _CHEAP for cost, _ in candidates):
        return min(candidates, key=lambda candidate: candidate[0])[1]
    for number in range(len(word.parts)):
        for last in range(number + 1, min(number + _LONGEST_RUN, len(word.parts))):
            run = word.parts[number : last + 1]
            if (word.open_start and number == 0) or (word.open_end and last == len(word.parts) - 1):
                break
            if not {"", ANY_WORD, ANY_WORD_OR_NONE}.isdisjoint(chain(*run)) or prod(map(len, run)) > _MOST_RUNS:
                break
            ends = [_words_of(said)[-1] for said in run[0]], [_words_of(said)[0] for said in run[-1]]
            runs = _distinct(map(" ".join, product(_distinct(ends[0]), *run[1:-1], _distinct(ends[1]))))
            cost = sum(0.05 + prod(weight(each) / _RARER for each in said.split(" ")) * _RARER for said in runs)
            candidates.append((cost, Trigger(number, runs, is_run=True)))
    return min(candidates, key=lambda candidate: candidate[0])[1]


def is_gap(between: bytes, *, loose: bool = False) -> bool:
    """Whether what stands between two words leaves them in one phrase. A loose gap may hold a comma or the like."""
    return len(between) <= _WIDEST_GAP and (_LOOSE_GAP if loose else _GAP).fullmatch(between) is not None


def gaps(text: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """What stands between the words of a part of a reading."""
    return (space.span() for space in _SPACES.finditer(text, first, last))


def beside(text: bytes, first: int, last: int) -> Iterator[tuple[bytes, int, int]]:
    """The single letters beside a phrase of single letters, and the gaps before and after it; none beside others."""
    if any(len(said) > 1 for said in text[first:last].split()):
        return
    if before := _LETTER_BEFORE.search(text, max(0, first - _WIDEST_GAP), first):
        yield before[1], *before.span(2)
    if after := _LETTER_AFTER.match(text, last):
        yield after[2], *after.span(1)


def place(word: Word, text: bytes, start: int, end: int) -> tuple[int, int] | None:
    """The place of the phrase in a reading around the pattern of its trigger, which stands from `start` to `end`."""
    phrase = _compiled(word)
    at = start + 1 if text[start] == _SPACE else text.rfind(b" ", max(0, start - _LONGEST_WORD), start) + 1
    end -= text[end - 1] == _SPACE
    for count in range(phrase.most_before + 1):
        if count >= phrase.least_before and (match := phrase.expression.match(text, at)) and match.end() >= end:
            return match.span()
        at = _word_before(text, at)
        if at < 0:
            break
    return None


@dataclass(frozen=True, slots=True)
class _Phrase:
    """The expression matches from its first letter; how many words may stand before the rarest one."""

    expression: re.Pattern[bytes]
    least_before: int
    most_before: int


@cache
def _compiled(word: Word) -> _Phrase:
    by = trigger(word)
    number = by.part
    if by.is_run:
        inside = [said.count(" ") for said in word.parts[number]]
    else:
        inside = [_words_of(said).index(_rarest(said)) for said in word.parts[number]]
    least, most = min(inside), max(inside)
    for part in word.parts[:number]:
        counts = [0 if not said else 2 * (said in (ANY_WORD, ANY_WORD_OR_NONE)) or said.count(" ") + 1 for said in part]
        least += 0 if _is_optional(part) else min(1 if said == ANY_WORD else said.count(" ") + 1 for said in part)
        most += max(counts)
    return _Phrase(re.compile(_expression(word).encode()), least, most)


def _expression(word: Word) -> str:
    """Every word but the last with the spaces after it, so that what is optional takes its spaces with it."""
    last = max(number for number, part in enumerate(word.parts) if not _is_optional(part))
    built = "[^ ]*" if word.open_start else ""
    for number, part in enumerate(word.parts):
        said = "|".join(_words(words) for words in sorted(filter(None, part), key=len, reverse=True))
        ending = "[^ ]*" if word.open_end and number == len(word.parts) - 1 else ""
        if number > last:
            built += f"(?:{_BETWEEN}(?:{said}){ending}(?= ))?"
        elif _is_optional(part):
            built += f"(?:(?:{said}){_BETWEEN})?"
        else:
            built += f"(?:{said}){ending}" + (_BETWEEN if number < last else "(?= )")
    return built


def _words(words: str) -> str:
    """One alternative; a gap stands for one word."""
    gap = words in (ANY_WORD, ANY_WORD_OR_NONE)
    return _ANY if gap else _BETWEEN.join(_ANY if part == ANY_WORD else re.escape(part) for part in words.split(" "))


def _is_optional(part: tuple[str, ...]) -> bool:
    return "" in part or ANY_WORD_OR_NONE in part


@cache
def _rarest(said: str) -> str:
    return min(_words_of(said), key=lambda word: (word == ANY_WORD, weight(word), -len(word)))


def _words_of(said: str) -> list[str]:
    return said.split(" ")


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _word_before(text: bytes, at: int) -> int:
    """Where the word before the one at `at` begins; -1 if there is none near."""
    end = at - 1
    while end > 0 and text[end - 1] == _SPACE:
        end -= 1
        if at - end > _WIDEST_GAP:
            return -1
    return text.rfind(b" ", max(0, end - _LONGEST_WORD), end) + 1 if end else -1
