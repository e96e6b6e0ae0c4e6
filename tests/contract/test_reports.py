"""Reports of abuse on a real Postgres: whatever comes first, so many readers bring content back to people."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import asyncpg
import pytest

from services.moderation.case import ABUSE_REPORTS, Ruling
from services.moderation.desk import Desk, Seen
from shared.clock import SystemClock
from shared.events.cloudevents import Decoder, Encoded, encode, encode_tombstone, unpack_headers
from shared.events.models import CommentModerated, FeedbackGiven, ReviewModerated
from shared.events.topics import COMMENT_MODERATED, REVIEW_FEEDBACK, REVIEW_MODERATED
from shared.kafka.consumer import Failure, Poison
from shared.postgres.pool import create_pool
from tests.moderation_world import (
    NOW,
    Row,
    activate,
    comment,
    decision,
    process,
    report,
    reporting,
    rows,
    save,
    submission,
    taken_back,
    withdrawal,
    worker,
)
from tests.parts import Database

LATER = datetime(2200, 1, 1, tzinfo=UTC)
"""After whatever a person decides in these tests: NOW is long ago, and people decide by the clock."""


def policy(then: str = "hold", at: int = 2, name: str = "reporting") -> str:
    return f"""\
name: {name}
rules:
  - {{name: bad, when: 'signals.exists(s, s.category == "profanity")', outcome: reject, codes: [PRF], note: Bad.}}
reports: {{at: {at}, then: {then}, queue: reported}}
default: {{outcome: approve, note: Fine.}}
"""


@pytest.fixture
async def pool(module_database: Database) -> AsyncIterator[asyncpg.Pool[Any]]:
    owner = await asyncpg.connect(module_database.dsn)
    await owner.execute(
        "truncate moderation.cases, moderation.decisions, moderation.history, moderation.history_probes, "
        "moderation.outbox, moderation.reports, moderation.rules, moderation.policy_versions, moderation.policy_events "
        "restart identity cascade"
    )
    await owner.close()
    async with await create_pool(module_database.role("moderation"), application_name="test") as pool:
        yield pool


async def case(pool: asyncpg.Pool[Any], content_id: int = 1) -> dict[str, Any]:
    row = await pool.fetchrow("select * from moderation.cases where review_id = $1", content_id)
    assert row is not None
    return dict(row)


async def state(pool: asyncpg.Pool[Any], content_id: int = 1) -> tuple[object, ...]:
    found = await case(pool, content_id)
    return found["status"], found["queue"], found["rule"], found["public_revision"]


async def events(pool: asyncpg.Pool[Any]) -> list[ReviewModerated | CommentModerated]:
    decoders = {topic.name: Decoder(topic) for topic in (REVIEW_MODERATED, COMMENT_MODERATED)}
    found = []
    for row in await pool.fetch("select topic, key, value, headers from moderation.outbox order by id"):
        event = decoders[row["topic"]].decode(row["key"], row["value"], unpack_headers(row["headers"])).event
        assert isinstance(event, ReviewModerated | CommentModerated)
        found.append(event)
    return found


async def everything(pool: asyncpg.Pool[Any]) -> list[object]:
    return [
        [tuple(row) for row in await pool.fetch(f"select * from moderation.{table} order by 1, 2, 3, 4")]
        for table in ("cases", "decisions", "outbox", "reports")
    ]


async def decide(pool: asyncpg.Pool[Any], approve: bool, content_id: int = 1) -> None:
    found = await case(pool, content_id)
    ruling = Ruling("approved" if approve else "rejected", "person", "key", codes=() if approve else ("GIU",))
    await Desk(pool, SystemClock()).decide("shop", content_id, Seen(found["version"], found["revision"]), ruling)


async def test_enough_readers_bring_a_review_back_to_people_while_it_stays_public(pool: asyncpg.Pool[Any]) -> None:
    name, version = await activate(pool, policy())
    ready = worker()
    await process(pool, ready, submission(1), report(1, "a", reason="rude"))
    assert await state(pool) == ("approved", None, "default", 1)

    await process(pool, ready, report(1, "b", reason="insults me"))

    assert await state(pool) == ("held", "reported", ABUSE_REPORTS, 1)
    made = await decision(pool, 1)
    assert (made["actor_kind"], made["actor"], made["policy"], made["policy_version"]) == (
        "system",
        "moderation",
        name,
        version,
    )
    assert made["note"] == "Reported by 2 readers."
    last = (await events(pool))[-1]
    assert (last.status, last.decision.rule) == ("held", ABUSE_REPORTS)
    assert last.published is not None


async def test_where_the_policy_hides_nothing_stays_public_until_a_person_decides(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, policy("hide"))
    ready = worker()
    await process(pool, ready, submission(1))
    await process(pool, ready, report(1, "a"), report(1, "b"))
    assert await state(pool) == ("held", "reported", ABUSE_REPORTS, None)
    assert (await events(pool))[-1].published is None

    await process(pool, ready, submission(1, "Other boots.", revision=2))
    assert await state(pool) == ("held", "reported", ABUSE_REPORTS, None)
    # The policy's approval of the edit is on record, but was never shown to anybody.
    rules = await pool.fetch("select rule from moderation.decisions where review_id = 1 order by version")
    assert [row["rule"] for row in rules] == ["default", ABUSE_REPORTS, "default", ABUSE_REPORTS]
    assert [event.published is None for event in await events(pool)] == [False, True, True]
    # No event tells of it either: sequences grow, and leave a gap where it stood.
    assert [event.sequence for event in await events(pool)] == [1, 2, 4]

    await decide(pool, approve=True)
    assert (await state(pool))[0] == "approved"
    last = (await events(pool))[-1]
    assert last.published is not None
    assert last.published.revision == 2


async def test_what_a_person_has_approved_comes_back_for_later_reports_only(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, policy())
    ready = worker()
    await process(pool, ready, submission(1), report(1, "a"), report(1, "b"))
    await decide(pool, approve=True)

    await process(pool, ready, report(1, "c"))  # given before the decision, and arrives after it
    await process(pool, ready, report(1, "d", at=LATER))
    assert (await state(pool))[0] == "approved"

    await process(pool, ready, report(1, "a", at=LATER, sequence=3))
    assert await state(pool) == ("held", "reported", ABUSE_REPORTS, 1)


async def test_an_edit_does_not_take_reported_content_out_of_the_queue(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, policy())
    ready = worker()
    await process(pool, ready, submission(1), report(1, "a"), report(1, "b"))
    await process(pool, ready, submission(1, "Edited.", revision=2))
    assert await state(pool) == ("held", "reported", ABUSE_REPORTS, 2)

    await process(pool, ready, submission(1, "BAD", revision=3))  # rejected by the policy
    assert await state(pool) == ("held", "reported", ABUSE_REPORTS, 2)
    await decide(pool, approve=False)
    assert (await state(pool))[3] is None  # what was reported is gone, not only the edit
    await process(pool, ready, report(1, "c", at=LATER), report(1, "d", at=LATER))
    assert (await state(pool))[0] == "rejected"


async def test_rejecting_an_edit_leaves_the_reports_on_what_stays_public_to_somebody(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, policy().replace("outcome: reject, codes: [PRF]", "outcome: hold, queue: words"))
    ready = worker()
    await process(pool, ready, submission(1))
    await process(pool, ready, submission(1, "BAD", revision=2))
    await process(pool, ready, report(1, "a"), report(1, "b"))
    assert await state(pool) == ("held", "words", "bad", 1)  # the edit waits already

    await decide(pool, approve=False)
    assert await state(pool) == ("held", "reported", ABUSE_REPORTS, 1)
    made = await pool.fetch(
        "select status, actor_kind, note from moderation.decisions where version > 2 order by version"
    )
    assert [tuple(row) for row in made] == [("rejected", "person", None), ("held", "system", "Reported by 2 readers.")]
    assert [event.status for event in await events(pool)] == ["approved", "held", "rejected", "held"]

    await decide(pool, approve=False)
    assert await state(pool) == ("rejected", None, None, None)


async def test_rejecting_an_edit_is_the_end_of_it_where_too_few_report(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, policy().replace("outcome: reject, codes: [PRF]", "outcome: hold, queue: words"))
    ready = worker()
    await process(pool, ready, submission(1), submission(1, "BAD", revision=2), report(1, "a"))
    await decide(pool, approve=False)
    assert await state(pool) == ("rejected", None, None, 1)
    await process(pool, ready, report(1, "b"))
    assert await state(pool) == ("held", "reported", ABUSE_REPORTS, 1)


async def test_a_report_that_was_taken_back_counts_no_more(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, policy())
    ready = worker()
    await process(pool, ready, submission(1), report(1, "a"))
    await process(pool, ready, taken_back(1, "a"), report(1, "a"))  # the older one again
    await process(pool, ready, report(1, "b"))

    assert (await state(pool))[0] == "approved"
    kept = await pool.fetch("select voter, reported, sequence from moderation.reports order by voter")
    assert [tuple(row) for row in kept] == [("a", False, 2), ("b", True, 1)]


async def test_a_tombstone_takes_what_its_reader_wrote(pool: asyncpg.Pool[Any]) -> None:
    ready = worker()
    last = reporting(1, "a", NOW, 1, "review", "shop", "he lives next door")
    await process(pool, ready, submission(1), encode(REVIEW_FEEDBACK, last))
    await process(pool, ready, encode_tombstone(REVIEW_FEEDBACK, last.model_copy(update={"sequence": 2})))

    row = await pool.fetchrow("select reported, reason from moderation.reports")
    assert row is not None
    assert tuple(row) == (False, None)


async def test_reports_go_with_what_they_are_about(pool: asyncpg.Pool[Any]) -> None:
    ready = worker()
    await process(pool, ready, submission(1), report(1, "a", reason="rude"))
    await process(pool, ready, withdrawal(1))
    await process(pool, ready, report(1, "b", reason="ruder"))

    assert await pool.fetchval("select count(*) from moderation.reports") == 0


async def test_reports_of_one_site_or_kind_do_not_count_for_another(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, policy(at=1))
    ready = worker()
    await process(pool, ready, submission(1), comment(2))
    await process(
        pool, ready, report(1, "a", site="other"), report(1, "b", kind="comment"), report(2, "c", kind="review")
    )

    assert [(await state(pool, content))[0] for content in (1, 2)] == ["approved", "approved"]
    await process(pool, ready, report(2, "c", kind="comment"))
    assert (await state(pool, 2))[:2] == ("held", "reported")
    assert isinstance((await events(pool))[-1], CommentModerated)


async def test_helpfulness_is_not_even_read(pool: asyncpg.Pool[Any]) -> None:
    vote = Row(0, b"shop/review/1/a/helpfulness", b"\xff no JSON", (), REVIEW_FEEDBACK.name)
    ready = worker()
    await ready.prepare([vote])
    async with pool.acquire() as connection, connection.transaction():
        await ready.process(cast("asyncpg.Connection[Any]", connection), [vote])
    assert await pool.fetchval("select count(*) from moderation.reports") == 0


async def test_a_report_that_cannot_be_read_is_parked_and_changes_nothing(pool: asyncpg.Pool[Any]) -> None:
    ready = worker()
    await process(pool, ready, submission(1))
    good = rows(report(1, "a"))[0]
    bad = Row(0, good.key, b"{", good.headers, good.topic)
    before = await everything(pool)
    with pytest.raises(Poison):
        await ready.prepare([bad])
    async with pool.acquire() as connection, connection.transaction():
        await ready.park(cast("asyncpg.Connection[Any]", connection), bad, Failure("bad_json", "no JSON"))
    assert await everything(pool) == before


async def test_a_policy_without_a_word_on_reports_leaves_everything_as_it_is(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, policy().replace("reports: {at: 2, then: hold, queue: reported}\n", ""))
    await process(pool, worker(), submission(1), *(report(1, voter) for voter in "abcdef"))
    assert (await state(pool))[0] == "approved"


async def test_the_built_in_policy_holds_what_five_readers_report(pool: asyncpg.Pool[Any]) -> None:
    ready = worker()
    await process(pool, ready, submission(1), *(report(1, voter) for voter in "abcd"))
    assert (await state(pool))[0] == "approved"
    await process(pool, ready, report(1, "e"))
    assert await state(pool) == ("held", "reported", ABUSE_REPORTS, 1)


async def test_delivered_again_nothing_changes(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, policy("hide"))
    batch = (submission(1), comment(2), report(1, "a"), report(1, "b"), report(2, "a", kind="comment"))
    await process(pool, worker(), *batch)
    before = await everything(pool)
    await process(pool, worker(), *batch)
    for one in batch:
        await process(pool, worker(), one)
    assert await everything(pool) == before


@pytest.mark.parametrize("then", ["hold", "hide"])
async def test_whatever_comes_first_the_same_becomes_of_it(pool: asyncpg.Pool[Any], then: str) -> None:
    await activate(pool, policy(then))
    rng = random.Random(5)
    outcomes = set()
    for trial in range(1, 30):
        one, other = 1000 * trial, 1000 * trial + 1
        partitions: list[list[Encoded]] = [
            [submission(one), submission(one, "Edited.", revision=2)],
            [comment(other, review_id=one)],
            *([report(one, voter, reason="rude")] for voter in "abc"),
            *([report(other, voter, kind="comment")] for voter in "ab"),
        ]
        order = []
        while any(partitions):
            order.append(rng.choice([left for left in partitions if left]).pop(0))
        ready = worker()
        while order:
            size = rng.randint(1, len(order))
            await process(pool, ready, *order[:size])
            order = order[size:]
        outcomes.add((await state(pool, one), await state(pool, other)))
        seen = {event.key: event for event in await events(pool)}
        assert (seen[f"shop/{one}".encode()].published is None) == (then == "hide")
    public = None if then == "hide" else (2, 1)
    held = ("held", "reported", ABUSE_REPORTS)
    assert outcomes == {((*held, public and public[0]), (*held, public and public[1]))}


async def test_a_report_and_a_submission_at_the_same_moment_see_each_other(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, policy(at=1))
    for content in range(1, 16):
        await asyncio.gather(
            process(pool, worker(), submission(content)), process(pool, worker(), report(content, "a"))
        )
    assert {(await state(pool, content))[0] for content in range(1, 16)} == {"held"}


async def test_a_shadow_holds_nothing(pool: asyncpg.Pool[Any]) -> None:
    await save(pool, policy(at=1))
    await process(pool, worker(), submission(1), report(1, "a"))
    assert (await state(pool))[0] == "approved"


def test_reasons_are_on_no_topic_of_ours() -> None:
    assert "reason" in FeedbackGiven.model_fields
    assert "reason" not in ReviewModerated.model_fields
    assert "reason" not in CommentModerated.model_fields
