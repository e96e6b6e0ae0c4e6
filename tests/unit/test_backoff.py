"""Waits between attempts."""

from __future__ import annotations

import random

from shared.backoff import Backoff


def test_waits_double_until_the_longest_and_start_again_after_a_success() -> None:
    backoff = Backoff(random.Random(1), first=0.1, longest=1.0)
    waits = [backoff.wait() for _ in range(8)]
    for number, seconds in enumerate(waits):
        full = min(0.1 * 2**number, 1.0)
        assert full / 2 <= seconds <= full
    backoff.reset()
    assert backoff.wait() <= 0.1


def test_many_clients_do_not_return_at_once() -> None:
    first = [Backoff(random.Random(seed)).wait() for seed in range(50)]
    assert len(set(first)) == 50
    assert max(first) - min(first) > 0.03
