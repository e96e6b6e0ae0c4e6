"""Bringing a database to the schema of this version."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from services.cli.migrations import MigrationFailed, migrate, migration_sets

_OBJECTS = """
    select n.nspname || '.' || c.relname || ' ' || c.relkind::text as object,
           coalesce(string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum), '')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
    group by 1 order by 1"""


@pytest.fixture
async def empty(postgres: str) -> AsyncIterator[str]:
    """DSN of a database that nobody has migrated."""
    name = f"plaudit_test_{uuid.uuid4().hex}"
    administrator = await asyncpg.connect(postgres)
    await administrator.execute(f"create database {name}")
    yield urlsplit(postgres)._replace(path=f"/{name}").geturl()
    await administrator.execute(f"drop database {name} with (force)")
    await administrator.close()


async def schema(dsn: str) -> list[tuple[str, str]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [(row[0], row[1]) for row in await connection.fetch(_OBJECTS)]
    finally:
        await connection.close()


async def test_migrating_again_changes_nothing(empty: str) -> None:
    await asyncio.to_thread(migrate, empty)
    before = await schema(empty)
    await asyncio.to_thread(migrate, empty)
    assert await schema(empty) == before
    assert {"intake.outbox r", "moderation.cases r", "published.reviews r", "access.api_keys r"} <= {
        name for name, _ in before
    }


async def test_two_that_migrate_at_once_end_at_the_same_schema(empty: str) -> None:
    await asyncio.gather(asyncio.to_thread(migrate, empty), asyncio.to_thread(migrate, empty))
    done = await schema(empty)
    await asyncio.to_thread(migrate, empty)
    assert await schema(empty) == done


async def test_each_owner_records_its_own(empty: str) -> None:
    await asyncio.to_thread(migrate, empty)
    connection = await asyncpg.connect(empty)
    try:
        for migrations in migration_sets():
            files = {path.name.split("_")[0] for path in migrations.directory.glob("*.sql")}
            assert files
            assert {row[0] for row in await connection.fetch(f"select version from {migrations.table}")} == files
    finally:
        await connection.close()


async def test_a_server_that_is_away_is_said_without_its_password() -> None:
    with pytest.raises(MigrationFailed) as caught:
        await asyncio.to_thread(migrate, "postgresql://postgres:secret-word@127.0.0.1:1/plaudit")
    assert "secret-word" not in str(caught.value)
