"""One field of a review, as all detectors look at it: what was written, its letters, and its shape.

Both readings are made by C-level string operations, and most detectors need no more than a substring search in one of
them to see that they have nothing to do. In ASCII texts, nearly all, every index means the same place in each.
"""

from functools import cached_property
from typing import Final

from services.moderation.engine.normalise import LETTERS, fold

UPPER: Final = b"A"
LOWER: Final = b"a"
DIGIT: Final = b"9"
SPACE: Final = b" "


def _shapes() -> bytes:
    """A byte per kind of character, see `Passage.shape`."""
    table = bytearray(b"-" * 256)
    table[ord("A") : ord("Z") + 1] = UPPER * 26
    table[ord("a") : ord("z") + 1] = LOWER * 26
    table[ord("0") : ord("9") + 1] = DIGIT * 10
    for blank in b" \t\n\r\v\f":
        table[blank] = SPACE[0]
    for itself in b".@:/+_'?":
        table[itself] = itself
    for mask in b"*#%&":
        table[mask] = ord("*")
    for sign in b"$!|":
        table[sign] = ord("$")
    return bytes(table)


_SHAPES: Final = _shapes()

PROSE: Final = frozenset({"title", "text", "pros", "cons"})
"""Fields in which authors write sentences. Others hold names, places, numbers of models and captions."""
NAMES: Final = frozenset({"author_name", "author_location"})


class Passage:
    """`field` says what it is of, see PROSE and NAMES; `source` is as the author wrote it.

    `shape` has one byte per character of the source: "A" and "a" for ASCII letters, "9" for digits, " " for white
    space, "*" for * # % &, "$" for $ ! |, themselves for . @ : / + _ ' ?, "?" for everything that is not ASCII, "-" for
    the rest. `letters` is the text folded to plain lower-case letters, everything else a space, with a space at both
    ends: in an ASCII text letters[i + 1] was read from source[i]. `raw` has one byte per character too, see `Folding`.
    """

    __slots__ = ("__dict__", "field", "is_ascii", "letters", "raw", "shape", "source")

    def __init__(self, field: str, source: str) -> None:
        self.field = field
        self.source = source
        self.is_ascii = source.isascii()
        if self.is_ascii:
            self.raw = raw = source.encode("ascii")
            self.letters = b" %b " % raw.translate(LETTERS)
        else:
            raw = source.encode("ascii", "replace")
            folding = fold(source)
            self.raw, self.letters = folding.raw, folding.letters
        self.shape = raw.translate(_SHAPES)

    @cached_property
    def words(self) -> list[bytes]:
        """Runs of letters, folded."""
        return self.letters.split()

    @cached_property
    def lower(self) -> str:
        """The source in lower case, with every character in its place (unlike `str.lower`, which may lengthen)."""
        lower = self.source.lower()
        return lower if len(lower) == len(self.source) else "".join(map(_lower, self.source))


def _lower(char: str) -> str:
    lower = char.lower()
    return lower if len(lower) == 1 else char
