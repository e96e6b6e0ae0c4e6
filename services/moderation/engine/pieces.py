"""Whether letters with signs or spaces between them are one word in pieces, or several words side by side."""

from dataclasses import dataclass
from typing import Final

from services.moderation.engine.disguises import is_foul, is_ordinary
from services.moderation.engine.wordlist import Word

_BLANKS: Final = frozenset(b" \t\n\r\v\f")
_JOINING: Final = frozenset(b"-_.*/~'|+")
_APOSTROPHE: Final = ord("'")
_PLUS: Final = ord("+")
_BEFORE_WORDS: Final = frozenset(b' \n\t\r"(*')  # nothing that joins a letter to the word before it
# What a single letter may be the name, the size or the kind of.
_LETTER_NAMES: Final = frozenset(
    (
        b"a an the size sizes in or model type class vitamin plan letter usual normal my usually regular and to from "
        b"galaxy wear ordered order small"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Written:
    """How a possible word stands in the text: its pieces, folded, the signs between them and around all of it, the word
    before it, its first characters as they are, and whether an apostrophe stands before it, a space apart ("it' s").
    """

    pieces: list[str]
    signs: list[int]
    before: int | None
    after: int | None
    previous: bytes
    beginning: bytes
    after_apostrophe: bool = False

    @property
    def begins_with_name(self) -> bool:
        """Whether a single letter belongs to the word before it: it's, U.S., size s, vitamin C."""
        if self.before is not None and (self.before not in _BEFORE_WORDS or self.after_apostrophe):
            return True
        if self.beginning[:1].isupper() and not self.beginning.replace(b" ", b"").isupper():
            return True
        return self.previous in _LETTER_NAMES


def is_broken(word: Word, written: Written) -> bool:
    """Whether `word` was broken by a space or a sign: fu ck, fuc.king."""
    pieces, signs = written.pieces, set(written.signs)
    if signs <= _BLANKS:
        if len(pieces[-1]) == 1 and written.after is not None and written.after in b"'.&":
            return False
        if len(pieces[0]) == 1:
            return is_foul(word) and pieces[0] not in "aiu" and not written.begins_with_name
        return not is_ordinary(pieces)
    if not signs <= _JOINING or (_APOSTROPHE in signs and is_ordinary(pieces[1:])):
        return False
    if len(pieces[0]) == 1 and written.before is not None and written.before in b"'-.":
        return False
    return signs.isdisjoint(b".'/-") or (is_foul(word) and not is_ordinary(pieces))


def length_with_holes(word: Word, written: Written) -> int | None:
    """How many characters more than seen belong to `word`, some letters of which are signs: sh!t, f-ck. None: it is not
    that word.
    """
    pieces, signs = written.pieces, written.signs
    if written.before == _APOSTROPHE:
        return None
    if not signs:  # the last letter is drawn by a sign
        return 1 if written.after == _PLUS else None
    return 0 if _has_holes(word, written, pieces, signs) else None


def _has_holes(word: Word, written: Written, pieces: list[str], signs: list[int]) -> bool:
    if not _BLANKS.isdisjoint(signs):  # a letter left out, and a space in its stead
        if len(signs) > 1 or not is_foul(word) or is_ordinary(pieces[1:]) or written.after == _APOSTROPHE:
            return False
        return len(pieces[0]) > 1 or not written.begins_with_name
    if len(signs) > 1 and len(pieces) == 2:
        return len(set(signs)) == 1 and signs[0] in b"-_.'~" and is_foul(word)
    if not set(signs).isdisjoint(b",;") or is_ordinary(pieces):
        return False
    return signs[0] not in b"'-./:?\"" or (is_foul(word) and not is_ordinary(pieces[1:]))
