"""Topics on a real broker."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.events.topics import REVIEW_SUBMITTED, TOPICS, TopicSpec, ingest_topic
from shared.kafka.admin import Admin, TopicMissing, topic_ids
from shared.kafka.client import KafkaSettings
from tests.parts import delete_topics, remake_topics


@pytest.fixture
async def admin(kafka: KafkaSettings) -> AsyncIterator[Admin]:
    async with Admin(kafka) as made:
        yield made


@pytest.fixture
async def spec(kafka: KafkaSettings) -> AsyncIterator[TopicSpec]:
    """Like one of ours, small, under a name that does not exist yet."""
    made = replace(REVIEW_SUBMITTED, name=f"test-{uuid.uuid4().hex}", partitions=2)
    yield made
    await delete_topics(kafka, [made.name])


async def test_topics_are_made_once(admin: Admin, spec: TopicSpec) -> None:
    assert await admin.create([spec]) == [spec.name]
    assert await admin.create([spec]) == []
    assert await admin.check([spec]) == []


async def test_a_missing_topic_is_reported_with_its_cure(admin: Admin, spec: TopicSpec) -> None:
    [difference] = await admin.check([spec])
    assert (difference.topic, difference.what) == (spec.name, "is missing")
    assert "plaudit topics create" in difference.cure


async def test_other_settings_are_reported(admin: Admin, spec: TopicSpec) -> None:
    await admin.create([replace(spec, config={**spec.config, "delete.retention.ms": "60000"})])
    [difference] = await admin.check([spec])
    assert difference.what == f"has delete.retention.ms=60000, not {spec.config['delete.retention.ms']}"
    assert spec.name in difference.cure


async def test_another_number_of_partitions_is_reported(admin: Admin, spec: TopicSpec) -> None:
    await admin.create([replace(spec, partitions=3)])
    [difference] = await admin.check([spec])
    assert difference.what == "has 3 partitions, not 2"


async def test_topics_of_other_systems_may_have_any_number_of_partitions(admin: Admin, spec: TopicSpec) -> None:
    ingest = ingest_topic(spec.name)
    await admin.create([replace(ingest, partitions=1)])
    assert await admin.check([ingest]) == []


async def test_every_difference_of_several_topics_is_reported(admin: Admin, spec: TopicSpec) -> None:
    await admin.create([spec])
    missing = replace(spec, name=f"{spec.name}-missing")
    assert {difference.topic for difference in await admin.check([spec, missing])} == {missing.name}


async def test_a_topic_that_is_made_anew_has_another_id(kafka: KafkaSettings, admin: Admin, spec: TopicSpec) -> None:
    await admin.create([spec])
    before = await admin.topic_ids([spec.name])
    assert await topic_ids(kafka, [spec.name]) == before
    await remake_topics(kafka, [spec])
    after = await admin.topic_ids([spec.name])
    assert before.keys() == after.keys() == {spec.name}
    assert before != after


async def test_a_topic_that_is_not_there_has_none(admin: Admin, spec: TopicSpec) -> None:
    with pytest.raises(TopicMissing, match="plaudit topics create"):
        await admin.topic_ids([spec.name])


async def test_a_broker_that_refuses_says_why(kafka: KafkaSettings, spec: TopicSpec) -> None:
    async with Admin(kafka.model_copy(update={"replication_factor": 99})) as admin:
        with pytest.raises(RuntimeError, match=spec.name):
            await admin.create([spec])


async def test_our_own_topics_are_made_as_they_are_written_down(fresh_topics: KafkaSettings) -> None:
    async with Admin(fresh_topics) as admin:
        assert await admin.check(TOPICS) == []
        assert len(set((await admin.topic_ids([spec.name for spec in TOPICS])).values())) == len(TOPICS)
