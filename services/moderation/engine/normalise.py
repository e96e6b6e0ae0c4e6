"""Folding: every character to the plain letter that it stands for, at the speed of C string operations.

Full-width, mathematical, circled and accented letters, look-alikes of other alphabets and what stands upon letters or
between them without being seen: all of it disguises words. Places in the original are computed only when something was
found, which in honest text is rare. Everything is linear in the text.
"""

import codecs
import re
import unicodedata
from typing import Final

from services.moderation.engine.confusables import CONFUSABLES

_FILLERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # drawn as nothing, although they count as letters
_UNDRAWN: Final = ("Mn", "Me", "Cf")
_BMP: Final = 0x10000


class _FoldTable(dict[int, str]):
    """A `str.translate` table from any code point to folded letters, a space (a break between words) or nothing.

    Entries are computed on first sight and kept for the Basic Multilingual Plane only, which bounds the table at 65,536
    entries whatever is thrown at it. Computing an entry twice gives the same value, so threads may share a table.
    """

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code))
        if code < _BMP:
            self[code] = folded
        return folded


def _fold(char: str) -> str:
    if char in _FILLERS or unicodedata.category(char) in _UNDRAWN:
        return ""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())
    return "".join(map(_fold_part, decomposed)) or " "


def _fold_part(char: str) -> str:
    category = unicodedata.category(char)
    if category in _UNDRAWN:
        return ""
    letter = CONFUSABLES.get(char, char)
    return letter if letter.isalpha() or category == "Mc" else " "


LETTERS: Final = bytes(
    ord(chr(code).lower()) if chr(code).isascii() and chr(code).isalpha() else ord(" ") for code in range(256)
)
"""For `bytes.translate` of ASCII text: lower-case letters, everything else a space."""


DROPPED: Final = 0x01
"""In `Folding.raw`, for a character that is drawn as nothing or as a mark upon another."""
EXPANDED: Final = 0x02
"""In `Folding.raw`, for a character that stands for several letters."""
FOREIGN: Final = 0x03
"""In `Folding.raw`, for a letter of an alphabet that no Latin letter looks like."""

UNCASED: Final = 0x04
"""In `Folding.raw`, for a letter of a script without capitals. Such scripts mostly write no spaces either: next to them
a Latin word stands alone.
"""

HIGH_SIGNS: Final = "€¢§¡£¥×©†"
"""Signs beyond ASCII that may stand for letters: in `Folding.raw` the bytes from 128 on, in this order."""

_SIGNS_DRAWN_LIKE: Final = {
    "'": "‘’‚‛′´ʼʹˈ",
    '"': "“”„‟″«»",
    "-": "‐‑‒–—―−",
    ".": "•·․…●∙",
    "*": "∗✱⁎✶★☆",
    "|": "¦ǀ",
    "!": "❗❕ǃ",
    "\n": "\u2028\u2029",
}
_SIGNS: Final = {char: sign for sign, chars in _SIGNS_DRAWN_LIKE.items() for char in chars}
_FOLDS: Final = _FoldTable()


def fold_letters(text: str) -> str:
    """Lower-case letters, as plain as they come; everything else a space, or nothing if it is drawn as nothing."""
    return text.translate(_FOLDS)


def unaccented(text: str) -> str:
    """`text` without the marks on its letters, otherwise as it was."""
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(char for char in decomposed if unicodedata.category(char) != "Mn"))


class _ByteTable(dict[int, int]):
    """The byte that stands for a character that is not ASCII; kept for the Basic Multilingual Plane, as above."""

    def __missing__(self, code: int) -> int:
        byte = _byte(chr(code))
        if code < _BMP:
            self[code] = byte
        return byte


def _byte(char: str) -> int:
    if char in HIGH_SIGNS:
        return 0x80 + HIGH_SIGNS.index(char)
    if char in _SIGNS:
        return ord(_SIGNS[char])
    folded = fold_letters(char)
    if folded == "":
        return DROPPED
    if len(folded) > 1:
        return EXPANDED
    if folded == " ":
        compatible = unicodedata.normalize("NFKC", char)
        return ord(compatible) if len(compatible) == 1 and compatible.isascii() else ord(" ")
    if folded.isascii():
        return ord(folded)
    return FOREIGN if folded != folded.upper() else UNCASED


_BYTES: Final = _ByteTable()
_JOINED_SIGNS: Final = re.compile(rb" [\x01 ]*\x01")
_IRREGULAR: Final = re.compile(rb"[\x01-\x04]")


def _encode_foreign(error: UnicodeError) -> tuple[bytes, int]:
    """For `str.encode`: called once for every run of characters that are not Western, so most texts stay fast."""
    assert isinstance(error, UnicodeEncodeError)
    encoded = bytes(map(_BYTES.__getitem__, map(ord, error.object[error.start : error.end])))
    if DROPPED in encoded:  # what modifies or joins emoji belongs to them
        encoded = _JOINED_SIGNS.sub(lambda joined: b" " * len(joined[0]), encoded)
    return encoded, error.end


codecs.register_error("plaudit.fold", _encode_foreign)

# Accents, curly quotes, dashes and the euro sign are what most texts that are not ASCII have of it.
_WESTERN: Final = "cp1252"
_WESTERN_BYTES: Final = bytes(
    code if code < 0x80 else _byte(bytes([code]).decode(_WESTERN, "replace")) for code in range(256)
)


class Folding:
    """A text that is not ASCII, folded.

    `raw` has one byte per character of the source: itself where it is ASCII, else the plain letter or sign that it is
    drawn like, a byte above 127 for a sign that may stand for a letter, or one of the bytes named above. `letters` is
    as in a Passage, UTF-8 where no Latin letter will do.
    """

    __slots__ = ("letters", "raw")

    def __init__(self, source: str) -> None:
        self.raw = source.encode(_WESTERN, "plaudit.fold").translate(_WESTERN_BYTES)
        if _IRREGULAR.search(self.raw):
            self.letters = f" {fold_letters(source)} ".encode("utf-8", "replace")
        else:
            self.letters = b" %b " % self.raw.translate(LETTERS)


def fold(source: str) -> Folding:
    return Folding(source)
