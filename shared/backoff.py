"""Waiting between attempts while something that we need is away."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Doubles from `first` to `longest` seconds; half of each wait is jitter, lest all clients return at once."""

    random: random.Random
    first: float = 0.1
    longest: float = 5.0
    _next: float = field(init=False)

    def __post_init__(self) -> None:
        self._next = self.first

    def wait(self) -> float:
        seconds = self._next * (0.5 + 0.5 * self.random.random())
        self._next = min(self._next * 2, self.longest)
        return seconds

    def reset(self) -> None:
        self._next = self.first
