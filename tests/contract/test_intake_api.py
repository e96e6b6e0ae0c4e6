"""The neutral write API over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from services.intake import batch
from services.intake.idempotency import KEPT, sweep
from services.intake.submission import MAX_BODY_BYTES
from shared.events.content import Photo, ReviewDetails
from shared.events.models import ReplyPosted, ReviewSubmitted
from tests.intake_http import REVIEWS, ApiWorld, api_world, assert_route_asks_for, code
from tests.parts import Database

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def world(module_database: Database) -> AsyncIterator[ApiWorld]:
    async with api_world(module_database) as made:
        yield made


async def test_a_review_is_submitted_edited_read_and_withdrawn(world: ApiWorld) -> None:
    created = await world.submit(text="Good", title="Nice one", author={"email": "jane@example.com"})
    assert created.status_code == 201
    body = created.json()
    review = f"{REVIEWS}/{body['review_id']}"
    assert (body["outcome"], body["revision"], body["slug"][:9]) == ("created", 1, "nice-one-")
    edited = await world.http.put(review, json={"rating": 4, "text": "Fine", "revision": 1})
    assert (edited.status_code, edited.json()["revision"]) == (200, 2)
    conflict = await world.http.put(review, json={"rating": 3, "revision": 1})
    assert code(conflict) == (409, "REVISION_CONFLICT")
    assert conflict.json()["error"]["revision"] == 2
    state = await world.http.get(review)
    assert (state.json()["state"], state.json()["revision"]) == ("live", 2)
    assert "example.com" not in state.text
    for outcome in ("withdrawn", "unchanged"):
        gone = await world.http.delete(review)
        assert (gone.json()["outcome"], gone.json()["state"]) == (outcome, "withdrawn")
    assert code(await world.http.put(review, json={"rating": 4, "revision": 2})) == (410, "REMOVED")
    assert (await world.http.get(review)).json()["state"] == "withdrawn"


async def test_details_come_with_a_submission_a_batch_and_an_edit(world: ApiWorld) -> None:
    details = {"pros": "Quick", "context_data": {"Age": "25to34"}, "photos": [{"url": "https://shop.example/1.jpg"}]}
    review = f"{REVIEWS}/{(await world.submit(details=details)).json()['review_id']}"
    line = orjson.dumps({"rating": 4, "details": {"is_recommended": False}})
    (result,) = await post_batch(world, line)
    assert result["outcome"] == "created"
    edited = await world.http.put(review, json={"rating": 4, "revision": 1, "details": {"cons": "Loud"}})
    assert edited.json()["revision"] == 2
    first, second, third = [
        one.content.details for one in await world.intake.events() if isinstance(one, ReviewSubmitted)
    ]
    assert first == ReviewDetails(
        pros="Quick",
        context_data={"Age": "25to34"},
        photos=(Photo(id="1", url="https://shop.example/1.jpg"),),
    )
    assert second == ReviewDetails(is_recommended=False)
    assert third == ReviewDetails(cons="Loud")


async def test_a_wrong_detail_is_told_by_its_whole_name(world: ApiWorld) -> None:
    details = {"photos": [{"url": "https://a.example"}, {"url": "geheim"}], "votes_before": {"positive": -1}}
    answer = await world.submit(details=details)
    assert code(answer) == (422, "VALIDATION_ERROR")
    error = answer.json()["error"]
    assert error["message"] == (
        "details.photos.1.url is not an absolute http or https address; send one like https://example.com/1.jpg"
    )
    assert [one["field"] for one in error["errors"]] == ["details.photos.1.url", "details.votes_before.positive"]
    assert "geheim" not in answer.text
    (line,) = await post_batch(world, orjson.dumps({"rating": 5, "details": details}))
    assert line["error"]["field"] == "details.photos.1.url"


async def test_a_known_record_is_200(world: ApiWorld) -> None:
    answers = [await world.submit(source="shop", source_id="1", text=text) for text in ("a", "a", "b")]
    assert [(one.status_code, one.json()["outcome"]) for one in answers] == [
        (201, "created"),
        (200, "unchanged"),
        (200, "edited"),
    ]


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("POST", REVIEWS, {"submit"}),
        ("POST", f"{REVIEWS}/batch", {"submit"}),
        ("GET", f"{REVIEWS}/5", {"submit", "read"}),
        ("PUT", f"{REVIEWS}/5", {"submit"}),
        ("DELETE", f"{REVIEWS}/5", {"submit"}),
        ("PUT", f"{REVIEWS}/5/replies/0", {"reply"}),
        ("DELETE", f"{REVIEWS}/5/replies/0", {"reply"}),
        ("GET", "/v1/sites/books/settings", {"read"}),
        ("PUT", "/v1/sites/books/settings", set()),
    ],
)
async def test_every_route_asks_for_its_scope(world: ApiWorld, method: str, path: str, scopes: set[str]) -> None:
    await assert_route_asks_for(world, method, path, scopes)


async def test_what_is_not_there_is_404(world: ApiWorld) -> None:
    ours = {"authorization": f"Bearer {world.tokens['ours']}"}
    answers = [
        await world.http.post("/v1/sites/nowhere/reviews", json={"rating": 5}, headers=ours),
        await world.http.post("/v1/sites/nowhere/reviews/batch", content=b"{}", headers=ours),
        await world.http.post("/v1/sites/a%00b/reviews", json={"rating": 5}, headers=ours),
        await world.http.get(f"{REVIEWS}/12345"),
        await world.http.delete(f"{REVIEWS}/{10**30}"),
        await world.http.put(f"{REVIEWS}/0", json={"rating": 5, "revision": 1}),
    ]
    assert [code(one) for one in answers] == [(404, "NOT_FOUND")] * 6


async def test_errors_name_the_field_and_never_the_value(world: ApiWorld) -> None:
    answer = await world.submit(rating="geheim", title=7, author={"email": "geheim"})
    assert code(answer) == (422, "VALIDATION_ERROR")
    assert [one["field"] for one in answer.json()["error"]["errors"]] == ["author.email", "rating", "title"]
    assert "geheim" not in answer.text


async def test_bodies_have_a_type_and_a_limit(world: ApiWorld) -> None:
    large = await world.http.post(REVIEWS, content=b" " * (MAX_BODY_BYTES + 1))
    assert code(large) == (413, "PAYLOAD_TOO_LARGE")
    form = await world.http.post(REVIEWS, data={"rating": "5"})
    assert code(form) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert code(await world.http.post(REVIEWS, content=b"{")) == (400, "BAD_REQUEST")


async def test_a_form_that_looks_automated_is_403(world: ApiWorld) -> None:
    spam = await world.submit(form={"honeypot": "", "opened_at": world.intake.clock.now().isoformat()})
    assert code(spam) == (403, "SPAM")
    opened = (world.intake.clock.now() - timedelta(seconds=10)).isoformat()
    assert (await world.submit(form={"honeypot": "", "opened_at": opened})).status_code == 201
    (event,) = await world.intake.events()
    assert isinstance(event, ReviewSubmitted)
    assert event.channel == "form"


async def test_the_trace_goes_on_in_the_event(world: ApiWorld) -> None:
    await world.submit(headers={"traceparent": TRACE})
    await world.submit(headers={"traceparent": "00-no-trace-00"})
    headers = [
        json.loads(row[0]) for row in await world.intake.pool.fetch("select headers from intake.outbox order by id")
    ]
    first, second = (dict(map(tuple, pairs))["traceparent"] for pairs in headers)
    assert first == TRACE
    assert len(second) == len(TRACE)


async def test_replies_are_approved_by_their_key(world: ApiWorld) -> None:
    review_id = (await world.submit()).json()["review_id"]
    path = f"{REVIEWS}/{review_id}/replies/3"
    set_once = await world.http.put(path, json={"text": "Thanks", "author_name": "The shop"})
    assert (set_once.status_code, set_once.json()) == (200, {"reply_id": f"{review_id}.3", "outcome": "set"})
    assert (await world.http.delete(path)).json()["outcome"] == "removed"
    assert code(await world.http.put(f"{REVIEWS}/{review_id}/replies/100", json={"text": "x"})) == (
        422,
        "VALIDATION_ERROR",
    )
    posted = (await world.intake.events())[1]
    assert isinstance(posted, ReplyPosted)
    assert world.tokens["admin"].startswith(f"plk_{posted.approved_by}_")


async def test_settings_are_read_and_replaced(world: ApiWorld) -> None:
    path = "/v1/sites/books/settings"
    before = (await world.http.get(path)).json()
    changed = await world.http.put(path, json={**before, "settings": {**before["settings"], "require_approval": True}})
    assert (changed.json()["version"], changed.json()["settings"]["require_approval"]) == (2, True)
    assert (await world.http.get(path)).json() == changed.json()
    assert code(await world.http.put(path, json=before)) == (409, "CONFLICT")
    wrong = await world.http.put(path, json={"settings": {"default_locale": "no locale"}})
    assert code(wrong) == (422, "VALIDATION_ERROR")
    assert code(await world.http.put(path, json={"settings": {"min_rating": 5, "max_rating": 2}})) == (
        422,
        "VALIDATION_ERROR",
    )


async def test_a_request_sent_again_with_its_key_is_answered_again(world: ApiWorld) -> None:
    key = {"idempotency-key": "one"}
    first = await world.submit(key, text="a", title="Some words")
    second = await world.submit(key, text="a", title="Some words")
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert code(await world.submit(key, text="b")) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert code(await world.submit({"idempotency-key": "a b"})) == (400, "BAD_REQUEST")
    assert code(await world.submit({"idempotency-key": "x" * 256})) == (400, "BAD_REQUEST")
    assert len(await world.intake.events()) == 1
    stored = await world.intake.pool.fetchval("select answer::text from intake.idempotent_requests")
    assert "words" not in stored


async def test_a_key_belongs_to_who_sent_it_and_to_the_request(world: ApiWorld) -> None:
    other = {"idempotency-key": "one", "authorization": f"Bearer {world.tokens['submit']}"}
    first, second = await world.submit({"idempotency-key": "one"}), await world.submit(other)
    assert first.json()["review_id"] != second.json()["review_id"]
    gone = await world.http.delete(f"{REVIEWS}/{first.json()['review_id']}", headers={"idempotency-key": "one"})
    assert code(gone) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_the_same_request_many_times_at_once_has_one_effect(world: ApiWorld) -> None:
    answers = await asyncio.gather(*(world.submit({"idempotency-key": "one"}, text="a") for _ in range(12)))
    assert {one.text for one in answers} == {answers[0].text}
    assert {one.status_code for one in answers} == {201}
    assert len(await world.intake.events()) == 1


async def test_a_refusal_is_not_kept(world: ApiWorld) -> None:
    key = {"idempotency-key": "one"}
    first = await world.submit(author={"id": "jane"})
    assert code(await world.submit(key, author={"id": "jane"}, text="b")) == (409, "ALREADY_REVIEWED")
    await world.http.delete(f"{REVIEWS}/{first.json()['review_id']}")
    assert (await world.submit(key, author={"id": "jane"}, text="b")).status_code == 201


async def test_stored_answers_expire_and_are_swept(world: ApiWorld) -> None:
    key = {"idempotency-key": "one"}
    await world.submit(key, text="a")
    world.intake.clock.time += KEPT + timedelta(seconds=1)
    assert (await world.submit(key, text="b")).status_code == 201
    await world.submit({"idempotency-key": "two"})
    assert await sweep(world.intake.pool, world.intake.clock) == 0
    world.intake.clock.time += KEPT + timedelta(seconds=1)
    assert await sweep(world.intake.pool, world.intake.clock) == 2


async def post_batch(world: ApiWorld, content: Any, **params: str) -> list[Any]:
    headers = {"content-type": "application/x-ndjson"}
    answer = await world.http.post(f"{REVIEWS}/batch", content=content, headers=headers, params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    return [orjson.loads(line) for line in answer.text.splitlines()]


async def test_a_batch_has_a_result_per_line_in_order(world: ApiWorld) -> None:
    lines = [
        b'{"rating": 5, "source": "s", "source_id": "1"}',
        b"not json",
        b'{"rating": 9}',
        b"",
        b'{"rating": 5, "text": "' + b"x" * MAX_BODY_BYTES + b'"}',
        b'{"rating": 4, "source": "s", "source_id": "1"}',
        b'{"rating": 4, "form": {"honeypot": "x"}}',
        b'{"rating": 4}',
    ]
    results = await post_batch(world, b"\n".join(lines), channel="import")
    said = [(one["line"], one["outcome"], one.get("revision"), one.get("error", {}).get("code")) for one in results]
    assert said == [
        (1, "created", 1, None),
        (2, "refused", None, "BAD_REQUEST"),
        (3, "refused", None, "VALIDATION_ERROR"),
        (5, "refused", None, "PAYLOAD_TOO_LARGE"),
        (6, "edited", 2, None),
        (7, "refused", None, "SPAM"),
        (8, "created", 1, None),
    ]
    assert results[2]["error"]["field"] == "rating"
    assert {event.channel for event in await world.intake.events() if isinstance(event, ReviewSubmitted)} == {"import"}


async def test_results_come_while_the_body_is_still_sent(world: ApiWorld) -> None:
    """An httpx client reads nothing before it has sent everything, so this one speaks for itself."""
    assert world.http.base_url.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", world.http.base_url.port)
    head = f"POST {REVIEWS}/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.tokens['submit']}\r\n"
    line = b'{"rating": 5}\n'
    writer.write(f"{head}Content-Type: application/x-ndjson\r\nContent-Length: {2 * len(line)}\r\n\r\n".encode() + line)
    async with asyncio.timeout(10):
        first = await reader.readuntil(b'"revision":1}\n')
        assert b'{"line":1,' in first
        writer.write(line)
        second = await reader.readuntil(b'"revision":1}\n')
        assert b'{"line":2,' in second
    writer.close()
    await writer.wait_closed()


async def test_a_sender_who_reads_nothing_before_the_end_does_not_hang(world: ApiWorld) -> None:
    """More results than any socket buffer holds; every line refused, so that it is quick."""

    async def body() -> AsyncIterator[bytes]:
        for _ in range(90):
            yield b"{}\n" * 1000

    async with asyncio.timeout(60):
        results = await post_batch(world, body())
    assert [one["line"] for one in results] == list(range(1, 90_001))


async def test_a_request_has_a_most_of_lines(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_LINES", 3)
    results = await post_batch(world, b'{"rating": 5}\n' * 5)
    assert [one["outcome"] for one in results] == ["created"] * 3 + ["refused"]
    assert (results[-1]["line"], results[-1]["error"]["code"]) == (4, "PAYLOAD_TOO_LARGE")


async def test_a_batch_refuses_what_it_cannot_keep(world: ApiWorld) -> None:
    path = f"{REVIEWS}/batch"
    ndjson = {"content-type": "application/x-ndjson"}
    with_key = await world.http.post(path, content=b"{}", headers={**ndjson, "idempotency-key": "one"})
    assert code(with_key) == (400, "BAD_REQUEST")
    assert code(await world.http.post(path, json={})) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert code(await world.http.post(f"{path}?channel=form", content=b"{}", headers=ndjson)) == (
        422,
        "VALIDATION_ERROR",
    )


@pytest.mark.parametrize("review_id", ["1" * 5000, "9" * 17, "0", "-1", "1.5", "\u0661", "x"])
async def test_what_cannot_be_a_review_is_not_there(world: ApiWorld, review_id: str) -> None:
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("PUT", "/replies/0"), ("DELETE", "/replies/0")):
        body = {"rating": 5, "revision": 1, "text": "x"} if method == "PUT" else None
        answer = await world.http.request(method, f"{REVIEWS}/{review_id}{path}", json=body)
        assert code(answer) == (404, "NOT_FOUND")


async def test_a_slot_of_many_digits_is_not_there(world: ApiWorld) -> None:
    review_id = (await world.submit()).json()["review_id"]
    answer = await world.http.delete(f"{REVIEWS}/{review_id}/replies/{'1' * 5000}")
    assert code(answer) == (404, "NOT_FOUND")
