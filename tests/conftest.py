"""What all tests share: the parts, started once per run, and a last word on what was used and what was left out."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from dataclasses import replace

import pytest
import structlog
from hypothesis import HealthCheck, settings

from shared.events.topics import TOPICS, TopicSpec
from shared.kafka.admin import Admin
from shared.kafka.client import KafkaSettings
from tests.parts import Database, Parts, Template, delete_topics, remake_topics, template

# Into the standard library's logging, which pytest shows when a test fails; the default paints long tracebacks.
structlog.configure(
    processors=[
        structlog.stdlib.add_logger_name,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(key_order=["event"]),
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)

PARTS = pytest.StashKey[Parts]()
DESELECTED = pytest.StashKey[int]()

# The machine is shared: how long an example takes says nothing about the code.
settings.register_profile("plaudit", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("plaudit")


@pytest.fixture(scope="session")
def parts(pytestconfig: pytest.Config) -> Iterator[Parts]:
    used = pytestconfig.stash[PARTS]
    yield used
    used.close()


@pytest.fixture(scope="session")
def kafka(parts: Parts) -> KafkaSettings:
    """A broker. A machine that cannot have one fails the test, it is never skipped."""
    return parts.kafka


@pytest.fixture(scope="session")
def postgres(parts: Parts) -> str:
    """DSN of a server's administrator."""
    return parts.postgres


@pytest.fixture(scope="session")
async def database_template(postgres: str) -> AsyncIterator[Template]:
    async with template(postgres) as made:
        yield made


@pytest.fixture
async def database(database_template: Template) -> AsyncIterator[Database]:
    """Empty, migrated, of this test alone."""
    async with database_template.copy() as made:
        yield made


@pytest.fixture(scope="module")
async def module_database(database_template: Template) -> AsyncIterator[Database]:
    """Migrated; the tests of one module share it."""
    async with database_template.copy() as made:
        yield made


@pytest.fixture
async def fresh_topics(kafka: KafkaSettings) -> KafkaSettings:
    """Our own topics, empty. Nothing else may be using them."""
    await remake_topics(kafka, TOPICS)
    return kafka


MakeTopic = Callable[..., Awaitable[TopicSpec]]


@pytest.fixture
async def make_topic(kafka: KafkaSettings) -> AsyncIterator[MakeTopic]:
    """`await make_topic(partitions=1, like=TopicSpec)`: a topic of a name of its own, which goes away with the test."""
    made: list[str] = []

    async def make(partitions: int = 1, like: TopicSpec | None = None) -> TopicSpec:
        name = f"test-{uuid.uuid4().hex}"
        spec = replace(like, name=name, partitions=partitions) if like else _any_topic(name, partitions)
        async with Admin(kafka) as admin:
            await admin.create([spec])
        made.append(name)
        return spec

    yield make
    if made:
        await delete_topics(kafka, made)


def _any_topic(name: str, partitions: int) -> TopicSpec:
    return TopicSpec(name, "tests", "any", "A test's own.", partitions=partitions)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[PARTS] = Parts()
    config.stash[DESELECTED] = 0


def pytest_deselected(items: list[pytest.Item]) -> None:
    if items:
        items[0].config.stash[DESELECTED] += len(items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Outside of everybody else's, so that these are the last lines of the run."""
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or session.config.option.collectonly:
        return
    used = session.config.stash[PARTS].used
    for part in ("Kafka", "Postgres"):
        reporter.write_line(f"{part}: {used.get(part, 'not needed by these tests')}")
    reporter.write_line(f"left out: {_left_out(reporter.stats, session.config.stash[DESELECTED])}")


def _left_out(stats: dict[str, list[object]], deselected: int) -> str:
    reasons: Counter[str] = Counter()
    for report in stats.get("skipped", []):
        longrepr = getattr(report, "longrepr", None)
        reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
        reasons[str(reason).removeprefix("Skipped: ")] += 1
    for report in stats.get("xfailed", []):
        reasons[f"expected to fail: {getattr(report, 'wasxfail', '')}"] += 1
    if deselected:
        reasons["deselected by the command line"] += deselected
    return "; ".join(f"{count} {reason}" for reason, count in sorted(reasons.items())) or "nothing"
