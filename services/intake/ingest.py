"""Submissions of other systems, from Kafka topics that are mapped to sites.

Untrusted: whatever cannot be taken becomes a dead letter with its reason, one by one, and the rest goes on. The broker
delivers at least once; (source, source_id) makes that effectively once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from services.intake import replies
from services.intake.refusal import UNMAPPED_TOPIC, Refusal, Refused, unknown_review
from services.intake.registry import Incoming, Registry
from services.intake.submission import MAX_BODY_BYTES, Reference, Submission, parse
from services.intake.trace import continued
from services.intake.transaction import Connection
from services.intake.withdrawal import find_by_source, withdraw
from shared import metrics
from shared.events.cloudevents import pack_headers
from shared.events.content import MAX_SOURCE
from shared.http.errors import ErrorCode
from shared.kafka.consumer import Failure
from shared.kafka.record import Record, header

NAME = "intake-ingest"
READ_AT_ONCE = 20
"""Records, before other tasks of the process get a turn: each may be a long text."""

_SITES = "select topic, site from intake.ingest_topics where topic = any($1::text[])"
_PARK = """
    insert into intake.dead_letters
        (consumer, topic_id, topic, partition, record_offset, site, key, value, headers, reason_code, reason)
    select $1, * from unnest($2::text[], $3::text[], $4::int[], $5::bigint[], $6::text[], $7::bytea[], $8::bytea[],
        $9::text[], $10::text[], $11::text[])
    on conflict do nothing"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a readable record asks for: a submission, or something about the review that `reference` names."""

    record: Record
    submission: Submission | None
    reference: Reference | None
    traceparent: str


class Prepared(NamedTuple):
    record: Record
    wanted: Wanted | Failure


@dataclass(frozen=True, slots=True)
class Dead:
    record: Record
    site: str | None
    failure: Failure


def read(record: Record, topic_id: str) -> Wanted | Failure:
    """Pure. A submission without a source gets the record's own place for one, so that a redelivery is recognised."""
    if record.value is None:
        return Failure(ErrorCode.BAD_REQUEST.value, "the record has no value; send one JSON object")
    if len(record.value) > MAX_BODY_BYTES:
        return Failure(ErrorCode.PAYLOAD_TOO_LARGE.value, f"the value must not be larger than {MAX_BODY_BYTES} bytes")
    trace = continued((header(record, "traceparent") or b"").decode("latin-1"))
    try:
        if b'"operation"' in record.value:
            reference = parse(Reference, record.value)
            if reference.operation != "submit":
                return Wanted(record, None, reference, trace)
        submission = parse(Submission, record.value)
    except Refused as refused:
        return _failure(refused.refusal)
    if submission.source is None:
        place = {"source": record.topic[:MAX_SOURCE], "source_id": f"{topic_id}:{record.partition}:{record.offset}"}
        submission = submission.model_copy(update=place)
    return Wanted(record, submission, None, trace)


class Ingest:
    """See shared.kafka.consumer.Processor. `topic_ids` must know every topic that records come from."""

    name = NAME
    trusted = False

    def __init__(self, registry: Registry, topic_ids: Mapping[str, str]) -> None:
        self._registry = registry
        self._topic_ids = topic_ids
        self._prepared: dict[int, Prepared] = {}

    async def prepare(self, records: Sequence[Record]) -> None:
        """Reads them before anything is locked. What cannot be read is no Poison: it is buried in bulk."""
        prepared: dict[int, Prepared] = {}
        for number, record in enumerate(records, 1):
            before = self._prepared.get(id(record))
            if before is not None and before.record is record:
                prepared[id(record)] = before
                continue
            prepared[id(record)] = Prepared(record, read(record, self._topic_ids[record.topic]))
            if number % READ_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._prepared = prepared

    async def process(self, tx: Connection, records: Sequence[Record]) -> None:
        wanted = [self._prepared[id(record)] for record in records]
        sites = dict(await tx.fetch(_SITES, list({record.topic for record in records})))
        dead: list[Dead] = []
        of_site: dict[str, list[Wanted]] = {}
        for record, one in wanted:
            site = sites.get(record.topic)
            if site is None:
                dead.append(Dead(record, None, Failure(UNMAPPED_TOPIC, "no site has this topic; map it to one")))
            elif isinstance(one, Failure):
                dead.append(Dead(record, site, one))
            else:
                of_site.setdefault(site, []).append(one)
        for site, theirs in of_site.items():
            dead += await self._do(tx, site, theirs)
        await self._bury(tx, dead)

    async def park(self, tx: Connection, record: Record, failure: Failure) -> None:
        """Nothing of ours is public by itself, so there is nothing to close."""

    async def _do(self, tx: Connection, site: str, wanted: Sequence[Wanted]) -> list[Dead]:
        """In their order; neighbouring submissions as one batch."""
        dead: list[Dead] = []
        for are_submissions, run in groupby(wanted, lambda one: one.submission is not None):
            if are_submissions:
                dead += await self._submit(tx, site, list(run))
                continue
            for one in run:
                try:
                    await self._follow(tx, site, one)
                except Refused as refused:
                    dead.append(Dead(one.record, site, _failure(refused.refusal)))
        return dead

    async def _submit(self, tx: Connection, site: str, wanted: Sequence[Wanted]) -> list[Dead]:
        incoming = [
            Incoming(one.submission, "form" if one.submission.form is not None else "ingest", one.traceparent)
            for one in wanted
            if one.submission is not None
        ]
        results = await self._registry.submit(tx, site, incoming)
        return [
            Dead(one.record, site, _failure(result.refusal))
            for one, result in zip(wanted, results, strict=True)
            if result.refusal is not None
        ]

    async def _follow(self, tx: Connection, site: str, wanted: Wanted) -> None:
        reference = wanted.reference
        assert reference is not None
        assert reference.source is not None
        assert reference.source_id is not None
        review_id = await find_by_source(tx, site, reference.source, reference.source_id)
        if review_id is None:
            raise unknown_review()
        clock, by, trace = self._registry.clock, wanted.record.topic, wanted.traceparent
        match reference.operation:
            case "withdraw":
                await withdraw(tx, clock, site, review_id, by, trace)
            case "set_reply":
                assert reference.reply is not None
                await replies.set_reply(tx, clock, site, review_id, reference.slot, reference.reply, by, trace)
            case "remove_reply":
                await replies.remove_reply(tx, clock, site, review_id, reference.slot, by, trace)

    async def _bury(self, tx: Connection, dead: Sequence[Dead]) -> None:
        """All at once: a batch full of refusals costs one statement, not a search for the guilty by halves."""
        if not dead:
            return
        records = [one.record for one in dead]
        await tx.execute(
            _PARK,
            self.name,
            [self._topic_ids[record.topic] for record in records],
            [record.topic for record in records],
            [record.partition for record in records],
            [record.offset for record in records],
            [one.site for one in dead],
            [record.key for record in records],
            [record.value for record in records],
            [pack_headers(_present(record)) for record in records],
            [one.failure.code for one in dead],
            [one.failure.reason for one in dead],
        )
        for one in dead:
            metrics.RECORDS_PARKED.labels(self.name, one.failure.code).inc()


def _present(record: Record) -> Iterator[tuple[str, bytes]]:
    """Kafka allows headers without a value."""
    for name, value in record.headers:
        yield name, value or b""


def _failure(refusal: Refusal) -> Failure:
    return Failure(refusal.code.value, refusal.message)
