"""A review's text in a few numbers, by which copies are found: MinHash over its shingles of four words.

Sketches are kept in the database, so what makes them must not change by the way: the normalisation is this module's
own, and words are hashed by CRC-32, which every zlib computes alike. Texts that are sketched by changed code are no
copies of anything older. Shingles that share a hash, by accident or on purpose, move an estimate by one part in `KEPT`.
"""

from __future__ import annotations

import struct
import sys
import unicodedata
from array import array
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple
from zlib import crc32

from services.moderation.engine.confusables import CONFUSABLES

KEPT: Final = 64
"""Smallest hashes in a sketch: likeness is exact up to so many shingles; beyond, its standard error is below 0.07."""
PROBES: Final = 5
"""Numbers under which a sketch is kept: one for all of it, and the smallest of its hashes."""
SOUGHT: Final = 6
"""Numbers under which the originals of a text are looked for: those, and the next smallest. To write one takes longer
than to look for it; and a copy with more words than the original has smaller hashes of its own before the common ones.
"""
SHORT: Final = 8
"""Texts of fewer distinct words are common property ("Love it, fits perfectly"): see `probes`."""
TINY: Final = 3
"""With fewer words than that ("Love it"), the same words of the same author are no copy either."""

# A copy shares a good part of both texts and most of the shorter one, and more than a turn of phrase. Among 22,641
# reviews of clothes these find 32 that copy an earlier one: 7 are equal to it, all have whole sentences of it.
PART_OF_BOTH: Final = 0.25
PART_OF_SHORTER: Final = 0.4
FEWEST_SHARED: Final = 6

_APOSTROPHES: Final = frozenset("'’ʼ‘`´")
_BMP: Final = 0x10000
_ASCII: Final = bytes(
    ord(chr(code).lower()) if chr(code).isascii() and chr(code).isalnum() else ord(" ") for code in range(256)
)
# Thai and Lao, Burmese, Khmer, kana, Han: written without spaces between words.
_UNSPACED: Final = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3040, 0x30FF),
    (0x3400, 0x9FFF),
    (0x20000, 0x3FFFF),
)


# Each word's hash has eight bytes of one long number to itself, so that four words become a shingle's hash in a few
# multiplications for all shingles at once: no lane overflows with these factors. Of each lane the lowest 30 bits are
# kept, a number that Python sorts and compares in half the time that one of 32 takes.
_LANE: Final = 8
_SECOND: Final = 0xB529
_THIRD: Final = 0x68E3
_HASH: Final = (0x3FFF_FFFF).to_bytes(_LANE, "little")
_MOST_AT_ONCE: Final = 1024
_HASHES: Final = int.from_bytes(_HASH * _MOST_AT_ONCE, "little")


class Sketch(NamedTuple):
    """`size` counts distinct shingles; `values` are the `KEPT` smallest of their hashes, ascending, in four bytes each.
    `smallest` are the first few of them.

    A short text has size 0, no values, and its words instead, or b"" when it is tiny.
    """

    size: int
    values: bytes
    smallest: tuple[int, ...] = ()
    words: bytes = b""


class Likeness(NamedTuple):
    """Of two texts, by the shingles that stand in both, each from 0 to 1."""

    jaccard: float
    """Their share of all shingles of either text."""
    contained: float
    """Their share of the shorter text's shingles."""
    shared: int
    """Their number among those that were compared."""

    @property
    def is_copy(self) -> bool:
        if self.jaccard == 1.0:
            return True
        return self.jaccard >= PART_OF_BOTH and self.contained >= PART_OF_SHORTER and self.shared >= FEWEST_SHARED

    @property
    def similarity(self) -> float:
        """The part of both texts that is common, 1 for equal ones: the Dice coefficient, in thousandths."""
        return round(2 * self.jaccard / (1 + self.jaccard), 3)


NONE: Final = Likeness(0.0, 0.0, 0)
IDENTICAL: Final = Likeness(1.0, 1.0, KEPT)


class _Folds(dict[int, str]):
    """A `str.translate` table to lower-case letters and digits without accents; all else a space, or nothing.

    Filled on first sight, for the Basic Multilingual Plane only, which bounds it.
    """

    def __missing__(self, code: int) -> str:
        folded = _folded(chr(code))
        if code < _BMP:
            self[code] = folded
        return folded


def _folded(char: str) -> str:
    if char in _APOSTROPHES:
        return ""
    letters = "".join(map(_letter, unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())))
    # Where words are not set apart, every character counts as one.
    return f" {letters} " if any(first <= ord(char) <= last for first, last in _UNSPACED) else letters


def _letter(char: str) -> str:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return ""
    letter = CONFUSABLES.get(char, char)
    return letter if letter.isalnum() or unicodedata.category(char) == "Mc" else " "


_FOLDS: Final = _Folds()


def words(text: str) -> list[bytes]:
    """Lower-case, without accents, punctuation and apostrophes, in UTF-8."""
    if text.isascii():
        return text.encode("ascii").translate(_ASCII, b"'`").split()
    return text.translate(_FOLDS).encode("utf-8", "replace").split()


def sketch(text: str) -> Sketch:
    """Takes any string; linear in it but for the sorting of its hashes."""
    found = words(text)
    # Nearly always the first few words tell.
    if len(set(found[: 2 * SHORT])) < SHORT and len(set(found)) < SHORT:
        return Sketch(0, b"", (), b" ".join(found) if len(found) >= TINY else b"")
    hashes = _shingles(found)
    hashes.sort()
    size = len(set(hashes))
    if size < len(hashes):
        hashes = sorted(set(hashes))
    kept = hashes[:KEPT]
    return Sketch(size, struct.pack(f"<{len(kept)}I", *kept), tuple(kept[: SOUGHT - 1]))


def _shingles(found: list[bytes]) -> list[int]:
    """A hash of every four words in a row."""
    count = len(found)
    lanes = int.from_bytes(struct.pack(f"<{count}Q", *map(crc32, found)), "little")
    pairs = lanes + (lanes >> 8 * _LANE) * _SECOND
    fours = pairs + (pairs >> 16 * _LANE) * _THIRD
    fours &= _HASHES if count <= _MOST_AT_ONCE else int.from_bytes(_HASH * count, "little")
    hashes = array("Q", fours.to_bytes(count * _LANE, "little"))
    if sys.byteorder == "big":
        hashes.byteswap()
    return hashes[: count - 3].tolist()


def _hashes(values: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(values) // 4}I", values)


def likeness(one: Sketch, other: Sketch) -> Likeness:
    """Of texts that are not short; those have none with anything."""
    if not one.values or not other.values:
        return NONE
    if one.values == other.values:
        return Likeness(1.0, 1.0, len(one.values) // 4)
    ours, theirs = set(_hashes(one.values)), set(_hashes(other.values))
    common = ours & theirs
    if len(common) < FEWEST_SHARED:
        return NONE  # most candidates that an index gives end here
    if one.size > KEPT or other.size > KEPT:
        # The smallest hashes of both together are a fair sample of all that stands in either.
        sample = sorted(ours | theirs)[:KEPT]
        shared = len(common.intersection(sample))
        jaccard = shared / len(sample)
    else:
        shared = len(common)
        jaccard = shared / (one.size + other.size - shared)
    both = jaccard / (1 + jaccard) * (one.size + other.size)
    return Likeness(jaccard, min(1.0, both / min(one.size, other.size)), shared)


def probes(site: str, author_id: str | None, made: Sketch) -> tuple[int, ...]:
    """Numbers under which a sketch is looked for, and under the first `PROBES` of which it is kept; texts of different
    sites have none in common.

    The first is that of texts that are the same. Other copies have at least one of the rest in common, nearly always.
    A short text has only the first, which is also its author's: what many say in the same few words is no copy, what
    one author says again may be.
    """
    if made.values:
        whole, part = _high(site)
        return (whole | crc32(made.values), *[part | value for value in made.smallest])
    if made.words and author_id is not None:
        return (number(site, f"{author_id}\n{made.words.decode()}"),)
    return ()


def number(site: str, name: str) -> int:
    """A stable signed 64-bit number for a name within a site."""
    whole = f"{len(site)}:{site}{name}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(whole, digest_size=8).digest(), "big", signed=True)


@lru_cache(maxsize=1024)
def _high(site: str) -> tuple[int, int]:
    """The upper halves of the probes of its longer texts: of the first, and of the rest."""
    return number(site, "whole") & ~0xFFFF_FFFF, number(site, "") & ~0xFFFF_FFFF


def pack(made: Sketch, found_by: tuple[int, ...]) -> bytes:
    """Four bytes for each of its values; of a short text, eight for its only probe."""
    return made.values or struct.pack(f">{len(found_by)}q", *found_by)


def unpack(size: int, packed: bytes) -> Sketch:
    """Of a short text, nothing but that it is one."""
    if not size:
        return Sketch(0, b"")
    return Sketch(size, packed, _hashes(packed[: 4 * (SOUGHT - 1)]))


def unpack_probes(site: str, size: int, packed: bytes) -> tuple[int, ...]:
    if size:
        return probes(site, None, unpack(size, packed))
    return struct.unpack(f">{len(packed) // 8}q", packed)
