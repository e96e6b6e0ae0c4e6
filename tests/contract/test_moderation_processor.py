"""The worker's batches on a real Postgres, through the role that the service has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache
from typing import Any, cast

import asyncpg
import pytest

from services.moderation.engine.engine import Engine
from services.moderation.judging.judge import Judge
from services.moderation.policy.policy import default_policy
from services.moderation.processor import ModerationProcessor
from shared.clock import SystemClock
from shared.events.cloudevents import Decoder, Encoded, encode, encode_tombstone, unpack_headers
from shared.events.content import ReviewContent
from shared.events.models import ReviewModerated, ReviewSubmitted, ReviewWithdrawn
from shared.events.topics import REVIEW_MODERATED, REVIEW_SUBMITTED
from shared.kafka.consumer import Failure, Fenced, Poison, Systematic
from shared.postgres.pool import create_pool
from tests.moderation_world import NOW, Row
from tests.parts import Database


@cache
def judge() -> Judge:
    return Judge(Engine.default())


@pytest.fixture
async def pool(module_database: Database) -> AsyncIterator[asyncpg.Pool[Any]]:
    """Empty tables, and connections of the service's own role."""
    owner = await asyncpg.connect(module_database.dsn)
    await owner.execute(
        "truncate moderation.cases, moderation.decisions, moderation.placements, moderation.history, "
        "moderation.history_probes, moderation.outbox restart identity"
    )
    await owner.close()
    async with await create_pool(module_database.role("moderation"), application_name="test") as pool:
        yield pool


def submission(review_id: int, revision: int = 1, text: str = "Very good boots.", **more: Any) -> Encoded:
    event = ReviewSubmitted(
        site="shop",
        sequence=more.pop("sequence", revision),
        review_id=review_id,
        revision=revision,
        slug=f"boots-{review_id}",
        created_at=NOW,
        submitted_at=NOW,
        content=ReviewContent(entity_id="boots", rating=4, text=text, locale="en"),
        channel="api",
        settings_version=1,
        require_approval=more.pop("require_approval", False),
    )
    return encode(REVIEW_SUBMITTED, event)


def withdrawal(review_id: int, sequence: int) -> Encoded:
    return encode(REVIEW_SUBMITTED, withdrawn(review_id, sequence))


def withdrawn(review_id: int, sequence: int) -> ReviewWithdrawn:
    return ReviewWithdrawn(
        site="shop",
        sequence=sequence,
        review_id=review_id,
        revision=sequence - 1,
        reason="withdrawn",
        withdrawn_at=NOW,
        withdrawn_by="key",
    )


def rows(*events: Encoded) -> list[Row]:
    return [Row(at, event.key, event.value, event.headers, event.topic) for at, event in enumerate(events)]


def processor() -> ModerationProcessor:
    return ModerationProcessor(judge(), SystemClock())


async def process_in(connection: object, records: Sequence[Row]) -> None:
    """As the consumer loop does it, in a transaction that is open."""
    ready = processor()
    await ready.prepare(records)
    await ready.process(cast("asyncpg.Connection[Any]", connection), records)


async def process(pool: asyncpg.Pool[Any], records: Sequence[Row]) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await process_in(connection, records)


async def park(pool: asyncpg.Pool[Any], record: Row, code: str = "bad_json") -> None:
    async with pool.acquire() as connection, connection.transaction():
        await processor().park(cast("asyncpg.Connection[Any]", connection), record, Failure(code, "why"))


async def published(pool: asyncpg.Pool[Any]) -> list[ReviewModerated]:
    """What the relay would send, in its order, read as every consumer reads it."""
    decoder = Decoder(REVIEW_MODERATED)
    events = []
    for row in await pool.fetch("select topic, key, value, headers from moderation.outbox order by id"):
        assert row["topic"] == REVIEW_MODERATED.name
        event = decoder.decode(row["key"], row["value"], unpack_headers(row["headers"])).event
        assert isinstance(event, ReviewModerated)
        events.append(event)
    return events


async def case(pool: asyncpg.Pool[Any], review_id: int) -> Mapping[str, Any]:
    row = await pool.fetchrow("select * from moderation.cases where review_id = $1", review_id)
    assert row is not None
    return dict(row)


async def everything(pool: asyncpg.Pool[Any]) -> list[object]:
    return [
        [tuple(row) for row in await pool.fetch(f"select * from moderation.{table} order by 1, 2, 3")]
        for table in ("cases", "decisions", "outbox")
    ]


async def test_a_batch_becomes_cases_decisions_and_events(pool: asyncpg.Pool[Any]) -> None:
    fine, rude, linked = (
        submission(3),
        submission(1, text="What a fucking disgrace."),
        submission(2, text="see www.example.com"),
    )
    await process(pool, rows(fine, rude, linked))

    statuses = await pool.fetch("select review_id, status, queue, rule, codes from moderation.cases order by 1")
    assert [tuple(row) for row in statuses] == [
        (1, "rejected", None, "strong-profanity", ["PRF"]),
        (2, "held", "links", "links", ["URL"]),
        (3, "approved", None, "default", []),
    ]
    events = await published(pool)
    assert [(event.review_id, event.status, event.published is not None) for event in events] == [
        (3, "approved", True),
        (1, "rejected", False),
        (2, "held", False),
    ]
    decision = await pool.fetchrow("select * from moderation.decisions where review_id = 2")
    assert decision is not None
    assert (decision["actor_kind"], decision["policy"], decision["policy_version"]) == (
        "policy",
        "default",
        default_policy().version,
    )
    assert '"matched":"www.example.com"' in decision["signals"]
    assert (await case(pool, 3))["submission"].encode() == fine.value


async def test_several_facts_about_one_review_in_one_batch_are_folded_in_order(pool: asyncpg.Pool[Any]) -> None:
    await process(
        pool,
        rows(
            submission(1),
            submission(2),
            submission(1, 2, text="see www.example.com"),
            submission(1, 2, text="see www.example.com"),
            submission(1, 3),
            withdrawal(2, 2),
        ),
    )

    events = [event for event in await published(pool) if event.review_id == 1]
    assert [(event.sequence, event.revision, event.status) for event in events] == [
        (1, 1, "approved"),
        (2, 2, "held"),
        (3, 3, "approved"),
    ]
    assert [event.published.revision for event in events if event.published] == [1, 1, 3]
    versions = await pool.fetch("select version, revision from moderation.decisions where review_id = 1 order by 1")
    assert [tuple(row) for row in versions] == [(1, 1), (2, 2), (3, 3)]
    gone = await case(pool, 2)
    assert (gone["status"], gone["submission"], gone["public_revision"]) == ("withdrawn", None, None)


async def test_edits_over_several_batches_keep_the_old_revision_public(pool: asyncpg.Pool[Any]) -> None:
    first, second = submission(1), submission(1, 2, text="see www.example.com")
    await process(pool, rows(first))
    await process(pool, rows(second))

    waiting = await case(pool, 1)
    assert (waiting["status"], waiting["revision"], waiting["public_revision"]) == ("held", 2, 1)
    assert waiting["public_submission"].encode() == first.value
    latest = (await published(pool))[-1]
    assert latest.published is not None
    assert latest.published.content.text == "Very good boots."


async def test_redelivered_batches_change_nothing(pool: asyncpg.Pool[Any]) -> None:
    batch = rows(submission(1), submission(2), submission(1, 2), withdrawal(2, 2), submission(3))
    await process(pool, batch)
    before = await everything(pool)

    await process(pool, batch)
    await process(pool, batch[1:3])

    assert await everything(pool) == before


async def test_however_facts_are_cut_into_batches_the_same_comes_out(pool: asyncpg.Pool[Any]) -> None:
    facts = rows(
        *(submission(number, revision) for revision in (1, 2) for number in range(1, 6)),
        *(withdrawal(number, 3) for number in (2, 4)),
    )
    outcomes = []
    for size in (1, 4, len(facts)):
        async with pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            for at in range(0, len(facts), size):
                await process_in(connection, facts[at : at + size])
            outcomes.append(
                [
                    tuple(row)
                    for row in await connection.fetch(
                        "select review_id, version, sequence, status, revision, public_revision, publish_count, "
                        "submission::text from moderation.cases order by 1"
                    )
                ]
            )
            await transaction.rollback()
    assert outcomes[0] == outcomes[1] == outcomes[2]


async def test_the_worker_cannot_rewrite_history(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, rows(submission(1)))

    for statement in ("update moderation.decisions set note = 'x'", "delete from moderation.decisions"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)


async def test_tombstones_are_passed_by(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, rows(encode_tombstone(REVIEW_SUBMITTED, withdrawn(1, 3))))

    assert await pool.fetchval("select count(*) from moderation.cases") == 0


async def test_what_cannot_be_read_is_blamed_on_its_record_before_anything_is_written(pool: asyncpg.Pool[Any]) -> None:
    good, bad = rows(submission(1), submission(2))
    broken = Row(1, bad.key, b"{", bad.headers)

    with pytest.raises(Poison) as poison:
        await process(pool, [good, broken])

    assert poison.value.record is broken
    assert poison.value.failure.code == "bad_json"
    assert await pool.fetchval("select count(*) from moderation.cases") == 0


@pytest.mark.parametrize("ce_type", [b"review.submitted.v9", b"order.placed.v1"])
async def test_an_unknown_type_or_version_stops_the_worker(pool: asyncpg.Pool[Any], ce_type: bytes) -> None:
    (row,) = rows(submission(1))
    headers = [(name, ce_type if name == "ce_type" else value) for name, value in row.headers]

    with pytest.raises(Systematic):
        await process(pool, [Row(0, row.key, row.value, headers)])


async def test_a_review_of_another_site_under_a_known_id_is_poison(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, rows(submission(1)))
    event = ReviewSubmitted.model_validate_json(submission(1, 2).value or b"").model_copy(update={"site": "other"})
    (foreign,) = rows(encode(REVIEW_SUBMITTED, event))

    with pytest.raises(Poison):
        await process(pool, [foreign])
    await park(pool, foreign, "foreign_key")

    assert (await case(pool, 1))["site"] == "shop"
    assert len(await published(pool)) == 1


async def test_an_unreadable_new_review_is_held_and_the_owners_next_word_settles_it(pool: asyncpg.Pool[Any]) -> None:
    (row,) = rows(submission(1))
    await park(pool, Row(0, row.key, b"{", row.headers))

    held = await case(pool, 1)
    assert (held["status"], held["queue"], held["site"], held["revision"]) == ("held", "unreadable", "shop", 0)
    assert await published(pool) == []

    await process(pool, [row])
    (event,) = await published(pool)
    assert (event.status, event.decision.version) == ("approved", 2)


async def test_an_unreadable_edit_holds_the_case_and_an_unreadable_anything_else_hides_it(
    pool: asyncpg.Pool[Any],
) -> None:
    await process(pool, rows(submission(1), submission(2)))
    edit, removal = rows(submission(1, 2), withdrawal(2, 2))
    await park(pool, Row(0, edit.key, b"{", edit.headers))
    await park(pool, Row(1, removal.key, b"{", removal.headers))

    one, two = (await published(pool))[2:]
    assert (one.review_id, one.status, one.published is not None) == (1, "held", True)
    assert (two.review_id, two.status, two.published) == (2, "held", None)
    assert two.decision.actor_kind == "system"


@pytest.mark.parametrize("key", [None, b"", b"shop", b"shop/", b"shop/x", b"shop/0", b"shop/01", b"/1", b"\xff/1"])
async def test_a_record_that_names_no_review_opens_no_case(pool: asyncpg.Pool[Any], key: bytes | None) -> None:
    await park(pool, Row(0, key, b"{", []))

    assert await pool.fetchval("select count(*) from moderation.cases") == 0


async def test_of_two_workers_on_the_same_records_the_later_one_is_fenced(pool: asyncpg.Pool[Any]) -> None:
    batch = rows(submission(1), submission(2))
    async with pool.acquire() as first:
        transaction = first.transaction()
        await transaction.start()
        await process_in(first, batch)
        second = asyncio.create_task(process(pool, batch))
        await asyncio.sleep(0.1)
        assert not second.done()
        await transaction.commit()

    with pytest.raises(Fenced):
        await second
    assert len(await published(pool)) == 2
