"""The moderation worker: what one batch of review-submitted does to cases, decisions and the outbox."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, assert_never

import asyncpg

from services.moderation import cases
from services.moderation.case import Case, Step
from services.moderation.engine.signal import Signal
from services.moderation.judging import shadow
from services.moderation.judging.classifiers import Classifiers
from services.moderation.judging.history import History, Revision, forget
from services.moderation.judging.judge import Judge, facts
from services.moderation.judging.reading import Reader, Reading
from services.moderation.judging.rulebook import Rulebook
from services.moderation.judging.shadow import ShadowDecision, in_shadow
from services.moderation.transitions import submitted, unreadable, withdrawn
from shared import metrics
from shared.clock import Clock
from shared.events.cloudevents import DecodeError, Decoder, UnknownType, UnknownVersion
from shared.events.ids import MAX_REVIEW_ID
from shared.events.models import ReviewSubmitted, ReviewWithdrawn
from shared.events.topics import REVIEW_SUBMITTED
from shared.kafka.consumer import Failure, Fenced, Poison, Systematic
from shared.kafka.record import Record, header

_SUBMITTED_TYPE = f"{ReviewSubmitted.TYPE}.v{ReviewSubmitted.VERSION}".encode()

MOST_DIGITS = 19
"""Of a sequence that Postgres can hold."""
JUDGED_AT_ONCE = 20
"""Reviews, before other tasks of the process get a turn."""

Fact = ReviewSubmitted | ReviewWithdrawn


class Prepared(NamedTuple):
    """A record as it was read; `fact` is None for a tombstone, `reading` for all but submissions."""

    record: Record
    fact: Fact | None
    reading: Reading | None


class ReviewProcessor:
    """Folds review-submitted into cases. Runs in as many processes as wished: each key is on one partition."""

    name = "moderation"
    trusted = True

    def __init__(
        self,
        judge: Judge,
        clock: Clock,
        *,
        rulebook: Rulebook | None = None,
        classifiers: Classifiers | None = None,
        history: History | None = None,
    ) -> None:
        self._judge = judge
        self._clock = clock
        self._rulebook = rulebook or Rulebook()
        self._reader = Reader(judge, self._rulebook, classifiers or Classifiers())
        self._history = history or History()
        self._decoder = Decoder(REVIEW_SUBMITTED)
        self._prepared: dict[int, Prepared] = {}

    async def prepare(self, records: Sequence[Record]) -> None:
        """Reads texts before anything is locked: many long ones take seconds, and so may classifiers."""
        prepared: dict[int, Prepared] = {}
        fresh: list[Prepared] = []
        for record in records:
            one = self._prepared.get(id(record))
            if one is None or one.record is not record:
                fact = self._decode(record)
                one = Prepared(record, fact, self._reader.read(fact) if isinstance(fact, ReviewSubmitted) else None)
                fresh.append(one)
                if len(fresh) % JUDGED_AT_ONCE == 0:
                    await asyncio.sleep(0)
            prepared[id(record)] = one
        readings = [one.reading for one in fresh if one.reading is not None]
        asked = iter(await self._reader.ask(readings))
        for one in fresh:
            if one.reading is not None:
                prepared[id(one.record)] = one._replace(reading=next(asked))
        self._prepared = prepared

    async def process(self, tx: asyncpg.Connection[Any], records: Sequence[Record]) -> None:
        """Locks in this order, as everybody does: the rules, the cases, the history."""
        await self._rulebook.hold(tx)
        ready = await self._renewed([self._prepared[id(record)] for record in records])
        known = await cases.lock(tx, {one.fact.review_id for one in ready if one.fact is not None})
        found = await self._look(tx, known, ready)
        now = self._clock.now()
        latest: dict[int, Case] = dict(known)
        steps: list[Step] = []
        beside: list[ShadowDecision] = []
        for record, fact, reading in ready:
            if fact is None:
                continue
            case = latest.get(fact.review_id)
            if case is not None and case.site != fact.site:
                raise Poison(record, Failure("foreign_key", "the review belongs to another site"))
            match fact:
                case ReviewSubmitted():
                    if reading is None or (case is not None and not case.awaits(fact)):
                        continue
                    rules = self._rulebook.of(fact.site)
                    seen = facts(fact, (*reading.signals, *reading.classified.signals, *found.get(id(record), ())))
                    ruling = self._judge.rule(rules.ruler(fact.review_id), seen, reading.classified)
                    step = submitted(case, fact, _text(record), ruling, now)
                    if rules.shadow is not None and step is not None and step.decision.actor_kind == "policy":
                        beside.append(in_shadow(fact, rules.shadow, seen, ruling, now))
                case ReviewWithdrawn():
                    step = withdrawn(case, fact, now)
                case _:
                    assert_never(fact)
            if step is not None:
                latest[fact.review_id] = step.case
                steps.append(step)
        await self._save(tx, known, steps)
        await shadow.write(tx, beside)
        await forget(tx, [step.case.review_id for step in steps if step.case.status == "withdrawn"])

    async def park(self, tx: asyncpg.Connection[Any], record: Record, failure: Failure) -> None:
        place = _place(record)
        if place is None:
            return  # nobody can say which review it was of; the dead letter has all there is
        site, review_id = place
        await self._rulebook.hold(tx)  # for the order of locks: other records of the batch are decided on behind it
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

    async def _renewed(self, ready: Sequence[Prepared]) -> list[Prepared]:
        """With the signals that the site's words of today give. Few reviews at the moment of a change, mostly none."""
        renewed = []
        count = 0
        for one in ready:
            if one.reading is not None and (reading := self._reader.renewed(one.reading)) is not one.reading:
                one = self._prepared[id(one.record)] = one._replace(reading=reading)
                count += 1
                if count % JUDGED_AT_ONCE == 0:
                    await asyncio.sleep(0)
            renewed.append(one)
        return renewed

    async def _look(
        self, tx: asyncpg.Connection[Any], known: Mapping[int, Case], ready: Sequence[Prepared]
    ) -> dict[int, tuple[Signal, ...]]:
        """What other reviews say about those that will be decided on, by record."""
        looked: list[tuple[int, Revision]] = []
        unknown: set[int] = set()
        for record, fact, reading in ready:
            if isinstance(fact, ReviewSubmitted) and reading is not None:
                case = known.get(fact.review_id)
                if case is None:
                    unknown.add(fact.review_id)  # what is recorded of a review is recorded with its case
                elif case.site != fact.site or not case.awaits(fact):
                    continue
                looked.append((id(record), reading.revision))
        if not looked:
            return {}
        try:
            signals = await self._history.look(tx, [revision for _, revision in looked], unknown)
        except asyncpg.UniqueViolationError as error:
            raise Fenced("another worker has recorded one of these reviews") from error
        return {record: found for (record, _), found in zip(looked, signals, strict=True)}

    def _decode(self, record: Record) -> Fact | None:
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
        made = Counter((step.decision.status, step.decision.actor_kind) for step in steps)
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
