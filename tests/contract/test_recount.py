"""`plaudit recount` on a database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from typer.testing import CliRunner

from services.cli.app import app
from tests.parts import Database
from tests.projection_world import World, moderated, world


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[World]:
    async with world(database.dsn) as made:
        yield made


async def test_it_says_what_differs_and_only_that(shop: World, database: Database) -> None:
    await shop.events(moderated(1), moderated(2))
    command = ["recount", "--postgres", database.dsn]
    result = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert (result.exit_code, result.output) == (0, "everything is as it should be\n")
    await shop.connection.execute("delete from published.summaries where scope = 'site'")
    result = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith('summaries ["shop", "site", "", ""]: None is stored, {')
