"""Votes and reports: every voter's newest word counts, and one that cannot be read does not."""

from __future__ import annotations

from typing import NamedTuple

from services.projection.hiding import hide_from, shown_by


class StagedFeedback(NamedTuple):
    """Its fields in the order of the columns."""

    sequence: int = 0
    vote: str | None = None
    """None: taken back, or never given."""
    hidden_from: int | None = None


class FeedbackFact(NamedTuple):
    """What an event, or a tombstone, says: `vote` is None when it is taken back."""

    sequence: int
    vote: str | None


class Votes(NamedTuple):
    """Of one review or comment, or the difference between two such counts."""

    positive: int = 0
    negative: int = 0
    inappropriate: int = 0

    def plus(self, other: Votes) -> Votes:
        return Votes(
            self.positive + other.positive,
            self.negative + other.negative,
            self.inappropriate + other.inappropriate,
        )


NO_VOTES = Votes()
UNKNOWN_FEEDBACK = StagedFeedback()
_COUNTED: dict[str | None, tuple[int, int, int]] = {
    "positive": (1, 0, 0),
    "negative": (0, 1, 0),
    "inappropriate": (0, 0, 1),
    None: (0, 0, 0),
}


def set_feedback(state: StagedFeedback, fact: FeedbackFact) -> StagedFeedback:
    """The same object when the fact changes nothing."""
    if fact.sequence <= state.sequence:
        return state
    return StagedFeedback(fact.sequence, fact.vote, shown_by(state.hidden_from, fact.sequence))


def hide_feedback(state: StagedFeedback, sequence: int | None) -> StagedFeedback:
    hidden_from = hide_from(state.sequence, state.hidden_from, sequence)
    return state if hidden_from == state.hidden_from else state._replace(hidden_from=hidden_from)


def difference(before: StagedFeedback, after: StagedFeedback) -> Votes:
    """By what the votes of the content change."""
    old, new = _counted(before), _counted(after)
    return Votes(new[0] - old[0], new[1] - old[1], new[2] - old[2])


def _counted(state: StagedFeedback) -> tuple[int, int, int]:
    return _COUNTED[state.vote if state.hidden_from is None else None]
