"""The moderation worker: what one batch of review-submitted does to cases, decisions and the outbox."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, assert_never

import asyncpg

from services.moderation import cases
from services.moderation.case import Case, Ruling, Step
from services.moderation.transitions import submitted, unreadable, withdrawn
from shared import metrics
from shared.clock import Clock
from shared.events.cloudevents import DecodeError, Decoder, UnknownType, UnknownVersion
from shared.events.ids import MAX_REVIEW_ID
from shared.events.models import ReviewSubmitted, ReviewWithdrawn
from shared.events.topics import REVIEW_SUBMITTED
from shared.kafka.consumer import Failure, Fenced, Poison, Systematic
from shared.kafka.record import Record, header

Judge = Callable[[ReviewSubmitted], Ruling]
"""What the policy in force says to a revision; pure."""

_SUBMITTED_TYPE = f"{ReviewSubmitted.TYPE}.v{ReviewSubmitted.VERSION}".encode()

MOST_DIGITS = 19
"""Of a sequence that Postgres can hold."""
JUDGED_AT_ONCE = 20
"""Reviews, before other tasks of the process get a turn."""

Fact = ReviewSubmitted | ReviewWithdrawn


class Prepared(NamedTuple):
    """A record as it was read; `fact` is None for a tombstone, `ruling` for all but submissions."""

    record: Record
    fact: Fact | None
    ruling: Ruling | None


class ReviewProcessor:
    """Folds review-submitted into cases. Runs in as many processes as wished: each key is on one partition."""

    name = "moderation"
    trusted = True

    def __init__(self, judge: Judge, clock: Clock) -> None:
        self._judge = judge
        self._clock = clock
        self._decoder = Decoder(REVIEW_SUBMITTED)
        self._prepared: dict[int, Prepared] = {}

    async def prepare(self, records: Sequence[Record]) -> None:
        """Reads and judges before any case is locked: many long texts take seconds."""
        prepared: dict[int, Prepared] = {}
        for number, record in enumerate(records, 1):
            before = self._prepared.get(id(record))
            if before is not None and before.record is record:
                prepared[id(record)] = before
                continue
            fact = self._read(record)
            ruling = self._judge(fact) if isinstance(fact, ReviewSubmitted) else None
            prepared[id(record)] = Prepared(record, fact, ruling)
            if number % JUDGED_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._prepared = prepared

    async def process(self, tx: asyncpg.Connection[Any], records: Sequence[Record]) -> None:
        ready = [self._prepared[id(record)] for record in records]
        known = await cases.lock(tx, {one.fact.review_id for one in ready if one.fact is not None})
        now = self._clock.now()
        latest: dict[int, Case] = dict(known)
        steps: list[Step] = []
        for record, fact, ruling in ready:
            if fact is None:
                continue
            case = latest.get(fact.review_id)
            if case is not None and case.site != fact.site:
                raise Poison(record, Failure("foreign_key", "the review belongs to another site"))
            match fact:
                case ReviewSubmitted():
                    if ruling is None or (case is not None and not case.awaits(fact)):
                        continue
                    step = submitted(case, fact, _text(record), ruling, now)
                case ReviewWithdrawn():
                    step = withdrawn(case, fact, now)
                case _:
                    assert_never(fact)
            if step is not None:
                latest[fact.review_id] = step.case
                steps.append(step)
        await self._save(tx, known, steps)

    async def park(self, tx: asyncpg.Connection[Any], record: Record, failure: Failure) -> None:
        place = _place(record)
        if place is None:
            return  # nobody can say which review it was of; the dead letter has all there is
        site, review_id = place
        known = await cases.lock(tx, [review_id])
        case = known.get(review_id)
        if case is not None and case.site != site:
            return
        step = unreadable(
            case,
            site,
            review_id,
            is_submission=header(record, "ce_type") == _SUBMITTED_TYPE,
            sequence=_sequence(record),
            reason=f"{failure.code}: {failure.reason}",
            now=self._clock.now(),
        )
        if step is not None:
            await self._save(tx, known, [step])

    def _read(self, record: Record) -> Fact | None:
        """None for a tombstone: whoever erased the review has said so in an event before."""
        try:
            event = self._decoder.decode(record.key, record.value, record.headers).event
        except (UnknownType, UnknownVersion) as error:
            raise Systematic(str(error)) from error
        except DecodeError as error:
            raise Poison(record, Failure(error.code, str(error))) from error
        if event is not None and not isinstance(event, ReviewSubmitted | ReviewWithdrawn):
            raise Systematic(f"{event.TYPE} does not belong on this topic")
        return event

    async def _save(self, tx: asyncpg.Connection[Any], known: dict[int, Case], steps: Sequence[Step]) -> None:
        try:
            await cases.save(tx, known, steps)
        except asyncpg.UniqueViolationError as error:
            # Only this group opens cases: one that appeared meanwhile is another worker's, and so is the partition.
            raise Fenced("another worker has opened one of these cases") from error
        made = Counter((step.decision.status, step.decision.actor_kind, step.decision.rule or "") for step in steps)
        for labels, count in made.items():
            metrics.DECISIONS.labels(*labels).inc(count)


def _text(record: Record) -> str:
    """The event as it came: it is kept whole, also what this version does not know."""
    return (record.value or b"").decode()


def _place(record: Record) -> tuple[str, int] | None:
    """Site and review of a key such as `shop/17`."""
    try:
        site, _, number = (record.key or b"").decode().rpartition("/")
        review_id = int(number)
    except ValueError:
        return None
    if not site or str(review_id) != number or not 0 < review_id <= MAX_REVIEW_ID or "\0" in site:
        return None
    return site, review_id


def _sequence(record: Record) -> int | None:
    value = header(record, "ce_sequence")
    return int(value) if value is not None and value.isdigit() and len(value) <= MOST_DIGITS else None
