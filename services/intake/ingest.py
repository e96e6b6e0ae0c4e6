"""What other systems send, from Kafka topics that are mapped to sites.

Untrusted: whatever cannot be taken becomes a dead letter with its reason, one by one, and the rest goes on. The broker
delivers at least once; (source, source_id) makes that effectively once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from services.intake.operation import Asked, Operation, Place
from services.intake.operations import OPERATIONS, SUBMIT
from services.intake.refusal import UNMAPPED_TOPIC, Refusal, Refused
from services.intake.registry import Registry
from services.intake.submission import MAX_BODY_BYTES, parse
from services.intake.trace import continued
from services.intake.transaction import Connection
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


class _Named(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    operation: str = SUBMIT


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a readable record asks for."""

    record: Record
    operation: Operation[Any]
    asked: Asked[Any]


class Prepared(NamedTuple):
    record: Record
    wanted: Wanted | Failure


@dataclass(frozen=True, slots=True)
class Dead:
    record: Record
    site: str | None
    failure: Failure


def read(record: Record, topic_id: str) -> Wanted | Failure:
    """Pure."""
    if record.value is None:
        return Failure(ErrorCode.BAD_REQUEST.value, "the record has no value; send one JSON object")
    if len(record.value) > MAX_BODY_BYTES:
        return Failure(ErrorCode.PAYLOAD_TOO_LARGE.value, f"the value must not be larger than {MAX_BODY_BYTES} bytes")
    trace = continued((header(record, "traceparent") or b"").decode("latin-1"))
    place = Place(record.topic[:MAX_SOURCE], f"{topic_id}:{record.partition}:{record.offset}")
    try:
        # Most records name none, and are long: they are parsed once.
        name = parse(_Named, record.value).operation if b'"operation"' in record.value else SUBMIT
        operation = OPERATIONS.get(name)
        if operation is None:
            message = f"operation must be one of {', '.join(OPERATIONS)}"
            return Failure(ErrorCode.VALIDATION_ERROR.value, message)
        body = parse(operation.body, record.value)
    except Refused as refused:
        return _failure(refused.refusal)
    return Wanted(record, operation, Asked(body, place, record.topic, trace))


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
        """In their order; neighbours that ask for the same as one batch."""
        dead: list[Dead] = []
        for operation, run in groupby(wanted, lambda one: one.operation):
            together = list(run)
            refusals = await operation.perform(tx, self._registry, site, [one.asked for one in together])
            dead += [
                Dead(one.record, site, _failure(refusal))
                for one, refusal in zip(together, refusals, strict=True)
                if refusal is not None
            ]
        return dead

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
