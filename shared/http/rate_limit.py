"""Limits per caller: a token bucket each."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

from shared.clock import Clock


@dataclass(frozen=True)
class Rate:
    """`burst` at once, then `per_second` on average."""

    per_second: float
    burst: int


class RateLimiter:
    """Of one process; several processes allow that many times as much. Remembers the callers that came last."""

    MOST_CALLERS = 50_000

    def __init__(self, rate: Rate, clock: Clock) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> int:
        """0 when the call may go on, else the whole seconds after which another try may succeed."""
        now = self._clock.monotonic()
        tokens, since = self._buckets.pop(caller, (float(self._rate.burst), now))
        tokens = min(float(self._rate.burst), tokens + (now - since) * self._rate.per_second)
        wait = 0
        if tokens >= 1:
            tokens -= 1
        else:
            wait = max(1, math.ceil((1 - tokens) / self._rate.per_second))
        self._buckets[caller] = (tokens, now)
        if len(self._buckets) > self.MOST_CALLERS:
            self._buckets.popitem(last=False)
        return wait
