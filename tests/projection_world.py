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
from services.projection.recount import Difference, differences
from services.projection.store import Store
from shared.events.catalog import Brand, CatalogKind, Category, Product
from shared.events.cloudevents import encode, encode_tombstone
from shared.events.content import CommentContent, ReviewContent, ReviewDetails
from shared.events.ids import reply_id
from shared.events.models import (
    BrandUpdated,
    CatalogEntryRemoved,
    CategoryUpdated,
    CommentModerated,
    CommentSubmitted,
    CommentWithdrawn,
    ContentKind,
    Decision,
    Event,
    FeedbackGiven,
    FeedbackRemoved,
    ProductUpdated,
    Published,
    PublishedComment,
    ReplyPosted,
    ReplyRemoved,
    ReviewModerated,
    ReviewSubmitted,
    ReviewWithdrawn,
    SiteSettingsChanged,
    Status,
    VocabularyUpdated,
    Vote,
)
from shared.events.settings import SiteSettings
from shared.events.topics import TOPICS, TopicSpec
from shared.events.vocabulary import DEFAULT_LOCALE, Vocabulary
from shared.kafka.consumer import Failure, Poison

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
MIGRATIONS = Path(__file__).parents[1] / "services" / "projection" / "migrations"
TABLES = {
    "projection": ("reviews", "replies", "sites", "comments", "feedback", "feedback_totals", "catalog"),
    "published": (
        "reviews",
        "comments",
        "summaries",
        "distributions",
        "authors",
        "sites",
        "products",
        "categories",
        "category_ancestors",
        "brands",
        "vocabularies",
    ),
}
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
    is_featured: bool = False,
    codes: tuple[str, ...] = (),
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
            is_featured=is_featured,
            codes=codes,
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


def detailed(revision: int = 1, rating: int = 4, entity_id: str | None = "shirt", **details: Any) -> ReviewContent:
    return content(revision, rating, entity_id, details=ReviewDetails(**details))


def comment(
    comment_id: int = 101,
    review_id: int = 1,
    sequence: int = 1,
    status: Status = "approved",
    public: int | None = 1,
    revision: int | None = None,
    site: str = "shop",
    codes: tuple[str, ...] = (),
    **said: Any,
) -> CommentModerated:
    """`public` is the revision that is public after the decision."""
    published = None
    if public is not None:
        published = PublishedComment(
            revision=public,
            created_at=START,
            submitted_at=START + timedelta(hours=public),
            published_at=START + timedelta(hours=public, minutes=1),
            content=CommentContent(**{"text": f"Agreed, {public}", "locale": "en", **said}),
            codes=codes,
        )
    return CommentModerated(
        site=site,
        sequence=sequence,
        comment_id=comment_id,
        review_id=review_id,
        revision=revision or public or 1,
        status=status,
        decision=Decision(version=sequence, actor_kind="person", actor="key-1", decided_at=START),
        published=published,
        first_published_at=START + timedelta(minutes=5) if published else None,
        publish_count=1 if published else 0,
    )


def comment_submitted(
    comment_id: int = 101, review_id: int = 1, sequence: int = 1, site: str = "shop"
) -> CommentSubmitted:
    return CommentSubmitted(
        site=site,
        sequence=sequence,
        comment_id=comment_id,
        review_id=review_id,
        revision=sequence,
        created_at=START,
        submitted_at=START,
        content=CommentContent(text="Agreed", locale="en"),
        channel="api",
        settings_version=1,
        require_approval=False,
    )


def comment_withdrawn(
    comment_id: int = 101, review_id: int = 1, sequence: int = 2, site: str = "shop"
) -> CommentWithdrawn:
    return CommentWithdrawn(
        site=site,
        sequence=sequence,
        comment_id=comment_id,
        review_id=review_id,
        revision=1,
        reason="withdrawn",
        withdrawn_at=START,
        withdrawn_by="key-1",
    )


def feedback(
    content_id: int = 1,
    vote: Vote = "positive",
    voter: str = "anna",
    sequence: int = 1,
    content_kind: ContentKind = "review",
    site: str = "shop",
) -> FeedbackGiven:
    return FeedbackGiven(
        site=site,
        sequence=sequence,
        content_kind=content_kind,
        content_id=content_id,
        voter=voter,
        kind="inappropriate" if vote == "inappropriate" else "helpfulness",
        vote=vote,
        given_at=START,
    )


def feedback_removed(given: FeedbackGiven, sequence: int = 2) -> FeedbackRemoved:
    return FeedbackRemoved(
        site=given.site,
        sequence=sequence,
        content_kind=given.content_kind,
        content_id=given.content_id,
        voter=given.voter,
        kind=given.kind,
        removed_at=START,
    )


def product(product_id: str = "shirt", sequence: int = 1, site: str = "shop", **more: Any) -> ProductUpdated:
    given = Product(id=product_id, **{"name": f"Product {sequence}", **more})
    return ProductUpdated(site=site, sequence=sequence, product=given, updated_at=START)


def category(
    category_id: str, parent_id: str | None = None, sequence: int = 1, site: str = "shop", **more: Any
) -> CategoryUpdated:
    given = Category(id=category_id, parent_id=parent_id, **{"name": f"Category {sequence}", **more})
    return CategoryUpdated(site=site, sequence=sequence, category=given, updated_at=START)


def brand(brand_id: str = "acme", sequence: int = 1, site: str = "shop") -> BrandUpdated:
    return BrandUpdated(
        site=site, sequence=sequence, brand=Brand(id=brand_id, name=f"Brand {sequence}"), updated_at=START
    )


def vocabulary(
    locale: str = DEFAULT_LOCALE, sequence: int = 1, site: str = "shop", given: Vocabulary | None = None
) -> VocabularyUpdated:
    return VocabularyUpdated(
        site=site, sequence=sequence, locale=locale, vocabulary=given or Vocabulary(), updated_at=START
    )


def entry_removed(kind: CatalogKind, entry_id: str, sequence: int = 2, site: str = "shop") -> CatalogEntryRemoved:
    return CatalogEntryRemoved(site=site, sequence=sequence, kind=kind, entry_id=entry_id, removed_at=START)


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

    async def clear(self) -> None:
        """As the service itself may: it is not the owner of its tables."""
        for table in reversed(self._tables().values()):
            await self.connection.execute(f"delete from {table}")

    async def empty(self) -> None:
        await self.connection.execute("truncate " + ", ".join(self._tables().values()))

    async def public(self, site: str = "shop") -> dict[int, asyncpg.Record]:
        rows = await self.connection.fetch(f"select * from {self.published}.reviews where site = $1", site)
        return {row["review_id"]: row for row in rows}

    async def comments(self, site: str = "shop") -> dict[int, asyncpg.Record]:
        rows = await self.connection.fetch(f"select * from {self.published}.comments where site = $1", site)
        return {row["comment_id"]: row for row in rows}

    async def summary(self, entity_id: str | None = None, site: str = "shop") -> dict[str, Any]:
        """Of an entity, or of the site. Empty when there is none."""
        row = await self.connection.fetchrow(
            f"select * from {self.published}.summaries where site = $1 and scope = $2 and entity_id = $3",
            site,
            "site" if entity_id is None else "entity",
            entity_id or "",
        )
        return {} if row is None else dict(row)

    async def ancestors(self, site: str = "shop") -> dict[str, list[str]]:
        """The nearest first."""
        rows = await self.connection.fetch(
            f"""select category_id, array_agg(ancestor_id order by depth) from {self.published}.category_ancestors
                where site = $1 group by category_id""",
            site,
        )
        return {row[0]: row[1] for row in rows}

    async def snapshot(self, *schemas: str) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table of the schemas, by default of both, the staged ones too."""
        return {
            name: sorted((tuple(row) for row in await self.connection.fetch(f"select * from {table}")), key=repr)
            for name, table in self._tables().items()
            if not schemas or name.partition(".")[0] in schemas
        }

    async def recount(self) -> list[Difference]:
        """Where the counts are not what the rows say; empty when all is well."""
        return await differences(self.connection, self.staging, self.published)

    def _tables(self) -> dict[str, str]:
        schemas = {"projection": self.staging, "published": self.published}
        return {f"{name}.{table}": f"{schemas[name]}.{table}" for name, tables in TABLES.items() for table in tables}


def migration(prefix: str = "", number: str = "", down: bool = False) -> str:
    """The SQL of the migration of this number, or of all of them."""
    files = [path.read_text().split("-- migrate:down")[down] for path in sorted(MIGRATIONS.glob(f"{number}*.sql"))]
    # `published` is the name of a column too.
    sql = re.sub(r"\b(projection|published)(?=\.)", rf"{prefix}\1", "".join(files))
    return re.sub(r"\bschema .*", lambda line: re.sub(r"\b(projection|published)\b", rf"{prefix}\1", line[0]), sql)


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
