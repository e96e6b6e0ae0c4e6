"""A word found at a place, and which of several that overlap is reported."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from services.moderation.engine.signal import Category
from services.moderation.engine.wordlist import Word

_LANES: Final = {Category.SEXUAL: 1, Category.INSULT: 2, Category.THREAT: 2}


@dataclass(frozen=True, slots=True)
class Hit:
    """`start` and `end` are code points of the source; the place takes in all of a disguise. `said` is what a phrase
    was read as.
    """

    word: Word
    start: int
    end: int
    said: bytes = b""

    @property
    def letters(self) -> str:
        """What was found, folded: of a phrase, as it was said here."""
        return " ".join(self.said.decode("ascii", "replace").split()) or self.word.letters

    @property
    def weight(self) -> tuple[int, int]:
        return self.word.severity.rank, self.end - self.start


def gravest(hits: list[Hit]) -> list[Hit]:
    """Of hits that overlap, the gravest, then the longest, then the one whose word says most; in order of place.

    A wording against somebody, or about sex, is reported beside the words that it is made of: "fuck you" is both.
    """
    lanes: tuple[list[Hit], ...] = ([], [], [])
    for hit in hits:
        lanes[_LANES.get(hit.word.category, 0)].append(hit)
    words, *wordings = (list(_gravest(lane)) if lane else [] for lane in lanes)
    if not any(wordings):
        return words
    starts = [word.start for word in words]
    found = words + [
        hit
        for lane in wordings
        for hit in lane
        if not (at := bisect_right(starts, hit.start)) or not _is_part(hit, words[at - 1])
    ]
    return sorted(found, key=lambda hit: hit.start)


def _is_part(hit: Hit, of: Hit) -> bool:
    """The "f u" of "f u c k" is no wording."""
    return of.start <= hit.start and hit.end <= of.end and (hit.start, hit.end) != (of.start, of.end)


def _gravest(hits: list[Hit]) -> Iterator[Hit]:
    hits.sort(key=lambda hit: (hit.start, -hit.end, -hit.word.severity.rank, -len(hit.word.letters)))
    best = hits[0]
    for hit in hits[1:]:
        if hit.start >= best.end:
            yield best
            best = hit
        elif hit.weight > best.weight:
            best = hit
    yield best


def outside(hits: list[Hit], places: list[Hit]) -> list[Hit]:
    """The hits that lie inside none of `places`."""
    places = sorted(places, key=lambda place: place.start)
    starts = [place.start for place in places]
    reach = list(accumulate((place.end for place in places), max))
    return [hit for hit in hits if not (at := bisect_right(starts, hit.start)) or reach[at - 1] < hit.end]
