"""The moderators' HTTP API on a real Postgres, through the role that the service has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import asyncpg
import httpx
import pytest

from services.moderation.api import ModerationApi
from services.moderation.desk import Desk
from services.moderation.engine.engine import Engine
from services.moderation.judging.judge import Judge
from services.moderation.policy.policy import default_policy
from services.moderation.processor import ModerationProcessor
from services.moderation.queue import Filters, page_query
from shared.access import ApiKeys, new_key
from shared.clock import SystemClock
from shared.events.cloudevents import Decoder, Encoded, encode, unpack_headers
from shared.events.content import ReviewContent
from shared.events.models import ReviewModerated, ReviewSubmitted, ReviewWithdrawn
from shared.events.topics import REVIEW_MODERATED, REVIEW_SUBMITTED
from shared.http.app import create_app
from shared.postgres.pool import create_pool
from shared.service import Health
from tests.moderation_world import NOW, Row
from tests.parts import Database

CASES = "/v1/sites/shop/cases"


@dataclass
class Office:
    """The API as a moderator of the site `shop` calls it, and the worker that fills it."""

    pool: asyncpg.Pool[Any]
    http: httpx.AsyncClient
    key_id: str
    tokens: dict[str, str]

    async def submit(self, *events: Encoded) -> None:
        processor = ModerationProcessor(judge(), SystemClock())
        rows = [Row(at, event.key, event.value, event.headers, event.topic) for at, event in enumerate(events)]
        await processor.prepare(rows)
        async with self.pool.acquire() as connection, connection.transaction():
            await processor.process(cast("asyncpg.Connection[Any]", connection), rows)

    async def get(self, path: str, expected: int = 200, as_: str = "moderator", **params: Any) -> dict[str, Any]:
        answer = await self.http.get(path, params=params, headers=self._as(as_))
        assert answer.status_code == expected, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def decide(
        self, review_id: int, expected: int = 200, as_: str = "moderator", site: str = "shop", **body: Any
    ) -> dict[str, Any]:
        return await self._send(
            "POST", f"/v1/sites/{site}/cases/{review_id}/decisions", {"version": 1, "revision": 1} | body, expected, as_
        )

    async def place(self, review_id: int, expected: int = 200, as_: str = "moderator", **body: Any) -> dict[str, Any]:
        return await self._send("PATCH", f"{CASES}/{review_id}/presentation", body, expected, as_)

    async def published(self) -> list[ReviewModerated]:
        decoder = Decoder(REVIEW_MODERATED)
        rows = await self.pool.fetch("select key, value, headers from moderation.outbox order by id")
        events = [decoder.decode(row["key"], row["value"], unpack_headers(row["headers"])).event for row in rows]
        return [event for event in events if isinstance(event, ReviewModerated)]

    async def _send(self, method: str, path: str, body: dict[str, Any], expected: int, as_: str) -> dict[str, Any]:
        answer = await self.http.request(method, path, json=body, headers=self._as(as_))
        assert answer.status_code == expected, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def _as(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[name]}"} if name else {}


@cache
def judge() -> Judge:
    return Judge(Engine.default())


@pytest.fixture
async def office(module_database: Database) -> AsyncIterator[Office]:
    keys = {
        "moderator": ("shop", ["moderate", "read"]),
        "reader": ("shop", ["read"]),
        "submitter": ("shop", ["submit"]),
        "stranger": ("other", ["moderate", "read", "admin"]),
        "operator": (None, ["admin"]),
    }
    made = {name: new_key() for name in keys}
    owner = await asyncpg.connect(module_database.dsn)
    await owner.execute(
        "truncate moderation.cases, moderation.decisions, moderation.placements, moderation.history, "
        "moderation.history_probes, moderation.outbox, moderation.reports, "
        "moderation.dead_letters, access.api_keys restart identity"
    )
    await owner.executemany(
        "insert into access.api_keys (key_id, site, label, secret_hash, scopes) values ($1, $2, $3, $4, $5)",
        [(made[name].key_id, site, name, made[name].secret_hash, scopes) for name, (site, scopes) in keys.items()],
    )
    await owner.close()
    async with await create_pool(module_database.role("moderation"), application_name="test") as pool:
        api = ModerationApi(pool, ApiKeys(pool), Desk(pool, SystemClock()))
        transport = httpx.ASGITransport(create_app("moderation", api.routes(), Health()))
        async with httpx.AsyncClient(transport=transport, base_url="http://moderation") as http:
            yield Office(pool, http, made["moderator"].key_id, {name: key.token for name, key in made.items()})


def submission(
    review_id: int, revision: int = 1, text: str = "see www.example.com", entity_id: str = "boots"
) -> Encoded:
    event = ReviewSubmitted(
        site="shop",
        sequence=revision,
        review_id=review_id,
        revision=revision,
        slug=f"boots-{review_id}",
        created_at=NOW,
        submitted_at=NOW,
        content=ReviewContent(entity_id=entity_id, rating=4, text=text, locale="en"),
        channel="api",
        settings_version=1,
        require_approval=False,
    )
    return encode(REVIEW_SUBMITTED, event)


async def test_a_held_case_is_found_read_and_approved(office: Office) -> None:
    await office.submit(submission(1, text="Good. See www.example.com"))

    (listed,) = (await office.get(CASES))["cases"]
    assert (listed["review_id"], listed["status"], listed["queue"], listed["codes"]) == (1, "held", "links", ["URL"])
    assert listed["submission"]["content"]["text"] == "Good. See www.example.com"

    answer = await office.decide(1, decision="approve", version=listed["version"], revision=listed["revision"])
    assert (answer["status"], answer["version"], answer["public_revision"]) == ("approved", 2, 1)
    assert (await office.get(CASES))["cases"] == []
    assert len((await office.get(CASES, status="approved"))["cases"]) == 1

    event = (await office.published())[-1]
    assert (event.sequence, event.status, event.previous_status) == (2, "approved", "held")
    assert (event.decision.actor_kind, event.decision.actor) == ("person", office.key_id)
    assert event.published is not None
    assert event.published.content.text == "Good. See www.example.com"


async def test_the_history_says_who_decided_what_from_which_signals_and_what_it_replaced(office: Office) -> None:
    await office.submit(submission(1, text="Good boots."), submission(1, 2, text="Now at www.example.com"))
    await office.decide(
        1, decision="reject", version=2, revision=2, codes=["URL", "SPM"], note="An advertisement.", moderator="Ada"
    )

    history = await office.get(f"{CASES}/1")
    assert (history["status"], history["revision"], history["public_revision"]) == ("rejected", 2, 1)
    assert history["public"]["revision"] == 1
    assert history["public"]["submission"]["content"]["text"] == "Good boots."
    assert history["submission"]["content"]["text"] == "Now at www.example.com"

    first, second, third = history["decisions"]
    assert (first["status"], first["replaced"]) == ("approved", {"status": None, "public_revision": None})
    assert second["policy"] == {"name": "default", "version": default_policy().version, "scope": "*"}
    assert (second["rule"], second["replaced"]) == ("links", {"status": "approved", "public_revision": 1})
    (signal,) = second["signals"]
    text = history["submission"]["content"][signal["field"]]
    assert text[signal["start"] : signal["end"]] == signal["matched"] == "www.example.com"
    assert third["decided_by"] == {"kind": "person", "id": office.key_id, "moderator": "Ada"}
    assert (third["codes"], third["note"], third["revision"]) == (["URL", "SPM"], "An advertisement.", 2)
    assert third["replaced"] == {"status": "held", "public_revision": 1}
    assert b"Ada" not in (await office.pool.fetchval("select value from moderation.outbox order by id desc limit 1"))


async def test_of_moderators_who_decide_at_the_same_time_one_wins(office: Office) -> None:
    await office.submit(submission(1))
    bodies: list[dict[str, Any]] = [{"decision": "approve"}, {"decision": "reject", "codes": ["URL"]}] * 4

    answers = await asyncio.gather(
        *(
            office.http.post(
                f"{CASES}/1/decisions",
                json={"version": 1, "revision": 1} | body,
                headers={"X-Api-Key": office.tokens["moderator"]},
            )
            for body in bodies
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    (winner,) = [answer.json() for answer in answers if answer.status_code == 200]
    loser = next(answer.json() for answer in answers if answer.status_code == 409)
    assert loser["error"]["code"] == "CONFLICT"
    assert loser["error"]["current"] == {"version": 2, "revision": 1, "status": winner["status"]}
    assert len(await office.published()) == 2
    assert await office.pool.fetchval("select count(*) from moderation.decisions") == 2


async def test_nobody_decides_on_a_revision_that_has_moved(office: Office) -> None:
    await office.submit(submission(1))
    await office.submit(submission(1, 2, text="now www.example.org"))

    error = (await office.decide(1, 409, decision="approve", version=1, revision=1))["error"]
    assert error["current"] == {"version": 2, "revision": 2, "status": "held"}
    await office.decide(1, 409, decision="approve", version=2, revision=1)
    assert (await office.decide(1, decision="approve", version=2, revision=2))["public_revision"] == 2


async def test_a_decision_that_waits_for_the_worker_sees_what_the_worker_wrote(office: Office) -> None:
    await office.submit(submission(1))
    edit = submission(1, 2)
    processor = ModerationProcessor(judge(), SystemClock())
    async with office.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        records = [Row(0, edit.key, edit.value, edit.headers)]
        await processor.prepare(records)
        await processor.process(cast("asyncpg.Connection[Any]", connection), records)
        deciding = asyncio.create_task(office.decide(1, 409, decision="approve"))
        await asyncio.sleep(0.1)
        assert not deciding.done()
        await transaction.commit()

    assert (await deciding)["error"]["current"]["revision"] == 2
    assert [event.sequence for event in await office.published()] == [1, 2]


async def test_a_withdrawn_review_takes_no_decision_and_no_place(office: Office) -> None:
    gone = ReviewWithdrawn(
        site="shop", sequence=2, review_id=1, revision=1, reason="withdrawn", withdrawn_at=NOW, withdrawn_by="key"
    )
    await office.submit(submission(1), encode(REVIEW_SUBMITTED, gone))

    await office.decide(1, 409, decision="approve", version=2)
    assert (await office.place(1, 410, is_featured=True))["error"]["code"] == "REMOVED"
    history = await office.get(f"{CASES}/1")
    assert (history["submission"], history["public"], len(history["decisions"])) == (None, None, 2)


async def test_pages_are_complete_and_hold_no_case_twice(office: Office) -> None:
    await office.submit(*(submission(number) for number in range(1, 8)))
    await office.submit(*(submission(number) for number in range(20, 8, -1)))
    expected = [*range(1, 8), *range(9, 21)]

    for limit in (1, 3, 19, 20):
        seen: list[int] = []
        cursor: dict[str, Any] = {}
        while True:
            page = await office.get(CASES, limit=limit, **cursor)
            assert 0 < len(page["cases"]) <= limit
            seen += [case["review_id"] for case in page["cases"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert seen == expected


async def test_paging_goes_on_while_moderators_decide(office: Office) -> None:
    await office.submit(*(submission(number) for number in range(1, 8)))
    first = await office.get(CASES, limit=3)
    for number in (1, 3, 5):
        await office.decide(number, decision="approve")

    rest = await office.get(CASES, limit=100, cursor=first["next_cursor"])
    assert [case["review_id"] for case in rest["cases"]] == [4, 6, 7]


async def test_filters_narrow_the_queue(office: Office) -> None:
    await office.submit(
        submission(1),
        submission(2, text="write to jane@example.com", entity_id="hat"),
        submission(3, text="Fine boots."),
    )

    async def ids(**params: Any) -> list[int]:
        return [case["review_id"] for case in (await office.get(CASES, **params))["cases"]]

    assert await ids() == [1, 2]
    assert await ids(queue="links") == [1]
    assert await ids(code="PII") == [2]
    assert await ids(rule="contact-details") == [2]
    assert await ids(entity_id="hat") == [2]
    assert await ids(entity_id="hat", queue="links") == []
    assert await ids(status="approved") == [3]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"status": "open"}, "status"),
        ({"code": "NOPE"}, "code"),
        ({"cursor": "garbage"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"queue": "x" * 256}, "queue"),
        ({"entity_id": "a\0b"}, "entity_id"),
        ({"colour": "red"}, None),
    ],
)
async def test_parameters_are_checked(office: Office, params: dict[str, Any], field: str | None) -> None:
    error = (await office.get(CASES, 422, **params))["error"]

    assert (error["code"], error.get("field")) == ("VALIDATION_ERROR", field)


async def test_a_cursor_belongs_to_its_listing(office: Office) -> None:
    await office.submit(submission(1), submission(2))
    cursor = (await office.get(CASES, limit=1))["next_cursor"]

    await office.get(CASES, 422, cursor=cursor, queue="links")
    await office.get("/v1/sites/other/cases", 422, as_="stranger", cursor=cursor)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "maybe"}, "decision"),
        ({"decision": "reject"}, None),
        ({"decision": "reject", "codes": ["NOPE"]}, "codes.0"),
        ({"decision": "reject", "codes": ["SPM", "SPM"]}, None),
        ({"decision": "approve", "note": "x" * 2001}, "note"),
        ({"decision": "approve", "note": "a\0b"}, "note"),
        ({"decision": "approve", "moderator": ""}, "moderator"),
        ({"decision": "approve", "version": "1"}, "version"),
        ({"decision": "approve", "version": None}, "version"),
        ({"decision": "approve", "revison": 1}, "revison"),
    ],
)
async def test_decisions_are_checked(office: Office, body: dict[str, Any], field: str | None) -> None:
    await office.submit(submission(1))

    error = (await office.decide(1, 422, **body))["error"]
    assert (error["code"], error.get("field")) == ("VALIDATION_ERROR", field)
    assert len(await office.published()) == 1


async def test_keys_of_other_sites_and_lesser_scopes_are_turned_away(office: Office) -> None:
    await office.submit(submission(1))

    await office.get(CASES, 401, as_="")
    for name in ("stranger", "submitter"):
        await office.get(CASES, 403, as_=name)
        await office.get(f"{CASES}/1", 403, as_=name)
        await office.decide(1, 403, as_=name, decision="approve")
        await office.place(1, 403, as_=name, is_featured=True)
    await office.get(CASES, as_="reader")
    await office.decide(1, 403, as_="reader", decision="approve")
    # Under the stranger's own site the case does not exist.
    await office.get("/v1/sites/other/cases/1", 404, as_="stranger")
    await office.decide(1, 404, as_="stranger", site="other", decision="approve")
    assert len(await office.published()) == 1


async def test_what_is_not_there_is_not_found(office: Office) -> None:
    for path in (
        f"{CASES}/99",
        f"{CASES}/x",
        f"{CASES}/{2**53}",
        f"{CASES}/{'1' * 5000}",
        "/v1/sites/No-Site/cases",
        "/v1/sites/shop",
    ):
        await office.get(path, 404)
    await office.decide(99, 404, decision="approve")


async def test_a_published_review_is_featured_and_placed(office: Office) -> None:
    await office.submit(submission(1, text="Good boots."))

    placed = await office.place(1, is_featured=True, display_order=3, moderator="Ada")
    assert (placed["is_featured"], placed["display_order"], placed["version"]) == (True, 3, 1)
    await office.place(1, is_featured=True)
    await office.place(1, display_order=None)

    events = await office.published()
    assert [event.sequence for event in events] == [1, 2, 3]
    assert [(e.published.is_featured, e.published.display_order) for e in events if e.published] == [
        (False, None),
        (True, 3),
        (True, None),
    ]
    assert {event.decision for event in events} == {events[0].decision}
    placements = (await office.get(f"{CASES}/1"))["placements"]
    assert [(row["is_featured"], row["display_order"], row["moderator"]) for row in placements] == [
        (True, 3, "Ada"),
        (True, None, None),
    ]
    # A place is no decision: whoever has the case in view may still decide on it.
    await office.decide(1, decision="reject", codes=["SPM"])
    await office.place(1, 422)
    await office.place(1, 422, display_order="3")


async def test_a_place_given_before_the_approval_is_published_with_it(office: Office) -> None:
    await office.submit(submission(1))
    await office.place(1, is_featured=True)
    assert len(await office.published()) == 1

    await office.decide(1, decision="approve")
    event = (await office.published())[-1]
    assert event.published is not None
    assert event.published.is_featured


async def test_operators_see_where_unreadable_records_are(office: Office) -> None:
    await office.pool.executemany(
        """insert into moderation.dead_letters
            (consumer, topic_id, topic, partition, record_offset, value, headers, reason_code, reason)
        values ('moderation', 'id', 'review-submitted', 0, $1, 'secret', '[]', 'bad_json', 'no JSON')""",
        [(offset,) for offset in range(3)],
    )
    await office.get("/v1/dead-letters", 403)
    await office.get("/v1/dead-letters", 403, as_="stranger")

    page = await office.get("/v1/dead-letters", as_="operator", limit=2)
    assert [letter["record_offset"] for letter in page["dead_letters"]] == [2, 1]
    assert "value" not in page["dead_letters"][0]
    rest = await office.get("/v1/dead-letters", as_="operator", limit=2, before=page["next_before"])
    assert ([letter["record_offset"] for letter in rest["dead_letters"]], rest["next_before"]) == ([0], None)


async def test_a_page_of_the_queue_is_read_from_its_index(office: Office) -> None:
    await office.submit(*(submission(number) for number in range(1, 200)))
    await office.submit(*(submission(number, text="Good boots.") for number in range(200, 1500)))
    sql, values = page_query("shop", Filters(), None, 20)
    async with office.pool.acquire() as connection, connection.transaction():
        await connection.execute("set local enable_seqscan = off")
        plan = "\n".join(row[0] for row in await connection.fetch(f"explain {sql}", *values))

    assert "cases_by_age" in plan
    assert "Sort" not in plan
