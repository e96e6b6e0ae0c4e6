"""Comments, votes and reports of abuse from ingest topics, on a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.intake.ingest import Ingest
from services.intake.transaction import transaction
from shared.events.models import CommentSubmitted, CommentWithdrawn, FeedbackGiven, FeedbackRemoved, ReplyPosted
from tests.intake_world import IngestRecord, IntakeWorld, ingest_record, intake_world
from tests.parts import Database

IDS = {"from-shop": "shop-id", "from-app": "app-id"}
REVIEW = {"source": "shop", "source_id": "r1"}
OF_REVIEW = {"operation": "comment", "review_source": "shop", "review_source_id": "r1"}
COMMENT = {**OF_REVIEW, "text": "I agree.", "source": "shop", "source_id": "c1"}
VOTE = {"operation": "feedback", "voter": {"email": "jane@example.com"}, "kind": "helpfulness", "vote": "positive"}


@pytest.fixture
async def world(module_database: Database) -> AsyncIterator[IntakeWorld]:
    async with intake_world(module_database) as made:
        await made.pool.execute(
            "insert into intake.ingest_topics (topic, site) values ('from-shop', 'books'), ('from-app', 'films')"
        )
        yield made


async def consume(world: IntakeWorld, *bodies: Any, topic: str = "from-shop") -> list[tuple[int, str]]:
    """What it made of one batch: the dead letters, by place in the batch."""
    records: list[IngestRecord] = [ingest_record(place, body, topic=topic) for place, body in enumerate(bodies)]
    ingest = Ingest(world.registry, IDS)
    await ingest.prepare(records)
    async with transaction(world.pool) as tx:
        await tx.execute("delete from intake.dead_letters")
        await ingest.process(tx, records)
    rows = await world.pool.fetch("select record_offset, reason_code from intake.dead_letters order by record_offset")
    return [tuple(row) for row in rows]


async def test_all_that_may_happen_to_a_comment_in_one_batch(world: IntakeWorld) -> None:
    dead = await consume(
        world,
        {"rating": 5, **REVIEW},
        COMMENT,
        {**COMMENT, "text": "I do agree."},
        {**VOTE, **REVIEW},
        {**VOTE, "content_kind": "comment", "source": "shop", "source_id": "c1"},
        {**VOTE, **REVIEW, "vote": None},
        {"operation": "set_reply", **REVIEW, "reply": {"text": "Thanks", "department": "Care"}},
        {"operation": "withdraw_comment", "source": "shop", "source_id": "c1"},
        {"operation": "withdraw_comment", "source": "shop", "source_id": "c1"},
    )
    assert dead == []
    _, *events = await world.valid_events()
    assert [type(event) for event in events] == [
        CommentSubmitted,
        CommentSubmitted,
        FeedbackGiven,
        FeedbackGiven,
        FeedbackRemoved,
        ReplyPosted,
        CommentWithdrawn,
    ]
    first, second, vote, on_comment, _, reply, gone = events
    assert isinstance(first, CommentSubmitted)
    assert isinstance(second, CommentSubmitted)
    assert isinstance(vote, FeedbackGiven)
    assert isinstance(on_comment, FeedbackGiven)
    assert isinstance(reply, ReplyPosted)
    assert isinstance(gone, CommentWithdrawn)
    assert (first.channel, first.source_id, second.revision) == ("ingest", "c1", 2)
    assert (on_comment.content_kind, on_comment.content_id) == ("comment", first.comment_id)
    assert vote.voter == on_comment.voter
    assert reply.department == "Care"
    assert (gone.withdrawn_by, gone.sequence) == ("from-shop", 3)


async def test_every_refusal_is_a_dead_letter_and_the_rest_goes_on(world: IntakeWorld) -> None:
    dead = await consume(
        world,
        {"rating": 5, **REVIEW},
        {**COMMENT, "review_source_id": "unknown"},
        {**COMMENT, "text": ""},
        {"operation": "comment", "text": "x"},
        {"operation": "withdraw_comment", "source": "shop", "source_id": "unknown"},
        {**VOTE, **REVIEW, "vote": "inappropriate"},
        {**VOTE, **REVIEW, "voter": {}},
        {**VOTE, "content_kind": "comment", **REVIEW},
        COMMENT,
        {"operation": "withdraw", **REVIEW},
        {**COMMENT, "source_id": "c2"},
        {**VOTE, **REVIEW},
    )
    assert dead == [
        (1, "NOT_FOUND"),
        (2, "VALIDATION_ERROR"),
        (3, "VALIDATION_ERROR"),
        (4, "NOT_FOUND"),
        (5, "VALIDATION_ERROR"),
        (6, "VALIDATION_ERROR"),
        (7, "NOT_FOUND"),
        (10, "REMOVED"),
        (11, "REMOVED"),
    ]
    assert await world.count("intake.comments") == 1
    assert await world.count("intake.authors") == 0


async def test_a_redelivery_changes_nothing(world: IntakeWorld) -> None:
    """Also of a comment without a name of its own, which gets the record's place."""
    batch = [{"rating": 5, **REVIEW}, {**OF_REVIEW, "text": "x"}, {**OF_REVIEW, "text": "x"}, {**VOTE, **REVIEW}]
    assert await consume(world, *batch) == []
    told = len(await world.events())
    assert told == 4
    assert await consume(world, *batch) == []
    assert len(await world.events()) == told
    sources = await world.pool.fetch("select source, source_id from intake.comments order by source_id")
    assert [tuple(row) for row in sources] == [("from-shop", "shop-id:0:1"), ("from-shop", "shop-id:0:2")]


async def test_a_topic_reaches_its_own_site_only(world: IntakeWorld) -> None:
    await consume(world, {"rating": 5, **REVIEW}, COMMENT)
    assert await consume(
        world,
        COMMENT,
        {**VOTE, **REVIEW},
        {**VOTE, "content_kind": "comment", "source": "shop", "source_id": "c1"},
        {"operation": "withdraw_comment", "source": "shop", "source_id": "c1", "site": "books"},
        topic="from-app",
    ) == [(place, "NOT_FOUND") for place in range(4)]
    assert await world.pool.fetchval("select state from intake.comments") == "live"
