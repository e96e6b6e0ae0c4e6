"""What becomes of a review's comments when it is withdrawn, and of whoever else is at work on them just then."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any

import orjson
import pytest

from services.intake import comments, feedback, withdrawal
from services.intake.comment_body import CommentEdit, CommentSubmission
from services.intake.comments import WITHDRAWN_AT_ONCE, IncomingComment
from services.intake.feedback import Feedback
from services.intake.feedback_body import FeedbackBody
from services.intake.ingest import NAME, Ingest
from services.intake.live import ContentRef
from services.intake.refusal import Refused, accepted
from services.intake.submission import parse
from services.intake.transaction import Connection, Contended, transaction
from shared.events.models import CommentSubmitted, CommentWithdrawn, Event, ReviewWithdrawn
from shared.kafka.consumer import Consumer
from shared.kafka.progress import PostgresProgress
from shared.kafka.record import TopicPartition
from tests.intake_http import REVIEWS, api_world, code
from tests.intake_world import IngestRecord, IntakeWorld, ingest_record, intake_world, record_of
from tests.parts import Database

TOPICS = {"from-shop": "shop-id", "from-app": "app-id"}


@pytest.fixture
async def world(module_database: Database) -> AsyncIterator[IntakeWorld]:
    async with intake_world(module_database) as made:
        await made.pool.execute(
            "insert into intake.ingest_topics (topic, site) values ('from-shop', 'books'), ('from-app', 'books')"
        )
        yield made


async def review(world: IntakeWorld, source_id: str = "r1") -> int:
    (result,) = await world.submit(record_of(source_id))
    assert result.review_id is not None
    return result.review_id


async def say(tx: Connection, world: IntakeWorld, of: int, *texts: str) -> list[int]:
    incoming = [IncomingComment(of, CommentSubmission(text=text), "api") for text in texts]
    results = await comments.submit(tx, world.registry, "books", incoming)
    return [accepted(one).comment_id for one in results]


async def edit(tx: Connection, world: IntakeWorld, comment_id: int, text: str, revision: int = 1) -> None:
    said = CommentEdit(text=text, revision=revision)
    await comments.edit(tx, world.registry, "books", comment_id, said, "api", None)


async def vote(tx: Connection, world: IntakeWorld, content: ContentRef, voter: str) -> None:
    body = {"voter": {"id": voter}, "kind": "helpfulness", "vote": "positive"}
    said = parse(FeedbackBody, orjson.dumps(body))
    (result,) = await feedback.give(tx, world.registry, "books", [Feedback(content, said)])
    accepted(result)


async def take_back(tx: Connection, world: IntakeWorld, comment_id: int) -> None:
    await comments.withdraw(tx, world.registry, "books", comment_id, "author", None)


async def comment(world: IntakeWorld, of: int, *texts: str) -> list[int]:
    async with transaction(world.pool) as tx:
        return await say(tx, world, of, *texts)


async def end(tx: Connection, world: IntakeWorld, of: int) -> bool:
    return (await withdrawal.withdraw(tx, world.registry, "books", of, "key", None))[1]


async def withdraw(world: IntakeWorld, of: int) -> bool:
    async with transaction(world.pool) as tx:
        return await end(tx, world, of)


async def told(world: IntakeWorld) -> Mapping[bytes, list[Event]]:
    """Every key's events as they go out, whose sequences grow by one; the last of a comment is what its row has."""
    found: dict[bytes, list[Event]] = defaultdict(list)
    for event in await world.events():
        found[event.key].append(event)
    for events in found.values():
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    for row in await world.pool.fetch("select site, comment_id, sequence, revision, state, event from intake.comments"):
        last = found[f"{row['site']}/{row['comment_id']}".encode()][-1]
        assert isinstance(last, CommentSubmitted if row["state"] == "live" else CommentWithdrawn)
        assert last == type(last).model_validate_json(row["event"])
        assert (last.sequence, last.revision) == (row["sequence"], row["revision"])
    return found


async def states(world: IntakeWorld) -> dict[int, str]:
    return dict(await world.pool.fetch("select comment_id, state from intake.comments"))


async def test_comments_go_with_their_review_and_with_no_other(world: IntakeWorld) -> None:
    of, other = await review(world), await review(world, "r2")
    early, late = await comment(world, of, "one", "two")
    (kept,) = await comment(world, other, "three")
    async with transaction(world.pool) as tx:
        await edit(tx, world, late, "secret words")
        await take_back(tx, world, early)
        await tx.execute("delete from intake.outbox")
    assert [await withdraw(world, of) for _ in range(2)] == [True, False]
    gone, of_comment = await world.valid_events()
    assert isinstance(gone, ReviewWithdrawn)
    assert isinstance(of_comment, CommentWithdrawn)
    assert (of_comment.comment_id, of_comment.review_id, of_comment.revision, of_comment.sequence) == (late, of, 2, 3)
    assert (of_comment.withdrawn_at, of_comment.withdrawn_by) == (gone.withdrawn_at, "key")
    assert await states(world) == {early: "withdrawn", late: "withdrawn", kept: "live"}
    row = await world.pool.fetchrow("select event::text, content_hash from intake.comments where comment_id = $1", late)
    assert row is not None
    assert row["content_hash"] is None
    assert "secret" not in row["event"]


async def test_they_go_over_http(module_database: Database) -> None:
    async with api_world(module_database) as world:
        of = f"{REVIEWS}/{(await world.submit()).json()['review_id']}"
        made = (await world.http.post(f"{of}/comments", json={"text": "I agree."})).json()
        on = f"/v1/sites/books/comments/{made['comment_id']}"
        key = {"idempotency-key": "once"}
        answers = [await world.http.delete(of, headers=headers) for headers in (key, key, {})]
        assert [one.json()["outcome"] for one in answers] == ["withdrawn", "withdrawn", "unchanged"]
        state = (await world.http.get(on)).json()
        assert (state["state"], state["revision"]) == ("withdrawn", 1)
        assert (await world.http.delete(on)).json()["outcome"] == "unchanged"
        body = {"voter": {"id": "7"}, "kind": "helpfulness", "vote": "positive"}
        assert code(await world.http.put(f"{on}/feedback", json=body)) == (410, "REMOVED")
        assert code(await world.http.put(on, json={"text": "x", "revision": 1})) == (410, "REMOVED")
        assert sum(isinstance(event, CommentWithdrawn) for event in await world.intake.events()) == 1


async def test_they_go_by_a_record_of_an_ingest_topic(world: IntakeWorld) -> None:
    on = {"operation": "comment", "review_source": "shop", "text": "I agree.", "source": "shop"}
    await consume(
        world,
        "from-shop",
        [
            {"rating": 5, "source": "shop", "source_id": "r1"},
            {**on, "review_source_id": "r1", "source_id": "c1"},
            {"operation": "withdraw", "source": "shop", "source_id": "r1"},
            {"operation": "withdraw_comment", "source": "shop", "source_id": "c1"},
            {**on, "review_source_id": "r1", "source_id": "c2"},
        ],
    )
    (gone,) = [event for event in await world.valid_events() if isinstance(event, CommentWithdrawn)]
    assert (gone.sequence, gone.withdrawn_by) == (2, "from-shop")
    rows = await world.pool.fetch("select record_offset, reason_code from intake.dead_letters")
    assert [tuple(row) for row in rows] == [(4, "REMOVED")]
    await told(world)


@pytest.mark.parametrize("act", ["comment", "edit", "vote", "withdraw"])
async def test_a_withdrawal_waits_for_whoever_is_at_work(world: IntakeWorld, act: str) -> None:
    of = await review(world)
    (on,) = await comment(world, of, "one")
    async with world.pool.acquire() as connection, connection.transaction():
        tx: Any = connection
        match act:
            case "comment":
                await say(tx, world, of, "two")
            case "edit":
                await edit(tx, world, on, "two")
            case "vote":
                await vote(tx, world, ContentRef("comment", on), "v1")
            case "withdraw":
                await take_back(tx, world, on)
        waiting = asyncio.create_task(withdraw(world, of))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    assert await waiting
    assert set((await states(world)).values()) == {"withdrawn"}
    await told(world)


@pytest.mark.parametrize("act", ["comment", "edit", "vote", "withdraw"])
async def test_whoever_comes_after_a_withdrawal_finds_the_comments_gone(world: IntakeWorld, act: str) -> None:
    of = await review(world)
    (on,) = await comment(world, of, "one")

    async def late() -> None:
        async with transaction(world.pool) as tx:
            match act:
                case "comment":
                    await say(tx, world, of, "two")
                case "edit":
                    await edit(tx, world, on, "two")
                case "vote":
                    await vote(tx, world, ContentRef("comment", on), "v1")
                case "withdraw":
                    await take_back(tx, world, on)

    async with world.pool.acquire() as connection, connection.transaction():
        tx: Any = connection
        await end(tx, world, of)
        waiting = asyncio.create_task(late())
        await asyncio.sleep(0.2)
        assert not waiting.done()
    if act == "withdraw":
        await waiting
    else:
        with pytest.raises(Refused, match="REMOVED"):
            await waiting
    assert await states(world) == {on: "withdrawn"}
    assert await world.count("intake.feedback") == 0
    await told(world)


async def test_ten_thousand_comments_go_in_one_transaction(world: IntakeWorld) -> None:
    of = await review(world)
    most = 10_000 + WITHDRAWN_AT_ONCE // 2
    for start in range(0, most, 500):
        await comment(world, of, *(f"text {number}" for number in range(start, start + 500)))
    await world.pool.execute("delete from intake.outbox")
    started = time.monotonic()
    assert await withdraw(world, of)
    took = time.monotonic() - started
    assert set((await states(world)).values()) == {"withdrawn"}
    ids = [event.comment_id for event in await world.events() if isinstance(event, CommentWithdrawn)]
    assert len(ids) == len(set(ids)) == most
    assert took < 20, "a request is not waited for any longer"


class SilentReader:
    """A broker's side that does as it is told."""

    async def seek(self, places: Mapping[TopicPartition, int | None]) -> None:
        return None

    def is_transient(self, error: BaseException) -> bool:
        return False


async def ids_of(topics: Collection[str]) -> Mapping[str, str]:
    return {topic: TOPICS[topic] for topic in topics}


async def consume(world: IntakeWorld, topic: str, bodies: Collection[Any]) -> None:
    """One batch, through the loop that runs in production: it tries again what was rolled back."""
    records: list[IngestRecord] = [ingest_record(place, body, topic=topic) for place, body in enumerate(bodies)]
    progress = PostgresProgress(world.pool, "intake", NAME, ids_of)
    consumer = Consumer(Ingest(world.registry, TOPICS), progress, world.clock, random.Random(1))
    reader = SilentReader()
    await consumer.assigned({TopicPartition(topic, 0)}, reader)
    await consumer.handle(records, reader)
    assert not consumer.failed.done(), consumer.failed
    assert consumer.positions[TopicPartition(topic, 0)] == len(records)


async def test_batches_that_hold_what_the_other_waits_for_settle(world: IntakeWorld) -> None:
    """Each comments on the review that the other withdraws at its end: a deadlock that no piece of a batch can end."""
    for name in ("a", "b"):
        await review(world, name)

    def batch(first: str, last: str, topic: str) -> list[dict[str, Any]]:
        return [
            {"operation": "comment", "review_source": "shop", "review_source_id": first, "text": "x"},
            *({"rating": 5, "source": topic, "source_id": str(number)} for number in range(200)),
            {"operation": "withdraw", "source": "shop", "source_id": last},
        ]

    async with asyncio.timeout(20):
        await asyncio.gather(
            consume(world, "from-shop", batch("a", "b", "from-shop")),
            consume(world, "from-app", batch("b", "a", "from-app")),
        )
    gone = await world.pool.fetch("select source_id from intake.reviews where state = 'withdrawn' order by 1")
    assert [row[0] for row in gone] == ["a", "b"]
    assert await world.pool.fetchval("select count(*) from intake.reviews") == 402
    assert set((await states(world)).values()) <= {"withdrawn"}
    # A comment is taken, or told that it came too late; never neither.
    assert await world.count("intake.comments") + await world.count("intake.dead_letters") == 2
    await told(world)


async def test_everybody_at_once(world: IntakeWorld) -> None:
    """Comments, edits, votes, withdrawals and batches of all of them, over a few reviews, in any order."""
    dice = random.Random(3)
    reviews = [await review(world, str(number)) for number in range(4)]
    ids = [one for of in reviews for one in await comment(world, of, "one", "two", "three")]

    def act() -> Callable[[Connection], Awaitable[Any]]:
        of, on = dice.choice(reviews), dice.choice(ids)
        word = str(dice.randrange(5))
        acts: tuple[Callable[[Connection], Awaitable[Any]], ...] = (
            lambda tx: say(tx, world, of, word),
            lambda tx: edit(tx, world, on, word),
            lambda tx: vote(tx, world, ContentRef("comment", on), word),
            lambda tx: vote(tx, world, ContentRef("review", of), word),
            lambda tx: take_back(tx, world, on),
        )
        return dice.choice(acts)

    async def request(work: Callable[[Connection], Awaitable[Any]]) -> None:
        try:
            async with transaction(world.pool) as tx:
                await work(tx)
        except Refused:
            pass
        except Contended:
            await request(work)  # over HTTP a 503, which is tried again

    def record() -> dict[str, Any]:
        name, source_id = str(dice.randrange(4)), str(dice.randrange(6))
        of = {"source": "shop", "source_id": name}
        on = {"operation": "comment", "review_source": "shop", "review_source_id": name, "text": str(dice.random())}
        said = {"operation": "feedback", "kind": "helpfulness", "vote": "negative", "voter": {"id": source_id}}
        return dice.choice(
            (
                {"rating": dice.randint(1, 5), **of},
                {**on, "source": "app", "source_id": f"{name}.{source_id}"},
                {"operation": "withdraw_comment", "source": "app", "source_id": f"{name}.{source_id}"},
                {**said, **of},
            )
        )

    work: list[Awaitable[Any]] = [request(act()) for _ in range(150)]
    work += [request(partial(end, world=world, of=of)) for of in reviews[:3]]
    dice.shuffle(work)
    batches = [consume(world, topic, [record() for _ in range(60)]) for topic in TOPICS]
    async with asyncio.timeout(60):
        await asyncio.gather(*batches, *work)
    rows = await world.pool.fetch(
        "select r.state, c.state from intake.comments c join intake.reviews r using (review_id)"
    )
    assert all(tuple(row) != ("withdrawn", "live") for row in rows)
    assert {row[0] for row in rows} == {"live", "withdrawn"}
    await told(world)
