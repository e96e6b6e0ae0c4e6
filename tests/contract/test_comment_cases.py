"""Comments are cases like reviews: judged by the same policies, held, decided, published, withdrawn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import httpx
import pytest

from services.moderation.api import ModerationApi
from services.moderation.backtest import record
from services.moderation.case import Ruling
from services.moderation.desk import Desk, Placement, Seen
from shared.access import ApiKeys, new_key
from shared.clock import SystemClock
from shared.events.cloudevents import Decoder, Encoded, encode_tombstone, unpack_headers
from shared.events.models import CommentModerated, CommentWithdrawn
from shared.events.topics import COMMENT_MODERATED, COMMENT_SUBMITTED
from shared.http.app import create_app
from shared.kafka.consumer import Failure, Poison
from shared.postgres.pool import create_pool
from shared.service import Health
from tests.moderation_world import (
    NOW,
    Row,
    activate,
    comment,
    comment_withdrawal,
    decision,
    process,
    report,
    rows,
    submission,
    worker,
)
from tests.parts import Database

POLICY = """\
name: comments
rules:
  - {name: bad, when: 'signals.exists(s, s.category == "profanity")', outcome: reject, codes: [PRF], note: Bad.}
  - {name: by-hand, when: review.kind == "comment" && review.text.contains("hold"), outcome: hold, queue: talk,
     codes: [CS], note: Look.}
default: {outcome: approve, note: Fine.}
"""


@pytest.fixture
async def pool(module_database: Database) -> AsyncIterator[asyncpg.Pool[Any]]:
    owner = await asyncpg.connect(module_database.dsn)
    await owner.execute(
        "truncate moderation.cases, moderation.decisions, moderation.history, moderation.history_probes, "
        "moderation.placements, moderation.outbox, moderation.reports, moderation.rules, moderation.policy_versions, "
        "moderation.policy_events, access.api_keys restart identity cascade"
    )
    await owner.close()
    async with await create_pool(module_database.role("moderation"), application_name="test") as pool:
        await activate(pool, POLICY)
        yield pool


async def case(pool: asyncpg.Pool[Any], content_id: int) -> dict[str, Any]:
    row = await pool.fetchrow("select * from moderation.cases where review_id = $1", content_id)
    assert row is not None
    return dict(row)


async def published(pool: asyncpg.Pool[Any]) -> list[CommentModerated]:
    decoder = Decoder(COMMENT_MODERATED)
    found = []
    for row in await pool.fetch(
        "select key, value, headers from moderation.outbox where topic = $1 order by id", COMMENT_MODERATED.name
    ):
        event = decoder.decode(row["key"], row["value"], unpack_headers(row["headers"])).event
        assert isinstance(event, CommentModerated)
        found.append(event)
    return found


async def park(pool: asyncpg.Pool[Any], event: Encoded) -> None:
    record = Row(0, event.key, b"{", event.headers, event.topic)
    ready = worker()
    with pytest.raises(Poison):
        await ready.prepare([record])
    async with pool.acquire() as connection, connection.transaction():
        await ready.park(cast("asyncpg.Connection[Any]", connection), record, Failure("bad_json", "no JSON"))


async def test_comments_and_reviews_are_decided_in_one_batch(pool: asyncpg.Pool[Any]) -> None:
    await process(
        pool, worker(), submission(1, "hold on tight"), comment(2), comment(3, "BAD"), comment(4, "hold on tight")
    )

    kept = await pool.fetch("select review_id, kind, parent_id, status, queue from moderation.cases order by 1")
    assert [tuple(row) for row in kept] == [
        (1, "review", None, "approved", None),
        (2, "comment", 1, "approved", None),
        (3, "comment", 1, "rejected", None),
        (4, "comment", 1, "held", "talk"),
    ]
    events = await published(pool)
    assert [(event.comment_id, event.review_id, event.status) for event in events] == [
        (2, 1, "approved"),
        (3, 1, "rejected"),
        (4, 1, "held"),
    ]
    public = events[0].published
    assert public is not None
    assert (public.revision, public.content.text, public.codes) == (1, "Mine too.", ())


async def test_an_edit_waits_behind_the_public_revision_and_codes_gather(pool: asyncpg.Pool[Any]) -> None:
    ready = worker()
    await process(pool, ready, comment(2, "hold that"))
    desk = Desk(pool, SystemClock())
    await desk.decide("shop", 2, Seen(1, 1), Ruling("rejected", "person", "key", codes=("SPM", "CS")))
    await desk.decide("shop", 2, Seen(2, 1), Ruling("approved", "person", "key"))
    await process(pool, ready, comment(2, "BAD", revision=2))
    await process(pool, ready, comment(2, "Better.", revision=3))

    held, rejected, approved, edit_rejected, edit_approved = await published(pool)
    assert (held.published, rejected.published) == (None, None)
    assert approved.published is not None
    assert approved.published.codes == ("CS", "SPM")
    assert edit_rejected.published == approved.published
    assert edit_approved.published is not None
    assert (edit_approved.published.revision, edit_approved.published.codes) == (3, ())


async def test_a_withdrawal_is_final(pool: asyncpg.Pool[Any]) -> None:
    ready = worker()
    await process(pool, ready, comment(2), comment_withdrawal(2), comment(2, "Again.", revision=3))
    await process(pool, ready, comment_withdrawal(3))  # of one that never came

    events = await published(pool)
    assert [(event.comment_id, event.status, event.published is None) for event in events] == [
        (2, "approved", False),
        (2, "withdrawn", True),
        (3, "withdrawn", True),
    ]
    found = await case(pool, 2)
    assert (found["status"], found["submission"], found["public_submission"]) == ("withdrawn", None, None)


async def test_an_unreadable_record_holds_the_comment_until_it_comes_again(pool: asyncpg.Pool[Any]) -> None:
    await park(pool, comment(2))
    found = await case(pool, 2)
    assert (found["kind"], found["parent_id"], found["status"], found["queue"]) == (
        "comment",
        None,
        "held",
        "unreadable",
    )
    assert await published(pool) == []

    await process(pool, worker(), comment(2))
    found = await case(pool, 2)
    assert (found["parent_id"], found["status"]) == (1, "approved")


async def test_what_cannot_be_read_and_may_be_a_withdrawal_takes_the_comment_down(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, worker(), comment(2))
    await park(pool, comment_withdrawal(2))
    last = (await published(pool))[-1]
    assert (last.status, last.published) == ("held", None)


async def test_a_tombstone_is_read_and_changes_nothing(pool: asyncpg.Pool[Any]) -> None:
    ready = worker()
    await process(pool, ready, comment(2), comment_withdrawal(2))
    before = await case(pool, 2)
    last = CommentWithdrawn(
        site="shop", sequence=3, comment_id=2, review_id=1, revision=1, reason="erased", withdrawn_at=NOW,
        withdrawn_by="key",
    )  # fmt: skip
    await process(pool, ready, encode_tombstone(COMMENT_SUBMITTED, last))
    assert await case(pool, 2) == before


@pytest.mark.parametrize(
    "events", [(comment(2), submission(2)), (submission(2), comment(2))], ids=["review", "comment"]
)
async def test_an_id_is_of_one_kind_for_ever(pool: asyncpg.Pool[Any], events: tuple[Encoded, Encoded]) -> None:
    ready = worker()
    await process(pool, ready, events[0])
    with pytest.raises(Poison, match="another site, or to another kind"):
        await process(pool, ready, events[1])
    async with pool.acquire() as connection, connection.transaction():
        await ready.park(
            cast("asyncpg.Connection[Any]", connection), rows(events[1])[0], Failure("foreign_key", "another kind")
        )
    assert (await case(pool, 2))["status"] == "approved"


async def test_comments_of_other_sites_are_not_ours(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, worker(), comment(2))
    with pytest.raises(Poison):
        await process(pool, worker(), comment(2, site="other", revision=2))


async def test_copies_are_found_among_comments_but_a_comment_is_no_copy_of_a_review(pool: asyncpg.Pool[Any]) -> None:
    text = "We have sold hundreds of these boots and every single buyer came back to us for another pair."
    await process(pool, worker(), submission(1, text), comment(2, text), comment(3, text, review_id=7))

    found = {content: (await decision(pool, content))["signals"] for content in (1, 2, 3)}
    assert "duplicate" not in found[1] + found[2]
    assert '"detail":"2"' in found[3]


async def test_backtests_leave_comments_out(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, worker(), submission(1), comment(2))
    async with pool.acquire() as pooled:
        connection = cast("asyncpg.Connection[Any]", pooled)
        assert await record.count(connection, "shop") == 1
        assert [past.review_id async for chunk in record.read(connection, "shop") for past in chunk] == [1]


async def test_a_comment_is_featured_and_has_no_order(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, worker(), comment(2))
    await Desk(pool, SystemClock()).place("shop", 2, Placement(True, None, False), "key", None)
    public = (await published(pool))[-1].published
    assert public is not None
    assert public.is_featured


async def test_moderators_find_comments_and_reports_over_http(
    pool: asyncpg.Pool[Any], module_database: Database
) -> None:
    key = new_key()
    owner = await asyncpg.connect(module_database.dsn)
    await owner.execute(
        "insert into access.api_keys (key_id, site, label, secret_hash, scopes) values ($1, 'shop', 'k', $2, $3)",
        key.key_id,
        key.secret_hash,
        ["moderate", "read"],
    )
    await owner.close()
    await process(
        pool,
        worker(),
        submission(1),
        comment(2, "hold it"),
        report(2, "a", kind="comment", reason="rude"),
        report(2, "b", kind="comment"),
        report(1, "b"),
    )
    api = ModerationApi(pool, ApiKeys(pool), Desk(pool, SystemClock()))
    transport = httpx.ASGITransport(create_app("moderation", api.routes(), Health()))
    headers = {"Authorization": f"Bearer {key.token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://m/v1/sites/shop", headers=headers) as http:
        (listed,) = (await http.get("/cases", params={"kind": "comment"})).json()["cases"]
        assert (listed["case_id"], listed["comment_id"], listed["review_id"], listed["kind"]) == (2, 2, 1, "comment")
        assert listed["open_reports"] == 2
        assert (await http.get("/cases", params={"kind": "review"})).json()["cases"] == []
        assert (await http.get("/cases", params={"kind": "reply"})).status_code == 422

        body = (await http.get("/cases/2")).json()
        assert body["open_reports"] == 2
        assert sorted((one["voter"], one["reason"], one["is_open"]) for one in body["reports"]) == [
            ("a", "rude", True),
            ("b", None, True),
        ]
        decided = await http.post("/cases/2/decisions", json={"decision": "approve", "version": 1, "revision": 1})
        assert (decided.status_code, decided.json()["status"]) == (200, "approved")
        body = (await http.get("/cases/2")).json()
        assert (body["open_reports"], [one["is_open"] for one in body["reports"]]) == (0, [False, False])

        refused = await http.patch("/cases/2/presentation", json={"display_order": 1})
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, "display_order")
        review = (await http.get("/cases/1")).json()
        assert (review["case_id"], review["review_id"], review["comment_id"]) == (1, 1, None)
