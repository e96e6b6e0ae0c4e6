"""The FastStream adapter on a real broker: what it hands to the loop, and that Kafka's offsets decide nothing."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

import aiokafka.consumer.fetcher as fetcher
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as KafkaTopicPartition

from shared.clock import SystemClock
from shared.kafka import subscription
from shared.kafka.client import KafkaSettings
from shared.kafka.consumer import Consumer, Systematic
from shared.kafka.record import Record, TopicPartition
from shared.kafka.subscription import subscribe
from tests.conftest import MakeTopic
from tests.memory import Away, MemoryDatabase, MemoryProcessor, MemoryProgress, Tx

PATIENCE = 30.0


class SlowProgress(MemoryProgress):
    """Takes its time to find the stored offsets, in which the client reads from wherever Kafka says."""

    seconds = 0.0

    async def load(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        await asyncio.sleep(self.seconds)
        return await super().load(partitions)


class Group:
    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self.kafka = kafka
        self.topic = topic
        self.database = MemoryDatabase()
        self.processor = MemoryProcessor(f"test-{uuid.uuid4().hex}", trusted=True)

    def consumer(self, load_seconds: float = 0.0) -> Consumer[Tx]:
        progress = SlowProgress(self.database, self.processor.name)
        progress.seconds = load_seconds
        return Consumer(self.processor, progress, SystemClock(), random.Random(1))

    @asynccontextmanager
    async def subscribed(self, consumer: Consumer[Tx], max_records: int = 500) -> AsyncIterator[asyncio.Task[None]]:
        """Stops it at the end; what it raised is raised."""
        stop = asyncio.Event()
        task = asyncio.create_task(subscribe(self.kafka, [self.topic], consumer, stop, max_records=max_records))
        try:
            yield task
        finally:
            stop.set()
            await asyncio.wait_for(task, PATIENCE)

    async def produce(self, values: Sequence[bytes], partitions: int = 1, headers: Sequence[object] = ()) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap)
        await producer.start()
        try:
            for number, value in enumerate(values):
                await producer.send(
                    self.topic, value=value, key=b"k", partition=number % partitions, headers=list(headers)
                )
            await producer.flush()
        finally:
            await producer.stop()

    async def commit_to_kafka(self, offset: int) -> None:
        async with self.client() as client:
            await client.commit({KafkaTopicPartition(self.topic, 0): offset})

    async def committed_in_kafka(self) -> int | None:
        async with self.client() as client:
            committed: int | None = await client.committed(KafkaTopicPartition(self.topic, 0))
            return committed

    @asynccontextmanager
    async def client(self) -> AsyncIterator[AIOKafkaConsumer]:
        client = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, group_id=self.processor.name, enable_auto_commit=False
        )
        await client.start()
        try:
            client.assign([KafkaTopicPartition(self.topic, 0)])
            yield client
        finally:
            await client.stop()

    def processed(self) -> list[bytes | None]:
        return [record.value for record in self.database.effects]

    async def until(self, count: int, *others: asyncio.Task[None]) -> None:
        """Until so many records have taken effect."""
        async with asyncio.timeout(PATIENCE):
            while len(self.database.effects) < count:
                assert not any(task.done() for task in others)
                await asyncio.sleep(0.02)


@pytest.fixture
async def group(kafka: KafkaSettings, make_topic: MakeTopic) -> Group:
    return Group(kafka, (await make_topic()).name)


def numbered(start: int, end: int) -> list[bytes]:
    return [b"%d" % number for number in range(start, end)]


async def test_without_a_stored_offset_it_starts_at_the_earliest(group: Group) -> None:
    await group.produce(numbered(0, 20))
    async with group.subscribed(group.consumer()) as task:
        await group.until(20, task)
        await group.produce(numbered(20, 25))
        await group.until(25, task)
    assert group.processed() == numbered(0, 25)
    assert list(group.database.offsets.values()) == [25]


@pytest.mark.parametrize("load_seconds", [0.0, 1.0], ids=["at once", "slowly"])
@pytest.mark.parametrize("stored", [None, 4])
async def test_the_stored_offset_counts_and_not_what_kafka_has(
    group: Group, stored: int | None, load_seconds: float
) -> None:
    """As after a restore of the database: Kafka's committed offset is ahead of it."""
    await group.produce(numbered(0, 20))
    await group.commit_to_kafka(15)
    if stored is not None:
        group.database.offsets[group.processor.name, TopicPartition(group.topic, 0)] = stored
    async with group.subscribed(group.consumer(load_seconds)) as task:
        await group.until(20 - (stored or 0), task)
    assert group.processed() == numbered(stored or 0, 20)


async def test_a_committed_offset_that_is_behind_repeats_nothing(group: Group) -> None:
    await group.produce(numbered(0, 20))
    await group.commit_to_kafka(3)
    group.database.offsets[group.processor.name, TopicPartition(group.topic, 0)] = 10
    async with group.subscribed(group.consumer()) as task:
        await group.until(10, task)
        await group.produce([b"last"])
        await group.until(11, task)
    assert group.processed() == [*numbered(10, 20), b"last"]


async def test_headers_that_are_not_utf8_lose_nothing(group: Group) -> None:
    await group.produce([b"before"])
    await group.produce([b"odd"], headers=[("ce_site", b"\xff\xfe"), ("correlation_id", b"\xff"), ("empty", None)])
    await group.produce([b"after"])
    async with group.subscribed(group.consumer()) as task:
        await group.until(3, task)
    assert group.processed() == [b"before", b"odd", b"after"]
    assert group.database.effects[1].headers[0] == ("ce_site", b"\xff\xfe")


async def test_more_than_a_batch_comes_in_several(group: Group) -> None:
    await group.produce(numbered(0, 95))
    async with group.subscribed(group.consumer(), max_records=10) as task:
        await group.until(95, task)
    assert group.processed() == numbered(0, 95)
    assert max(len(batch) for batch in group.processor.batches) == 10


async def test_a_systematic_failure_ends_the_subscription_with_the_error(group: Group) -> None:
    await group.produce(numbered(0, 3))
    group.processor.before = lambda records: fail(Systematic("unknown version"))
    with pytest.raises(Systematic, match="unknown version"):
        await asyncio.wait_for(subscribe(group.kafka, [group.topic], group.consumer(), asyncio.Event()), PATIENCE)
    assert group.database.offsets == {}
    assert await group.committed_in_kafka() is None


async def test_a_fault_at_assignment_ends_the_subscription_with_the_error(group: Group) -> None:
    group.database.faults.next("load", LookupError("no table of offsets"))
    with pytest.raises(LookupError):
        await asyncio.wait_for(subscribe(group.kafka, [group.topic], group.consumer(), asyncio.Event()), PATIENCE)


async def test_a_batch_that_fails_for_a_while_is_neither_lost_nor_passed(group: Group) -> None:
    """FastStream's own acknowledgement would have moved on."""
    await group.produce(numbered(0, 10))
    group.database.faults.next("commit", Away(), Away(), Away())
    async with group.subscribed(group.consumer()) as task:
        await group.until(10, task)
    assert group.database.faults.met["commit"] == 3
    assert group.processed() == numbered(0, 10)


def fail(error: Exception) -> None:
    raise error


async def test_stopping_finishes_the_batch_in_hand(group: Group) -> None:
    await group.produce(numbered(0, 5))
    begun = asyncio.Event()
    process = group.processor.process

    async def slowly(tx: Tx, records: Sequence[Record]) -> None:
        begun.set()
        await asyncio.sleep(0.3)
        await process(tx, records)

    group.processor.process = slowly  # type: ignore[method-assign]  # one slow batch needs no class
    async with group.subscribed(group.consumer()):
        await asyncio.wait_for(begun.wait(), PATIENCE)
    done = len(group.processed())
    assert done > 0
    assert list(group.database.offsets.values()) == [done]


async def test_progress_is_shown_in_kafka_for_people_to_look_at(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "PROGRESS_SECONDS", 0.1)
    await group.produce(numbered(0, 7))
    async with group.subscribed(group.consumer()) as task:
        await group.until(7, task)
        async with asyncio.timeout(PATIENCE):
            while await group.committed_in_kafka() != 7:
                await asyncio.sleep(0.05)


async def test_kafka_refusing_the_shown_progress_harms_nothing(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits are for display: one that fails neither stops nor moves anything."""
    from aiokafka.errors import CommitFailedError

    async def refuse(*_: object) -> None:
        raise CommitFailedError

    monkeypatch.setattr(subscription, "PROGRESS_SECONDS", 0.05)
    monkeypatch.setattr(AIOKafkaConsumer, "commit", refuse)
    await group.produce(numbered(0, 5))
    async with group.subscribed(group.consumer()) as task:
        await group.until(5, task)
        await asyncio.sleep(0.2)
        await group.produce(numbered(5, 8))
        await group.until(8, task)


async def test_partitions_move_between_two_consumers_without_loss_or_repetition(
    kafka: KafkaSettings, make_topic: MakeTopic
) -> None:
    group = Group(kafka, (await make_topic(partitions=4)).name)
    first, second = group.consumer(), group.consumer()
    await group.produce(numbered(0, 40), partitions=4)
    async with group.subscribed(first, max_records=7) as one:
        await group.until(40, one)
        assert len(first.positions) == 4
        async with group.subscribed(second, max_records=7) as two:
            async with asyncio.timeout(PATIENCE):
                while {len(first.positions), len(second.positions)} != {2}:
                    await asyncio.sleep(0.05)
            assert not first.positions.keys() & second.positions.keys()
            await group.produce(numbered(40, 80), partitions=4)
            await group.until(80, one, two)
        await group.produce(numbered(80, 120), partitions=4)
        await group.until(120, one)
        assert len(first.positions) == 4
    assert Counter(group.processed()) == Counter(numbered(0, 120))
    for partition in range(4):
        offsets = [record.offset for record in group.database.effects if record.partition == partition]
        assert offsets == list(range(30))


ODD_NAME = """
import asyncio, sys
from aiokafka import AIOKafkaProducer

class NotUtf8(str):
    def encode(self, *_): return b"\\xff\\xfe"

async def main(bootstrap, topic):
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    batch = producer.create_batch()
    for value, headers in ((b"before", []), (b"odd", [(NotUtf8("x"), b"y")]), (b"after", [])):
        batch.append(key=b"k", value=value, timestamp=None, headers=headers)
    batch.close()
    await (await producer.send_batch(batch, topic, partition=0))
    await producer.stop()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_header_name_that_is_not_utf8_loses_nothing_here_or_in_other_partitions(
    kafka: KafkaSettings, make_topic: MakeTopic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka cannot read such a batch, and what it took from other partitions meanwhile would be gone."""
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)  # the lenient reader is for this test only
    group = Group(kafka, (await make_topic(partitions=2)).name)
    group.processor.trusted = False
    environment = os.environ | {"AIOKAFKA_NO_EXTENSIONS": "1"}  # only the builder in Python can be made to write it
    async with group.subscribed(group.consumer(), max_records=20) as task:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
        await producer.start()
        sender = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ODD_NAME, kafka.bootstrap, group.topic, env=environment
        )
        for value in numbered(0, 200):
            await producer.send_and_wait(group.topic, value, key=b"k", partition=1)
        assert await sender.wait() == 0
        await producer.stop()
        await group.until(203, task)
    assert Counter(group.processed()) == Counter([b"before", b"odd", b"after", *numbered(0, 200)])


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_every_compression_that_senders_use_is_read(group: Group, codec: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=group.kafka.bootstrap, compression_type=codec)
    await producer.start()
    try:
        await producer.send_and_wait(group.topic, b"x" * 3000, key=b"k", partition=0)
    finally:
        await producer.stop()
    async with group.subscribed(group.consumer()) as task:
        await group.until(1, task)
    assert group.processed() == [b"x" * 3000]


async def test_a_log_that_is_shorter_than_what_was_processed_stops_the_consumer(group: Group) -> None:
    """Kafka has lost records; reading on would pass over everything until the log is as long again."""
    await group.produce(numbered(0, 3))
    group.database.offsets[group.processor.name, TopicPartition(group.topic, 0)] = 1000
    with pytest.raises(Systematic, match="has lost records"):
        await asyncio.wait_for(subscribe(group.kafka, [group.topic], group.consumer(), asyncio.Event()), PATIENCE)
