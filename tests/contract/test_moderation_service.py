"""The service's process as it is deployed, on Apache Kafka and Postgres: from a submission to its event."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import SecretStr

from services.cli.embedded.datadir import temporary_data_dir
from services.cli.embedded.parts import EmbeddedParts
from services.cli.migrations import migrate
from services.moderation.processor import TOPICS as WORKER_TOPICS
from services.moderation.service import PROBE, run
from shared.events.cloudevents import Decoder, encode
from shared.events.content import ReviewContent
from shared.events.models import ReviewModerated, ReviewSubmitted
from shared.events.topics import COMMENT_MODERATED, REVIEW_MODERATED, REVIEW_SUBMITTED
from shared.kafka.admin import Admin
from shared.kafka.client import KafkaSettings
from shared.postgres.pool import create_pool
from shared.settings import ServiceSettings
from tests.parts import Database

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERVE = (
    "import asyncio, json, sys; from services.moderation.service import run; "
    "from shared.settings import ServiceSettings; "
    "sys.exit(asyncio.run(run(ServiceSettings(**json.loads(sys.argv[1])))))"
)


@pytest.fixture(scope="module")
def moderation_parts() -> Iterator[EmbeddedParts]:
    with temporary_data_dir() as directory, EmbeddedParts(directory, durable=False) as parts:
        migrate(parts.postgres.dsn)
        yield parts


async def test_a_submission_becomes_an_event_and_the_process_ends_when_told(moderation_parts: EmbeddedParts) -> None:
    kafka = KafkaSettings(bootstrap=moderation_parts.kafka.bootstrap)
    async with Admin(kafka) as admin:
        await admin.create([*WORKER_TOPICS, REVIEW_MODERATED, COMMENT_MODERATED])
    settings = {"postgres": moderation_parts.postgres.dsn, "kafka": {"bootstrap": kafka.bootstrap}}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, json.dumps(settings), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(60):
            await submit(kafka)
            event = await first_moderated(kafka)
            assert (event.review_id, event.status) == (1, "approved")
            assert event.published is not None
            assert event.published.content.text == "Very good boots."
            assert (event.decision.policy, event.decision.policy_version) == await active(moderation_parts.postgres.dsn)
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_database_of_an_earlier_release_is_not_there_yet(database: Database) -> None:
    async with await create_pool(database.role("moderation"), application_name="test") as pool:
        await pool.execute(PROBE)
        owner = await asyncpg.connect(database.dsn)
        await owner.execute("drop table moderation.reports")
        await owner.close()
        with pytest.raises(asyncpg.UndefinedTableError):
            await pool.execute(PROBE)


async def test_a_part_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no part"):
        await run(ServiceSettings(postgres=SecretStr("postgres://nobody")), frozenset({"ingest"}))


async def active(dsn: str) -> tuple[str, int]:
    """What the process has put in force on a database where nothing was."""
    connection = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow("select active_name, active_version from moderation.rules where scope = '*'")
    finally:
        await connection.close()
    assert row is not None
    return row["active_name"], row["active_version"]


async def submit(kafka: KafkaSettings) -> None:
    event = encode(
        REVIEW_SUBMITTED,
        ReviewSubmitted(
            site="shop",
            sequence=1,
            review_id=1,
            revision=1,
            slug="boots",
            created_at=NOW,
            submitted_at=NOW,
            content=ReviewContent(rating=4, text="Very good boots.", locale="en"),
            channel="api",
            settings_version=1,
            require_approval=False,
        ),
    )
    async with AIOKafkaProducer(**kafka.client_options("test")) as producer:
        await producer.send_and_wait(event.topic, event.value, event.key, headers=list(event.headers))


async def first_moderated(kafka: KafkaSettings) -> ReviewModerated:
    async with AIOKafkaConsumer(
        REVIEW_MODERATED.name, auto_offset_reset="earliest", **kafka.client_options("test")
    ) as consumer:
        record = await consumer.getone()
    event = Decoder(REVIEW_MODERATED).decode(record.key, record.value, record.headers).event
    assert isinstance(event, ReviewModerated)
    return event
