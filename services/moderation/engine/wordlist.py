"""The words we look for: better_profanity's list, read through our own classification of it (words.txt)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from services.moderation.engine.normalise import Normaliser
from services.moderation.engine.signal import Category, Severity

_SECTION: Final = re.compile(r"\[(?:(\w+) (\w+)|ignored)\]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word or phrase as plain letters. An open end also matches inside a longer word."""

    letters: str
    category: Category
    severity: Severity
    open_start: bool = False
    open_end: bool = False

    @property
    def pattern(self) -> str:
        """What to search for in a view, where every word stands between spaces."""
        return f"{'' if self.open_start else ' '}{self.letters}{'' if self.open_end else ' '}"


@dataclass(frozen=True, slots=True)
class WordList:
    words: tuple[Word, ...]
    ignored: frozenset[str]


def load_word_list(normaliser: Normaliser) -> WordList:
    """Read both lists. Raises ValueError on a line of words.txt that has no section or an unknown one."""
    words: dict[str, Word] = {}
    ignored: set[str] = set()
    for grade, entry in _classified(files(__package__).joinpath("words.txt").read_text("utf-8")):
        letters = _letters(normaliser, entry)
        if grade is None:
            ignored.add(letters)
        else:
            word = Word(letters, *grade, open_start=entry.startswith("*"), open_end=entry.endswith("*"))
            words.setdefault(word.pattern, word)
    known = {word.letters for word in words.values()} | ignored
    listed = files("better_profanity").joinpath("profanity_wordlist.txt").read_text("utf-8").split("\n")
    for entry in filter(str.strip, listed):
        letters = _letters(normaliser, entry)
        spelt_apart = letters.count(" ") * 2 + 1 == len(letters)  # "f.u.c.k": the lexicon does that for every word
        if letters not in known and not (spelt_apart and letters.replace(" ", "") in known):
            word = Word(letters, Category.PROFANITY, Severity.MILD)
            words.setdefault(word.pattern, word)
    written_out = {word.letters for word in words.values()}
    return WordList(tuple(words.values()), frozenset(ignored - written_out))


def _classified(source: str) -> Iterator[tuple[tuple[Category, Severity] | None, str]]:
    grade: tuple[Category, Severity] | None = None
    opened = False
    for number, line in enumerate(source.splitlines(), 1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        if section := _SECTION.fullmatch(entry):
            opened = True
            grade = (Category(section[1]), Severity(section[2])) if section[1] else None
        elif opened:
            yield grade, entry
        else:
            raise ValueError(f"words.txt, line {number}: {entry!r} stands in no section")


def _letters(normaliser: Normaliser, entry: str) -> str:
    """The entry as a leetspeak view reads it; the list spells several of its words with digits and signs."""
    return normaliser.read_leet(entry.strip("*")).text.strip()
