"""Where pages of a question ended: the next page starts after that row instead of skipping all rows before it again.

Callers page by offset, as their vendors' APIs have it. What a page is, though, is found by the keys that it is ordered
by wherever an earlier answer told where it starts. Totals are kept with it: counting is most of what a filter costs.

All of it holds for one version of the read model, which every statement reads in its own snapshot. So an answer is
never put together of two states: when something was published in between, the question is asked again from its start.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

MAX_QUESTIONS = 256
MAX_PLACES = 64
"""Of one question. Strangers decide on both: with a place's text together some 30 MB at the very most."""
MAX_TEXT = 500
"""Characters of the keys of a place that is kept. What rows are ordered by is mostly short."""


class Place(NamedTuple):
    """After a row, which this many rows precede, itself included."""

    offset: int
    keys: tuple[object, ...]
    """What the row is ordered by, its id last. Empty: the beginning."""


BEGINNING = Place(0, ())
_offset = attrgetter("offset")


class Known(NamedTuple):
    version: str
    total: int
    place: Place
    """The last known one that is not after the page."""


@dataclass(slots=True)
class _Walk:
    version: str
    total: int
    places: list[Place] = field(default_factory=list)


class Walks:
    """Of all questions that were asked last. For one event loop."""

    def __init__(self) -> None:
        self._walks: OrderedDict[Hashable, _Walk] = OrderedDict()

    def find(self, question: Hashable, offset: int) -> Known | None:
        walk = self._walks.get(question)
        if walk is None:
            return None
        self._walks.move_to_end(question)
        before = bisect_right(walk.places, offset, key=_offset)
        return Known(walk.version, walk.total, walk.places[before - 1] if before else BEGINNING)

    def keep(self, question: Hashable, version: str, total: int, place: Place | None) -> None:
        """`place` is None where the page had no rows."""
        walk = self._walks.get(question)
        if walk is None or walk.version != version:
            walk = self._walks[question] = _Walk(version, total)
        self._walks.move_to_end(question)
        if len(self._walks) > MAX_QUESTIONS:
            self._walks.popitem(last=False)
        if place is None or sum(len(key) for key in place.keys if isinstance(key, str)) > MAX_TEXT:
            return
        if any(known.offset == place.offset for known in walk.places):
            return
        if len(walk.places) >= MAX_PLACES:
            # Every other one: what is left still lies evenly, and who reads on needs the last.
            del walk.places[-2::-2]
        insort(walk.places, place, key=_offset)
