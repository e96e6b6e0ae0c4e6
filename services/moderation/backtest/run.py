"""Asking a candidate policy about everything on record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from threading import Event
from typing import Any

import asyncpg

from services.moderation.backtest import record
from services.moderation.backtest.record import Past
from services.moderation.backtest.tally import REVIEWS_PER_HOUR, Judged, Tally
from services.moderation.engine.signal import Signal
from services.moderation.judging.judge import Judge, PolicyFailed, facts, fields_of, undecided, verdict
from services.moderation.judging.rulebook import Rulebook, Ruler
from services.moderation.policies.reference import EVERY_SITE
from services.moderation.policy.facts import Facts
from services.moderation.policy.verdict import Verdict
from shared.events.models import ReviewSubmitted

Progress = Callable[[int, int], Awaitable[None]]
"""Told how many reviews of how many are done."""


async def backtest(
    connection: asyncpg.Connection[Any],
    judge: Judge,
    scope: str,
    candidate: Ruler,
    progress: Progress,
    reviews_per_hour: float | None = None,
) -> dict[str, Any]:
    """The report of `Tally`, on all reviews of a site, or of EVERY_SITE: of the sites that follow its policy.

    Nothing is decided and nothing locked but, for an instant, the rules. The comparison is with what is active when it
    begins. `reviews_per_hour` is a moderator's pace; without it, what the record shows.
    """
    site = None if scope == EVERY_SITE else scope
    rulebook = Rulebook()
    async with connection.transaction():
        await rulebook.hold(connection)
    total = await record.count(connection, site)
    pace = reviews_per_hour or await record.pace(connection, site)
    tally, done = Tally(), 0
    await progress(0, total)
    async for chunk in record.read(connection, site):
        # In a thread: whatever else this process does goes on meanwhile.
        given_up = Event()
        try:
            await asyncio.to_thread(_add, tally, judge, rulebook, candidate, scope, chunk, given_up)
        finally:
            given_up.set()  # or the process could not end before the thread has
        done += len(chunk)
        await progress(min(done, total), total)
    before = rulebook.of(scope).active.reference
    return {
        "candidate": str(candidate.reference),
        "compared_with": str(before),
        "scope": scope,
        **tally.report(pace or REVIEWS_PER_HOUR),
        "pace_is_measured": reviews_per_hour is None and pace is not None,
    }


def _add(
    tally: Tally,
    judge: Judge,
    rulebook: Rulebook,
    candidate: Ruler,
    scope: str,
    chunk: Sequence[Past],
    given_up: Event,
) -> None:
    for past in chunk:
        if given_up.is_set():
            return
        rules = rulebook.of(past.site)
        if scope == EVERY_SITE and rules.active.reference.scope != EVERY_SITE:
            continue
        event = ReviewSubmitted.model_validate_json(past.submission)
        seen = facts(event, (*judge.read(event, rules.vocabulary), *_whole(past.signals, event)))
        before, after = _verdict(rules.active, seen), _verdict(candidate, seen)
        tally.add(Judged(past.review_id, before, after, past.person))


def _whole(signals: Sequence[Signal], event: ReviewSubmitted) -> Iterator[Signal]:
    """As they were when they were decided on: a decision keeps only the beginning of a long `matched`."""
    fields = fields_of(event)
    for signal in signals:
        yield replace(signal, matched=fields.get(signal.field, "")[signal.start : signal.end])


def _verdict(ruler: Ruler, seen: Facts) -> Verdict:
    """A policy that fails holds the review, as it does in a worker."""
    try:
        return verdict(ruler, seen)
    except PolicyFailed:
        return undecided(ruler)
