"""Counts and integer sums per entity and per site, moved by the difference between a row's old and new form."""

from __future__ import annotations

from typing import NamedTuple


class Delta(NamedTuple):
    """How many reviews of one to five stars a summary wins or loses. Sorts in the order in which rows are locked."""

    site: str
    scope: str
    entity_id: str
    stars: tuple[int, ...]


class Rated(NamedTuple):
    """What of a public review the summaries depend on."""

    entity_id: str
    rating: int


class Movements:
    """Of the reviews of a batch, into and out of the summaries."""

    def __init__(self) -> None:
        self._entities: dict[tuple[str, str], list[int]] = {}

    def move(self, site: str, before: Rated | None, after: Rated | None) -> None:
        if before == after:
            return
        if before is not None:
            self._stars(site, before.entity_id)[before.rating - 1] -= 1
        if after is not None:
            self._stars(site, after.entity_id)[after.rating - 1] += 1

    def deltas(self) -> tuple[list[Delta], list[Delta]]:
        """Those of summaries that lose nothing and may not exist yet, and those of summaries that lose some review and
        therefore exist. Both sorted; a site's own follows from its entities'."""
        sites: dict[str, list[int]] = {}
        deltas = []
        for (site, entity_id), stars in self._entities.items():
            deltas.append(Delta(site, "entity", entity_id, tuple(stars)))
            total = sites.setdefault(site, [0, 0, 0, 0, 0])
            for index, count in enumerate(stars):
                total[index] += count
        deltas += [Delta(site, "site", "", tuple(stars)) for site, stars in sites.items()]
        deltas.sort()
        growing = [delta for delta in deltas if min(delta.stars) >= 0 and any(delta.stars)]
        shrinking = [delta for delta in deltas if min(delta.stars) < 0]
        return growing, shrinking

    def _stars(self, site: str, entity_id: str) -> list[int]:
        key = (site, entity_id)
        stars = self._entities.get(key)
        if stars is None:
            stars = self._entities[key] = [0, 0, 0, 0, 0]
        return stars
