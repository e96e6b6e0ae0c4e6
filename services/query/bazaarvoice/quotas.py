"""How often a pass key may ask: calls counted in fixed windows, a minute and an hour of the clock in UTC.

Fixed, because the vendor's headers speak of one current window and one moment at which it ends, and clients plan by
them. The price: around the turn of a window twice the allotment may pass. Counts are of one process; several processes
allow that many times as much. A call that is refused counts in no window.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from services.query.exchange import Header
from shared.clock import Clock
from shared.pass_keys import PassKey

MINUTE = 60
HOUR = 3600


@dataclass(slots=True)
class _Counts:
    minute: int
    hour: int
    this_minute: int = 0
    this_hour: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one pass key at one moment, the call that was just counted included."""

    per_minute: int
    this_minute: int
    per_hour: int
    this_hour: int
    hour_ends: bytes
    """As an HTTP date."""
    wait_seconds: int
    """0 when the call may go on, else the seconds until the window that is full ends."""

    def headers(self) -> list[Header]:
        return [
            (b"x-bazaarvoice-qpm-allotted", b"%d" % self.per_minute),
            (b"x-bazaarvoice-qpm-current", b"%d" % self.this_minute),
            (b"x-bazaarvoice-quota-allotted", b"%d" % self.per_hour),
            (b"x-bazaarvoice-quota-current", b"%d" % self.this_hour),
            (b"x-bazaarvoice-quota-reset", self.hour_ends),
            # Joined with what the edge exposes: pages of other origins see only headers that are named.
            (b"access-control-expose-headers", EXPOSED),
        ]


EXPOSED = (
    b"X-Bazaarvoice-QPM-Allotted, X-Bazaarvoice-QPM-Current, X-Bazaarvoice-Quota-Allotted, "
    b"X-Bazaarvoice-Quota-Current, X-Bazaarvoice-Quota-Reset"
)


class Quotas:
    """One entry for each pass key that was ever used since the start: they are made by hand, and so few."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: dict[str, _Counts] = {}

    def take(self, key: PassKey) -> Usage:
        """Counts one call, unless it is one too many."""
        now = int(self._clock.now().timestamp())
        minute, hour = now // MINUTE, now // HOUR
        counts = self._counts.setdefault(key.hint, _Counts(minute, hour))
        # Unequal and not greater: a clock that was put back begins a window too, and no count is ever stuck.
        if counts.minute != minute:
            counts.minute, counts.this_minute = minute, 0
        if counts.hour != hour:
            counts.hour, counts.this_hour = hour, 0
        wait = 0
        if counts.this_hour >= key.per_hour:
            wait = HOUR - now % HOUR
        elif counts.this_minute >= key.per_minute:
            wait = MINUTE - now % MINUTE
        else:
            counts.this_minute += 1
            counts.this_hour += 1
        return Usage(key.per_minute, counts.this_minute, key.per_hour, counts.this_hour, _end_of(hour), wait)


# Writing a date takes longer than everything else here together.
@lru_cache(maxsize=2)
def _end_of(hour: int) -> bytes:
    return format_datetime(datetime.fromtimestamp((hour + 1) * HOUR, UTC), usegmt=True).encode()
