"""The relay's producer: Kafka transactions under a fixed transactional id."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from shared.events.cloudevents import unpack_headers
from shared.kafka.client import KafkaSettings
from shared.kafka.outbox import OutboxRow
from shared.kafka.relay import PublisherUnavailable, RelayFenced

TRANSACTION_MS = 30_000


class KafkaPublisher:
    """See shared.kafka.relay.Publisher. One transaction a batch; consumers of other teams may read committed only."""

    def __init__(self, kafka: KafkaSettings, service: str) -> None:
        self._producer = AIOKafkaProducer(
            **kafka.client_options(f"plaudit-{service}-relay"),
            transactional_id=f"plaudit-{service}-relay",
            transaction_timeout_ms=TRANSACTION_MS,
            acks="all",
            max_batch_size=256 * 1024,
            max_request_size=2 * 1024 * 1024,
        )

    async def start(self) -> None:
        """Registers the transactional id, which fences whoever had it."""
        try:
            await self._producer.start()
        except BaseException as error:
            await self._producer.stop()
            if not isinstance(error, Exception):
                raise
            # aiokafka answers a cluster that is just coming back with assertions, among others.
            raise PublisherUnavailable(type(error).__name__) from error

    async def publish(self, rows: Sequence[OutboxRow]) -> None:
        try:
            async with self._producer.transaction():
                sent = [
                    await self._producer.send(
                        row.topic, value=row.value, key=row.key, headers=unpack_headers(row.headers)
                    )
                    for row in rows
                ]
                await asyncio.gather(*sent)
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise RelayFenced("another relay has the transactional id") from error

    async def stop(self) -> None:
        await self._producer.stop()


def is_transient(error: BaseException) -> bool:
    """Every other error of Kafka passes: brokers away, leaders moving, time-outs. A new producer starts clean."""
    passes = isinstance(error, PublisherUnavailable | KafkaError | OSError | TimeoutError)
    return passes and not isinstance(error, ProducerFenced)
