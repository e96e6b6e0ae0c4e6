"""Whether something that keeps failing is worth another call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.backoff import Backoff

MOST_IN_A_ROW: Final = 3


class Circuit:
    """Open after MOST_IN_A_ROW failures; then one trial after each wait, until one succeeds.

    Calls must come one at a time: the first after a wait is the trial.
    """

    def __init__(self, monotonic: Callable[[], float], backoff: Backoff) -> None:
        self._monotonic = monotonic
        self._backoff = backoff
        self._failures = 0
        self._next_trial = 0.0

    @property
    def is_open(self) -> bool:
        """Also while a trial is due: only a success closes it."""
        return self._failures >= MOST_IN_A_ROW

    @property
    def allows(self) -> bool:
        return not self.is_open or self._monotonic() >= self._next_trial

    def succeeded(self) -> None:
        self._failures = 0
        self._backoff.reset()

    def failed(self) -> None:
        self._failures += 1
        if self.is_open:
            self._next_trial = self._monotonic() + self._backoff.wait()
