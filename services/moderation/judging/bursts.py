"""What counts as a burst of reviews; pure, and by the times at which the reviews were submitted, never by a clock."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple


class Rate(NamedTuple):
    """So many reviews within so long are still in order."""

    most: int
    within: timedelta


_AUTHOR = (Rate(5, timedelta(minutes=10)), Rate(20, timedelta(days=1)))
_ENTITY = Rate(20, timedelta(minutes=10))


@dataclass(frozen=True, slots=True)
class Limits:
    """A review is part of a burst when, with it, there are more than these; the first ones of a burst are not.

    A burst on an entity is moreover far above what the entity is used to: more within the time of `entity` than
    `usual_days` usual days bring. Its usual day is the mean of the `usual_over` before the review's day (of fewer, when
    its first review is younger).
    """

    author: tuple[Rate, Rate] = _AUTHOR
    """In a short time and in a longer one."""
    entity: Rate = _ENTITY
    usual_days: float = 2.0
    usual_over: timedelta = timedelta(days=28)
    exempt: frozenset[str] = frozenset({"import", "ingest"})
    """Channels on which reviews arrive at the speed of a machine: they are in no burst and count towards none."""

    def entity_most(self, usual: float) -> int:
        """How many reviews on one entity are in order, where `usual` is what its usual day brings."""
        return max(self.entity.most, int(self.usual_days * usual))


class Counts(NamedTuple):
    """Reviews that went before one, within each time and up to its own; numbers above a limit need not be exact."""

    author: tuple[int, int] = (0, 0)
    entity: int = 0


@dataclass(slots=True)
class Tally:
    """Reviews that are not in the database yet: those before in the same batch."""

    _by_author: defaultdict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    _by_entity: defaultdict[int, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def add(self, author: int | None, entity: int, at: datetime) -> None:
        if author is not None:
            insort(self._by_author[author], at)
        insort(self._by_entity[entity], at)

    def before(self, limits: Limits, author: int | None, entity: int, at: datetime) -> Counts:
        by_author = () if author is None else self._by_author.get(author, ())
        by_entity = self._by_entity.get(entity, ())
        if not by_author and not by_entity:
            return Counts()
        short, long = (_within(by_author, at, rate.within) for rate in limits.author)
        return Counts((short, long), _within(by_entity, at, limits.entity.within))


def _within(times: list[datetime] | tuple[()], at: datetime, within: timedelta) -> int:
    return bisect_right(times, at) - bisect_right(times, at - within)


def bursts(limits: Limits, stored: Counts, batch: Counts, most_of_entity: int) -> tuple[str, ...]:
    """Of which a review is part: "author", "entity". `most_of_entity` as `Limits.entity_most` says."""
    of_author = any(
        one + other + 1 > rate.most for one, other, rate in zip(stored.author, batch.author, limits.author, strict=True)
    )
    of_entity = stored.entity + batch.entity + 1 > most_of_entity
    return (("author",) if of_author else ()) + (("entity",) if of_entity else ())
