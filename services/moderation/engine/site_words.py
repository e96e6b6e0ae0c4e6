"""A site's own words: what it adds to the lexicon, takes from it, and calls its competitors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Self

from services.moderation.engine.hits import Hit, gravest
from services.moderation.engine.matcher import Matcher
from services.moderation.engine.passage import Passage
from services.moderation.engine.signal import Category, Detector, Severity, Signal
from services.moderation.engine.wordlist import Word, parse_entry


@dataclass(frozen=True, slots=True)
class SiteWords:
    """Immutable; compile it anew when the site changes its words.

    `removed` are the letters of built-in words that do not count for the site; `competitors` the names as entered.
    """

    removed: frozenset[str] = frozenset()
    competitors: tuple[str, ...] = ()
    _added: Matcher | None = field(default=None, repr=False, compare=False)
    _allowed: Matcher | None = field(default=None, repr=False, compare=False)
    _named: Matcher | None = field(default=None, repr=False, compare=False)

    @classmethod
    def compile(
        cls,
        added: Iterable[tuple[str, Category, Severity]] = (),
        removed: Iterable[str] = (),
        allowed: Iterable[str] = (),
        competitors: Iterable[str] = (),
    ) -> Self:
        """Entries are written as in the lexicon files. Raises ValueError naming an entry that is not, and the cure."""
        names = tuple(competitors)
        return cls(
            removed=frozenset(word.letters for entry in removed for word in parse_entry(entry)),
            competitors=names,
            _added=_matcher(
                word for entry, category, severity in added for word in parse_entry(entry, category, severity)
            ),
            _allowed=_matcher((word for entry in allowed for word in parse_entry(entry)), disguised=False, loose=True),
            _named=_matcher(
                (replace(word, canonical=name) for name in names for word in parse_entry(name, Category.COMPETITOR)),
                disguised=False,
            ),
        )

    def find(self, passage: Passage) -> list[Hit]:
        """The words that the site added, in any disguise; hits may overlap."""
        return self._added.find(passage) if self._added else []

    def find_allowed(self, passage: Passage) -> list[Hit]:
        """The places within which the site lets any word pass."""
        return self._allowed.find(passage) if self._allowed else []

    def find_competitors(self, passage: Passage) -> list[Signal]:
        """Names of competitors, as written; `detail` is the name as the site entered it."""
        hits = self._named.find(passage) if self._named else []
        return [_competitor(passage, hit) for hit in gravest(hits)] if hits else []


NO_SITE_WORDS: Final = SiteWords()


def _matcher(words: Iterable[Word], *, disguised: bool = True, loose: bool = False) -> Matcher | None:
    chosen = tuple(words)
    return Matcher(chosen, disguised=disguised, loose=loose) if chosen else None


def _competitor(passage: Passage, hit: Hit) -> Signal:
    matched = passage.source[hit.start : hit.end]
    return Signal(
        Detector.COMPETITOR, Category.COMPETITOR, None, passage.field, hit.start, hit.end, matched,
        detail=hit.word.canonical,
    )  # fmt: skip
