"""Embedded Kafka and Postgres: real servers, stopped, killed and started again on the same data."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import http.server
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.cli import process
from services.cli.embedded import jars
from services.cli.embedded.datadir import DataDir, temporary_data_dir
from services.cli.embedded.errors import ChecksumMismatch, DataDirInUse, DownloadFailed, EmbeddedError, StartFailed
from services.cli.embedded.kafka import EmbeddedKafka, serves_metadata
from services.cli.embedded.parts import EmbeddedParts, TerminalProgress
from services.cli.embedded.postgres import EmbeddedPostgres, takes_connections
from services.cli.supervisor import Supervisor


@pytest.fixture(scope="module")
def shared() -> Iterator[DataDir]:
    with temporary_data_dir() as data_dir:
        yield data_dir


@pytest.fixture(scope="module")
def kafka(shared: DataDir) -> Iterator[EmbeddedKafka]:
    part = EmbeddedKafka(shared)
    part.start()
    yield part
    part.stop()


@pytest.fixture(scope="module")
def postgres(shared: DataDir) -> Iterator[EmbeddedPostgres]:
    part = EmbeddedPostgres(shared)
    part.start()
    yield part
    part.stop()


@contextlib.asynccontextmanager
async def connected(postgres: EmbeddedPostgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres.dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.1)


async def create_topic(bootstrap: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def produce(bootstrap: str, topic: str, *values: bytes) -> None:
    """In one transaction, as the relays do."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=f"test-{topic}", acks="all")
    await producer.start()
    try:
        async with producer.transaction():
            for value in values:
                await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        async with asyncio.timeout(20):
            return [(await consumer.getone()).value or b"" for _ in range(count)]
    finally:
        await consumer.stop()


async def test_kafka_keeps_its_address_and_records_over_a_stop_and_a_kill(kafka: EmbeddedKafka) -> None:
    bootstrap = kafka.start()
    await create_topic(bootstrap, "kept")
    await produce(bootstrap, "kept", b"one")
    first = kafka.pid

    await asyncio.to_thread(kafka.stop)
    assert process.started_at(first) is None
    assert await asyncio.to_thread(kafka.start) == bootstrap
    await produce(bootstrap, "kept", b"two")

    kafka.kill()
    assert kafka.poll() == -signal.SIGKILL
    assert not serves_metadata(int(bootstrap.rpartition(":")[2]))
    begun = time.monotonic()
    assert await asyncio.to_thread(kafka.start) == bootstrap
    assert time.monotonic() - begun < 15
    await produce(bootstrap, "kept", b"three")
    assert await consume(bootstrap, "kept", 3) == [b"one", b"two", b"three"]


async def test_kafka_listens_on_loopback_only_and_makes_no_topic_by_itself(kafka: EmbeddedKafka) -> None:
    port = int(kafka.bootstrap.rpartition(":")[2])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        # Only a port that is not bound to every address can be bound on another one.
        other.bind(("127.0.0.2", port))
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.describe_topics(["never-made"])
        assert "never-made" not in await admin.list_topics()
    finally:
        await admin.close()


async def test_postgres_keeps_its_address_and_rows_over_a_stop_and_a_kill(postgres: EmbeddedPostgres) -> None:
    dsn = postgres.start()
    async with connected(postgres) as connection:
        await connection.execute("CREATE TABLE kept (n integer)")
        await connection.execute("INSERT INTO kept VALUES (1)")
    await asyncio.to_thread(postgres.stop)
    assert await asyncio.to_thread(postgres.start) == dsn
    async with connected(postgres) as connection:
        await connection.execute("INSERT INTO kept VALUES (2)")
        await asyncio.to_thread(postgres.kill)
        # At once, while the backends of the killed server may still be about to leave.
        assert await asyncio.to_thread(postgres.start) == dsn
    async with connected(postgres) as connection:
        assert await connection.fetchval("SELECT array_agg(n ORDER BY n) FROM kept") == [1, 2]


async def test_a_server_whose_port_was_taken_waits_for_it_instead_of_moving(postgres: EmbeddedPostgres) -> None:
    dsn = await asyncio.to_thread(postgres.start)
    port = int(postgres.address.rpartition(":")[2])
    postgres.kill()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(StartFailed, match=f"Port {port} of postgres was taken"):
            await asyncio.to_thread(postgres.start)
    assert await asyncio.to_thread(postgres.start) == dsn


async def test_postgres_is_durable_asks_for_its_password_and_is_not_root(postgres: EmbeddedPostgres) -> None:
    async with connected(postgres) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert await connection.fetchval("SELECT current_setting($1)", name) == "on"
        assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
    if sys.platform == "linux":
        assert os.stat(f"/proc/{postgres.pid}").st_uid != 0  # noqa: PTH116 - pathlib is flagged in async code
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.dsn.replace("postgres:", "postgres:wrong", 2))
    assert (postgres.data_dir.run / "postgres-password").stat().st_mode & 0o077 == 0


async def test_postgres_logs_nothing_that_people_wrote(postgres: EmbeddedPostgres) -> None:
    async with connected(postgres) as connection:
        await connection.execute("CREATE TABLE people (email text PRIMARY KEY, age integer)")
        await connection.execute("INSERT INTO people VALUES ('someone@example.org', 1)")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("INSERT INTO people VALUES ('someone@example.org', 2)")
        with pytest.raises(asyncpg.PostgresError):
            await connection.copy_to_table("people", source=io.BytesIO(b"other@example.org\tnot-an-integer\n"))
    log = postgres.log_path.read_text()
    assert "people_pkey" in log
    assert "example.org" not in log


async def test_a_stale_pid_file_with_the_number_of_a_living_process_is_no_obstacle(postgres: EmbeddedPostgres) -> None:
    await asyncio.to_thread(postgres.stop)
    path = postgres.data_dir.postgres / "data" / "postmaster.pid"
    assert not path.exists()
    path.write_text(f"{os.getpid()}\n{path.parent}\n1\n1\n\n127.0.0.1\n 1 1\nready\n")
    await asyncio.to_thread(postgres.start)
    async with connected(postgres) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_server_that_cannot_start_shows_the_end_of_its_log(postgres: EmbeddedPostgres) -> None:
    await asyncio.to_thread(postgres.stop)
    configuration = postgres.data_dir.postgres / "data" / "postgresql.auto.conf"
    before = configuration.read_text()
    configuration.write_text(before + "shared_buffers = 'plenty'\n")
    try:
        with pytest.raises(StartFailed, match=r'(?s)exit code 1.*"shared_buffers"'):
            await asyncio.to_thread(postgres.start)
    finally:
        configuration.write_text(before)
    await asyncio.to_thread(postgres.start)


async def test_the_supervisor_brings_both_back_on_the_same_ports(
    shared: DataDir, kafka: EmbeddedKafka, postgres: EmbeddedPostgres
) -> None:
    kafka.start()
    postgres.start()
    async with Supervisor(shared, stream=io.StringIO()) as supervisor:
        addresses = await supervisor.start_parts([kafka, postgres])
        before = supervisor.pids()
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(30):
            await until(lambda: len(supervisor.pids()) == 2)
            await until(lambda: not set(supervisor.pids().values()) & set(before.values()))
            await until(lambda: serves_metadata(int(addresses["kafka"].rpartition(":")[2])))
            await until(lambda: takes_connections(int(postgres.address.rpartition(":")[2])))
        assert (kafka.bootstrap, postgres.dsn) == (addresses["kafka"], addresses["postgres"])
        async with connected(postgres) as connection:
            assert await connection.fetchval("SELECT 1") == 1
    assert kafka.poll() is not None
    assert postgres.poll() is not None


def launch(root: Path) -> tuple[subprocess.Popen[str], dict[str, str], list[int]]:
    """The small command line, its addresses, and the pids of Kafka and Postgres."""
    launcher = subprocess.Popen(
        [sys.executable, "-m", "services.cli.embedded", "--data-dir", str(root), "--not-durable"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout is not None
    addresses = dict(launcher.stdout.readline().strip().split("=", 1) for _ in range(2))
    words = launcher.stdout.readline().replace(",", "").split()
    launcher.stdout.readline()  # its last one: it may not be left writing to a closed pipe
    launcher.stdout.close()
    return launcher, addresses, [int(words[words.index("kafka") + 1]), int(words[words.index("postgres") + 1])]


async def test_after_kill_9_of_the_launcher_nothing_is_left_and_a_new_start_works_at_once() -> None:
    with temporary_data_dir() as data_dir:
        launcher, addresses, pids = launch(data_dir.root)
        with pytest.raises(DataDirInUse, match=str(launcher.pid)):
            EmbeddedKafka(data_dir).start()
        launcher.kill()
        launcher.wait()
        launcher, again, new_pids = launch(data_dir.root)
        assert again == addresses
        assert not any(process.started_at(pid) for pid in pids)
        connection = await asyncpg.connect(again["POSTGRES"])
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        launcher.kill()
        launcher.wait()
        async with asyncio.timeout(process.ORPHAN_GRACE_SECONDS + 3):
            await until(lambda: not any(process.started_at(pid) for pid in new_pids))


def test_a_data_directory_that_postgres_may_not_enter_is_refused_with_the_cure(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root runs Postgres as another account")
    tmp_path.chmod(0o700)
    with pytest.raises(EmbeddedError, match=r"(?s)may not enter .*--data-dir"):
        EmbeddedPostgres(tmp_path / "data").start()
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_one_failure_stops_the_other_part(monkeypatch: pytest.MonkeyPatch) -> None:
    with temporary_data_dir() as data_dir:
        parts = EmbeddedParts(data_dir, durable=False)

        def fail(*_: object) -> list[Path]:
            raise DownloadFailed("no network", "find one")

        monkeypatch.setattr("services.cli.embedded.kafka.kafka_jars", fail)
        with pytest.raises(DownloadFailed):
            parts.start()
        assert parts.postgres.poll() is not None
        DataDir(data_dir.root).acquire()
        DataDir(data_dir.root).release()


# --- the jars: no network in these, a local Maven repository or a server of our own instead ---

CONTENT = b"not really a jar" * 1000
JAR = jars.Jar("org.example", "thing", "1.0", "thing-1.0.jar", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLAUDIT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "none"))
    monkeypatch.setattr(jars, "read_lock", lambda: [JAR])
    return tmp_path / "cache" / f"kafka-{jars.KAFKA_VERSION}"


def put(repository: Path, content: bytes) -> Path:
    path = repository / "org" / "example" / "thing" / "1.0" / JAR.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A Maven repository as a directory and as a URL."""
    root = tmp_path / "repository"
    root.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, directory=str(root))  # type: ignore[arg-type]  # passed through

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield root, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_mirror_serves_the_jars_once_with_progress(
    cache: Path, repository: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, url = repository
    monkeypatch.setenv("PLAUDIT_MAVEN_REPOSITORY", url)
    source = put(root, CONTENT)
    screen = io.StringIO()
    assert jars.kafka_jars(TerminalProgress(screen)) == [cache / JAR.file]
    assert (cache / JAR.file).read_bytes() == CONTENT
    assert screen.getvalue().splitlines()[-1].startswith(f"Downloading Apache Kafka {jars.KAFKA_VERSION}: ")
    source.unlink()
    seen = screen.getvalue()
    assert jars.kafka_jars(TerminalProgress(screen)) == [cache / JAR.file]
    assert screen.getvalue() == seen
    assert not list(cache.glob(".fetch-*"))


def test_a_local_repository_serves_too_and_is_left_as_it_is(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = put(tmp_path / "m2", CONTENT)
    monkeypatch.setenv("PLAUDIT_MAVEN_REPOSITORY", str(tmp_path / "m2"))
    assert jars.kafka_jars() == [cache / JAR.file]
    assert source.read_bytes() == CONTENT


def test_no_network_is_one_clear_error_with_its_cure(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        monkeypatch.setenv("PLAUDIT_MAVEN_REPOSITORY", f"http://127.0.0.1:{reserved.getsockname()[1]}/maven2")
        with pytest.raises(DownloadFailed) as failure:
            jars.kafka_jars()
    for part in (JAR.file, "/maven2", "PLAUDIT_MAVEN_REPOSITORY", str(cache), "--kafka HOST:PORT"):
        assert part in str(failure.value)
    assert list(cache.glob("*.jar")) == []


def test_a_repository_without_the_file_is_named(
    cache: Path, repository: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAUDIT_MAVEN_REPOSITORY", repository[1])

    def problem() -> str:
        with pytest.raises(DownloadFailed) as failure:
            jars.kafka_jars()
        return str(failure.value)

    assert f"{JAR.file} from {repository[1]} (not there)" in problem()
    # jgo leaves the connection of a 404 to the garbage collector, which must not blame a later test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_an_altered_file_is_refused(cache: Path, repository: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    put(repository[0], CONTENT[:-1] + b"!")
    monkeypatch.setenv("PLAUDIT_MAVEN_REPOSITORY", repository[1])
    with pytest.raises(ChecksumMismatch, match=JAR.sha256):
        jars.kafka_jars()
    assert list(cache.glob("*.jar")) == []


def test_a_damaged_local_copy_is_passed_over(
    cache: Path, repository: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "none", CONTENT[:100])
    put(repository[0], CONTENT)
    monkeypatch.setenv("PLAUDIT_MAVEN_REPOSITORY", repository[1])
    jars.kafka_jars()
    assert (cache / JAR.file).read_bytes() == CONTENT
    (cache / JAR.file).write_bytes(b"damaged later")
    jars.kafka_jars()
    assert (cache / JAR.file).read_bytes() == CONTENT


def test_several_at_once_fetch_it_once(
    cache: Path, repository: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(repository[0], CONTENT)
    monkeypatch.setenv("PLAUDIT_MAVEN_REPOSITORY", repository[1])
    fetches: list[jars.Progress] = []
    threads = [threading.Thread(target=jars.kafka_jars, args=(fetches.append,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (cache / JAR.file).read_bytes() == CONTENT
    assert [progress.done for progress in fetches].count(0) == 1


def test_the_lock_pins_one_kafka() -> None:
    locked = jars.read_lock()
    assert {jar.version for jar in locked if jar.group == "org.apache.kafka"} == {jars.KAFKA_VERSION}
    assert {"kafka-clients", "kafka_2.13", "slf4j-jdk14"} <= {jar.artifact for jar in locked}
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in locked)
