"""The lexicon detector: words of the built-in lists and of the site, as far as they mean what they seem to."""

import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Final, Self

from services.moderation.engine.context import NO_CONTEXT, Context
from services.moderation.engine.hits import Hit, gravest, outside
from services.moderation.engine.language import detect
from services.moderation.engine.matcher import Matcher
from services.moderation.engine.passage import Passage
from services.moderation.engine.respelt import phrases_around
from services.moderation.engine.signal import Detector, Severity, Signal
from services.moderation.engine.site_words import NO_SITE_WORDS
from services.moderation.engine.wordlist import ENGLISH, WordList, load_word_lists

_FEW_WORDS: Final = 5
"""With fewer, languages as near as Spanish and Portuguese are hard to tell apart."""

_OTHER_SCRIPTS: Final = ("CYRILLIC", "GREEK")


class Lexicon:
    """Immutable once built; safe to share between threads.

    `detect` names the language of a text, None when in doubt; it is asked only when a hit depends on it.
    """

    def __init__(self, lists: WordList, detect: Callable[[str], str | None] = detect) -> None:
        self._matcher = Matcher(lists.words, lists.ignored, harmless=lists.disguised)
        self._allowed = Matcher(lists.allowed, disguised=False, loose=True)
        self._innocent = dict(lists.innocent)
        self._sometimes_innocent = frozenset[str]().union(*self._innocent.values())
        self._detect = detect

    @classmethod
    @cache
    def default(cls) -> Self:
        return cls(load_word_lists())

    def find(self, passage: Passage, context: Context = NO_CONTEXT) -> list[Signal]:
        """The words in `passage` that count, by place; of those that overlap the gravest."""
        hits = self._matcher.find(passage)
        if hits:
            hits += phrases_around(self._matcher, passage, hits)
        site = context.words
        if site is not NO_SITE_WORDS:
            hits = [hit for hit in hits if hit.letters not in site.removed] + site.find(passage)
        if hits:
            hits = self._counting(hits, passage, context)
        return [_signal(passage, hit) for hit in gravest(hits)] if hits else []

    def _counting(self, hits: list[Hit], passage: Passage, context: Context) -> list[Hit]:
        hits = [hit for hit in hits if self._is_meant(hit, passage, context)]
        if hits and (allowed := self._allowed.find(passage) + context.words.find_allowed(passage)):
            hits = outside(hits, allowed)
        return hits

    def _is_meant(self, hit: Hit, passage: Passage, context: Context) -> bool:
        word = hit.word
        if word.language == ENGLISH:
            if word.letters in self._sometimes_innocent:
                language = self._language(passage, context)
                if language is not None and word.letters in self._innocent.get(language, ()):
                    return False
        elif not _is_spelt(hit, passage) or not (word.anywhere or word.language == self._language(passage, context)):
            return False
        return passage.is_ascii or word.literal is not None or not _is_foreign(hit, passage)

    def _language(self, passage: Passage, context: Context) -> str | None:
        """What the text is written in; what was declared where it is too short to tell. A declaration is often only the
        site's default.
        """
        known: dict[str, str | None] = passage.__dict__
        if "language" not in known:
            known["language"] = self._detect(passage.source)
        detected, declared = known["language"], context.declared_language
        if detected is None or (
            declared is not None and ENGLISH not in (detected, declared) and len(passage.words) < _FEW_WORDS
        ):
            return declared
        return detected


def _is_spelt(hit: Hit, passage: Passage) -> bool:
    """Whether ñ and ç, letters of their own, stand where the word has them: año is no ano. Other accents are free."""
    word = hit.word
    accented = word.accented or ""
    least = word.tildes if word.is_phrase else accented.count("ñ")
    if passage.is_ascii:
        return not least
    written = unicodedata.normalize("NFC", passage.source[hit.start : hit.end]).lower()
    return least <= written.count("ñ") <= accented.count("ñ") and written.count("ç") <= accented.count("ç")


def _is_foreign(hit: Hit, passage: Passage) -> bool:
    """Whether every letter is of another script: then it is a word of that script and no disguised Latin one, unless it
    is a strong word in a text that is otherwise Latin.
    """
    letters = set(filter(str.isalpha, passage.source[hit.start : hit.end]))
    if not letters or not all(map(_is_of_other_script, letters)):
        return False
    if hit.word.severity is Severity.MILD:
        return True
    return 2 * sum(map(_is_of_other_script, passage.source)) > sum(map(_is_plain, passage.source))


def _is_of_other_script(char: str) -> bool:
    return not char.isascii() and unicodedata.name(char, "").startswith(_OTHER_SCRIPTS)


def _is_plain(char: str) -> bool:
    return char.isascii() and char.isalpha()


def _signal(passage: Passage, hit: Hit) -> Signal:
    word, matched = hit.word, passage.source[hit.start : hit.end]
    return Signal(
        Detector.LEXICON,
        word.category,
        word.severity,
        passage.field,
        hit.start,
        hit.end,
        matched,
        detail=word.canonical or hit.letters,
    )
