"""Text without information: no words at all, or words that only fill the field.

"Love it", "ok" and "works" are opinions, short as they are, and so are "10/10" and "A+".
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from services.moderation.engine.context import Context
from services.moderation.engine.passage import Passage
from services.moderation.engine.patterns import lazy
from services.moderation.engine.signal import Category, Detector, Signal

LONGEST: Final = 160
"""Bytes of letters: whoever writes more than that to fill a field says something in between."""

_RATING: Final = lazy(r"\d{1,3}(?:[.,]\d)?(?:\s?/\s?\d{1,3}|\s?%)?|[a-f]\s?[+\-]{1,9}", re.IGNORECASE)
_DIGITS: Final = lazy(r"\d+")
_STRETCH: Final = lazy(rb"([a-z])\1{2,}")


def _bytes(words: str) -> frozenset[bytes]:
    return frozenset(words.encode().split())


# A filler is a text of [filler] words that has one of either set of a pair.
_PAIRS: Final = tuple(
    (_bytes(one), _bytes(other))
    for one, other in (
        (
            "character characters chars char caracteres caracter zeichen caratteri",
            "character characters chars char caracteres caracter zeichen caratteri",
        ),
        (
            "word words letter letters palabras worter mots parole length count",
            "minimum min required requirement requirements require requires needed need needs least limit fill filling "
            "reach forced forces force meet minimo mindestens putting submit",
        ),
        (
            "say write writing put type typing add comment tell enter post review saying",
            "nothing know idea idk dunno sure unsure anything something else what whatever how because",
        ),
        (
            "fill filling filler fills filled taking using minimum",
            "space spaces box blank field form room requirement requirements length required limit reach meet",
        ),
    )
)


class _Lists(NamedTuple):
    """`alone` are whole texts, the others words; `known` are all words of any of them."""

    alone: frozenset[bytes]
    tests: frozenset[bytes]
    around_tests: frozenset[bytes]
    filler: frozenset[bytes]
    known: frozenset[bytes]


def find_vacuous(passage: Passage, context: Context) -> Iterable[Signal]:
    """A text that says nothing. Titles and names may be anything and are not judged."""
    letters = passage.letters
    if len(letters) > LONGEST and not letters.isspace():
        return ()
    source = passage.source
    start, end = len(source) - len(source.lstrip()), len(source.rstrip())
    if passage.field != "text" or start >= end or not _is_empty(passage, source[start:end]):
        return ()
    return (Signal(Detector.VACUOUS, Category.CONTENT, None, passage.field, start, end, source[start:end], 0.9),)


def _is_empty(passage: Passage, text: str) -> bool:
    words, lists = passage.words, _lists()
    if len(words) > 1 and not lists.known.issuperset(words):
        return False
    if not words:
        return not _is_rating(text) and not any(map(str.isalpha, text)) and not any(map(_is_picture, text))
    if len(words) == 1 and len(words[0]) == 1:
        return words[0].isascii() and not any(map(str.isdigit, text)) and _RATING.fullmatch(text) is None
    said = b" ".join(words)
    if said in lists.alone or _STRETCH.sub(rb"\1", said) in lists.alone:
        return _DIGITS.search(text) is None
    distinct = frozenset(words)
    if not distinct.isdisjoint(lists.tests) and distinct <= lists.around_tests:
        return True
    return distinct <= lists.filler and any(
        not distinct.isdisjoint(one) and not distinct.isdisjoint(other) for one, other in _PAIRS
    )


def _is_picture(char: str) -> bool:
    """An emoji or a star: it says how the author feels about it, if little else."""
    return unicodedata.category(char) == "So"


def _is_rating(text: str) -> bool:
    """Whether the digits say how good it is: "5", "10/10", "100%". Longer numbers are struck at random."""
    return any(map(str.isdigit, text)) and _RATING.fullmatch(text.strip(" .!*★⭐")) is not None and text[:3] != "123"


@cache
def _lists() -> _Lists:
    package = __name__.rpartition(".")[0]
    sections: dict[str, list[list[bytes]]] = {}
    for line in files(package).joinpath("vacuous.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            current.append([entry.strip() for entry in line.encode().split(b",")])
    alone, filler = (frozenset(entry for line in sections[name] for entry in line) for name in ("alone", "filler"))
    tests, *around = map(frozenset, sections["test"])
    around_tests = tests.union(*around)
    known = frozenset(word for entry in alone for word in entry.split()) | around_tests | filler
    return _Lists(alone, tests, around_tests, filler, known)
