"""Kafka and Postgres as our loops see them, in memory: the same ports, held to the same tests as the real ones.

Nothing here runs by itself: a test, or a simulation, moves the clock, pumps records and says what fails when.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from aiokafka.partitioner import murmur2

from shared.events.cloudevents import Encoded, pack_headers, unpack_headers
from shared.kafka.consumer import Consumer, Failure, Fenced
from shared.kafka.outbox import OutboxRow
from shared.kafka.record import Record, TopicPartition
from shared.kafka.relay import RelayFenced


class Away(Exception):
    """The database or the broker does not answer; it will again."""


class Faults:
    """What goes wrong next, by the name of a step: `faults.next("commit", Away())`, once each, in order, or always."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[BaseException | None]] = {}
        self._lasting: dict[str, BaseException] = {}
        self.met: Counter[str] = Counter()

    def next(self, step: str, *errors: BaseException | None) -> None:
        """None lets that time pass."""
        self._waiting.setdefault(step, deque()).extend(errors)

    def always(self, step: str, error: BaseException) -> None:
        self._lasting[step] = error

    def meet(self, step: str) -> None:
        waiting = self._waiting.get(step)
        error = waiting.popleft() if waiting else self._lasting.get(step)
        if error is not None:
            self.met[step] += 1
            raise error

    def clear(self) -> None:
        self._waiting.clear()
        self._lasting.clear()


class PromptClock:
    """Nobody waits: a sleep moves the clock and gives others one turn."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


class VirtualClock(PromptClock):
    """Sleepers wait until `advance` has come to their time."""

    TURNS = 20
    """Enough turns of the event loop for whoever was woken to come to its next wait."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self._count += 1
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.seconds + seconds, self._count, woken))
        await woken

    async def advance(self, seconds: float) -> None:
        end = self.seconds + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.seconds, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
            await self.settle()
        self.seconds = end

    async def settle(self) -> None:
        for _ in range(self.TURNS):
            await asyncio.sleep(0)


class MemoryRecord(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class MemoryBroker:
    """Logs of partitions, and the epochs by which Kafka fences producers."""

    def __init__(self, partitions: int = 3) -> None:
        self.partitions = partitions
        self.faults = Faults()
        self.logs: dict[TopicPartition, list[MemoryRecord]] = {}
        self.epochs: dict[str, int] = {}

    def append(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]] = (),
        partition: int | None = None,
    ) -> MemoryRecord:
        if partition is None:
            partition = self.partition_of(key or b"")
        log = self.logs.setdefault(TopicPartition(topic, partition), [])
        record = MemoryRecord(topic, partition, len(log), key, value, tuple(headers))
        log.append(record)
        return record

    def partition_of(self, key: bytes) -> int:
        """As Kafka's default partitioner."""
        return int((murmur2(key) & 0x7FFFFFFF) % self.partitions)

    def records(self, topic: str) -> list[MemoryRecord]:
        """By partition, then offset."""
        return [record for place in sorted(self.logs) if place.topic == topic for record in self.logs[place]]


class MemoryPublisher:
    """A transactional producer of a MemoryBroker. Steps that may fail: start, publish, committed (after the fact)."""

    def __init__(self, broker: MemoryBroker, transactional_id: str) -> None:
        self._broker = broker
        self._id = transactional_id
        self._epoch = 0
        self.stopped = False

    async def start(self) -> None:
        self._broker.faults.meet("start")
        self._epoch = self._broker.epochs[self._id] = self._broker.epochs.get(self._id, 0) + 1

    async def publish(self, rows: Sequence[OutboxRow]) -> None:
        self._broker.faults.meet("publish")
        await asyncio.sleep(0)  # another relay may begin between the sends and the commit
        if self._epoch != self._broker.epochs.get(self._id):
            raise RelayFenced("another relay has the transactional id")
        for row in rows:
            self._broker.append(row.topic, row.key, row.value, unpack_headers(row.headers))
        self._broker.faults.meet("committed")

    async def stop(self) -> None:
        self.stopped = True


def is_away(error: BaseException) -> bool:
    return isinstance(error, Away)


class MemoryOutbox:
    """One service's outbox and lease. Steps that may fail: lease, read, delete."""

    def __init__(self, clock: PromptClock) -> None:
        self._clock = clock
        self._woken = asyncio.Event()
        self._last_id = 0
        self.faults = Faults()
        self.rows: dict[int, OutboxRow] = {}
        self.lease: tuple[str, float] | None = None

    def append(self, events: Iterable[Encoded]) -> None:
        for event in events:
            self._last_id += 1
            self.rows[self._last_id] = OutboxRow(
                self._last_id, event.topic, event.key, event.value, pack_headers(event.headers)
            )
        self._woken.set()

    async def take_lease(self, holder: str, seconds: float) -> bool:
        self.faults.meet("lease")
        now = self._clock.monotonic()
        if self.lease is not None and self.lease[0] != holder and self.lease[1] >= now:
            return False
        self.lease = (holder, now + seconds)
        return True

    async def drop_lease(self, holder: str) -> None:
        if self.lease is not None and self.lease[0] == holder:
            self.lease = None

    async def read(self, limit: int) -> Sequence[OutboxRow]:
        self._woken.clear()
        self.faults.meet("read")
        return [self.rows[number] for number in sorted(self.rows)[:limit]]

    async def delete(self, ids: Sequence[int]) -> None:
        self.faults.meet("delete")
        for number in ids:
            self.rows.pop(number, None)

    async def wait(self, seconds: float) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait({sleeping, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            woken.cancel()

    def is_transient(self, error: BaseException) -> bool:
        return is_away(error)


@dataclass
class Tx:
    """What a transaction of a MemoryDatabase will do when it commits."""

    effects: list[Record] = field(default_factory=list)
    parked: list[tuple[Record, Failure]] = field(default_factory=list)
    closed_keys: list[Record] = field(default_factory=list)
    moves: list[tuple[str, TopicPartition, int | None, int]] = field(default_factory=list)


@dataclass
class MemoryDatabase:
    """Effects, dead letters and offsets; a transaction happens as a whole or not at all."""

    effects: list[Record] = field(default_factory=list)
    parked: list[tuple[Record, Failure]] = field(default_factory=list)
    closed_keys: list[Record] = field(default_factory=list)
    offsets: dict[tuple[str, TopicPartition], int] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    def commit(self, tx: Tx) -> None:
        for consumer, place, before, _ in tx.moves:
            if self.offsets.get((consumer, place)) != before:
                raise Fenced(f"{place} was not where this consumer left it")
        for consumer, place, _, after in tx.moves:
            self.offsets[consumer, place] = after
        self.effects += tx.effects
        self.parked += tx.parked
        self.closed_keys += tx.closed_keys


class MemoryProgress:
    """Progress of one consumer. Steps that may fail: load, begin, commit, and committed (after the fact)."""

    def __init__(self, database: MemoryDatabase, consumer: str) -> None:
        self._database = database
        self._consumer = consumer

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        self._database.faults.meet("begin")
        tx = Tx()
        yield tx
        await asyncio.sleep(0)
        self._database.faults.meet("commit")
        self._database.commit(tx)
        self._database.faults.meet("committed")

    async def load(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        self._database.faults.meet("load")
        return {place: self._database.offsets.get((self._consumer, place)) for place in partitions}

    async def advance(self, tx: Tx, moves: Mapping[TopicPartition, tuple[int | None, int]]) -> None:
        for place, (before, after) in moves.items():
            if self._database.offsets.get((self._consumer, place)) != before:
                raise Fenced(f"{place} was not where this consumer left it")
            tx.moves.append((self._consumer, place, before, after))

    async def park(self, tx: Tx, record: Record, failure: Failure) -> bool:
        new = all(record is not parked for parked, _ in self._database.parked)
        if new:
            tx.parked.append((record, failure))
        return new

    def is_transient(self, error: BaseException) -> bool:
        return is_away(error)


class MemoryProcessor:
    """Notes each record as its effect. `before` may raise what a real processor would."""

    def __init__(self, name: str = "test", trusted: bool = True) -> None:
        self.name = name
        self.trusted = trusted
        self.batches: list[list[Record]] = []
        self.before: Callable[[Sequence[Record]], None] = lambda records: None

    async def prepare(self, records: Sequence[Record]) -> None:
        await asyncio.sleep(0)

    async def process(self, tx: Tx, records: Sequence[Record]) -> None:
        self.batches.append(list(records))
        self.before(records)
        await asyncio.sleep(0)
        tx.effects += records

    async def park(self, tx: Tx, record: Record, failure: Failure) -> None:
        tx.closed_keys.append(record)


class MemoryReader:
    """Where a group's member reads next. Step that may fail: seek."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self.places: dict[TopicPartition, int] = {}

    async def seek(self, places: Mapping[TopicPartition, int | None]) -> None:
        self._broker.faults.meet("seek")
        self.places.update({place: offset or 0 for place, offset in places.items()})

    def is_transient(self, error: BaseException) -> bool:
        return is_away(error)

    def poll(self, limit: int) -> list[Record]:
        """The next records of all its partitions, as a client hands them over, and moves on."""
        taken: list[Record] = []
        for place in sorted(self.places):
            log = self._broker.logs.get(place, [])
            batch = log[self.places[place] : self.places[place] + limit - len(taken)]
            self.places[place] += len(batch)
            taken += batch
        return taken

    def forget(self) -> None:
        self.places.clear()


async def read_all(consumer: Consumer[Tx], reader: MemoryReader, limit: int = 10) -> None:
    """Pumps until there is nothing more to read or the consumer has stopped."""
    while (records := reader.poll(limit)) and not consumer.failed.done():
        await consumer.handle(records, reader)
