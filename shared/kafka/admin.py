"""Topics: making them, checking them, and the ids by which Kafka tells two topics of one name apart."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from types import TracebackType
from typing import ClassVar, Self

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from shared.events.topics import TopicSpec
from shared.kafka.client import KafkaSettings

TOPIC_ALREADY_EXISTS = 36
NO_BROKER = 38
"""Fewer brokers than replicas; with one replica, none at all."""
COMING_UP = frozenset({5, 7, 41})
"""No leader, timed out, not the controller: what a cluster says until it is complete."""
PATIENCE_SECONDS = 15.0


@dataclass(frozen=True)
class Difference:
    """Where a topic is not as we need it; `cure` says what to do about it."""

    topic: str
    what: str
    cure: str


class TopicMissing(Exception):
    """A topic that is needed is not there."""


class Admin:
    """`async with Admin(kafka) as admin`."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._client = AIOKafkaAdminClient(**kafka.client_options("plaudit-admin"))

    async def __aenter__(self) -> Self:
        try:
            await self._client.start()
        except BaseException:
            await self._client.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def create(self, specs: Sequence[TopicSpec]) -> list[str]:
        """Makes the topics that are missing and returns their names; those that are there stay as they are."""
        created: list[str] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            await await_controller(self._client)
            answer = await self._client.create_topics([self._new(spec) for spec in specs])
            refused = []
            for topic, code, *rest in answer.topic_errors:
                if code == 0:
                    created.append(topic)
                elif code != TOPIC_ALREADY_EXISTS:
                    refused.append((code, f"Kafka refused to create {topic}: error {code} {rest[0] if rest else ''}"))
            if not refused:
                break
            # A cluster that is just coming up, or was starved, has no broker to put a topic on for some seconds.
            passing = COMING_UP | ({NO_BROKER} if self._kafka.replication_factor == 1 else set())
            if any(code not in passing for code, _ in refused) or time.monotonic() > deadline:
                raise RuntimeError("; ".join(text for _, text in refused))
            await asyncio.sleep(0.25)
        await self._wait_for([spec.name for spec in specs])
        return created

    def _new(self, spec: TopicSpec) -> NewTopic:
        return NewTopic(
            spec.name,
            num_partitions=spec.partitions,
            replication_factor=self._kafka.replication_factor,
            topic_configs=dict(spec.config),
        )

    async def check(self, specs: Sequence[TopicSpec]) -> list[Difference]:
        """Differences between the topics as they are and as they must be; empty when all is well."""
        described = {topic["topic"]: topic for topic in await self._client.describe_topics([s.name for s in specs])}
        differences: list[Difference] = []
        there: list[TopicSpec] = []
        for spec in specs:
            topic = described.get(spec.name)
            if topic is None or topic["error_code"] != 0:
                differences.append(Difference(spec.name, "is missing", "run `plaudit topics create`"))
                continue
            there.append(spec)
            partitions = len(topic["partitions"])
            if partitions != spec.partitions and spec.events:
                differences.append(
                    Difference(
                        spec.name,
                        f"has {partitions} partitions, not {spec.partitions}",
                        "a partition count is fixed for life: replay into a new topic of the right count",
                    )
                )
        differences += await self._config_differences(there)
        return differences

    async def topic_ids(self, topics: Collection[str]) -> Mapping[str, str]:
        """The id of each topic, as Kafka gave it when the topic was made. Raises TopicMissing."""
        answer = await self._client._send_request(_TopicIdsRequest(sorted(topics)))
        ids = {}
        for error, name, topic_id, *_ in answer.topics:
            if error != 0:
                raise TopicMissing(f"{name} is missing (error {error}); run `plaudit topics create`")
            ids[name] = str(topic_id)
        return ids

    async def _config_differences(self, specs: Sequence[TopicSpec]) -> list[Difference]:
        if not specs:
            return []
        answers = await self._client.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, spec.name) for spec in specs]
        )
        actual: dict[str, dict[str, str]] = {}
        for answer in answers:
            for _, _, _, name, entries in answer.resources:
                actual[name] = {entry[0]: entry[1] for entry in entries}
        return [
            Difference(
                spec.name,
                f"has {key}={actual.get(spec.name, {}).get(key)}, not {value}",
                f"kafka-configs.sh --alter --topic {spec.name} --add-config {key}={value}",
            )
            for spec in specs
            for key, value in spec.config.items()
            if actual.get(spec.name, {}).get(key) != value
        ]

    async def _wait_for(self, topics: Sequence[str]) -> None:
        """A topic is made before every broker knows of it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                await self.topic_ids(topics)
            except TopicMissing:
                await asyncio.sleep(0.05)
            else:
                return
        raise TopicMissing(f"{', '.join(topics)} did not appear within {PATIENCE_SECONDS:.0f} s")


async def await_controller(client: AIOKafkaAdminClient) -> None:
    """aiokafka fails on a cluster that names no controller, as one does whose broker was away for a moment."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while client._client.cluster.controller is None and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
        await client._client.force_metadata_update()


async def topic_ids(kafka: KafkaSettings, topics: Collection[str]) -> Mapping[str, str]:
    async with Admin(kafka) as admin:
        return await admin.topic_ids(topics)


class _Uuid:
    """16 bytes; aiokafka speaks only versions of the protocol that are older than topic ids."""

    @classmethod
    def encode(cls, value: uuid.UUID | None) -> bytes:
        return (value or uuid.UUID(int=0)).bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))

    @classmethod
    def repr(cls, value: uuid.UUID) -> str:
        return str(value)


class _TopicIdsResponse(Response):
    """Metadata, version 12 (KIP-516)."""

    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32), ("host", CompactString("utf-8")), ("port", Int32),
                ("rack", CompactString("utf-8")), ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16), ("partition", Int32), ("leader", Int32), ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)), ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)), ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )  # fmt: skip


class _TopicIdsStruct(RequestStruct):
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = _TopicIdsResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", CompactString("utf-8")), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _TopicIdsRequest(Request[_TopicIdsStruct]):
    API_KEY: ClassVar[int] = 3

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_TopicIdsStruct]) -> _TopicIdsStruct:
        return request_struct_class([(None, topic, {}) for topic in self._topics], False, False, {})
