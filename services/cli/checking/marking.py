"""A text as lines of a terminal, with marks under what was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len

MARK: Final = "^"
NARROWEST: Final = 10


@dataclass(frozen=True, slots=True)
class Piece:
    """One character as it is shown: in several, or in two cells, or in none of its own."""

    shown: str
    width: int
    is_marked: bool
    is_blank: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        return "".join(piece.shown for piece in self.pieces)

    @property
    def marks(self) -> str:
        """As wide as the text, without blanks at its end; empty where nothing is marked."""
        return "".join((MARK if piece.is_marked else " ") * piece.width for piece in self.pieces).rstrip()


def mark_lines(text: str, spans: Iterable[tuple[int, int]], width: int) -> list[Line]:
    """Lines of at most `width` cells, broken at blanks where there are any. Spans are code points of `text`.

    What a terminal would not show, or would obey, is shown by its number.
    """
    width = max(width, NARROWEST)
    marked = bytearray(len(text))
    for start, end in spans:
        marked[start:end] = b"\1" * (end - start)
    lines = []
    begin = 0
    for paragraph in text.split("\n"):
        pieces = [_piece(char, bool(marked[begin + at])) for at, char in enumerate(paragraph)]
        lines += [Line(tuple(line)) for line in _wrapped(pieces, width)]
        begin += len(paragraph) + 1
    return lines


def _piece(char: str, is_marked: bool) -> Piece:
    if char == "\t":
        return Piece(" ", 1, is_marked, is_blank=True)
    if not char.isprintable() and not char.isspace():
        shown = f"<{ord(char):02X}>"
        return Piece(shown, len(shown), is_marked)
    if char.isspace():
        return Piece(" ", 1, is_marked, is_blank=True)
    return Piece(char, cell_len(char), is_marked)


def _wrapped(pieces: Sequence[Piece], width: int) -> Iterator[Sequence[Piece]]:
    begin = filled = 0
    after_blank: int | None = None
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        if filled + piece.width > width and at > begin:
            end = after_blank if after_blank is not None and not piece.is_blank else at
            yield pieces[begin:end]
            begin = at = end
            filled, after_blank = 0, None
            continue
        filled += piece.width
        at += 1
        if piece.is_blank:
            after_blank = at
    yield pieces[begin:]
