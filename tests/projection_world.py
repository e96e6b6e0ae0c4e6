"""Records, schemas and snapshots for the tests of the projection."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from services.projection.processor import ProjectionProcessor
from services.projection.store import Store
from shared.events.cloudevents import encode, encode_tombstone
from shared.events.content import ReviewContent
from shared.events.ids import reply_id
from shared.events.models import (
    Decision,
    Event,
    Published,
    ReplyPosted,
    ReplyRemoved,
    ReviewModerated,
    ReviewSubmitted,
    ReviewWithdrawn,
    SiteSettingsChanged,
    Status,
)
from shared.events.settings import SiteSettings
from shared.events.topics import TOPICS, TopicSpec
from shared.kafka.consumer import Failure, Poison

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
MIGRATION = Path(__file__).parents[1] / "services" / "projection" / "migrations" / "0001_projection.sql"
SPECS: dict[type[Event], TopicSpec] = {event: spec for spec in TOPICS for event in spec.events}


@dataclass(frozen=True, slots=True)
class Row:
    """A record as the consumer loop hands it over."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    partition: int = 0
    offset: int = 0

    def without(self, header: str) -> Row:
        return replace(self, headers=[pair for pair in self.headers if pair[0] != header])

    def corrupt(self) -> Row:
        """Readable headers around a body that is no JSON."""
        return replace(self, value=b"{")


def record(event: Event) -> Row:
    encoded = encode(SPECS[type(event)], event)
    return Row(encoded.topic, encoded.key, encoded.value, encoded.headers)


def tombstone(event: Event) -> Row:
    encoded = encode_tombstone(SPECS[type(event)], event)
    return Row(encoded.topic, encoded.key, None, encoded.headers)


def content(revision: int = 1, rating: int = 4, entity_id: str | None = "shirt", **more: Any) -> ReviewContent:
    return ReviewContent(
        entity_id=entity_id,
        rating=rating,
        title=f"Revision {revision}",
        text="It fits – très bien 👍",
        locale="en",
        **more,
    )


def moderated(
    review_id: int = 1,
    sequence: int = 1,
    status: Status = "approved",
    public: int | None = 1,
    revision: int | None = None,
    site: str = "shop",
    said: ReviewContent | None = None,
) -> ReviewModerated:
    """`public` is the revision that is public after the decision."""
    published = None
    if public is not None:
        published = Published(
            revision=public,
            slug=f"fits-{review_id}",
            created_at=START,
            submitted_at=START + timedelta(hours=public),
            published_at=START + timedelta(hours=public, minutes=1),
            content=said or content(public),
        )
    return ReviewModerated(
        site=site,
        sequence=sequence,
        review_id=review_id,
        revision=revision or public or 1,
        status=status,
        decision=Decision(version=sequence, actor_kind="person", actor="key-1", decided_at=START),
        published=published,
        first_published_at=START + timedelta(minutes=5) if published else None,
        publish_count=1 if published else 0,
    )


def submitted(review_id: int = 1, sequence: int = 1, revision: int = 1, site: str = "shop") -> ReviewSubmitted:
    return ReviewSubmitted(
        site=site,
        sequence=sequence,
        review_id=review_id,
        revision=revision,
        slug=f"fits-{review_id}",
        created_at=START,
        submitted_at=START,
        content=content(revision),
        channel="api",
        settings_version=1,
        require_approval=False,
    )


def withdrawn(review_id: int = 1, sequence: int = 2, site: str = "shop") -> ReviewWithdrawn:
    return ReviewWithdrawn(
        site=site,
        sequence=sequence,
        review_id=review_id,
        revision=1,
        reason="withdrawn",
        withdrawn_at=START,
        withdrawn_by="key-1",
    )


def posted(
    review_id: int = 1, slot: int = 0, sequence: int = 1, text: str = "Thank you!", site: str = "shop"
) -> ReplyPosted:
    return ReplyPosted(
        site=site,
        sequence=sequence,
        reply_id=reply_id(review_id, slot),
        review_id=review_id,
        slot=slot,
        text=text,
        author_name="The shop",
        posted_at=START,
        updated_at=START + timedelta(minutes=sequence),
        approved_by="key-2",
    )


def removed(review_id: int = 1, slot: int = 0, sequence: int = 2, site: str = "shop") -> ReplyRemoved:
    return ReplyRemoved(
        site=site,
        sequence=sequence,
        reply_id=reply_id(review_id, slot),
        review_id=review_id,
        slot=slot,
        removed_at=START,
        removed_by="key-2",
    )


def settings(sequence: int = 1, enabled: bool = True, site: str = "shop") -> SiteSettingsChanged:
    return SiteSettingsChanged(
        site=site,
        sequence=sequence,
        name=f"The shop, {sequence}",
        settings=SiteSettings(enabled=enabled),
        changed_at=START,
        changed_by="key-3",
    )


class World:
    """A read model in two schemas of a database, and one projector in front of it."""

    def __init__(self, connection: asyncpg.Connection[Any], prefix: str = "") -> None:
        self.connection = connection
        self.staging = f"{prefix}projection"
        self.published = f"{prefix}published"
        self.processor = ProjectionProcessor(Store(self.staging, self.published))

    async def fold(self, *records: Row) -> None:
        """One batch in one transaction, as the consumer loop does it: what proves to be poison is parked after all."""
        parked: list[tuple[Row, Failure]] = []
        while True:
            good = [row for row in records if all(row is not bad for bad, _ in parked)]
            try:
                async with self.connection.transaction():
                    await self.processor.process(self.connection, good)
                    for bad, failure in parked:
                        await self.processor.park(self.connection, bad, failure)
                return
            except Poison as poison:
                parked.append((next(row for row in records if row is poison.record), poison.failure))

    async def events(self, *events: Event) -> None:
        await self.fold(*map(record, events))

    async def empty(self) -> None:
        await self.connection.execute(
            f"truncate {self.staging}.reviews, {self.staging}.replies, {self.staging}.sites, "
            f"{self.published}.reviews, {self.published}.summaries, {self.published}.sites"
        )

    async def public(self, site: str = "shop") -> dict[int, asyncpg.Record]:
        rows = await self.connection.fetch(f"select * from {self.published}.reviews where site = $1", site)
        return {row["review_id"]: row for row in rows}

    async def snapshot(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, the staged ones too."""
        tables = {
            f"{self.staging}.reviews": "projection.reviews",
            f"{self.staging}.replies": "projection.replies",
            f"{self.staging}.sites": "projection.sites",
            f"{self.published}.reviews": "published.reviews",
            f"{self.published}.summaries": "published.summaries",
            f"{self.published}.sites": "published.sites",
        }
        return {
            name: sorted((tuple(row) for row in await self.connection.fetch(f"select * from {table}")), key=repr)
            for table, name in tables.items()
        }

    async def recount(self) -> list[tuple[Any, ...]]:
        """Where the summaries are not what the rows say; empty when all is well."""
        stars = ", ".join(f"count(*) filter (where rating = {rating})" for rating in range(1, 6))
        counted = " union all ".join(
            f"select site, '{scope}', {entity}, count(*), sum(rating)::bigint, {stars} from {self.published}.reviews "
            f"group by site, {entity}"
            for scope, entity in (("site", "''::text"), ("entity", "entity_id"))
        )
        stored = f"select * from {self.published}.summaries"
        rows = await self.connection.fetch(f"(({counted}) except {stored}) union all ({stored} except ({counted}))")
        return [tuple(row) for row in rows]


def migration(prefix: str = "") -> str:
    up = MIGRATION.read_text().split("-- migrate:down")[0]
    return re.sub(r"\b(projection|published)\b", rf"{prefix}\1", up)


@asynccontextmanager
async def world(dsn: str, prefix: str = "") -> AsyncIterator[World]:
    """Empty, with a connection of its own. The schemas of the real names come from the migrations."""
    connection = await asyncpg.connect(dsn)
    try:
        if prefix:
            owner = prefix.rstrip("_")
            await connection.execute(f"drop schema if exists {owner}_projection, {owner}_published cascade")
            await connection.execute(migration(prefix))
        made = World(connection, prefix)
        await made.empty()
        yield made
    finally:
        await connection.close()


def revisions(rows: Iterable[asyncpg.Record]) -> set[tuple[str, int, int]]:
    return {(row["site"], row["review_id"], row["revision"]) for row in rows}
