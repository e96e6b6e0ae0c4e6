"""One running system for all journeys."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.cli.embedded.datadir import temporary_data_dir
from tests.running import RunningSystem


@pytest.fixture(scope="package")
async def system() -> AsyncIterator[RunningSystem]:
    with temporary_data_dir() as data_dir:
        running = await RunningSystem(data_dir.root).start()
        yield running
        assert await running.stop() == 0
