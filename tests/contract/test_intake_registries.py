"""What intake keeps of every key: its last event as it went out, which is all that a replay needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest

from services.intake import settings
from services.intake.catalog import Catalog, Change, Key
from services.intake.ingest import Ingest
from services.intake.settings import SettingsBody
from services.intake.transaction import transaction
from shared.events.cloudevents import to_json
from shared.events.models import (
    BrandUpdated,
    CatalogEntryRemoved,
    CategoryUpdated,
    CommentSubmitted,
    CommentWithdrawn,
    Event,
    FeedbackGiven,
    FeedbackRemoved,
    ProductUpdated,
    ReplyPosted,
    ReplyRemoved,
    ReviewSubmitted,
    ReviewWithdrawn,
    VocabularyUpdated,
)
from shared.events.settings import SiteSettings
from shared.events.vocabulary import Vocabulary
from tests.intake_world import IntakeWorld, ingest_record, intake_world
from tests.parts import Database

SHOP = {"source": "shop"}
DETAILS = {
    "pros": "Warm",
    "tags": {"Pro": ["Light"]},
    "votes_before": {"positive": 3},
    "photos": [{"url": "https://a.example/1"}],
}


@pytest.fixture
async def world(module_database: Database) -> AsyncIterator[IntakeWorld]:
    async with intake_world(module_database) as made:
        await made.pool.execute("insert into intake.ingest_topics (topic, site) values ('from-shop', 'books')")
        yield made


def review(source_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "rating": 4,
        **SHOP,
        "source_id": source_id,
        "author": {"id": source_id, "email": "a@example.com"},
        **fields,
    }


def comment(of: str, source_id: str, **fields: Any) -> dict[str, Any]:
    place = {"review_source": "shop", "review_source_id": of}
    return {"operation": "comment", **place, **SHOP, "source_id": source_id, "text": "x", **fields}


def feedback(of: str, vote: str | None, kind: str = "review", voter: str = "v") -> dict[str, Any]:
    said = {"voter": {"id": voter}, "kind": "helpfulness", "vote": vote}
    return {"operation": "feedback", "content_kind": kind, **SHOP, "source_id": of, **said}


ALL = [
    *(review(name) for name in ("plain", "edited", "gone")),
    review("edited", details=DETAILS, source_version=2),
    # A later version of the same content is no event.
    review("edited", details=DETAILS, source_version=3),
    *(comment("plain", name) for name in ("c-plain", "c-edited", "c-gone")),
    comment("gone", "c-of-gone"),
    comment("plain", "c-edited", text="y", badges=[{"id": "staff"}]),
    {"operation": "withdraw_comment", **SHOP, "source_id": "c-gone"},
    *(feedback("plain", vote) for vote in ("positive", "negative")),
    *(feedback("edited", vote) for vote in ("positive", None)),
    feedback("c-plain", "negative", "comment"),
    {"operation": "set_reply", **SHOP, "source_id": "plain", "reply": {"text": "Thanks", "department": "Care"}},
    {"operation": "set_reply", **SHOP, "source_id": "edited", "reply": {"text": "Thanks"}},
    {"operation": "remove_reply", **SHOP, "source_id": "edited"},
    {"operation": "put_product", "id": "p", "name": "P", "attributes": {"Color": {"values": ["red"]}}},
    {"operation": "put_category", "id": "c", "parent_id": "top"},
    {"operation": "put_brand", "id": "b"},
    {"operation": "put_product", "id": "q"},
    {"operation": "remove_product", "id": "q"},
    {"operation": "withdraw", **SHOP, "source_id": "gone"},
]

TABLES = {
    "reviews": "review-submitted",
    "comments": "comment-submitted",
    "feedback": "review-feedback",
    "replies": "reply-posted",
    "catalog": "catalog-updated",
}
CATALOG: dict[str, type[Event]] = {
    "product": ProductUpdated,
    "category": CategoryUpdated,
    "brand": BrandUpdated,
    "vocabulary": VocabularyUpdated,
}


def event_of(table: str, row: asyncpg.Record) -> type[Event]:
    """As a replay finds it, for the JSON itself does not say."""
    match table:
        case "reviews":
            return ReviewSubmitted if row["state"] == "live" else ReviewWithdrawn
        case "comments":
            return CommentSubmitted if row["state"] == "live" else CommentWithdrawn
        case "feedback":
            return FeedbackRemoved if row["vote"] is None else FeedbackGiven
        case "replies":
            return ReplyRemoved if row["removed"] else ReplyPosted
    return CatalogEntryRemoved if row["removed"] else CATALOG[row["kind"]]


async def test_every_registry_keeps_the_last_event_of_each_key(world: IntakeWorld) -> None:
    records = [ingest_record(place, body) for place, body in enumerate(ALL)]
    ingest = Ingest(world.registry, {"from-shop": "shop-id"})
    await ingest.prepare(records)
    async with transaction(world.pool) as tx:
        await ingest.process(tx, records)
        for vocabulary in (Vocabulary(), None):
            change = Change(Key("vocabulary", "en_US"), vocabulary)
            await Catalog(world.clock, world.rng).change(tx, "books", [change])
        await settings.change_settings(
            tx, world.clock, "books", SettingsBody(settings=SiteSettings(require_approval=True)), "key"
        )
    assert await world.pool.fetch("select reason from intake.dead_letters") == []
    await world.valid_events()
    rows = await world.pool.fetch("select topic, key, value from intake.outbox order by id")
    last = {(row["topic"], row["key"]): row["value"] for row in rows}
    kept = {}
    for table, topic in TABLES.items():
        for row in await world.pool.fetch(f"select * from intake.{table}"):
            event = event_of(table, row).model_validate_json(row["event"])
            assert event.sequence == row["sequence"]
            assert to_json(event) == row["event"].encode()
            kept[topic, event.key] = row["event"].encode()
    site = await world.pool.fetchval("select settings_version from intake.sites where site = 'books'")
    settings_key = ("site-settings-changed", b"books")
    assert orjson.loads(last.pop(settings_key))["sequence"] == site
    assert kept == last
    assert len(kept) == 3 + 4 + 3 + 2 + 5
