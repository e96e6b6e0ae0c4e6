"""The text as the lexicon reads it: words between spaces, with digits and signs that touch letters left to be seen."""

import unicodedata
from typing import Final

from services.moderation.engine.normalise import DROPPED, EXPANDED, FOREIGN, HIGH_SIGNS, fold, fold_letters
from services.moderation.engine.passage import Passage

DIGIT: Final = b"0"
SIGN: Final = b"*"
_SIGNS: Final = b"@$*#%&|^"
_DROPPED: Final = bytes((DROPPED,))


def _table() -> bytes:
    table = bytearray(b" " * 256)
    for code in b"abcdefghijklmnopqrstuvwxyz":
        table[code] = table[code - 32] = code
    for code in b"0123456789":
        table[code] = DIGIT[0]
    for code in (*_SIGNS, *range(0x80, 0x80 + len(HIGH_SIGNS))):
        table[code] = SIGN[0]
    for kept in (DROPPED, EXPANDED, FOREIGN):
        table[kept] = kept
    return bytes(table)


_TABLE: Final = _table()


def literal_letters(entry: str) -> str:
    """What is read where `entry` stands exactly as written; empty for scripts that have no alphabet."""
    raw = entry.encode() if entry.isascii() else fold(entry).raw
    return raw.translate(_TABLE).decode("ascii").strip()


def read(passage: Passage) -> bytes:
    """Lower-case letters, "0" for every digit, "*" for @ $ * # % & | and the like, and spaces, also at both ends.

    Between spaces stands a word with the digits and signs in it, whose presence says that somebody should look closer.
    In nearly all texts read(passage)[i + 1] was read from source[i]; `Reading` tells.
    """
    text = passage.raw.translate(_TABLE)
    if not passage.is_ascii and (DROPPED in text or EXPANDED in text):
        if EXPANDED in text:
            text = _regular(passage.source, passage.raw, 0, len(text))[0].translate(_TABLE)
        else:
            text = text.replace(_DROPPED, b"")
    return b" %b " % text


class Reading:
    """What was read, `text`, and the way back to the source."""

    __slots__ = ("_origins", "is_regular", "raw", "source", "text")

    def __init__(self, passage: Passage, text: bytes) -> None:
        self.source = passage.source
        self.raw = raw = passage.raw
        self.text = text
        self.is_regular = passage.is_ascii or not (DROPPED in raw or EXPANDED in raw)
        self._origins: list[int] = []

    def regular(self, first: int, last: int) -> tuple[bytes, list[int]]:
        """A part of `raw` without what is drawn as nothing, with all letters of what stands for several, and the place
        in the source that each byte of it was read from.
        """
        return _regular(self.source, self.raw, first, last)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The place in the source of a non-empty part of `text`, with the marks that sit on its last letter."""
        if self.is_regular:
            return start - 1, end - 1
        if not self._origins:
            self._origins = [-1, *_regular(self.source, self.raw, 0, len(self.raw))[1], len(self.raw)]
        first, last = self._origins[start], self._origins[end - 1] + 1
        source = self.source
        while last < len(source) and unicodedata.category(source[last]).startswith("M"):
            last += 1
        return first, last


def _regular(source: str, raw: bytes, first: int, last: int) -> tuple[bytes, list[int]]:
    parts, origins = bytearray(), []
    for index in range(first, last):
        code = raw[index]
        if code == DROPPED:
            continue
        part = fold_letters(source[index]).encode("ascii", "replace") if code == EXPANDED else bytes((code,))
        parts += part
        origins += [index] * len(part)
    return bytes(parts), origins
