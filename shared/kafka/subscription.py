"""A Kafka consumer group that drives one of our consumers, by a FastStream batch subscriber.

FastStream's own acknowledgement is off: it commits offsets before, or in spite of, the effects of a handler. Offsets
live in our database; what is committed to Kafka shows the lag in everybody's tools and is never read back.
FastStream's batch parser is replaced too, for it decodes every header as UTF-8 and drops the whole batch when one is
not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from shared import metrics
from shared.kafka.client import KafkaSettings
from shared.kafka.consumer import Consumer, Systematic
from shared.kafka.lenient import read_leniently
from shared.kafka.record import TopicPartition
from shared.logging import get_logger

log = get_logger(__name__)

IDLE_MS = 10
"""After an empty poll FastStream sleeps as long as the poll waited, so this bounds what idleness adds to latency."""
PROGRESS_SECONDS = 5.0


class _Reader:
    """Seeks on the consumer that FastStream holds."""

    def __init__(self, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        self._consumer = consumer

    async def seek(self, places: Mapping[TopicPartition, int | None]) -> None:
        consumer = self._consumer()
        if consumer is None:
            return
        # What went to somebody else meanwhile starts from the stored offset there as well.
        mine = {place: KafkaTopicPartition(*place) for place in places}
        mine = {place: at for place, at in mine.items() if at in consumer.assignment()}
        unread = [at for place, at in mine.items() if places[place] is None]
        earliest = await consumer.beginning_offsets(unread) if unread else {}
        ends = await consumer.end_offsets(list(mine.values())) if mine else {}
        for place, at in mine.items():
            offset = places[place]
            if offset is not None and offset > ends[at]:
                raise Systematic(
                    f"{place.topic}/{place.partition} ends at {ends[at]}, but was processed up to {offset}: Kafka has "
                    "lost records; see docs/operations.md"
                )
            consumer.seek(at, earliest[at] if offset is None else offset)

    def is_transient(self, error: BaseException) -> bool:
        return isinstance(error, KafkaError | OSError | TimeoutError)


class CarefulConsumer(AIOKafkaConsumer):
    """aiokafka's consumer, for which a fetch that fails does not lose what it had taken from other partitions.

    When one partition's records cannot be read, aiokafka throws away those that it has already taken from others, with
    their positions moved on. Here every partition goes back to where its effects are committed.
    """

    MOST_FAILURES = 20
    PAUSE_SECONDS = 0.5

    loop: Consumer[Any]
    reader: _Reader
    _failures = 0

    async def getmany(self, *args: Any, **kwargs: Any) -> dict[KafkaTopicPartition, list[ConsumerRecord]]:
        try:
            fetched: dict[KafkaTopicPartition, list[ConsumerRecord]] = await super().getmany(*args, **kwargs)
        except ConsumerStoppedError:
            raise
        except Exception as error:
            await self._go_back(error)
            return {}
        if fetched:
            self._failures = 0
        return fetched

    async def _go_back(self, error: Exception) -> None:
        if isinstance(error, UnicodeDecodeError):
            read_leniently()
        log.warning("fetch failed", consumer=self.loop.name, because=type(error).__name__)
        self._failures += 1
        if self._failures >= self.MOST_FAILURES:
            reason = f"{self._failures} fetches in a row failed, the last with {type(error).__name__}"
            self.loop.fail(Systematic(reason))
        await asyncio.sleep(self.PAUSE_SECONDS)
        await self.loop.back_to_places(self.reader)


class _Listener(ConsumerRebalanceListener):
    def __init__(self, consumer: Consumer[Any], reader: _Reader) -> None:
        self._consumer = consumer
        self._reader = reader

    async def on_partitions_revoked(self, revoked: set[KafkaTopicPartition]) -> None:
        for topic in {place.topic for place in revoked}:
            metrics.CONSUMER_LAG.labels(self._consumer.name, topic).set(0)  # whoever has it next says how much it is
        await self._consumer.revoked([TopicPartition(*place) for place in revoked])

    async def on_partitions_assigned(self, assigned: set[KafkaTopicPartition]) -> None:
        metrics.PARTITIONS_ASSIGNED.labels(self._consumer.name).set(len(assigned))
        log.info("partitions assigned", consumer=self._consumer.name, count=len(assigned))
        await self._consumer.assigned([TopicPartition(*place) for place in assigned], self._reader)


async def _as_it_came(records: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    return KafkaMessage(body=b"", raw_message=records, consumer=_NO_CONSUMER)


async def _raw(message: KafkaMessage) -> Sequence[ConsumerRecord]:
    return message.raw_message


class _NoConsumer:
    """Messages of ours are never acknowledged through FastStream."""

    async def commit(self) -> None:
        raise AssertionError("progress is kept in the database")

    def seek(self, *_: Any, **__: Any) -> None:
        raise AssertionError("progress is kept in the database")


_NO_CONSUMER = _NoConsumer()


async def subscribe(
    kafka: KafkaSettings,
    topics: Sequence[str],
    consumer: Consumer[Any],
    stop: asyncio.Event,
    *,
    max_records: int = 500,
) -> None:
    """Consumes until `stop`; the batch in hand is finished and the group left. Raises what `consumer.failed` says."""
    options = kafka.client_options(f"plaudit-{consumer.name}")
    bootstrap = options.pop("bootstrap_servers")
    client_id = options.pop("client_id")
    options.pop("security_protocol")
    broker = KafkaBroker(
        bootstrap,
        client_id=client_id,
        security=_security(kafka),
        logger=logging.getLogger("faststream"),
        allow_auto_create_topics=False,
    )
    await broker.connect()
    config = broker.config.broker_config
    reader = _Reader(lambda: subscriber.consumer)

    def build(**arguments: Any) -> CarefulConsumer:
        careful = CarefulConsumer(**{**connection, **arguments})
        careful.loop, careful.reader = consumer, reader
        return careful

    assert isinstance(config.builder, partial)
    connection = config.builder.keywords
    config.builder = build
    subscriber = broker.subscriber(
        *topics,
        group_id=consumer.name,
        batch=True,
        max_records=max_records,
        batch_timeout_ms=IDLE_MS,
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="earliest",
        listener=_Listener(consumer, reader),
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_500,
        max_partition_fetch_bytes=2 * 1024 * 1024,
        fetch_max_wait_ms=200,
        parser=_as_it_came,
        decoder=_raw,
    )

    async def handle(records: Sequence[Any]) -> None:
        await consumer.handle(records, reader)

    subscriber(handle)
    await broker.start()
    showing = asyncio.create_task(_show_progress(consumer, lambda: subscriber.consumer))
    stopping = asyncio.ensure_future(_until(stop))
    try:
        await asyncio.wait({stopping, consumer.failed, showing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        showing.cancel()
        await asyncio.wait({showing})
        try:
            await consumer.stop()
        finally:
            await broker.stop()
    if showing.done() and not showing.cancelled() and (error := showing.exception()) is not None:
        consumer.fail(error)
    if consumer.failed.done():
        consumer.failed.result()


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


def _security(kafka: KafkaSettings) -> Any:
    from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

    options = kafka.client_options("")
    context = options.get("ssl_context")
    if not kafka.security_protocol.startswith("SASL"):
        return BaseSecurity(ssl_context=context, use_ssl=context is not None)
    scheme = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}[
        kafka.sasl_mechanism
    ]
    return scheme(
        username=options["sasl_plain_username"] or "",
        password=options["sasl_plain_password"] or "",
        ssl_context=context,
        use_ssl=context is not None,
    )


async def _show_progress(consumer: Consumer[Any], client: Callable[[], AIOKafkaConsumer | None]) -> None:
    """Tells Kafka and the metrics how far we are, for people to look at, and sees whether the client is alive.

    Raises Systematic when the client's coordination has ended: it would never read again, and not say so.
    """
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        kafka = client()
        if kafka is None:
            continue
        coordination = getattr(kafka._coordinator, "_coordination_task", None)
        if coordination is not None and coordination.done() and not kafka._closed:
            raise Systematic("the Kafka client has stopped taking part in its group")
        lags: dict[str, int] = {}
        shown: dict[KafkaTopicPartition, int] = {}
        for place, offset in list(consumer.positions.items()):
            at = KafkaTopicPartition(*place)
            with suppress(KafkaError, AssertionError):  # a partition that was revoked just now
                # With no batch in hand, what lies between is control records of transactions, which nobody is given.
                position = offset if consumer.busy or offset is None else max(offset, await kafka.position(at))
                end = kafka.highwater(at)
                lags[place.topic] = lags.get(place.topic, 0) + (0 if end is None else max(end - (position or 0), 0))
                if position is not None:
                    shown[at] = position
        for topic, lag in lags.items():
            metrics.CONSUMER_LAG.labels(consumer.name, topic).set(lag)
        if shown:
            with suppress(KafkaError, AssertionError):
                await kafka.commit(shown)
