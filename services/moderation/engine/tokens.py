"""What a run of letters, digits and signs without white space may spell, in every way in which signs are letters."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final, Protocol

from services.moderation.engine import signs, spaced, stretched
from services.moderation.engine.disguises import is_foul
from services.moderation.engine.lookalikes import Lookalikes
from services.moderation.engine.wordlist import Word

_DRAWN_OUT: Final = re.compile(rb"([a-z])\1\1")
_DIGIT_INSIDE: Final = re.compile(rb"[0-9]+[A-Za-z]")  # the word goes on: ass1gn
_ENTITY: Final = re.compile(rb"&(?:#\w{1,7};?|[a-zA-Z]{2,8};)")  # left over from HTML, and no mask


class Words(Protocol):
    """What words there are."""

    @property
    def masked(self) -> signs.MaskedWords: ...

    @property
    def lookalikes(self) -> Lookalikes: ...

    def plain(self, text: bytes) -> Iterator[tuple[Word, int, int]]:
        """The words in a reading that has a space at both ends, and their places."""


def spelt(words: Words, token: bytes) -> Iterator[tuple[Word, int, int]]:
    """The words in a token of raw text, and their places in it."""
    if b"&" in token:
        token = _ENTITY.sub(lambda entity: b" " * len(entity[0]), token)
    plain = signs.plain(token)
    for word, begin, stop in _read(words, plain):
        if is_foul(word) or not _DIGIT_INSIDE.match(token, stop):
            yield word, begin, stop
    for reading in signs.leet(token):
        if reading != plain:
            for word, begin, stop in chain(_read(words, reading), words.masked.spelt(reading)):
                if signs.is_leet(token[begin:stop]):
                    yield word, begin, stop
    yield from words.masked.find(token)
    yield from words.lookalikes.find(token)
    start, end = spaced.zone(token, 0, 0)
    if end - start > spaced.FEWEST:
        yield from set_apart(words, token, start, end)


def set_apart(words: Words, raw: bytes, first: int, last: int) -> Iterator[tuple[Word, int, int]]:
    """The words that single letters between `first` and `last` of raw text make up."""
    masked = words.masked
    for spelling in spaced.spellings(raw, first, last):
        letters = spelling.letters.encode("ascii", "replace")
        found = ((word, begin - 1, stop - 1) for word, begin, stop in words.plain(b" %b " % letters))
        for word, begin, stop in chain(found, masked.spelt(letters), masked.find(letters)):
            if len(word.letters) > spaced.FEWEST or spaced.is_short(spelling.letters, raw, first, last):
                places = spelling.places[begin:stop]
                yield word, places[0], places[-1] + 1


def _read(words: Words, reading: bytes) -> Iterator[tuple[Word, int, int]]:
    for word, begin, stop in words.plain(b" %b " % reading):
        yield word, begin - 1, stop - 1
    if _DRAWN_OUT.search(reading):
        yield from _drawn_out(words, reading)


def _drawn_out(words: Words, reading: bytes) -> Iterator[tuple[Word, int, int]]:
    at = 0
    for token in reading.split(b" "):
        for squeezed in stretched.squeezed(token.decode("ascii", "replace")) if token else ():
            for word, _, _ in words.plain(f" {squeezed} ".encode()):
                yield word, at, at + len(token)
        at += len(token) + 1
