"""A whole Plaudit on this machine: the parts, the schema, the topics, and every service as a process of its own."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from services.cli.embedded.datadir import DataDir, is_free
from services.cli.embedded.errors import EmbeddedError
from services.cli.embedded.jars import Report
from services.cli.embedded.kafka import EmbeddedKafka
from services.cli.embedded.postgres import EmbeddedPostgres
from services.cli.migrations import Service, migrate, open_roles, role_dsn
from services.cli.supervisor import Child, Part, Supervisor, http_ready
from services.cli.target import Target
from services.cli.topic_commands import create_topics
from services.intake import keys
from shared.clock import SystemClock

DATABASE = "plaudit"
QUERY_KEY_LABEL = "query service of plaudit up"


@dataclass(frozen=True)
class Options:
    """What `plaudit up` was asked for. Ports of None are chosen from the free ones, and kept."""

    kafka: str | None = None
    postgres: str | None = None
    moderation_workers: int = 1
    port: int | None = 8600
    log_format: str = "console"
    durable: bool = True


class System:
    """Started by `start`, in the order in which one thing needs the other. The supervisor ends it."""

    def __init__(
        self, supervisor: Supervisor, data_dir: DataDir, options: Options, report: Report | None = None
    ) -> None:
        self._supervisor = supervisor
        self._data_dir = data_dir
        self._options = options
        self._report = report
        self.kafka = ""
        self.postgres = ""
        self.query = ""
        self.intake = ""
        self.moderation = ""
        self.projection = ""

    async def start(self, say: Callable[[str], None]) -> None:
        await self._start_parts(say)
        say("bringing the database up to date")
        await asyncio.to_thread(migrate, self.postgres)
        password = self._secret("role-password")
        await open_roles(self.postgres, password)
        created = await create_topics(self.target)
        if created:
            say(f"created topics {', '.join(created)}")
        say("starting the services")
        await self._supervisor.start(self._children(password, await self._query_key()))
        # Whoever sees the last of them sees them all.
        for name in ("kafka", "postgres", "projection", "moderation", "intake", "query"):
            self._supervisor.announce(name, getattr(self, name))

    @property
    def target(self) -> Target:
        return Target({"kafka": self.kafka, "postgres": self.postgres, "intake": self.intake, "query": self.query})

    async def _start_parts(self, say: Callable[[str], None]) -> None:
        parts: list[Part] = []
        if self._options.kafka is None:
            parts.append(EmbeddedKafka(self._data_dir, report=self._report))
        embedded = None
        if self._options.postgres is None:
            embedded = EmbeddedPostgres(self._data_dir, durable=self._options.durable)
            parts.append(embedded)
        if parts:
            say(f"starting {' and '.join(part.name for part in parts)}")
        started = await self._supervisor.start_parts(parts)
        self.kafka = self._options.kafka or started["kafka"]
        if embedded is None:
            self.postgres = self._options.postgres or ""
        else:
            self.postgres = embedded.dsn_for(DATABASE)
            await _make_database(embedded.dsn, DATABASE)

    def _children(self, password: str, query_key: str) -> list[Child]:
        ports = self._public_ports()
        self.query, self.intake, self.moderation, self.projection = (
            f"http://127.0.0.1:{ports[name]}" for name in ("query", "intake", "moderation", "projection")
        )
        query = {"PLAUDIT_INTAKE_URL": self.intake, "PLAUDIT_INTAKE_KEY": query_key}
        children = [
            self._child("intake", "intake", ["api", "ingest"], password, ports["intake"]),
            self._child("intake-relay", "intake", ["relay"], password),
            self._child("moderation", "moderation", ["api"], password, ports["moderation"]),
            self._child("moderation-relay", "moderation", ["relay"], password),
            self._child("projection", "projection", [], password, ports["projection"]),
            self._child("query", "query", [], password, ports["query"], query),
        ]
        children += [
            self._child(f"moderation-worker-{number}", "moderation", ["worker"], password)
            for number in range(1, self._options.moderation_workers + 1)
        ]
        return children

    def _child(
        self,
        name: str,
        service: Service,
        parts: list[str],
        password: str,
        port: int | None = None,
        env: dict[str, str] | None = None,
    ) -> Child:
        port = port or self._data_dir.port(name)
        argv = [sys.executable, "-m", "services.cli.serving", service, "--host=127.0.0.1", f"--port={port}"]
        return Child(
            name,
            [*argv, *(f"--part={part}" for part in parts)],
            {
                "PLAUDIT_POSTGRES": role_dsn(self.postgres, service, password),
                "PLAUDIT_KAFKA__BOOTSTRAP": self.kafka,
                "PLAUDIT_LOG_FORMAT": self._options.log_format,
                **(env or {}),
            },
            ready=http_ready(f"http://127.0.0.1:{port}/ready"),
        )

    def _public_ports(self) -> dict[str, int]:
        names = ("query", "intake", "moderation", "projection")
        if self._options.port is None:
            return {name: self._data_dir.port(name) for name in names}
        ports = {name: self._options.port + number for number, name in enumerate(names)}
        taken = [str(port) for port in ports.values() if not is_free(port)]
        if taken:
            raise EmbeddedError(
                f"Port {', '.join(taken)} is taken.", "Choose others with --port: the four from there on are used."
            )
        return ports

    async def _query_key(self) -> str:
        """A new one at each start, for its token is kept nowhere; those of earlier starts are revoked."""
        connection = await asyncpg.connect(self.postgres)
        try:
            now = SystemClock().now()
            for entry in await keys.list_keys(connection):
                if entry.label == QUERY_KEY_LABEL and entry.revoked_at is None:
                    await keys.revoke_key(connection, entry.key_id, now)
            return (await keys.create_key(connection, None, ["submit"], QUERY_KEY_LABEL, now)).token
        finally:
            await connection.close()

    def _secret(self, name: str) -> str:
        path = self._data_dir.run / "secrets.json"
        kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        if name not in kept:
            kept[name] = secrets.token_urlsafe(24)
            self._data_dir.write("secrets.json", kept)
        return kept[name]


async def _make_database(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        if not await connection.fetchval("select true from pg_database where datname = $1", name):
            await connection.execute(f'create database "{name}"')
    finally:
        await connection.close()


def without_password(dsn: str) -> str:
    """For a terminal; the whole of it is in run/state.json, which only its owner can read."""
    parts = urlsplit(dsn)
    user, _, place = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{place}" if user else place))
