"""Words written letter by letter: f u c k, f.u.c.k, s-h-1-t."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from services.moderation.engine.signs import LEET

_RUN: Final = re.compile(
    rb"(?<![A-Za-z0-9])[A-Za-z0-9$@](?![A-Za-z0-9])(?:[^A-Za-z0-9\n]{1,6}[A-Za-z0-9](?![A-Za-z0-9]))*"
)
_SIGN: Final = re.compile(rb"([^A-Za-z0-9])([@$!*#%&|])\1")
_LETTER: Final = re.compile(rb"[A-Za-z0-9$@]")
_MASKS: Final = "*#%&"
_LONGEST: Final = 240  # read at once; what goes on after it is read next
FEWEST: Final = 3


@dataclass(frozen=True, slots=True)
class Spelling:
    """One reading of letters set apart; `places[i]` is where letter i stands in raw text, -1 for a space."""

    letters: str
    places: tuple[int, ...]


def zone(raw: bytes, at: int, done: int) -> tuple[int, int]:
    """From the first to past the last of the single letters in a row among which `at` is, not before `done`."""
    start = at
    while True:
        # Backwards: a letter with no letter beside it, a few signs before this one.
        before = start - 1
        while before >= done and start - before <= 6 and not _is_alnum(raw[before]) and raw[before] != 0x0A:
            before -= 1
        if before < done or before == start - 1 or not _is_alnum(raw[before]):
            break
        if before > 0 and _is_alnum(raw[before - 1]):
            break
        start = before
    run = _RUN.match(raw, start, start + _LONGEST)
    return (start, run.end()) if run else (at, at + 1)


def spellings(raw: bytes, start: int, end: int) -> Iterator[Spelling]:
    """What the letters of a zone may spell: all as one word, or parted where they stand wider apart."""
    pieces = _pieces(raw, start, end)
    if len(pieces) < FEWEST:
        return
    gaps = [after - at for (at, _), (after, _) in pairwise(pieces)]
    for width in {min(gaps), max(gaps)}:
        letters = ""
        places: list[int] = []
        for index, (at, letter) in enumerate(pieces):
            if index and gaps[index - 1] > width:
                letters, places = letters + " ", [*places, -1]
            letters, places = letters + letter, [*places, at]
        for reading in _readings(letters):
            yield Spelling(reading, tuple(places))
            # "a" and "I" are words of one letter: I f u c k.
            if reading[0] in "ai" and len(reading) > FEWEST:
                yield Spelling(reading[1:], tuple(places[1:]))


def is_short(spelling: str, raw: bytes, start: int, end: int) -> bool:
    """Whether three letters are a word and not initials: written small, and nothing else set apart beside them."""
    return len(spelling) == FEWEST and raw[start:end].islower() and b"." not in raw[start:end]


def _pieces(raw: bytes, start: int, end: int) -> list[tuple[int, str]]:
    pieces: list[tuple[int, str]] = []
    last = start
    for found in _LETTER.finditer(raw, start, end):
        sign = _SIGN.fullmatch(raw, last + 1, found.start()) if pieces else None
        if sign:
            pieces.append((sign.start(2), sign[2].decode()))
        pieces.append((found.start(), found[0].decode().lower()))
        last = found.start()
    return pieces


def _readings(letters: str) -> Iterator[str]:
    first = "".join("*" if char in _MASKS else LEET.get(char, char)[0] for char in letters)
    yield first
    second = "".join(LEET[char][-1] if char in "1!|" else shown for char, shown in zip(letters, first, strict=True))
    if second != first:
        yield second


def _is_alnum(code: int) -> bool:
    return chr(code).isascii() and chr(code).isalnum()
