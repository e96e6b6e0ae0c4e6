"""A text with the disguises taken off its signs and digits, and the way back: what addresses and numbers are read from.

Letters keep their script here, unlike in `Passage.letters`; full-width and mathematical letters, digits of every
script, dashes, quotes and blanks become their ASCII selves, and what is drawn as nothing goes.
"""

import unicodedata
from functools import lru_cache
from typing import Final

from services.moderation.engine.passage import Passage

_SIGNS: Final = {
    **dict.fromkeys("‐‑‒–—―−⁃﹣", "-"),
    **dict.fromkeys("‘’‚‛′＇", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("。｡․·•∙", "."),
    **dict.fromkeys("⁄∕⧸", "/"),
    "∶": ":",
}
_INVISIBLE: Final = frozenset(("Mn", "Me", "Cf"))


class Plain:
    """`text` is what to look at; `place` translates a range of it into one of the source."""

    __slots__ = ("_origins", "text")

    def __init__(self, text: str, origins: list[int] | None) -> None:
        self.text = text
        self._origins = origins

    def place(self, start: int, end: int) -> tuple[int, int]:
        """For a range that is not empty."""
        if self._origins is None:
            return start, end
        return self._origins[start], self._origins[end - 1] + 1


def plain(passage: Passage) -> Plain:
    return Plain(passage.source, None) if passage.is_ascii else _read(passage.source)


@lru_cache(maxsize=4)  # the detectors ask one after the other for the same text
def _read(source: str) -> Plain:
    chars: list[str] = []
    origins: list[int] = []
    for index, char in enumerate(source):
        if (sign := char if char.isascii() else _sign(char)) is not None:
            chars.append(sign)
            origins.append(index)
    return Plain("".join(chars), origins)


@lru_cache(maxsize=4096)
def _sign(char: str) -> str | None:
    """One character for one, None for one that is not seen."""
    if (sign := _SIGNS.get(char)) is not None:
        return sign
    category = unicodedata.category(char)
    if category in _INVISIBLE:
        return None
    if category == "Zs":
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(char))
    compatible = unicodedata.normalize("NFKC", char)
    return compatible if len(compatible) == 1 else char
