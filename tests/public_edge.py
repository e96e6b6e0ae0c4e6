"""The public edge as it is served, on a socket of its own, in front of a database with the rows of two sites."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import asyncpg
from pydantic import SecretStr

from services.query.core.reader import PostgresReader
from services.query.intake import IntakeRefused
from services.query.service import build_edge, find_pass_keys, open_connections
from services.query.settings import QuerySettings
from shared.clock import SystemClock
from shared.events.settings import SiteSettings
from shared.events.vocabulary import AdditionalFieldTerm, ContextDataTerm, SecondaryRatingTerm, TagTerm, Vocabulary
from shared.http.server import bind, serve
from shared.pass_keys import hash_of, hint_of
from shared.service import Health
from tests.parts import Database
from tests.query_reference import World
from tests.query_world import allow_any_rows, load, world
from tests.storefront_world import RecordingIntake

SHOP, OTHER = "shop", "other"
KEYS = {
    SHOP: "shop1234567890abcdefghijkl",
    OTHER: "other234567890abcdefghijkl",
}
VOCABULARY = Vocabulary(
    secondary_ratings=(SecondaryRatingTerm(id="Fit", label="Fit"), SecondaryRatingTerm(id="Quality")),
    context_data=(
        ContextDataTerm(id="Gender"),
        ContextDataTerm(id="Age", label="Age", value_labels={"18-24": "Young", "25-34": "Old"}),
    ),
    tags=(TagTerm(id="Pro", label="Pros"), TagTerm(id="Con")),
    additional_fields=(AdditionalFieldTerm(id="Size"),),
)


class StrictIntake(RecordingIntake):
    """Takes no reply without words, as the real one."""

    async def add_reply(
        self, site: str, review_id: int, reply: Mapping[str, object], authorization: str, idempotency_key: str | None
    ) -> int:
        if not reply.get("text"):
            raise _NO_WORDS
        return await super().add_reply(site, review_id, reply, authorization, idempotency_key)

    async def change_reply(
        self, site: str, review_id: int, slot: int, changes: Mapping[str, object], authorization: str
    ) -> None:
        if not changes.get("text", "kept"):
            raise _NO_WORDS
        await super().change_reply(site, review_id, slot, changes, authorization)


_NO_WORDS = IntakeRefused(422, "VALIDATION_ERROR", "text is missing; send the reply's words", "text", None)


@dataclass
class PublicEdge:
    host: str
    port: int
    worlds: dict[str, World]
    owner: asyncpg.Connection[Any]
    intake: RecordingIntake

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@asynccontextmanager
async def public_edge(database: Database, *, reviews: int = 40, comments: int = 30) -> AsyncIterator[PublicEdge]:
    """Without limits per client address. What other services write is written by the database's owner."""
    owner = await asyncpg.connect(database.dsn)
    await allow_any_rows(owner)
    worlds = {site: world(Random(site), reviews=reviews, comments=comments) for site in (SHOP, OTHER)}
    for site, rows in worlds.items():
        await load(owner, site, rows)
        await add_site(owner, site, VOCABULARY if site == SHOP else Vocabulary())
    configured = QuerySettings(
        postgres=SecretStr(database.role("query")), reads_per_second=0, submits_per_minute=0, default_site=SHOP
    )
    connections = open_connections(configured)
    intake = StrictIntake()
    keys = find_pass_keys(connections)
    edge = build_edge(configured, PostgresReader(connections), intake, SystemClock(), Health(), keys)
    listener, stop = bind("127.0.0.1", 0), asyncio.Event()
    serving = asyncio.create_task(serve(edge, listener, stop, 2))
    host, port = listener.getsockname()[:2]
    try:
        yield PublicEdge(host, port, worlds, owner, intake)
    finally:
        stop.set()
        await serving
        await connections.close()
        await owner.close()


async def add_site(owner: asyncpg.Connection[Any], site: str, vocabulary: Vocabulary) -> None:
    """Its settings, its vocabulary and its pass key."""
    await owner.execute(
        "update published.sites set settings = $2 where site = $1", site, SiteSettings().model_dump_json()
    )
    await owner.execute("insert into published.vocabularies values ($1, '*', $2)", site, vocabulary.model_dump_json())
    await owner.execute("insert into intake.sites (site, name, settings, identity_key) values ($1, $1, '{}', '')", site)
    await owner.execute(
        "insert into access.pass_keys (pass_key_hash, hint, site, label, per_minute, per_hour, locale,"
        " excludes_syndicated, created_at) values ($1, $2, $3, 'test', 10000000, 10000000, 'en_US', false, $4)",
        hash_of(KEYS[site]),
        hint_of(KEYS[site]),
        site,
        datetime.now(UTC),
    )
