"""Settings of sites: the newest counts, and a site with settings that cannot be read is not shown."""

from __future__ import annotations

from typing import NamedTuple

from services.projection.hiding import hide_from, shown_by


class StagedSite(NamedTuple):
    sequence: int = 0
    hidden_from: int | None = None


def set_site(state: StagedSite, sequence: int) -> StagedSite:
    """The same object when settings of this sequence change nothing."""
    if sequence <= state.sequence:
        return state
    return StagedSite(sequence, shown_by(state.hidden_from, sequence))


def hide_site(state: StagedSite, sequence: int | None) -> StagedSite:
    hidden_from = hide_from(state.sequence, state.hidden_from, sequence)
    return state if hidden_from == state.hidden_from else StagedSite(state.sequence, hidden_from)
