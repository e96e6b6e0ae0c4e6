"""The ingest consumer as mappings and topics come and go, without Kafka."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

import pytest

from services.intake import subscription
from services.intake.registry import Registry
from services.intake.subscription import IngestSubscription
from shared.clock import SystemClock
from shared.kafka.admin import TopicMissing
from shared.kafka.client import KafkaSettings
from shared.kafka.consumer import Consumer


class Pool:
    """Two topics are mapped."""

    async def fetch(self, _: str) -> list[dict[str, str]]:
        return [{"topic": "from-app"}, {"topic": "from-shop"}]


class Cluster:
    """Topics and their ids; is its own admin client."""

    def __init__(self, *topics: str) -> None:
        self.topics = set(topics)

    def __call__(self, _: KafkaSettings) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def topic_ids(self, topics: Collection[str]) -> Mapping[str, str]:
        for topic in topics:
            if topic not in self.topics:
                raise TopicMissing(f"{topic} is missing")
        return {topic: f"{topic}-id" for topic in topics}


async def test_a_topic_that_is_deleted_while_it_is_consumed_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster("from-app", "from-shop")
    stop = asyncio.Event()
    consumed: list[Sequence[str]] = []
    ready: list[bool] = []

    async def subscribe(
        _: KafkaSettings, topics: Sequence[str], consumer: Consumer[Any], changed: asyncio.Event
    ) -> None:
        consumed.append(topics)
        if len(consumed) == 1:
            cluster.topics.remove("from-shop")
            await cluster.topic_ids(topics)  # as after a rebalance
        stop.set()
        await changed.wait()

    monkeypatch.setattr(subscription, "Admin", cluster)
    monkeypatch.setattr(subscription, "subscribe", subscribe)
    monkeypatch.setattr(subscription, "POLL_SECONDS", 0.01)
    clock, rng = SystemClock(), random.Random(1)
    pool: Any = Pool()
    ingest = IngestSubscription(pool, KafkaSettings(), Registry(clock, rng), clock, rng, ready.append)
    await asyncio.wait_for(ingest.run(stop), 5)
    assert consumed == [["from-app", "from-shop"], ["from-app"]]
    assert ready == [False]


async def test_topics_that_vanish_again_and_again_are_asked_for_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop = asyncio.Event()
    pauses: list[float] = []

    async def subscribe(*_: object) -> None:
        raise TopicMissing("from-shop is missing")

    async def pause(_: asyncio.Event, seconds: float) -> None:
        if seconds == subscription.POLL_SECONDS:
            await asyncio.sleep(60)
        pauses.append(seconds)
        if len(pauses) == 6:
            stop.set()

    monkeypatch.setattr(subscription, "Admin", Cluster("from-app", "from-shop"))
    monkeypatch.setattr(subscription, "subscribe", subscribe)
    monkeypatch.setattr(subscription, "_pause", pause)
    clock, rng = SystemClock(), random.Random(1)
    pool: Any = Pool()
    ingest = IngestSubscription(pool, KafkaSettings(), Registry(clock, rng), clock, rng, lambda _: None)
    await asyncio.wait_for(ingest.run(stop), 5)
    assert pauses[0] < 0.2
    assert pauses[-1] > 1
