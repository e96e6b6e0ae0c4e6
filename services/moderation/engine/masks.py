"""Words with letters written over: f**k, sh*t, b****."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from services.moderation.engine.normalise import View
from services.moderation.engine.signal import Category, Severity
from services.moderation.engine.wordlist import Word

# Words that people mask, likeliest reading first: "s***" is read as the first that fits. Masking is itself a sign of
# profanity, so the whole word list (where "s*x" and "g*d" stand too) would find less, not more.
_MASKABLE: Final = (
    "fuck fucks fucked fucker fuckers fuckin fucking motherfucker motherfuckers motherfucking "
    "shit shits shitty shitting bullshit bitch bitches cunt cunts asshole assholes "
    "ass damn damned crap crappy piss pissed hell bastard bastards slut sluts "
    "dick dicks cock cocks pussy pussies twat twats whore whores wanker wankers "
    "nigger niggers nigga niggas faggot faggots"
)
_TOKEN: Final = re.compile(r"[a-z][a-z*]+")
_SHORTEST: Final = 3
_LONGEST: Final = max(map(len, _MASKABLE.split()))


class MaskedWords:
    def __init__(self, words: Iterable[Word]) -> None:
        graded = tuple(words)
        self._candidates: dict[tuple[str, int], list[tuple[str, Word]]] = defaultdict(list)
        for letters in _MASKABLE.split():
            fitting = (word for word in graded if _covers(word, letters))
            # "hell" is no profanity when written out: the mask makes it one.
            unlisted = Word(letters, Category.PROFANITY, Severity.MILD)
            word = max(fitting, key=lambda word: word.severity.rank, default=unlisted)
            self._candidates[letters[0], len(letters)].append((letters, word))

    def find(self, view: View) -> Iterator[tuple[Word, int, int]]:
        """Masked words as (word, start, end) in the source of a view in which every mask reads as "*"."""
        for token in _TOKEN.finditer(view.text):
            start, end = token.span()
            if "*" not in token[0] or end - start > 2 * _LONGEST:
                continue
            bare = start + len(token[0].rstrip("*"))
            # Stars on both sides of a word are emphasis, so the last ones stand for nothing.
            emphasised = view.text[start - 1] == "*" and bare - start >= _SHORTEST
            for last in (bare,) if emphasised else (end, bare):
                word = self._reading(view, start, last)
                if word is not None:
                    yield word, *view.span(start, last)
                    break

    def _reading(self, view: View, start: int, end: int) -> Word | None:
        masked = view.text[start:end]
        if "*" not in masked or not view.source[view.origin(start)].isalpha():
            return None  # "4**" grades a hotel
        for letters, word in self._candidates.get((masked[0], end - start), ()):
            if all(shown in ("*", letter) for shown, letter in zip(masked, letters, strict=True)):
                signs = {view.source[view.origin(start + at)] for at, shown in enumerate(masked) if shown == "*"}
                return word if _is_mask(signs, end - start) else None
        return None


def _covers(word: Word, letters: str) -> bool:
    if word.open_start and word.open_end:
        return word.letters in letters
    return letters.startswith(word.letters) if word.open_end else letters == word.letters


def _is_mask(signs: set[str], length: int) -> bool:
    """An "@" alone is an a, an "&" alone joins initials, and three letters are too few for anything but stars."""
    return signs == {"*"} or (length > _SHORTEST and not signs <= {"@", "&"})
