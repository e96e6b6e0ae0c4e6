"""Records of other systems, on a real Postgres, through the loop that runs in production."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest

from services.intake import ingest
from services.intake.ingest import NAME, READ_AT_ONCE, Ingest, Wanted, read
from services.intake.submission import MAX_BODY_BYTES
from services.intake.transaction import transaction
from shared.events.models import ReplyPosted, ReplyRemoved, ReviewSubmitted, ReviewWithdrawn
from shared.kafka.consumer import Consumer, Failure
from shared.kafka.progress import PostgresProgress
from shared.kafka.record import Record, TopicPartition
from tests.intake_world import IngestRecord, IntakeWorld, ingest_record, intake_world
from tests.parts import Database

IDS = {"from-shop": "shop-id", "from-app": "app-id", "from-nowhere": "nowhere-id"}
PLACE = TopicPartition("from-shop", 0)


class SilentReader:
    """A broker's side that does as it is told."""

    async def seek(self, places: Mapping[TopicPartition, int | None]) -> None:
        return None

    def is_transient(self, error: BaseException) -> bool:
        return False


async def ids(topics: Collection[str]) -> Mapping[str, str]:
    return {topic: IDS[topic] for topic in topics}


@pytest.fixture
async def world(module_database: Database) -> AsyncIterator[IntakeWorld]:
    async with intake_world(module_database) as made:
        await made.pool.execute(
            "insert into intake.ingest_topics (topic, site) values ('from-shop', 'books'), ('from-app', 'films')"
        )
        yield made


async def consume(world: IntakeWorld, *records: IngestRecord) -> Consumer[Any]:
    progress = PostgresProgress(world.pool, "intake", NAME, ids)
    consumer = Consumer(Ingest(world.registry, IDS), progress, world.clock, random.Random(1))
    reader = SilentReader()
    await consumer.assigned({TopicPartition(record.topic, record.partition) for record in records}, reader)
    await consumer.handle(records, reader)
    assert not consumer.failed.done(), consumer.failed
    return consumer


async def dead(world: IntakeWorld) -> list[tuple[int, str | None, str]]:
    rows = await world.pool.fetch("select record_offset, site, reason_code from intake.dead_letters order by id")
    return [tuple(row) for row in rows]


async def test_records_become_submissions_of_their_topics_site(world: IntakeWorld) -> None:
    headers = [("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("odd", b"\xff")]
    consumer = await consume(
        world,
        ingest_record(0, {"rating": 5, "source": "s", "source_id": "1", "site": "films"}, headers=headers),
        ingest_record(1, {"rating": 4, "site": "films"}),
        ingest_record(0, {"rating": 3}, topic="from-app"),
    )
    first, second, third = [event for event in await world.events() if isinstance(event, ReviewSubmitted)]
    assert [event.site for event in (first, second, third)] == ["books", "books", "films"]
    assert (first.channel, first.source, first.source_id) == ("ingest", "s", "1")
    assert (second.source, second.source_id) == ("from-shop", "shop-id:0:1")
    assert consumer.positions == {PLACE: 2, TopicPartition("from-app", 0): 1}
    stored = await world.pool.fetchval("select headers from intake.outbox order by id limit 1")
    assert ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"] in orjson.loads(stored)


async def test_every_refusal_is_a_dead_letter_and_the_rest_goes_on(world: IntakeWorld) -> None:
    same = {"rating": 5, "source": "s", "source_id": "1", "source_version": 2, "author": {"id": "jane"}}
    await consume(
        world,
        ingest_record(0, same),
        ingest_record(1, None),
        ingest_record(2, b"\xff{"),
        ingest_record(3, {"rating": 9}),
        ingest_record(4, b"x" * (MAX_BODY_BYTES + 1)),
        ingest_record(5, {**same, "source_version": 1}),
        ingest_record(6, {"rating": 5, "author": {"id": "jane"}}),
        ingest_record(7, {"operation": "withdraw", "source": "s", "source_id": "unknown"}),
        ingest_record(8, {"operation": "explode", "source": "s", "source_id": "1"}),
        ingest_record(9, {"rating": 5}, topic="from-nowhere", headers=[("empty", None)]),
        ingest_record(10, same),
        ingest_record(11, {"rating": 5}),
    )
    assert sorted(await dead(world)) == [
        (1, "books", "BAD_REQUEST"),
        (2, "books", "BAD_REQUEST"),
        (3, "books", "VALIDATION_ERROR"),
        (4, "books", "PAYLOAD_TOO_LARGE"),
        (5, "books", "STALE"),
        (6, "books", "ALREADY_REVIEWED"),
        (7, "books", "NOT_FOUND"),
        (8, "books", "VALIDATION_ERROR"),
        (9, None, "UNMAPPED_TOPIC"),
    ]
    assert len(await world.events()) == 2
    kept = await world.pool.fetchrow("select * from intake.dead_letters where record_offset = 3")
    assert kept is not None
    assert (kept["consumer"], kept["topic_id"], kept["value"]) == (NAME, "shop-id", b'{"rating":9}')


async def test_operations_follow_submissions_of_the_same_batch_in_order(world: IntakeWorld) -> None:
    named = {"source": "s", "source_id": "1"}
    await consume(
        world,
        ingest_record(0, {"rating": 5, **named}),
        ingest_record(1, {"operation": "set_reply", "reply": {"text": "Thanks"}, **named}),
        ingest_record(2, {"operation": "submit", "rating": 4, **named}),
        ingest_record(3, {"operation": "remove_reply", **named}),
        ingest_record(4, {"operation": "withdraw", **named}),
        ingest_record(5, {"rating": 3, **named}),
        ingest_record(6, {"operation": "withdraw", **named}),
    )
    events = await world.events()
    assert [type(event) for event in events] == [
        ReviewSubmitted,
        ReplyPosted,
        ReviewSubmitted,
        ReplyRemoved,
        ReviewWithdrawn,
    ]
    gone = events[-1]
    assert isinstance(gone, ReviewWithdrawn)
    assert (gone.withdrawn_by, gone.revision, gone.sequence) == ("from-shop", 2, 3)
    assert await dead(world) == [(5, "books", "REMOVED")]


async def test_records_are_read_before_the_transaction_once_and_not_all_at_a_go(
    world: IntakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns_of_others = 0
    turns_at_reading = []

    def counting(record: Record, topic_id: str) -> Wanted | Failure:
        turns_at_reading.append(turns_of_others)
        return read(record, topic_id)

    async def others() -> None:
        nonlocal turns_of_others
        while True:
            turns_of_others += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(ingest, "read", counting)
    processor = Ingest(world.registry, IDS)
    records = [ingest_record(n, {"rating": 5}) for n in range(3 * READ_AT_ONCE)]
    running = asyncio.create_task(others())
    try:
        await processor.prepare(records)
    finally:
        running.cancel()
    await processor.prepare(records)
    async with transaction(world.pool) as tx:
        await processor.process(tx, records)
    assert len(turns_at_reading) == len(records)
    assert len(set(turns_at_reading)) == 3
    assert len(await world.events()) == len(records)


async def test_a_redelivery_changes_nothing(world: IntakeWorld) -> None:
    records = [ingest_record(n, {"rating": 5, "author": {"id": f"p{n}"}}) for n in range(20)]
    records.append(ingest_record(20, {"rating": 0}))
    await consume(world, *records)
    await world.pool.execute("delete from intake.consumer_offsets")  # the worst: it begins anew
    await consume(world, *records)
    assert len(await world.events()) == 20
    assert await dead(world) == [(20, "books", "VALIDATION_ERROR")]


async def test_a_topic_made_anew_under_an_old_name_is_another_one(
    world: IntakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await consume(world, ingest_record(0, {"rating": 5}))
    monkeypatch.setitem(IDS, "from-shop", "new-id")
    await consume(world, ingest_record(0, {"rating": 4}))
    assert len(await world.events()) == 2


async def test_hundreds_of_bad_records_cost_one_transaction_and_stop_nothing(world: IntakeWorld) -> None:
    before = await world.pool.fetchval("select pg_current_xact_id()::text::bigint")
    await consume(world, *(ingest_record(n, b"bad") for n in range(499)), ingest_record(499, {"rating": 5}))
    after = await world.pool.fetchval("select pg_current_xact_id()::text::bigint")
    assert after - before <= 6, "the batch and its savepoint, not a search by halves"
    assert len(await dead(world)) == 499
    assert len(await world.events()) == 1


async def test_two_consumers_of_different_topics_may_meet_at_the_same_records(world: IntakeWorld) -> None:
    await world.pool.execute("update intake.ingest_topics set site = 'books'")
    ours = [
        ingest_record(n, {"rating": 5, "source": "s", "source_id": str(n), "author": {"id": str(n)}})
        for n in range(100)
    ]
    theirs = [replace(one, topic="from-app", offset=n) for n, one in enumerate(reversed(ours))]
    await asyncio.gather(consume(world, *ours), consume(world, *theirs))
    assert len(await world.events()) == 100
    assert await dead(world) == []
