"""How much evidence a policy is shown, and a decision keeps."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from services.moderation.engine.signal import Severity, Signal

MOST_KEPT: Final = 250
"""Signals of one review or comment, of all fields and detectors together. Forty rules that go through all of them are
within the steps that CEL gives a condition, and their places are a small part of an event.
"""

_GRAVITY: Final = {Severity.SEVERE: 0, Severity.STRONG: 1, None: 2, Severity.MILD: 3}


class Evidence(NamedTuple):
    """`signals` are in their order; `left_out` are so many more that nobody will see."""

    signals: tuple[Signal, ...]
    left_out: int = 0


def evidence(signals: Sequence[Signal]) -> Evidence:
    """All of them, or where there are more than `MOST_KEPT` the first of each detector, category and severity, and then
    the gravest. What detectors do not grade is graver than a mild word. The same signals always give the same.
    """
    if len(signals) <= MOST_KEPT:
        return Evidence(tuple(signals))
    kinds = [(signal.detector, signal.category, signal.severity) for signal in signals]
    first = {kind: at for at, kind in reversed(list(enumerate(kinds)))}
    by_gravity = sorted(
        range(len(signals)), key=lambda at: (first[kinds[at]] != at, _GRAVITY[signals[at].severity], at)
    )
    return Evidence(tuple(signals[at] for at in sorted(by_gravity[:MOST_KEPT])), len(signals) - MOST_KEPT)
