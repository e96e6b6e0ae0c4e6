"""Words with digits and signs for letters: leetspeak (sh1t, a$$) and masks (f**k, sh*t)."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final

from services.moderation.engine.disguises import disguised_words, is_foul
from services.moderation.engine.normalise import HIGH_SIGNS
from services.moderation.engine.wordlist import Word

# What digits and signs are drawn like. The first reading is the likelier.
LEET: Final = {
    "@": "ao", "4": "a", "8": "b", "(": "c", "<": "c", "{": "c", "[": "c", "¢": "c", "3": "e", "€": "e", "6": "g",
    "9": "g", "1": "il", "!": "il", "|": "il", "¡": "i", "£": "l", "0": "o", "$": "s", "5": "s", "§": "s", "7": "t",
    "+": "t", "×": "x", "©": "c", "†": "t", "¥": "y", "2": "z",
}  # fmt: skip
_MASKS: Final = "*#%&@$!^|¡"
_MOST_AMBIGUOUS: Final = 3
_LONGEST: Final = 60  # of a token that is read in every way it can be
_SHORTEST_WITH_DIGITS: Final = 4
_LONGEST_MASKED: Final = 24
_SLACK: Final = 4  # letters more or fewer than stars

_TOKEN: Final = re.compile(r"[a-z*]+")


def _code(char: str) -> int:
    return 0x80 + HIGH_SIGNS.index(char) if char in HIGH_SIGNS else ord(char)


def _table(readings: dict[str, str]) -> bytes:
    """For raw text: letters in lower case, signs as given, everything else a space."""
    table = bytearray(b" " * 256)
    for code in b"abcdefghijklmnopqrstuvwxyz":
        table[code] = table[code - 32] = code
    for char, letter in readings.items():
        table[_code(char)] = ord(letter)
    return bytes(table)


_PLAIN: Final = _table({})
_AMBIGUOUS: Final = {_code(sign): letters for sign, letters in LEET.items() if len(letters) > 1}
_LEET: Final = _table({sign: letters[0] for sign, letters in LEET.items()})
_SIGN_CODES: Final = frozenset(map(_code, LEET))
_MASKED: Final = _table(
    {sign: letters[0] for sign, letters in LEET.items() if sign.isdecimal()} | dict.fromkeys(_MASKS, "*")
)
_OPENING: Final = b"\"'([{<-.,;:_~" + bytes((_code("¡"),))
_CLOSING: Final = b"\"')]}>-.,;:_~!?+|(<[{"


def plain(token: bytes) -> bytes:
    """A token of raw text with nothing but letters and spaces."""
    return token.translate(_PLAIN)


def leet(token: bytes) -> Iterator[bytes]:
    """A token of raw text in every reading of its digits and signs, as long as they are few; punctuation is none."""
    if _SIGN_CODES.isdisjoint(token):
        return
    start = len(token) - len(token.lstrip(_OPENING))
    end = max(start, len(token.rstrip(_CLOSING)))
    first = b" " * start + token[start:end].translate(_LEET) + b" " * (len(token) - end)
    yield first
    unsure = [at for at in range(start, end) if token[at] in _AMBIGUOUS]
    if not unsure:
        return
    if len(unsure) > _MOST_AMBIGUOUS or len(token) > _LONGEST:
        choices: Iterator[tuple[int, ...]] = iter([(1,) * len(unsure)])
    else:
        choices = product((0, 1), repeat=len(unsure))
        next(choices)
    for choice in choices:
        reading = bytearray(first)
        for at, chosen in zip(unsure, choice, strict=True):
            reading[at] = ord(_AMBIGUOUS[token[at]][chosen])
        yield bytes(reading)


def is_leet(spelling: bytes) -> bool:
    """Whether raw text is a word with signs in it, and not a number, a size or a part number that happens to fit."""
    if _SIGN_CODES.isdisjoint(spelling):
        return False
    text = spelling.decode("latin-1")
    letters = sum(char.isascii() and char.isalpha() for char in text)
    digits = sum(char.isdecimal() for char in text)
    if digits == 1 and len(text) == 3:
        return letters == 2 and text[1].isdecimal() and not text.isupper()
    if not digits:
        return letters >= 1 or text == "@$$"
    return letters >= 2 and letters + 1 >= digits and len(text) >= _SHORTEST_WITH_DIGITS


class MaskedWords:
    """Words whose letters are written over; built from the word list, once."""

    def __init__(self, words: Iterable[Word]) -> None:
        self._by_start: dict[str, list[Word]] = defaultdict(list)
        self._words = {word.letters: word for word in disguised_words(words)}
        self._by_length: dict[tuple[str, int], list[Word]] = defaultdict(list)
        for word in self._words.values():
            self._by_start[word.letters[0]].append(word)
            self._by_length[word.letters[0], len(word.letters)].append(word)

    def spelt(self, reading: bytes) -> Iterator[tuple[Word, int, int]]:
        """Words that stand alone in a reading, also those that are harmless when nobody disguises them."""
        at = 0
        for token in reading.decode("ascii", "replace").split(" "):
            if token in self._words:
                yield self._words[token], at, at + len(token)
            at += len(token) + 1

    def find(self, raw: bytes) -> Iterator[tuple[Word, int, int]]:
        """In a token of raw text: the word, and its place in the token."""
        masked = raw.translate(_MASKED).decode("ascii")
        if "*" not in masked:
            return
        for token in _TOKEN.finditer(masked):
            start, end = token.span()
            while start < end and masked[start] == "*":
                start += 1
            if not ("*" in masked[start:end] and end - start <= _LONGEST_MASKED) or not _is_letter(raw[start]):
                continue
            bare = start + len(masked[start:end].rstrip("*"))
            # Stars on both sides of a word are emphasis, so the last ones stand for nothing.
            emphasised = start > token.start() and "*" in masked[start:bare]
            if masked[start:bare] in self._words:
                continue  # spelt out
            for last in (bare,) if emphasised else (end, bare):
                word = self._reading(masked[start:last], raw[start:last])
                if word is not None:
                    yield word, start, last
                    break

    def _reading(self, masked: str, raw: bytes) -> Word | None:
        if "*" not in masked or masked.count("*") > len(masked) - 1:
            return None
        for word in self._by_length.get((masked[0], len(masked)), ()):
            if _fits(masked, raw, word.letters) and _is_mask(masked, raw, word):
                return word
        if masked.replace("*", "") in self._words and len(masked) > _SHORTEST_WITH_DIGITS:
            return self._words[masked.replace("*", "")]  # nothing is hidden: fu*ck
        head, _, tail = masked.partition("*")
        tail = tail.lstrip("*")
        if "*" in tail or not tail or raw.count(b"*") < len(masked) - len(head) - len(tail):
            return None
        # As many stars as came to hand: f**ing, f*k.
        for word in self._by_start.get(masked[0], ()):
            if (
                (len(head + tail) > 2 or len(word.letters) == _SHORTEST_WITH_DIGITS)
                and is_foul(word)
                and abs(len(word.letters) - len(masked)) <= _SLACK
                and len(word.letters) > len(head + tail)
                and word.letters.startswith(head)
                and word.letters.endswith(tail)
                and not raw.isupper()
            ):
                return word
        return None


def _is_letter(code: int) -> bool:
    return chr(code).isascii() and chr(code).isalpha()


def _fits(masked: str, raw: bytes, letters: str) -> bool:
    return all(
        shown in ("*", letter) or (letter == "l" and code in b"1!|")
        for shown, code, letter in zip(masked, raw, letters, strict=True)
    )


def _is_mask(masked: str, raw: bytes, word: Word) -> bool:
    """An "@" may be an a, an "&" may join initials, "A**" may be a grade: these need more letters shown."""
    signs = {raw[at] for at, shown in enumerate(masked) if shown == "*"}
    shown = len(masked) - masked.count("*")
    if signs == {ord("*")}:
        return len(masked) > 3 or not raw.isupper() or not masked.endswith("**")
    if signs <= set(b"@&!$|"):
        return shown >= 3 and (is_foul(word) or shown + 2 >= len(masked) > 4)
    return len(masked) > 3
