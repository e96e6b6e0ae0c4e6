"""The query service: one process, one part, `api`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import asyncpg

from services.query.bazaarvoice.conversations import Conversations
from services.query.bazaarvoice.display import Display
from services.query.bazaarvoice.gate import FindsPassKeys, Gate
from services.query.bazaarvoice.quotas import Quotas
from services.query.bazaarvoice.responses import Responses
from services.query.bazaarvoice.submissions import Rules, Submissions
from services.query.client import Clients
from services.query.core.connections import Connections, WrongRole
from services.query.core.reader import PostgresReader
from services.query.core.sql import Statement
from services.query.cors import Cors
from services.query.edge import Edge
from services.query.intake import HttpIntake, StorefrontIntake
from services.query.lynkow.dialect import Lynkow, Sites
from services.query.router import Mount, Router
from services.query.settings import QuerySettings
from shared.clock import Clock, SystemClock
from shared.http.app import create_app
from shared.http.rate_limit import Rate, RateLimiter
from shared.http.server import bind, serve
from shared.logging import get_logger
from shared.pass_keys import PassKeys
from shared.service import Health, run_parts

PARTS = frozenset({"api"})
MAY_READ = ("published", "access")
_CHECK_SECONDS = 2.0

log = get_logger(__name__)


def open_connections(settings: QuerySettings) -> Connections:
    return Connections(
        settings.dsn,
        size=settings.postgres_connections,
        role=settings.postgres_role,
        may_read=MAY_READ,
        application_name="plaudit-query",
        statement_timeout_seconds=settings.statement_timeout_seconds,
    )


def build_edge(
    settings: QuerySettings,
    reader: PostgresReader,
    intake: StorefrontIntake,
    clock: Clock,
    health: Health,
    pass_keys: FindsPassKeys,
) -> Edge:
    """The application without its server."""
    sites = Sites(settings.default_site, settings.host_sites)
    clients = Clients(settings.proxies, settings.forwarded_header)
    rules = Rules(settings.terms_required, settings.typical_hours_to_post)
    secret = settings.intake_key.get_secret_value().encode()
    submissions = Submissions(reader, intake, clock, clients.group, rules, secret)
    conversations = Conversations(Display(reader), submissions, Gate(pass_keys, Quotas(clock)))
    responses = Responses(reader, intake, sites.resolve)
    mounts = (Mount("/data", conversations), Mount("/response", responses, takes_forms=False))
    return Edge(
        Router(Lynkow(reader, intake, sites, clock, secret), mounts),
        create_app("query", [], health),
        cors=Cors(settings.cors_origins),
        clients=clients,
        reads=_limiter(settings.reads_per_second, settings.reads_burst, clock),
        writes=_limiter(settings.submits_per_minute / 60, settings.submits_burst, clock),
    )


def find_pass_keys(connections: Connections) -> PassKeys:
    async def fetch(text: str, digest: bytes) -> Sequence[asyncpg.Record]:
        return await connections.fetch(Statement(text, [digest]))

    return PassKeys(fetch)


async def run(settings: QuerySettings, parts: frozenset[str] = PARTS) -> int:
    """The exit code, once SIGTERM or SIGINT came or a part failed. Waits for Postgres, unready meanwhile."""
    if unknown := parts - PARTS:
        raise ValueError(f"query has no part {sorted(unknown)}; it has {sorted(PARTS)}")
    if not settings.intake_key.get_secret_value():
        log.warning("submissions will be refused: PLAUDIT_INTAKE_KEY is not set")
    listener = bind(settings.host, settings.port)
    connections = open_connections(settings)
    intake = HttpIntake(settings.intake_url, settings.intake_key.get_secret_value(), settings.intake_timeout_seconds)
    reader, clock, health = PostgresReader(connections), SystemClock(), Health()
    report = health.reporter("postgres")
    edge = build_edge(settings, reader, intake, clock, health, find_pass_keys(connections))

    async def api(stop: asyncio.Event) -> None:
        await serve(edge, listener, stop, settings.shutdown_seconds)

    async def watch(stop: asyncio.Event) -> None:
        await watch_database(reader, report, clock, stop)

    try:
        return await run_parts({"api": api, "watch": watch}, settings.shutdown_seconds)
    finally:
        await intake.close()
        await connections.close()


async def watch_database(
    reader: PostgresReader, report: Callable[[bool], None], clock: Clock, stop: asyncio.Event
) -> None:
    """Readiness follows whether the read model answers."""
    said = ""
    while not stop.is_set():
        try:
            await reader.check()
            report(True)
            said = ""
        except Exception as error:
            # A missing table or a wrong role is for an operator to put right, and no reason to end.
            report(False)
            because = str(error) if isinstance(error, WrongRole) else type(error).__name__
            if because != said:
                log.warning("the read model does not answer", because=because)
            said = because
        waiting = asyncio.ensure_future(stop.wait())
        pause = asyncio.ensure_future(clock.sleep(_CHECK_SECONDS))
        await asyncio.wait({waiting, pause}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        pause.cancel()


def _limiter(per_second: float, burst: int, clock: Clock) -> RateLimiter | None:
    return RateLimiter(Rate(per_second, burst), clock) if per_second > 0 else None
