"""Finding words in a passage, however they are dressed up.

One automaton reads the text once. It finds the words as they are spelt, and clues that one may be disguised: only the
places of clues are looked at more closely, each once, so honest text costs one pass and any text linear time.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

from services.moderation.engine import phrases, signs, spaced, stretched, tokens
from services.moderation.engine.automaton import Clue, build
from services.moderation.engine.hits import Hit
from services.moderation.engine.lookalikes import Lookalikes
from services.moderation.engine.passage import Passage
from services.moderation.engine.pieces import Written, is_broken, length_with_holes
from services.moderation.engine.reading import Reading, literal_letters, read
from services.moderation.engine.wordlist import Word

_BLANKS: Final = bytes(0x20 if code in b"\t\n\r\v\f " else code for code in range(256))
_SPACE: Final = 0x20
_MARGIN: Final = 2  # of signs that may begin or end an entry
_LONGEST_NAME: Final = 12
_BEGINNING: Final = 4
_WORDS_OF_ONE_LETTER: Final = (b"a", b"i", b"u")
_APOSTROPHE: Final = ord("'")


class Matcher:
    """Immutable once built; safe to share between threads. `loose` phrases may have commas between their words.
    `harmless` words count only when somebody disguised them with digits and signs.
    """

    def __init__(
        self,
        words: Iterable[Word],
        ignored: frozenset[str] = frozenset(),
        *,
        disguised: bool = True,
        loose: bool = False,
        harmless: Iterable[Word] = (),
    ) -> None:
        self._words = tuple(words)
        self._harmless = tuple(harmless)
        self.ignored = ignored
        self.loose = loose
        self._ideographs = tuple(
            (word, word.literal) for word in self._words if word.literal and not literal_letters(word.literal)
        )
        automaton = build(self._words, ignored, self._harmless, disguised=disguised)
        self.search: Final = automaton.find
        self.targets: Final = automaton.targets

    def find(self, passage: Passage) -> list[Hit]:
        """Every hit, also those that overlap."""
        text = read(passage)
        found = self.search(text)
        hits = list(_Search(self, Reading(passage, text)).hits(found)) if found else []
        if self._ideographs and not passage.is_ascii:
            hits += _written(self._ideographs, passage)
        return hits

    def plain(self, text: bytes) -> Iterator[tuple[Word, int, int]]:
        """The words, not the phrases, that a reading without signs holds; open ends reach to the end of their word."""
        grown = 0
        for pattern, start, end in sorted(self.search(text), key=_by_place):
            for target in self.targets[pattern]:
                word = target.word
                if target.clue is not Clue.WORD or word is None:
                    continue
                first, last = place(word, start, end)
                if word.open_start or word.open_end:
                    if first < grown:
                        continue
                    first, last = grow(word, text, first, last, grown)
                    grown = last
                    if self.is_ignored(text[first:last]):
                        continue
                yield word, first, last

    def is_ignored(self, token: bytes) -> bool:
        return token.decode("ascii", "replace") in self.ignored

    @cached_property
    def masked(self) -> signs.MaskedWords:
        return signs.MaskedWords(self._words)

    @cached_property
    def lookalikes(self) -> Lookalikes:
        return Lookalikes(self._words, self._harmless)


class _Search:
    """The clues in one passage followed up."""

    def __init__(self, matcher: Matcher, reading: Reading) -> None:
        self._matcher = matcher
        self._reading = reading
        self._text = reading.text
        self._raw = reading.raw
        self._done = dict.fromkeys(("word", "signs", "spaced", "stretched"), 0)  # up to where it was looked for

    def hits(self, found: list[tuple[int, int, int]]) -> Iterator[Hit]:
        targets = self._matcher.targets
        for pattern, start, end in sorted(found, key=_by_place) if len(found) > 1 else found:
            for target in targets[pattern]:
                yield from _JUDGES[target.clue](self, target.word, start, end)

    def _hit(self, word: Word, first: int, last: int) -> Hit:
        return Hit(word, *self._reading.span(first, last), self._text[first:last] if word.is_phrase else b"")

    def word(self, word: Word | None, start: int, end: int) -> Iterator[Hit]:
        if word is None:
            return
        first, last = place(word, start, end)
        if word.open_start or word.open_end:
            if first < self._done["word"]:
                return
            first, last = grow(word, self._text, first, last, self._done["word"])
            self._done["word"] = last
            if self._matcher.is_ignored(self._text[first:last]):
                return
        yield self._hit(word, first, last)

    def phrase(self, word: Word | None, start: int, end: int) -> Iterator[Hit]:
        if word is None:
            return
        text = self._text
        found = phrases.place(word, text, start, end)
        if found is None or not all(self._is_gap(*gap) for gap in phrases.gaps(text, *found)):
            return
        if text[found[0] + 1] != _SPACE or not self._goes_on(*found):
            yield self._hit(word, *found)

    def literal(self, word: Word | None, start: int, end: int) -> Iterator[Hit]:
        if word is None or word.literal is None:
            return
        first, last = self._reading.span(start + 1, end - 1)
        first = max(0, first - _MARGIN)
        at = self._reading.source[first : last + _MARGIN].casefold().find(word.literal)
        if at >= 0:
            yield Hit(word, first + at, min(first + at + len(word.literal), len(self._reading.source)))

    def broken(self, word: Word | None, start: int, end: int) -> Iterator[Hit]:
        if word is not None and is_broken(word, self._written(start, end)):
            yield self._hit(word, start + 1, end - 1)

    def holes(self, word: Word | None, start: int, end: int) -> Iterator[Hit]:
        if word is not None and (more := length_with_holes(word, self._written(start, end))) is not None:
            first, last = self._reading.span(start + 1, end - 1)
            yield Hit(word, first, last + more)

    def _written(self, start: int, end: int) -> Written:
        text, raw, span = self._text, self._raw, self._reading.span
        first, last = span(start + 1, end - 1)
        return Written(
            pieces=text[start + 1 : end - 1].decode("ascii", "replace").split(),
            signs=[raw[span(at, at + 1)[0]] for at in range(start + 1, end - 1) if text[at] == _SPACE],
            before=raw[first - 1] if first else None,
            after=raw[last] if last < len(raw) else None,
            previous=text[max(0, start - _LONGEST_NAME) : start].rpartition(b" ")[2],
            beginning=raw[first : first + _BEGINNING],
            after_apostrophe=first > 1 and raw[first - 2] == _APOSTROPHE,
        )

    def _is_gap(self, start: int, end: int) -> bool:
        return phrases.is_gap(self._between(start, end), loose=self._matcher.loose)

    def _goes_on(self, start: int, end: int) -> bool:
        """Whether a phrase is a part of a longer row of single letters: the F.U of F.U.B.A.R."""
        inner = {self._between(*gap) for gap in phrases.gaps(self._text, start, end)}
        return any(
            (sign := self._between(*gap)) in inner and (letter not in _WORDS_OF_ONE_LETTER or not sign.isspace())
            for letter, *gap in phrases.beside(self._text, start, end)
        )

    def _between(self, start: int, end: int) -> bytes:
        first, last = self._reading.span(start, end)
        return self._raw[first:last]

    def signs(self, _: Word | None, start: int, end: int) -> Iterator[Hit]:
        at = self._reading.span(start, end)[0]
        done = self._done["signs"]
        if at < done:
            return
        blanks = self._blanks
        first = blanks.rfind(b" ", done, at) + 1 or done
        last = blanks.find(b" ", at)
        last = len(blanks) if last < 0 else last
        self._done["signs"] = last
        token = self._raw[first:last]
        offsets: Sequence[int] = range(first, last)
        if not self._reading.is_regular:
            token, offsets = self._reading.regular(first, last)
        for word, begin, stop in tokens.spelt(self._matcher, token):
            yield Hit(word, offsets[begin], offsets[stop - 1] + 1)

    def spaced(self, _: Word | None, start: int, end: int) -> Iterator[Hit]:
        at = self._reading.span(start + 1, start + 2)[0]
        if at < self._done["spaced"]:
            return
        first, last = spaced.zone(self._raw, at, self._done["spaced"])
        self._done["spaced"] = last
        for word, begin, stop in tokens.set_apart(self._matcher, self._raw, first, last):
            yield Hit(word, begin, stop)

    def stretched(self, _: Word | None, start: int, end: int) -> Iterator[Hit]:
        text, done = self._text, self._done["stretched"]
        at = end - 1
        if at < done:
            return
        first = text.rfind(b" ", done, at) + 1 or done
        last = text.find(b" ", at)
        self._done["stretched"] = last
        token = text[first:last].decode("ascii", "replace")
        readings = list(stretched.squeezed(token))
        if any(reading in self._matcher.ignored for reading in (token, *readings)):
            return
        for reading in readings:
            for word, _first, _last in self._matcher.plain(f" {reading} ".encode("ascii", "replace")):
                if stretched.is_plausible(word.letters, token):
                    yield self._hit(word, first, last)

    @cached_property
    def _blanks(self) -> bytes:
        return self._raw.translate(_BLANKS)


_JUDGES: Final[dict[Clue, Callable[[_Search, Word | None, int, int], Iterator[Hit]]]] = {
    Clue.WORD: _Search.word,
    Clue.PHRASE: _Search.phrase,
    Clue.LITERAL: _Search.literal,
    Clue.BROKEN: _Search.broken,
    Clue.HOLES: _Search.holes,
    Clue.SIGNS: _Search.signs,
    Clue.SPACED: _Search.spaced,
    Clue.STRETCHED: _Search.stretched,
}


def _written(words: Iterable[tuple[Word, str]], passage: Passage) -> Iterator[Hit]:
    """Words of scripts that put no spaces between them, wherever they stand."""
    for word, literal in words:
        for found in re.finditer(re.escape(literal), passage.lower):
            yield Hit(word, *found.span())


def place(word: Word, start: int, end: int) -> tuple[int, int]:
    """The word itself within its pattern, which has a space at every closed end."""
    return start if word.open_start else start + 1, end if word.open_end else end - 1


def grow(word: Word, text: bytes, first: int, last: int, done: int) -> tuple[int, int]:
    """To the ends of the word that is open there, without digits and signs at its ends."""
    if word.open_start:
        first = text.rfind(b" ", done, first) + 1 or max(done, 1)
    if word.open_end:
        last = text.find(b" ", last)
    return first + len(text[first:last]) - len(text[first:last].lstrip(b"0*")), first + len(
        text[first:last].rstrip(b"0*")
    )


def _by_place(found: tuple[int, int, int]) -> tuple[int, int]:
    return found[1], -found[2]
