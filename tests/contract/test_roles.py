"""What each service may touch, as the database holds it to that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from services.cli.migrations import SERVICES, Service
from tests.parts import Database

# What a role may do beyond its own schemas, and its own schemas.
OWN: dict[Service, set[str]] = {
    "intake": {"intake", "access"},
    "moderation": {"moderation"},
    "projection": {"projection", "published"},
    "query": set(),
}
MAY_READ: dict[Service, set[str]] = {
    "intake": set(),
    "moderation": {"access.api_keys"},
    "projection": set(),
    "query": {"access.api_keys", "access.pass_keys", "published.*"},
}
REFUSALS = (
    asyncpg.InsufficientPrivilegeError,
    # Into a view of several tables nobody writes; Postgres says that before it looks who asks.
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.WrongObjectTypeError,
)
WRITES = ("insert", "update", "delete", "truncate", "references", "trigger")


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def tables(connection: asyncpg.Connection[Any]) -> list[str]:
    rows = await connection.fetch(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p', 'v', 'm') and n.nspname !~ '^(pg_|information_schema)' order by 1"
    )
    return [row[0] for row in rows]


def may_read(service: Service, table: str) -> bool:
    schema = table.partition(".")[0]
    return schema in OWN[service] or table in MAY_READ[service] or f"{schema}.*" in MAY_READ[service]


def denied(service: Service, names: list[str]) -> Iterator[tuple[str, str]]:
    """Statements that the role must be refused, with the table that they name."""
    for table in names:
        if not may_read(service, table):
            yield table, f"select 1 from {table} limit 1"
        if table.partition(".")[0] not in OWN[service]:
            yield table, f"insert into {table} default values"
            yield table, f"delete from {table}"
            yield table, f"truncate {table}"
            yield table, f"drop table {table}"
            yield table, f"alter table {table} add column extra text"


@pytest.mark.parametrize("service", SERVICES)
async def test_a_role_is_refused_whatever_is_not_its_own(module_database: Database, service: Service) -> None:
    async with connected(module_database.dsn) as owner:
        names = await tables(owner)
    assert {name.partition(".")[0] for name in names} >= {"intake", "access", "moderation", "projection", "published"}
    async with connected(module_database.role(service)) as role:
        tried = 0
        for table, statement in denied(service, names):
            tried += 1
            try:
                async with role.transaction():
                    await role.execute(statement)
            except REFUSALS:
                continue
            raise AssertionError(f"plaudit_{service} may: {statement} ({table})")
        assert tried > 20


@pytest.mark.parametrize("service", SERVICES)
async def test_a_role_reads_what_it_needs(module_database: Database, service: Service) -> None:
    async with connected(module_database.dsn) as owner:
        names = await tables(owner)
    async with connected(module_database.role(service)) as role:
        for table in names:
            if may_read(service, table):
                await role.execute(f"select * from {table} limit 1")


async def test_query_reads_published_and_keys_and_nothing_else(module_database: Database) -> None:
    """The promise that approved content is all that the public can get at, as the catalogue tells it."""
    async with connected(module_database.dsn) as owner:
        readable = await owner.fetch(
            "select n.nspname as schema, c.relname as name"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^(pg_|information_schema)'"
            " and has_schema_privilege('plaudit_query', n.oid, 'usage')"
            " and (has_table_privilege('plaudit_query', c.oid, 'select')"
            "   or has_any_column_privilege('plaudit_query', c.oid, 'select'))"
        )
        assert {row["schema"] for row in readable} == {"published", "access"}
        assert {row["name"] for row in readable if row["schema"] == "access"} == {"api_keys", "pass_keys"}
        for table in await tables(owner):
            for privilege in WRITES:
                assert not await owner.fetchval(
                    "select has_table_privilege('plaudit_query', $1, $2)", table, privilege
                ), (table, privilege)


async def test_query_reads_no_secret_that_would_open_anything(module_database: Database) -> None:
    async with connected(module_database.role("query")) as role:
        for statement in (
            "select rolpassword from pg_authid",
            "select pg_read_file('/etc/passwd')",
            "copy published.reviews to program 'cat'",
            "select lo_import('/etc/passwd')",
            "set role plaudit_intake",
            "set session authorization plaudit_intake",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(statement)


@pytest.mark.parametrize("service", SERVICES)
async def test_no_role_makes_schemas_tables_or_roles(module_database: Database, service: Service) -> None:
    async with connected(module_database.role(service)) as role:
        for schema in ("public", "intake", "access", "moderation", "projection", "published"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(f"create table {schema}.mine (a int)")
        for statement in ("create schema mine", "create role mine", "create database mine"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(statement)


@pytest.mark.parametrize("service", SERVICES)
async def test_no_role_is_more_than_it_looks(module_database: Database, service: Service) -> None:
    async with connected(module_database.dsn) as owner:
        row = await owner.fetchrow("select * from pg_roles where rolname = $1", f"plaudit_{service}")
        assert row is not None
        assert not any(
            row[name] for name in ("rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls")
        )
        member_of = await owner.fetch(
            "select g.rolname from pg_auth_members m join pg_roles g on g.oid = m.roleid"
            " join pg_roles r on r.oid = m.member where r.rolname = $1",
            f"plaudit_{service}",
        )
        assert member_of == []


async def test_decisions_are_never_rewritten(module_database: Database) -> None:
    """Every decision is accounted for: the service itself may add to them only."""
    async with connected(module_database.role("moderation")) as role:
        for statement in ("update moderation.decisions set actor = ''", "delete from moderation.decisions"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await role.execute(statement)
