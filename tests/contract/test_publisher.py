"""The relay's producer: Kafka, and the one in memory that simulations use."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Protocol

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.errors import ProducerFenced

from shared.events.cloudevents import pack_headers
from shared.kafka.client import KafkaSettings
from shared.kafka.outbox import OutboxRow
from shared.kafka.publisher import KafkaPublisher, is_transient
from shared.kafka.relay import Publisher, RelayFenced
from tests.conftest import MakeTopic
from tests.memory import MemoryBroker, MemoryPublisher
from tests.unit.test_topics import VECTORS

Read = tuple[int, bytes | None, bytes | None]


class World(Protocol):
    topic: str

    def publisher(self) -> Publisher: ...
    async def records(self) -> list[Read]:
        """Partition, key and value, as readers of committed records see them."""
        ...


class Memory:
    topic = "t"

    def __init__(self) -> None:
        self._broker = MemoryBroker(partitions=12)

    def publisher(self) -> Publisher:
        return MemoryPublisher(self._broker, "relay")

    async def records(self) -> list[Read]:
        return [(record.partition, record.key, record.value) for record in self._broker.records(self.topic)]


class Kafka:
    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self.topic = topic
        self.service = uuid.uuid4().hex
        self.made: list[KafkaPublisher] = []
        self._kafka = kafka

    def publisher(self) -> KafkaPublisher:
        self.made.append(KafkaPublisher(self._kafka, self.service))
        return self.made[-1]

    async def records(self) -> list[Read]:
        return await read_committed(self._kafka, self.topic)


async def read_committed(kafka: KafkaSettings, topic: str) -> list[Read]:
    """By partition, then offset, once no transaction is open: brokers end it a moment after the producer's commit."""
    consumer, uncommitted = (
        AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, isolation_level=level, enable_auto_commit=False)
        for level in ("read_committed", "read_uncommitted")
    )
    await consumer.start()
    await uncommitted.start()
    try:
        partitions = [KafkaTopicPartition(topic, number) for number in await found(consumer, topic)]
        consumer.assign(partitions)
        for _ in range(100):
            ends = await uncommitted.end_offsets(partitions)
            if await consumer.end_offsets(partitions) == ends:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("a transaction stayed open")
        await consumer.seek_to_beginning(*partitions)
        records = []
        while any([await consumer.position(place) < ends[place] for place in partitions]):
            for batch in (await consumer.getmany(timeout_ms=100)).values():
                records += batch
        return [(record.partition, record.key, record.value) for record in sorted(records, key=_place)]
    finally:
        await consumer.stop()
        await uncommitted.stop()


async def found(consumer: AIOKafkaConsumer, topic: str) -> list[int]:
    await consumer._client.add_topic(topic)
    return sorted(consumer.partitions_for_topic(topic) or ())


def _place(record: object) -> tuple[int, int]:
    return record.partition, record.offset  # type: ignore[attr-defined]  # aiokafka has no types


@pytest.fixture
async def kafka_world(kafka: KafkaSettings, make_topic: MakeTopic) -> AsyncIterator[Kafka]:
    world = Kafka(kafka, (await make_topic(partitions=12)).name)
    yield world
    for publisher in world.made:
        await publisher.stop()


@pytest.fixture(params=["kafka", "memory"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "memory":
        return Memory()
    found_world: Kafka = request.getfixturevalue("kafka_world")
    return found_world


def rows(topic: str, *events: tuple[bytes, bytes | None]) -> list[OutboxRow]:
    headers = pack_headers([("ce_id", b"1"), ("binary", b"\x00\xff"), ("empty", None)])
    return [OutboxRow(number, topic, key, value, headers) for number, (key, value) in enumerate(events)]


async def test_the_order_of_each_key_is_kept(world: World) -> None:
    publisher = world.publisher()
    await publisher.start()
    keys = [b"shop/%d" % number for number in range(40)]
    for turn in range(3):
        await publisher.publish(rows(world.topic, *((key, b"%d-%d" % (turn, n)) for n in range(4) for key in keys)))
    written = [b"%d-%d" % (turn, n) for turn in range(3) for n in range(4)]
    records = await world.records()
    for key in keys:
        assert [value for _, its, value in records if its == key] == written
    assert len({partition for partition, _, _ in records}) > 6, "a batch is not sent to one partition"


async def test_keys_go_where_kafkas_own_client_sends_them(world: World) -> None:
    publisher = world.publisher()
    await publisher.start()
    await publisher.publish(rows(world.topic, *((key, b"") for key, _, _ in VECTORS)))
    placed = {key: partition for partition, key, _ in await world.records()}
    assert placed == {key: partition for key, _, partition in VECTORS}


async def test_a_tombstone_is_a_record_without_a_value(world: World) -> None:
    publisher = world.publisher()
    await publisher.start()
    await publisher.publish(rows(world.topic, (b"k", b"content"), (b"k", None)))
    assert [value for _, _, value in await world.records()] == [b"content", None]


async def test_the_last_to_begin_fences_whoever_was_before(world: World) -> None:
    first, second = world.publisher(), world.publisher()
    await first.start()
    await first.publish(rows(world.topic, (b"k", b"1")))
    await second.start()
    await second.publish(rows(world.topic, (b"k", b"2")))
    with pytest.raises(RelayFenced):
        await first.publish(rows(world.topic, (b"k", b"late")))
    await second.publish(rows(world.topic, (b"k", b"3")))
    assert [value for _, _, value in await world.records()] == [b"1", b"2", b"3"]


async def test_a_batch_cut_in_the_middle_is_not_there_for_readers_of_committed_records(kafka_world: Kafka) -> None:
    frozen = kafka_world.publisher()
    await frozen.start()
    producer = frozen._producer
    await producer.begin_transaction()
    for row in rows(kafka_world.topic, (b"k", b"half"), (b"l", b"half")):
        await (await producer.send(row.topic, value=row.value, key=row.key))
    successor = kafka_world.publisher()
    await successor.start()
    await successor.publish(rows(kafka_world.topic, (b"k", b"whole")))
    assert [value for _, _, value in await kafka_world.records()] == [b"whole"]
    with pytest.raises((ProducerFenced, RelayFenced)):
        await producer.commit_transaction()


async def test_a_batch_that_cannot_be_sent_as_a_whole_is_not_sent_in_part(kafka_world: Kafka) -> None:
    publisher = kafka_world.publisher()
    await publisher.start()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which error it is, is aiokafka's affair
        await publisher.publish(rows(kafka_world.topic, (b"k", b"small"), (b"k", b"x" * (3 * 1024 * 1024))))
    assert is_transient(caught.value)
    again = kafka_world.publisher()
    await again.start()
    await again.publish(rows(kafka_world.topic, (b"k", b"after")))
    assert [value for _, _, value in await kafka_world.records()] == [b"after"]


async def test_headers_arrive_byte_for_byte(kafka: KafkaSettings, kafka_world: Kafka) -> None:
    publisher = kafka_world.publisher()
    await publisher.start()
    await publisher.publish(rows(kafka_world.topic, (b"k", b"v")))
    consumer = AIOKafkaConsumer(
        kafka_world.topic, bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        record = await consumer.getone()
        assert list(record.headers) == [("ce_id", b"1"), ("binary", b"\x00\xff"), ("empty", None)]
    finally:
        await consumer.stop()


async def test_a_broker_that_cannot_be_reached_is_transient() -> None:
    publisher = KafkaPublisher(KafkaSettings(bootstrap="127.0.0.1:1"), "nobody")
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which error it is, is aiokafka's affair
        await publisher.start()
    assert is_transient(caught.value)


def test_being_fenced_is_not() -> None:
    assert not is_transient(ProducerFenced())
    assert not is_transient(RelayFenced())
