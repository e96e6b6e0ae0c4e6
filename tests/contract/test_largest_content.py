"""The largest review and comment that intake takes, foul in every field: judged in bounded time, in nobody's way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from functools import cache
from itertools import cycle, islice
from typing import Any, cast

import asyncpg
import orjson
import pytest

from services.intake.comment_body import CommentSubmission
from services.intake.submission import MAX_BODY_BYTES, parse, parse_submission
from services.moderation.backtest.run import backtest
from services.moderation.engine.engine import Engine
from services.moderation.judging.judge import Judge, fields_of
from services.moderation.judging.rulebook import Ruler
from services.moderation.policies.reference import Reference
from services.moderation.policy.check import TOO_MUCH_FOUND
from services.moderation.policy.evidence import MOST_KEPT
from services.moderation.policy.policy import compile_policy, default_policy
from shared.events.cloudevents import Decoder, Encoded, encode, unpack_headers
from shared.events.content import (
    MAX_CAPTION,
    MAX_DIMENSION_VALUE,
    MAX_DIMENSIONS,
    MAX_LOCATION,
    MAX_MEDIA,
    MAX_NAME,
    MAX_PROS,
    MAX_TAG_DIMENSIONS,
    MAX_TAG_TEXT,
    MAX_TAGS,
    MAX_TEXT,
    MAX_TITLE,
    ReviewContent,
)
from shared.events.models import CommentModerated, CommentSubmitted, ReviewModerated, ReviewSubmitted
from shared.events.topics import COMMENT_MODERATED, COMMENT_SUBMITTED, REVIEW_MODERATED, REVIEW_SUBMITTED
from shared.postgres.pool import create_pool
from tests.moderation_world import NOW, process, rows, submission, worker
from tests.parts import Database

FOUL = "fuck +1 415-555-2671 www.spam.example.com a@b.example damn bitch "
SECONDS_PER_CHARACTER = 100e-6
"""Of the processor, at most; some 15 to 20 were measured, 1.5 seconds for the whole review. An ordinary one takes 2."""
POLICY = """\
name: nothing-matters
rules:
  - {name: long, when: review.words > 100000, outcome: hold, queue: q, note: Long.}
default: {outcome: approve, note: Fine.}
"""


def foul(most: int) -> str:
    return "".join(islice(cycle(FOUL), most - 1)) + "!"


def media() -> list[dict[str, str]]:
    return [{"url": f"https://e.example/{number}", "caption": foul(MAX_CAPTION)} for number in range(MAX_MEDIA)]


def largest_review() -> Encoded:
    """As intake takes it: every field in which text is looked for is as long as may be."""
    length = MAX_TAG_TEXT // (MAX_TAG_DIMENSIONS * MAX_TAGS)
    written: Iterator[str] = (
        "".join(letters) for letters in zip(*[cycle(FOUL.replace(" ", ""))] * length, strict=True)
    )
    body = {
        "rating": 1,
        "title": foul(MAX_TITLE),
        "text": foul(MAX_TEXT),
        "author": {"name": foul(MAX_NAME)},
        "details": {
            "pros": foul(MAX_PROS),
            "cons": foul(MAX_PROS),
            "author_location": foul(MAX_LOCATION),
            "additional_fields": {f"{n:0100}": foul(MAX_DIMENSION_VALUE) for n in range(MAX_DIMENSIONS)},
            "tags": {
                f"t{n}": [f"{at:02}{value}"[:length] for at, value in enumerate(islice(written, MAX_TAGS))]
                for n in range(MAX_TAG_DIMENSIONS)
            },
            "photos": media(),
            "videos": media(),
        },
    }
    raw = orjson.dumps(body)
    assert len(raw) <= MAX_BODY_BYTES
    said = parse_submission(raw)
    assert said.details is not None
    assert said.author is not None
    event = ReviewSubmitted(
        site="shop",
        sequence=1,
        review_id=1,
        revision=1,
        slug="s",
        created_at=NOW,
        submitted_at=NOW,
        content=ReviewContent(
            rating=said.rating,
            locale="en",
            title=said.title,
            text=said.text,
            author_name=said.author.name,
            details=said.details.to_content(),
        ),
        channel="api",
        settings_version=1,
        require_approval=False,
    )
    return encode(REVIEW_SUBMITTED, event)


def largest_comment() -> Encoded:
    body = {
        "title": foul(MAX_TITLE),
        "text": foul(MAX_TEXT),
        "author": {"name": foul(MAX_NAME)},
        "location": foul(MAX_LOCATION),
        "photos": media(),
        "videos": media(),
    }
    said = parse(CommentSubmission, orjson.dumps(body))
    event = CommentSubmitted(
        site="shop",
        sequence=1,
        comment_id=2,
        review_id=1,
        revision=1,
        created_at=NOW,
        submitted_at=NOW,
        content=said.to_content(None, body["author"]["name"], "en"),  # type: ignore[index]  # a dict of several types
        channel="api",
        settings_version=1,
        require_approval=False,
    )
    return encode(COMMENT_SUBMITTED, event)


@cache
def judge() -> Judge:
    return Judge(Engine.default())


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool[Any]]:
    async with await create_pool(database.role("moderation"), application_name="test") as pool:
        yield pool


async def events(pool: asyncpg.Pool[Any]) -> dict[int, ReviewModerated | CommentModerated]:
    """As every consumer reads them, which refuses what is too large."""
    decoders = {topic.name: Decoder(topic) for topic in (REVIEW_MODERATED, COMMENT_MODERATED)}
    found: dict[int, ReviewModerated | CommentModerated] = {}
    for row in await pool.fetch("select topic, key, value, headers from moderation.outbox order by id"):
        event = decoders[row["topic"]].decode(row["key"], row["value"], unpack_headers(row["headers"])).event
        assert isinstance(event, ReviewModerated | CommentModerated)
        found[int(row["key"].rpartition(b"/")[2])] = event
    return found


async def test_it_is_judged_in_bounded_time_and_the_worker_goes_on(pool: asyncpg.Pool[Any]) -> None:
    made = [largest_review(), largest_comment()]
    characters = 0
    for one, topic in zip(made, (REVIEW_SUBMITTED, COMMENT_SUBMITTED), strict=True):
        event = Decoder(topic).decode(one.key, one.value, one.headers).event
        assert isinstance(event, ReviewSubmitted | CommentSubmitted)
        characters += sum(len(text) for text in fields_of(event).values())
    assert characters > 130_000, "else they are not the largest"
    processor = worker(judge=judge())
    await process(pool, processor, submission(9))  # what is loaded once is loaded
    begun = time.process_time()
    await process(pool, processor, submission(7), *made, submission(8, "A warm coat for cold and rainy days."))
    assert time.process_time() - begun < characters * SECONDS_PER_CHARACTER

    found = await events(pool)
    assert {number: event.status for number, event in found.items()} == {
        7: "approved", 1: "rejected", 2: "rejected", 8: "approved", 9: "approved",
    }  # fmt: skip
    for number in (1, 2):
        assert len(found[number].decision.signals) == MOST_KEPT
        row = await pool.fetchrow("select * from moderation.decisions where review_id = $1", number)
        assert row is not None
        assert len(orjson.loads(row["signals"])) == MOST_KEPT
        assert "findings were looked at and kept" in row["note"]
    kinds = {signal.detector for signal in found[1].decision.signals}
    assert kinds >= {"lexicon", "phone", "email", "url"}, "of each kind there is one, whatever else there is"


async def test_a_policy_that_approves_everything_does_not_approve_it(pool: asyncpg.Pool[Any]) -> None:
    """And backtests say the same of it as a worker."""
    await process(pool, worker(judge=judge()), largest_review(), submission(8))
    policy = compile_policy(POLICY)
    candidate = Ruler(Reference("shop", policy.name, policy.version), policy)

    async def progress(done: int, total: int) -> None:
        assert done <= total

    async with pool.acquire() as pooled:
        connection = cast("asyncpg.Connection[Any]", pooled)
        report = await backtest(connection, judge(), "shop", candidate, progress)
        again = await backtest(
            connection, judge(), "shop", Ruler(Reference("*", "default", 3), default_policy()), progress
        )
    assert {rule: one["outcome"] for rule, one in report["rules"].items()} == {
        TOO_MUCH_FOUND: "held",
        "default": "approved",
    }
    assert (again["reviews"], again["changes"]) == (2, [])


async def test_between_large_texts_the_worker_lets_others_have_their_turn() -> None:
    """Kafka takes it for dead else: 20 of the largest reviews take half a minute, its session six seconds."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        counting = group.create_task(count())
        await worker().prepare(rows(*[largest_review()] * 20))
        counting.cancel()
    assert turns >= 20
