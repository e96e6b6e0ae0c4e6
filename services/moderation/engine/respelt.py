"""Phrases around a disguised word: "f*ck you" is read once more with the word spelt out."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Final

from services.moderation.engine.hits import Hit
from services.moderation.engine.matcher import Matcher
from services.moderation.engine.passage import Passage

_MOST_SPELT_OUT: Final = 100


def phrases_around(matcher: Matcher, passage: Passage, hits: list[Hit]) -> list[Hit]:
    """What `matcher` finds more once the disguised ones of `hits`, words of this passage, are spelt out. Costs another
    reading of the text, and nothing where no word was disguised.
    """
    spelt = list(islice(_disguised(passage.source, hits), _MOST_SPELT_OUT))
    if not spelt:
        return []
    source, end = passage.source, 0
    pieces: list[str] = []
    places: list[
        tuple[int, int, int, int]
    ] = []  # of each word: where it is spelt out, and where it stands in the source
    at = 0
    for hit, letters in spelt:
        at += hit.start - end
        pieces += source[end : hit.start], letters
        places.append((at, at + len(letters), hit.start, hit.end))
        at, end = at + len(letters), hit.end
    text = "".join([*pieces, source[end:]])
    starts = [place[0] for place in places]
    return [
        Hit(hit.word, _placed(hit.start, places, starts), _placed(hit.end - 1, places, starts, last=True) + 1, hit.said)
        for hit in matcher.find(Passage(passage.field, text))
        if hit.word.is_phrase and _holds_one(hit, places, starts)
    ]


def _disguised(source: str, hits: list[Hit]) -> Iterator[tuple[Hit, str]]:
    """Words that stand in the text in another spelling, with the usual one; none overlaps another."""
    end = 0
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        usual = hit.word.canonical or ""
        letters = usual if usual.isascii() and usual.isalpha() else hit.word.letters
        if hit.start >= end and not hit.word.is_phrase and letters not in (said := source[hit.start : hit.end].lower()):
            yield hit, letters + _ending(said, letters)
            end = hit.end


def _ending(said: str, letters: str) -> str:
    """What follows the word itself: "ing" of "f*cking"."""
    tail = said[len(said.rstrip("abcdefghijklmnopqrstuvwxyz")) :]
    for length in range(min(len(letters) - 1, len(tail)), 0, -1):
        if tail.startswith(letters[-length:]):
            return tail[length:]
    return ""


def _holds_one(hit: Hit, places: list[tuple[int, int, int, int]], starts: list[int]) -> bool:
    before = bisect_right(starts, hit.end - 1)
    return before > 0 and places[before - 1][1] > hit.start


def _placed(at: int, places: list[tuple[int, int, int, int]], starts: list[int], *, last: bool = False) -> int:
    """Where in the source the character stands that stands at `at` with the words spelt out."""
    before = bisect_right(starts, at)
    if not before:
        return at
    _, stop, first, end = places[before - 1]
    if at >= stop:
        return end + at - stop
    return end - 1 if last else first
