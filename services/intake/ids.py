"""Ids of reviews and comments: ordered in time, not to be guessed, and silent about how much other sites get.

A review's id is even and a comment's is odd, so that a number is the one or the other, whichever process made it.
Reviews from before there were comments have ids of both kinds, of seconds that are over.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime

from shared.clock import Clock
from shared.events.ids import CommentId, ReviewId

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
RANDOM_BITS = 22


class _Numbers:
    """Seconds since 2020 in the upper 31 bits (until 2088), random bits below, and `last_bit`.

    One process never gives a number twice. Two processes may choose the same one, rarely: the registry looks before it
    inserts, and the primary key has the last word.
    """

    def __init__(self, clock: Clock, rng: random.Random, last_bit: int) -> None:
        self._clock = clock
        self._rng = rng
        self._last_bit = last_bit
        self._second = -1
        self._given: set[int] = set()

    def take(self, count: int) -> list[int]:
        # A clock that is set back must not hand out a second twice.
        second = max(int((self._clock.now() - EPOCH).total_seconds()), self._second)
        if not 0 < second < 1 << (53 - RANDOM_BITS):
            raise ValueError("the clock is outside the years 2020 to 2088")
        if second != self._second:
            self._second = second
            self._given.clear()
        numbers: list[int] = []
        while len(numbers) < count:
            low = self._rng.getrandbits(RANDOM_BITS - 1) << 1 | self._last_bit
            if low not in self._given:
                self._given.add(low)
                numbers.append(second << RANDOM_BITS | low)
        return numbers


class ReviewIds:
    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._numbers = _Numbers(clock, rng, 0)

    def take(self, count: int) -> list[ReviewId]:
        return [ReviewId(number) for number in self._numbers.take(count)]


class CommentIds:
    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._numbers = _Numbers(clock, rng, 1)

    def take(self, count: int) -> list[CommentId]:
        return [CommentId(number) for number in self._numbers.take(count)]


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]


def base36(number: int) -> str:
    digits = ""
    while number:
        number, pair = divmod(number, 36 * 36)
        digits = _PAIRS[pair] + digits
    return digits.lstrip("0") or "0"
