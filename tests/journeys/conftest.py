"""One running system for all journeys, on the broker and the server that all tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.cli.embedded.datadir import temporary_data_dir
from shared.events.topics import TOPICS
from shared.kafka.client import KafkaSettings
from tests.parts import PASSWORD, Template, remake_topics
from tests.running import RunningSystem


@pytest.fixture(scope="package")
async def system(kafka: KafkaSettings, database_template: Template) -> AsyncIterator[RunningSystem]:
    await remake_topics(kafka, TOPICS)
    async with database_template.copy() as database:
        with temporary_data_dir() as data_dir:
            # Roles belong to the whole server, which other tests go on using with their password.
            data_dir.write("secrets.json", {"role-password": PASSWORD})
            options = (f"--kafka={kafka.bootstrap}", f"--postgres={database.dsn}")
            running = await RunningSystem(data_dir.root, *options).start()
            yield running
            assert await running.stop() == 0
