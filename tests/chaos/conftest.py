"""A running system of its own: its Kafka and Postgres are killed too, so they are always the embedded ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from services.cli.embedded.datadir import temporary_data_dir
from tests.conftest import PARTS
from tests.running import RunningSystem


@asynccontextmanager
async def running_system(*options: str) -> AsyncIterator[RunningSystem]:
    with temporary_data_dir() as data_dir:
        running = await RunningSystem(data_dir.root, *options).start()
        yield running
        assert await running.stop() == 0


@pytest.fixture(scope="package")
async def system() -> AsyncIterator[RunningSystem]:
    async with running_system() as running:
        yield running


@pytest.fixture(scope="package", autouse=True)
def _say_what_is_used(pytestconfig: pytest.Config) -> Iterator[None]:
    yield
    used = pytestconfig.stash[PARTS].used
    for part in ("Kafka", "Postgres"):
        used[part] = "; ".join(filter(None, [used.get(part), "embedded under `plaudit up` where it is killed"]))
