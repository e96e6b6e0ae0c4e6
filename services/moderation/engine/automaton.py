"""One Aho-Corasick automaton for all that is looked for in a reading, and what each pattern of it means."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, auto
from itertools import chain
from string import ascii_lowercase
from typing import Final

from ahocorasick_rs import BytesAhoCorasick, Implementation

from services.moderation.engine.disguises import (
    LEET_DIGITS,
    broken,
    disguised_words,
    glued_on,
    is_foul,
    is_ordinary,
    is_stem,
    misread,
    respellings,
    spaced_starts,
    with_holes,
)
from services.moderation.engine.phrases import trigger
from services.moderation.engine.reading import literal_letters
from services.moderation.engine.wordlist import ENGLISH, Word

_SHORTEST_SPACED: Final = 4  # shorter words, letter by letter, are initials and sizes
_UNUSUAL_PAIRS: Final = "ahijkquvwy"


class Clue(IntEnum):
    """What it means that a pattern was found: a word, or the reason to look closer at the place."""

    WORD = auto()
    PHRASE = auto()  # the rarest word of one
    LITERAL = auto()
    BROKEN = auto()  # a word in pieces
    HOLES = auto()  # a word with signs for letters
    SIGNS = auto()  # digits or signs beside letters
    SPACED = auto()  # letters set apart
    STRETCHED = auto()  # a letter too often


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    clue: Clue
    word: Word | None = None


_SIGNS: Final = Target(Clue.SIGNS)
_SPACED: Final = Target(Clue.SPACED)
_STRETCHED: Final = Target(Clue.STRETCHED)


class Automaton:
    """Finds patterns in readings; positions are those of the reading. `targets` are what each pattern means."""

    def __init__(self, targets: Mapping[str, Sequence[Target]]) -> None:
        self.targets = tuple(targets.values())
        patterns = [pattern.encode() for pattern in targets]
        self._find = BytesAhoCorasick(patterns, implementation=Implementation.DFA).find_matches_as_indexes

    def find(self, text: bytes) -> list[tuple[int, int, int]]:
        """Pattern, start and end of all that stands in `text`, also where it overlaps."""
        return self._find(text, overlapping=True)


def build(
    words: Iterable[Word], ignored: frozenset[str], harmless: Iterable[Word] = (), *, disguised: bool = True
) -> Automaton:
    """`harmless` words are looked for only where they are disguised; without `disguised` nothing is."""
    words = tuple(words)
    targets: dict[str, list[Target]] = {}
    searched = [_patterns(words)]
    if disguised:
        searched += [_disguises(words, ignored), _misread(words, tuple(harmless))]
    for pattern, target in chain(*searched):
        if (known := targets.get(pattern)) is None:
            targets[pattern] = [target]
        elif target not in known:
            known.append(target)
    return Automaton(targets)


def _patterns(words: tuple[Word, ...]) -> Iterator[tuple[str, Target]]:
    for word in words:
        if word.literal is not None:
            if not literal_letters(word.literal):
                continue  # of a script without an alphabet: see `Matcher`
            yield f" {literal_letters(word.literal)} ", Target(Clue.LITERAL, word)
        elif word.is_phrase:
            phrase = Target(Clue.PHRASE, word)
            for pattern in trigger(word).patterns(word):
                yield pattern, phrase
        else:
            yield _pattern(word, word.letters), Target(Clue.WORD, word)


def _disguises(words: tuple[Word, ...], ignored: frozenset[str]) -> Iterator[tuple[str, Target]]:
    spelt = {word.letters for word in words} | ignored
    long_words = [
        word for word in words if not word.is_phrase and not word.literal and len(word.letters) >= _SHORTEST_SPACED
    ]
    for letters in {word.letters[:3] for word in long_words}:
        for start in spaced_starts(letters, foul=False):
            yield start, _SPACED
    for word in long_words:
        if word.language == ENGLISH and is_stem(word):
            target = Target(Clue.WORD, word)
            for respelt in respellings(word.letters):
                if respelt not in spelt:
                    yield _pattern(word, respelt), target
            glued = replace(word, open_start=True)
            for letters in glued_on(word):
                yield _pattern(glued, letters), Target(Clue.WORD, glued)
    for word in disguised_words(words):
        pieced, holes = Target(Clue.BROKEN, word), Target(Clue.HOLES, word)
        for start in spaced_starts(word.letters, foul=len(word.letters) >= _SHORTEST_SPACED):
            yield start, _SPACED
        for pieces in broken(word.letters) if word.language == ENGLISH and is_foul(word) else ():
            yield f" {' '.join(pieces)} ", pieced
        for holed in with_holes(word.letters):
            if is_ordinary(holed.split()):
                continue
            yield f" {holed} ", holes
    yield from _markers(long_words)


def _misread(words: tuple[Word, ...], harmless: Iterable[Word]) -> Iterator[tuple[str, Target]]:
    mild = [word for word in words if word.language == ENGLISH and word.canonical == word.letters and not is_stem(word)]
    spelt = {word.letters for word in chain(harmless, words)}
    for word in chain(mild, harmless):
        if not word.is_phrase and word.literal is None:
            target = Target(Clue.WORD, word)
            for letters in misread(word.letters):
                if letters not in spelt:
                    yield f" {letters} ", target


def _markers(words: Iterable[Word]) -> Iterator[tuple[str, Target]]:
    for letter in ascii_lowercase:
        yield f"{letter}0", _SIGNS
        yield f"{letter}*", _SIGNS
        yield f"*{letter}", _SIGNS
        yield letter * 3, _STRETCHED
    for letter in _UNUSUAL_PAIRS:
        yield letter * 2, _STRETCHED
    for letters in {word.letters[:4] for word in words}:
        yield f"0{letters}", _SIGNS
        if letters[0] in LEET_DIGITS:
            yield f"0{letters[1:]}", _SIGNS
    for letters in {word.letters[:6] for word in words if {*word.letters[:2]} <= LEET_DIGITS and len(word.letters) > 4}:
        yield f"00{letters[2:]}", _SIGNS


def _pattern(word: Word, letters: str) -> str:
    return f"{'' if word.open_start else ' '}{letters}{'' if word.open_end else ' '}"
