"""Kafka and Postgres for a test run: started once, and only when a test wants them.

| environment | what is used |
|---|---|
| nothing | Apache Kafka and Postgres embedded in this Python, in a directory that is removed afterwards |
| PLAUDIT_TEST_KAFKA=HOST:PORT | that broker; tests make topics of names of their own, and some remake ours |
| PLAUDIT_TEST_POSTGRES=DSN | that server; its user makes databases and gives the services' roles a test password |
| PLAUDIT_TEST_PARTS=containers | containers of Docker, for those of the two that are not named |
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Collection, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from services.cli.embedded.datadir import DataDir, free_port, temporary_data_dir
from services.cli.embedded.jars import KAFKA_VERSION
from services.cli.embedded.kafka import EmbeddedKafka
from services.cli.embedded.postgres import EmbeddedPostgres
from services.cli.migrations import Service, migrate, open_roles, role_dsn
from shared.events.topics import TopicSpec
from shared.kafka.admin import Admin, await_controller
from shared.kafka.client import KafkaSettings

PASSWORD = "only-for-tests"
KAFKA_IMAGE = f"apache/kafka:{KAFKA_VERSION}"
POSTGRES_IMAGE = "postgres:18-alpine"


@dataclass
class Parts:
    """Each part starts when it is first asked for, and stops with `close`. `used` says which they were."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    used: dict[str, str] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def kafka(self) -> KafkaSettings:
        named = self.environment.get("PLAUDIT_TEST_KAFKA")
        if named:
            self.used["Kafka"] = f"{named}, named by PLAUDIT_TEST_KAFKA"
            return KafkaSettings(bootstrap=named)
        if self._containers:
            bootstrap = self._open.enter_context(_kafka_container())
            self.used["Kafka"] = f"container {KAFKA_IMAGE}"
        else:
            server = EmbeddedKafka(self._data_dir)
            bootstrap = server.start()
            self._open.callback(server.stop)
            self.used["Kafka"] = f"Apache Kafka {KAFKA_VERSION}, embedded"
        return KafkaSettings(bootstrap=bootstrap)

    @cached_property
    def postgres(self) -> str:
        """DSN of an administrator."""
        named = self.environment.get("PLAUDIT_TEST_POSTGRES")
        if named:
            dsn, how = named, f"{urlsplit(named).hostname}, named by PLAUDIT_TEST_POSTGRES"
        elif self._containers:
            dsn, how = self._open.enter_context(_postgres_container()), f"container {POSTGRES_IMAGE}"
        else:
            server = EmbeddedPostgres(self._data_dir, durable=False)
            dsn, how = server.start(), "embedded"
            self._open.callback(server.stop)
        # In a thread of its own: the tests' event loop is running.
        self.used["Postgres"] = f"PostgreSQL {_in_thread(_server_version(dsn))}, {how}"
        return dsn

    def close(self) -> None:
        self._open.close()

    @property
    def _containers(self) -> bool:
        return self.environment.get("PLAUDIT_TEST_PARTS") == "containers"

    @cached_property
    def _data_dir(self) -> DataDir:
        return self._open.enter_context(temporary_data_dir())


@dataclass(frozen=True)
class Database:
    """A migrated database of one test."""

    dsn: str
    """As its owner."""

    def role(self, service: Service) -> str:
        """DSN of a service's own role."""
        return role_dsn(self.dsn, service, PASSWORD)


@dataclass(frozen=True)
class Template:
    """A migrated database that others are copied from: a quarter of a second each instead of one."""

    admin: str
    name: str

    @asynccontextmanager
    async def copy(self) -> AsyncIterator[Database]:
        name = f"plaudit_test_{uuid.uuid4().hex}"
        await _execute(self.admin, f"create database {name} template {self.name} strategy file_copy")
        try:
            yield Database(urlsplit(self.admin)._replace(path=f"/{name}").geturl())
        finally:
            await _execute(self.admin, f"drop database {name} with (force)")


@asynccontextmanager
async def template(admin: str) -> AsyncIterator[Template]:
    name = f"plaudit_template_{uuid.uuid4().hex}"
    await _execute(admin, f"create database {name}")
    try:
        dsn = urlsplit(admin)._replace(path=f"/{name}").geturl()
        await asyncio.to_thread(migrate, dsn)
        await open_roles(dsn, PASSWORD)
        yield Template(admin, name)
    finally:
        await _execute(admin, f"drop database {name} with (force)")


async def remake_topics(kafka: KafkaSettings, specs: Collection[TopicSpec]) -> None:
    """Empty topics under the same names. Their ids are others, so that every consumer starts anew."""
    await delete_topics(kafka, [spec.name for spec in specs])
    async with Admin(kafka) as admin:
        for attempt in range(300):
            try:
                # A topic that is going away is still there for a moment, and then cannot be made.
                if len(await admin.create(list(specs))) == len(specs):
                    return
            except RuntimeError:
                if attempt == 299:
                    raise
            await asyncio.sleep(0.05)
            await delete_topics(kafka, [spec.name for spec in specs])
    raise AssertionError("topics could not be made anew within 15 s")


async def delete_topics(kafka: KafkaSettings, names: Collection[str]) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await client.start()
    try:
        await await_controller(client)
        await client.delete_topics(list(names))
    finally:
        await client.close()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _server_version(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    try:
        version: str = await connection.fetchval("show server_version")
        return version.split()[0]
    finally:
        await connection.close()


def _in_thread(coroutine: Coroutine[None, None, str]) -> str:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


@contextmanager
def _kafka_container() -> Iterator[str]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs

    # The broker tells clients its own address, so the port must be known before it starts.
    port = free_port(set())
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(port, port)
    for name, value in {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }.items():
        container = container.with_env(name, value)
    with container:
        wait_for_logs(container, "Kafka Server started", timeout=60)
        yield f"127.0.0.1:{port}"


@contextmanager
def _postgres_container() -> Iterator[str]:
    from testcontainers.postgres import PostgresContainer

    with PostgresContainer(POSTGRES_IMAGE, driver=None) as container:
        yield str(container.get_connection_url())
