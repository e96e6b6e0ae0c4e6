"""The moderation worker: what one batch of submissions and reports of abuse does to cases, decisions and the outbox."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, assert_never

import asyncpg

from services.moderation import cases, reports
from services.moderation.case import Case, Step
from services.moderation.contents import Content, Submitted, Withdrawn, content_of
from services.moderation.engine.signal import Signal
from services.moderation.judging import shadow
from services.moderation.judging.classifiers import Classifiers
from services.moderation.judging.history import History, Revision, forget
from services.moderation.judging.judge import Judge, facts
from services.moderation.judging.reading import Reader, Reading
from services.moderation.judging.rulebook import Rulebook
from services.moderation.judging.shadow import ShadowDecision, in_shadow
from services.moderation.reports import Report, report_of
from services.moderation.transitions import reported, submitted, unreadable, withdrawn
from shared import metrics
from shared.clock import Clock
from shared.events.cloudevents import Decoded, DecodeError, Decoder, UnknownType, UnknownVersion
from shared.events.ids import MAX_REVIEW_ID
from shared.events.models import (
    CommentSubmitted,
    CommentWithdrawn,
    Event,
    FeedbackGiven,
    FeedbackRemoved,
    ReviewSubmitted,
    ReviewWithdrawn,
)
from shared.events.topics import COMMENT_SUBMITTED, REVIEW_FEEDBACK, REVIEW_SUBMITTED
from shared.kafka.consumer import Failure, Fenced, Poison, Systematic
from shared.kafka.record import Record, header

TOPICS = (REVIEW_SUBMITTED, COMMENT_SUBMITTED, REVIEW_FEEDBACK)
"""What the worker reads."""
MOST_DIGITS = 19
"""Of a sequence that Postgres can hold."""
READ_AT_ONCE = 20_000
"""Characters of texts, each text counted for at least a thousand, before other tasks of the process get a turn: Kafka
takes a worker for dead from which it hears nothing.
"""

_SUBMITTED_TYPES = frozenset(f"{event.TYPE}.v{event.VERSION}".encode() for event in (ReviewSubmitted, CommentSubmitted))
_HELPFULNESS = b"/helpfulness"
"""How keys of votes end that are no reports."""


class Prepared(NamedTuple):
    """A record as it was read: a `fact` with its content, a `report`, or neither, when there is nothing to be done."""

    record: Record
    content: Content | None = None
    fact: Submitted | Withdrawn | None = None
    reading: Reading | None = None
    """Of submissions."""
    report: Report | None = None


class _Turns:
    """When other tasks shall go on between texts."""

    def __init__(self) -> None:
        self._read = 0

    def is_over(self, reading: Reading | None) -> bool:
        """Whether it is somebody else's turn, after this one was read."""
        self._read += max(1_000, sum(map(len, reading.fields.values()))) if reading is not None else 1_000
        if self._read < READ_AT_ONCE:
            return False
        self._read = 0
        return True


class ModerationProcessor:
    """Folds submissions and reports into cases. Runs in as many processes as wished: each key is on one partition."""

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
        self._decoders = {topic.name: Decoder(topic) for topic in TOPICS}
        self._prepared: dict[int, Prepared] = {}

    async def prepare(self, records: Sequence[Record]) -> None:
        """Reads texts before anything is locked: many long ones take seconds, and so may classifiers."""
        prepared: dict[int, Prepared] = {}
        fresh: list[Prepared] = []
        turns = _Turns()
        for record in records:
            one = self._prepared.get(id(record))
            if one is None or one.record is not record:
                one = self._read(record)
                fresh.append(one)
                if turns.is_over(one.reading):
                    await asyncio.sleep(0)
            prepared[id(record)] = one
        readings = [one.reading for one in fresh if one.reading is not None]
        asked = iter(await self._reader.ask(readings))
        for one in fresh:
            if one.reading is not None:
                prepared[id(one.record)] = one._replace(reading=next(asked))
        self._prepared = prepared

    async def process(self, tx: asyncpg.Connection[Any], records: Sequence[Record]) -> None:
        """Locks in this order, as everybody does: the rules, the reports, the cases, the history."""
        ready = [self._prepared[id(record)] for record in records]
        ready = [one for one in ready if one.fact is not None or one.report is not None]
        if not ready:
            return  # votes and tombstones only
        await self._rulebook.hold(tx)
        ready = await self._renewed(ready)
        said = [one.report for one in ready if one.report is not None]
        await reports.hold(tx, said)
        known = await cases.lock(tx, {one.content.content_id for one in ready if one.content is not None})
        found = await self._look(tx, known, ready)
        now = self._clock.now()
        latest: dict[int, Case] = dict(known)
        steps: list[Step] = []
        beside: list[ShadowDecision] = []
        for record, content, fact, reading, _ in ready:
            if fact is None or content is None:
                continue
            case = latest.get(content.content_id)
            if case is not None and not _is_of(case, fact.site, content):
                raise Poison(record, Failure("foreign_key", "the id belongs to another site, or to another kind"))
            match fact:
                case ReviewSubmitted() | CommentSubmitted():
                    if reading is None or (case is not None and not case.awaits(fact)):
                        continue
                    rules = self._rulebook.of(fact.site)
                    seen = facts(fact, (*reading.signals, *reading.classified.signals, *found.get(id(record), ())))
                    ruling = self._judge.rule(rules.ruler(content.content_id), seen, reading.classified)
                    step = submitted(case, fact, _text(record), ruling, now)
                    if rules.shadow is not None and step is not None and step.decision.actor_kind == "policy":
                        beside.append(in_shadow(fact, rules.shadow, seen, ruling, now))
                case ReviewWithdrawn() | CommentWithdrawn():
                    step = withdrawn(case, fact, now)
                case _:
                    assert_never(fact)
            if step is not None:
                latest[content.content_id] = step.case
                steps.append(step)
        if said:
            await reports.save(tx, [report for report in said if not _is_gone(known.get(report.content_id))])
        touched = {step.case.review_id for step in steps}.union(report.content_id for report in said)
        steps = await self._recall(tx, [latest[one] for one in touched if one in latest], steps, now)
        await self._save(tx, known, steps)
        await shadow.write(tx, beside)
        gone = [step.case.review_id for step in steps if step.case.status == "withdrawn"]
        await forget(tx, gone)
        await reports.forget(tx, gone)

    async def _recall(
        self, tx: asyncpg.Connection[Any], touched: Sequence[Case], steps: list[Step], now: datetime
    ) -> list[Step]:
        """The steps of a batch, and those by which reports bring content back to people. After all others: whichever of
        reports and submissions comes first, the same becomes of it.
        """
        bounds = {
            case.review_id: reports.bound(self._rulebook.of(case.site), case)
            for case in touched
            if case.public_revision is not None
        }
        asked = {
            case.review_id: (case, bound)
            for case in touched
            if (bound := bounds.get(case.review_id)) is not None and (case.status != "held" or bound[1].hides)
        }
        counts = await reports.live(tx, [case for case, _ in asked.values()])
        for content_id, count in counts.items():
            case, (ruler, limit) = asked[content_id]
            if count < limit.at:
                continue
            step = reported(case, reports.ruling_of(ruler, limit, count), limit.hides, now)
            if step is None:
                continue
            if limit.hides:
                # What is hidden is not shown before, not even for the moment between two events.
                steps = [
                    one._replace(event=None)
                    if one.case.review_id == content_id and one.event is not None and one.event.published is not None
                    else one
                    for one in steps
                ]
            steps.append(step)
        return steps

    async def park(self, tx: asyncpg.Connection[Any], record: Record, failure: Failure) -> None:
        place = _place(record)
        if place is None:
            return  # nobody can say of what it was; the dead letter has all there is
        if record.topic == REVIEW_FEEDBACK.name:
            return  # damage is no report of abuse, and a report that is lost changes nothing that is public
        site, content = place
        await self._rulebook.hold(tx)  # for the order of locks: other records of the batch are decided on behind it
        known = await cases.lock(tx, [content.content_id])
        case = known.get(content.content_id)
        if case is not None and not _is_of(case, site, content):
            return
        step = unreadable(
            case,
            site,
            content,
            is_submission=header(record, "ce_type") in _SUBMITTED_TYPES,
            sequence=_sequence(record),
            reason=f"{failure.code}: {failure.reason}",
            now=self._clock.now(),
        )
        if step is not None:
            await self._save(tx, known, [step])

    async def _renewed(self, ready: Sequence[Prepared]) -> list[Prepared]:
        """With the signals that the site's words of today give. Few reviews at the moment of a change, mostly none."""
        renewed = []
        turns = _Turns()
        for one in ready:
            if one.reading is not None and (reading := self._reader.renewed(one.reading)) is not one.reading:
                one = self._prepared[id(one.record)] = one._replace(reading=reading)
                if turns.is_over(reading):
                    await asyncio.sleep(0)
            renewed.append(one)
        return renewed

    async def _look(
        self, tx: asyncpg.Connection[Any], known: Mapping[int, Case], ready: Sequence[Prepared]
    ) -> dict[int, tuple[Signal, ...]]:
        """What other reviews say about those that will be decided on, by record."""
        looked: list[tuple[int, Revision]] = []
        unknown: set[int] = set()
        for record, content, _, reading, _ in ready:
            if content is not None and reading is not None:
                case = known.get(content.content_id)
                if case is None:
                    unknown.add(content.content_id)  # what is recorded of a review is recorded with its case
                elif not _is_of(case, reading.event.site, content) or not case.awaits(reading.event):
                    continue
                looked.append((id(record), reading.revision))
        if not looked:
            return {}
        try:
            signals = await self._history.look(tx, [revision for _, revision in looked], unknown)
        except asyncpg.UniqueViolationError as error:
            raise Fenced("another worker has recorded one of these reviews") from error
        return {record: found for (record, _), found in zip(looked, signals, strict=True)}

    def _read(self, record: Record) -> Prepared:
        """Of a tombstone nothing is to be done: whoever erased the content has said so in an event before."""
        if record.topic == REVIEW_FEEDBACK.name:
            if record.key is not None and record.key.endswith(_HELPFULNESS):
                return Prepared(record)  # most of the topic: nothing of it is read
            report = self._report(record, self._decode(record))
            return Prepared(record) if report is None else Prepared(record, report.content, report=report)
        event = self._decode(record).event
        match event:
            case None:
                return Prepared(record)
            case ReviewSubmitted() | CommentSubmitted():
                return Prepared(record, content_of(event), event, self._reader.read(event))
            case ReviewWithdrawn() | CommentWithdrawn():
                return Prepared(record, content_of(event), event)
            case _:
                raise Systematic(f"{event.TYPE} does not belong on this topic")

    def _report(self, record: Record, decoded: Decoded[Event]) -> Report | None:
        """A tombstone takes the report back, with what its reader wrote."""
        match decoded.event:
            case FeedbackGiven() | FeedbackRemoved() as event:
                return report_of(event) if event.kind == "inappropriate" else None
            case None:
                return reports.erased(record.key or b"", decoded.sequence, self._clock.now())
            case event:
                raise Systematic(f"{event.TYPE} does not belong on this topic")

    def _decode(self, record: Record) -> Decoded[Event]:
        try:
            return self._decoders[record.topic].decode(record.key, record.value, record.headers)
        except (UnknownType, UnknownVersion) as error:
            raise Systematic(str(error)) from error
        except DecodeError as error:
            raise Poison(record, Failure(error.code, str(error))) from error

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


def _place(record: Record) -> tuple[str, Content] | None:
    """Site and content of a key such as `shop/17`."""
    try:
        site, _, number = (record.key or b"").decode().rpartition("/")
        content_id = int(number)
    except ValueError:
        return None
    if not site or str(content_id) != number or not 0 < content_id <= MAX_REVIEW_ID or "\0" in site:
        return None
    return site, Content("comment" if record.topic == COMMENT_SUBMITTED.name else "review", content_id)


def _is_of(case: Case, site: str, content: Content) -> bool:
    return case.site == site and case.kind == content.kind


def _is_gone(case: Case | None) -> bool:
    return case is not None and case.status == "withdrawn"


def _sequence(record: Record) -> int | None:
    value = header(record, "ce_sequence")
    return int(value) if value is not None and value.isdigit() and len(value) <= MOST_DIGITS else None
