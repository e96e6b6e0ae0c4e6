"""Reading disguised text: fold every character to the plain letter it stands for, and keep the way back.

A view is the text as space-separated words of folded letters, with a space at both ends, so that a dictionary can hold
" word " and never look at boundaries again. Views are made by C-level string operations alone; the positions in the
original are computed only when something was found, which in honest text is rare. Everything is linear in the text.
"""

import unicodedata
from typing import Final

from services.moderation.engine.confusables import CONFUSABLES

# Digits and signs that stand for letters inside words. "1", "!" and "|" also stand for l: see `Lexicon`.
LEET: Final = {
    "@": "a",
    "4": "a",
    "8": "b",
    "¢": "c",
    "3": "e",
    "€": "e",
    "6": "g",
    "9": "g",
    "1": "i",
    "!": "i",
    "|": "i",
    "¡": "i",
    "0": "o",
    "$": "s",
    "5": "s",
    "§": "s",
    "7": "t",
    "+": "t",
}
MASKS: Final = frozenset("*#%&@")
"""Signs that people write over the letters of a word; they match any letter."""

_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # drawn as nothing, although they count as letters
_BMP: Final = 0x10000


class FoldTable(dict[int, str]):
    """A `str.translate` table from any code point to folded letters, a space (a break between words) or nothing.

    `signs` gives the readings of characters that are no letters. Entries are computed on first sight and kept for the
    Basic Multilingual Plane only, which bounds the table at 65,536 entries whatever is thrown at it. Computing an
    entry twice gives the same value, so threads may share a table.
    """

    def __init__(self, signs: dict[str, str]) -> None:
        super().__init__()
        self._signs = signs
        for code in range(0x250):
            self[code] = self._fold(chr(code))

    def __missing__(self, code: int) -> str:
        folded = self._fold(chr(code))
        if code < _BMP:
            self[code] = folded
        return folded

    def _fold(self, char: str) -> str:
        if (sign := self._signs.get(char)) is not None:
            return sign
        if char in _FILLERS or unicodedata.category(char) in ("Mn", "Me", "Cf"):
            return ""
        decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
        return "".join(map(self._fold_part, decomposed)) or " "

    def _fold_part(self, char: str) -> str:
        if (sign := self._signs.get(char)) is not None:
            return sign
        category = unicodedata.category(char)
        if category in ("Mn", "Me", "Cf"):
            return ""
        letter = CONFUSABLES.get(char, char)
        return letter if letter.isalpha() or category == "Mc" else " "


class View:
    """One reading of a text: its folded `words`, and `text`, which puts one space between and around them."""

    __slots__ = ("_origins", "_table", "source", "text", "words")

    def __init__(self, source: str, table: FoldTable) -> None:
        self.source = source
        self.words = source.translate(table).split()
        self.text = f" {' '.join(self.words)} "
        self._table = table
        self._origins: list[int] | None = None

    def origin(self, index: int) -> int:
        """The code point of the source that the character `index` of the view was read from."""
        if self._origins is None:
            self._origins = self._trace()
        return self._origins[index]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the source of a non-empty range of letters of the view, with the marks that sit on its end."""
        first, last = self.origin(start), self.origin(end - 1) + 1
        source, table = self.source, self._table
        while last < len(source) and table[ord(source[last])] == "":
            last += 1
        return first, last

    def _trace(self) -> list[int]:
        origins = [0]
        table, broken = self._table, False
        for index, char in enumerate(self.source):
            for letter in table[ord(char)]:
                if letter == " ":
                    broken = True
                    continue
                if broken and len(origins) > 1:
                    origins.append(index)
                broken = False
                origins.append(index)
        origins.append(len(self.source))
        return origins


class Normaliser:
    """The readings of a text: plain letters, leetspeak, and masked words."""

    def __init__(self) -> None:
        self.plain = FoldTable({})
        self.leet = FoldTable(LEET)
        digits = {sign: letter for sign, letter in LEET.items() if sign.isdecimal()}
        self.mask = FoldTable(digits | dict.fromkeys(MASKS, "*"))

    def read(self, text: str) -> View:
        return View(text, self.plain)

    def read_leet(self, text: str) -> View:
        return View(text, self.leet)

    def read_masked(self, text: str) -> View:
        return View(text, self.mask)
