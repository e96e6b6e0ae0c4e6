"""The loop that every consumer of ours runs: effects and progress in one transaction.

Progress is kept beside the effects and moved by compare-and-set from where the batch began. A consumer that was
frozen while another took its partitions therefore cannot commit: its transaction rolls back and it reads on from
where the other one is.

Failures are of three kinds. Transient: the batch is tried again until the database is back, and readiness is red
meanwhile. Poison: the record is parked, its key fails closed, its neighbours go on. Systematic: the loop stops and
says so, for going on would park a whole topic.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from shared import metrics
from shared.backoff import Backoff
from shared.clock import Clock
from shared.kafka.record import Record, TopicPartition
from shared.logging import get_logger

Tx = TypeVar("Tx")
TxContra = TypeVar("TxContra", contravariant=True)

log = get_logger(__name__)


PROCESSING_FAILED = "processing_failed"
"""Not the record's fault, as far as can be seen, but ours: counts against the loop whoever sent the records."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a record was parked. `reason` names fields, never their values."""

    code: str
    reason: str


class Poison(Exception):
    """A record that can never be processed."""

    def __init__(self, record: Record, failure: Failure) -> None:
        super().__init__(f"{failure.code}: {failure.reason}")
        self.record = record
        self.failure = failure


class Systematic(Exception):
    """Something is wrong with more than one record; the consumer must not go on."""


class Fenced(Exception):
    """Somebody else has moved the progress of a partition: it is theirs, or a commit of ours went through unseen."""


class Processor(Protocol[TxContra]):
    """What a service does with records. Called by one loop, one batch at a time."""

    @property
    def name(self) -> str:
        """Name of the consumer: its Kafka group and the key of its offsets."""
        ...

    @property
    def trusted(self) -> bool:
        """False where records come from other systems: what is wrong with them never stops the loop."""
        ...

    async def prepare(self, records: Sequence[Record]) -> None:
        """Work that needs no database and may take long, done before the transaction; may raise Poison."""
        ...

    async def process(self, tx: TxContra, records: Sequence[Record]) -> None:
        """All effects of records that were prepared, in `tx`. May be called again after a roll-back."""
        ...

    async def park(self, tx: TxContra, record: Record, failure: Failure) -> None:
        """Fails closed for the record's key; the dead letter itself is written by the loop."""
        ...


class Progress(Protocol[Tx]):
    """Offsets and dead letters of a consumer in its own database."""

    def transaction(self) -> AbstractAsyncContextManager[Tx]: ...

    async def load(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        """The next offset of each; None where this generation of the topic was never read."""
        ...

    async def advance(self, tx: Tx, moves: Mapping[TopicPartition, tuple[int | None, int]]) -> None:
        """From the first to the second offset of each; raises Fenced when one is not where it should be."""
        ...

    async def park(self, tx: Tx, record: Record, failure: Failure) -> bool:
        """Keeps the record as a dead letter; False when it is one already, and what it did then stands."""
        ...

    def is_transient(self, error: BaseException) -> bool: ...


class Reader(Protocol):
    """The broker's side of a subscription."""

    async def seek(self, places: Mapping[TopicPartition, int | None]) -> None:
        """Read on from there; None is the earliest record there is. Raises when the broker is away."""
        ...

    def is_transient(self, error: BaseException) -> bool: ...


class Consumer(Generic[Tx]):
    """Drives one processor. `assigned`, `revoked` and `handle` are called by a subscription, or by a simulation."""

    MOST_FAILURES_IN_A_ROW = 50
    ATTEMPTS_BEFORE_HALVING = 10

    def __init__(
        self,
        processor: Processor[Tx],
        progress: Progress[Tx],
        clock: Clock,
        rng: random.Random,
        on_ready: Callable[[bool], None] = lambda ready: None,
    ) -> None:
        self.name = processor.name
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._processor = processor
        self._progress = progress
        self._clock = clock
        self._backoff = Backoff(rng)
        self._on_ready = on_ready
        self._next: dict[TopicPartition, int | None] = {}
        self._turn = asyncio.Lock()
        self._leaving = False
        self._stopped = False
        self._failures_in_a_row = 0

    @property
    def positions(self) -> Mapping[TopicPartition, int | None]:
        """Where each partition that is ours will be read next."""
        return self._next

    @property
    def busy(self) -> bool:
        """Whether a batch is in hand, or places are looked for."""
        return self._turn.locked()

    async def back_to_places(self, reader: Reader) -> None:
        """Reads every partition on from where its effects are committed, whatever was fetched since."""
        async with self._turn:
            if self._next and not self.failed.done():
                try:
                    await self._find_places(list(self._next), reader)
                except Exception as error:
                    self.fail(error)

    async def assigned(self, partitions: Collection[TopicPartition], reader: Reader) -> None:
        """Waits for the database if it has to: reading on from anywhere but the stored offset is not an option."""
        async with self._turn:
            self._leaving = self._stopped
            try:
                await self._find_places(partitions, reader)
            except Exception as error:
                # aiokafka logs what a listener raises and goes on: that would be a consumer that drops all it reads.
                self.fail(error)

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Returns when the batch in hand is committed or, if the database is away, given up."""
        self._leaving = True
        async with self._turn:
            for partition in partitions:
                self._next.pop(partition, None)

    async def stop(self) -> None:
        """Returns when no batch is in hand; later ones are not taken."""
        self._stopped = True
        await self.revoked(list(self._next))

    async def handle(self, records: Sequence[Record], reader: Reader) -> None:
        """Processes a batch. Never raises: what must stop the consumer is set on `failed`."""
        # Before the turn: while places are looked up, the client reads from wherever Kafka's committed offsets say.
        records = [record for record in records if self._is_ours(record)]
        async with self._turn:
            if self.failed.done():
                return
            try:
                await self._in_pieces(records, reader)
            except Exception as error:
                self.fail(error)

    def fail(self, error: BaseException) -> None:
        if isinstance(error, Systematic):
            log.error("consumer stopped", consumer=self.name, reason=str(error))
            metrics.CONSUMER_STOPPED.labels(self.name).inc()
        else:
            log.error("consumer failed", consumer=self.name, exc_info=error)
        self._on_ready(False)
        if not self.failed.done():
            self.failed.set_exception(error)

    async def _in_pieces(self, records: Sequence[Record], reader: Reader) -> None:
        """Halves a batch until the record that cannot be processed stands alone; each piece is a transaction."""
        pieces = [records]
        attempts = 0
        unprocessable: dict[int, Failure] = {}
        while pieces and not self._leaving:
            piece = [record for record in pieces.pop() if self._is_ours(record)]
            if not piece:
                continue
            try:
                await self._commit(piece, unprocessable)
            except Fenced as error:
                log.warning("progress moved by another", consumer=self.name, detail=str(error))
                metrics.CONSUMER_FENCED.labels(self.name).inc()
                await self._find_places(list(self._next), reader)
                return
            except (Systematic, asyncio.CancelledError):
                raise
            except Exception as error:
                if self._progress.is_transient(error):
                    attempts += 1
                    # What fails again and again may only be too much for the time that a statement has.
                    middle = len(piece) // 2 if attempts % self.ATTEMPTS_BEFORE_HALVING == 0 else 0
                    pieces += [piece[middle:], piece[:middle]]
                    await self._wait(error)
                elif len(piece) > 1:
                    middle = len(piece) // 2
                    pieces += [piece[middle:], piece[:middle]]
                elif id(piece[0]) in unprocessable:
                    raise  # it cannot even be parked
                else:
                    log.exception("record cannot be processed", consumer=self.name, **_place(piece[0]))
                    unprocessable[id(piece[0])] = Failure(PROCESSING_FAILED, type(error).__name__)
                    pieces.append(piece)
            else:
                self._recovered()

    async def _commit(self, records: Sequence[Record], unprocessable: Mapping[int, Failure]) -> None:
        """One transaction: effects, dead letters, progress. Starts over without each record that is poison."""
        failures: dict[int, Failure] = {id(r): unprocessable[id(r)] for r in records if id(r) in unprocessable}
        while True:
            good = [record for record in records if id(record) not in failures]
            try:
                await self._processor.prepare(good)
                async with self._progress.transaction() as tx:
                    await self._in_order(tx, records, failures)
                    moves = self._moves(records)
                    await self._progress.advance(tx, moves)
            except Poison as poison:
                failures[id(poison.record)] = poison.failure
                if self._processor.trusted and len(failures) >= self.MOST_FAILURES_IN_A_ROW:
                    # Before anything is parked: after a restart it must be the same batch that stops us.
                    raise Systematic(
                        f"{len(failures)} records of one batch cannot be read, the last for {poison.failure.code}: "
                        f"{poison.failure.reason}"
                    ) from poison
                if id(poison.record) not in {id(record) for record in records}:
                    raise Systematic("a processor blamed a record that is not of its batch") from poison
                continue
            break
        for partition, (_, after) in moves.items():
            self._next[partition] = after
        metrics.RECORDS_PROCESSED.labels(self.name).inc(len(good))
        self._count(records, failures)

    async def _in_order(self, tx: Tx, records: Sequence[Record], failures: Mapping[int, Failure]) -> None:
        """A record that is parked acts between its neighbours, so that a repair behind it counts."""
        run: list[Record] = []
        for record in records:
            failure = failures.get(id(record))
            if failure is None:
                run.append(record)
                continue
            if run:
                await self._processor.process(tx, run)
                run = []
            if await self._progress.park(tx, record, failure):
                await self._processor.park(tx, record, failure)
        if run:
            await self._processor.process(tx, run)

    def _count(self, records: Sequence[Record], failures: Mapping[int, Failure]) -> None:
        most = 0
        for record in records:
            failure = failures.get(id(record))
            if failure is None:
                self._failures_in_a_row = 0
                continue
            metrics.RECORDS_PARKED.labels(self.name, failure.code).inc()
            log.warning("record parked", consumer=self.name, code=failure.code, reason=failure.reason, **_place(record))
            if self._processor.trusted or failure.code == PROCESSING_FAILED:
                self._failures_in_a_row += 1
            most = max(most, self._failures_in_a_row)
        if most >= self.MOST_FAILURES_IN_A_ROW:
            raise Systematic(f"{most} records in a row could not be processed; see the dead letters of {self.name}")

    def _moves(self, records: Sequence[Record]) -> dict[TopicPartition, tuple[int | None, int]]:
        last: dict[TopicPartition, int] = {}
        for record in records:
            last[TopicPartition(record.topic, record.partition)] = record.offset
        return {partition: (self._next[partition], offset + 1) for partition, offset in sorted(last.items())}

    def _is_ours(self, record: Record) -> bool:
        """False for what was read before the partition went away or was sought to another place."""
        partition = TopicPartition(record.topic, record.partition)
        if partition not in self._next:
            return False
        at = self._next[partition]
        return at is None or record.offset >= at

    async def _find_places(self, partitions: Collection[TopicPartition], reader: Reader) -> None:
        while not self._leaving:
            try:
                places = await self._progress.load(partitions)
                await reader.seek(places)
            except Exception as error:
                if not (self._progress.is_transient(error) or reader.is_transient(error)):
                    raise
                await self._wait(error)
                continue
            self._next.update(places)
            self._recovered()
            return

    async def _wait(self, error: BaseException) -> None:
        seconds = self._backoff.wait()
        self._on_ready(False)
        metrics.CONSUMER_RETRIES.labels(self.name).inc()
        log.warning("waiting", consumer=self.name, seconds=round(seconds, 2), because=type(error).__name__)
        await self._clock.sleep(seconds)

    def _recovered(self) -> None:
        self._backoff.reset()
        self._on_ready(True)


def _place(record: Record) -> dict[str, object]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}
