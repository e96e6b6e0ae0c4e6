from __future__ import annotations

import socket

import httpx
import pytest

from services.query.intake import Accepted, HttpIntake, IntakeRefused, read_answer
from services.query.problem import Problem


def test_an_accepted_submission() -> None:
    body = b'{"review_id": 7, "slug": "jane-7", "revision": 1, "outcome": "created"}'
    answer = {"review_id": 7, "slug": "jane-7", "revision": 1, "outcome": "created"}
    assert read_answer(201, body, None) == read_answer(200, body, None) == answer


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b'{"error": {"code": "INTERNAL_ERROR", "message": "m"}}'),
        (503, b"<html>"),
        (401, b'{"error": {"code": "UNAUTHENTICATED", "message": "m"}}'),
        (403, b'{"error": {"code": "FORBIDDEN", "message": "m"}}'),
        (404, b'{"detail": "Not Found"}'),
        (200, b"[]"),
    ],
)
def test_answers_that_the_visitor_can_do_nothing_about(status: int, body: bytes) -> None:
    with pytest.raises(Problem) as error:
        read_answer(status, body, "7")
    assert error.value.status == 503
    assert error.value.headers["Retry-After"].isdecimal()


def test_a_refusal() -> None:
    with pytest.raises(IntakeRefused) as error:
        read_answer(422, b'{"error": {"code": "VALIDATION_ERROR", "message": "m", "field": "text"}}', None)
    assert (error.value.status, error.value.code, error.value.field) == (422, "VALIDATION_ERROR", "text")


async def test_intake_that_is_away() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        intake = HttpIntake(f"http://127.0.0.1:{unused.getsockname()[1]}", "plk_x", 1.0)
        with pytest.raises(Problem) as error:
            await intake.submit("shop", {}, None)
        await intake.close()
    assert error.value.status == 503


async def test_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[httpx.Request] = []

    async def handle(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(201, json={"review_id": 7, "slug": "jane-7", "created_at": "2026-03-01T00:00:00Z"})

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    intake = HttpIntake("http://intake.example", "plk_x")
    accepted = await intake.submit("shop", {"rating": 5}, "key-1")
    await intake.close()
    assert accepted == Accepted(7, "jane-7", "2026-03-01T00:00:00Z")
    assert str(seen[0].url) == "http://intake.example/v1/sites/shop/reviews"
    assert seen[0].headers["authorization"] == "Bearer plk_x"
    assert seen[0].headers["idempotency-key"] == "key-1"
    assert seen[0].content == b'{"rating":5}'


async def test_requests_beyond_reviews(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str, str | None, str | None, bytes]] = []
    reply = {
        "slot": 2,
        "text": "Thanks",
        "author_name": None,
        "department": None,
        "response_type": None,
        "response_source": None,
        "posted_at": "2026-03-01T00:00:00Z",
        "updated_at": "2026-03-01T00:00:00Z",
    }

    async def handle(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        headers = request.headers
        key = headers.get("idempotency-key")
        seen.append((request.method, request.url.path, headers.get("authorization"), key, request.content))
        return httpx.Response(200, json={"comment_id": 8, "outcome": "removed", **reply})

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    intake = HttpIntake("http://intake.example", "plk_ours")
    assert await intake.comment("shop", 7, {"text": "x"}, "once") == 8
    await intake.give_feedback("shop", "comment", 8, {"vote": None})
    assert await intake.add_reply("shop", 7, {"text": "Thanks"}, "Bearer plk_theirs", None) == 2
    await intake.change_reply("shop", 7, 2, {"text": "x"}, "Bearer plk_theirs")
    assert (await intake.read_reply("shop", 7, 2, "Bearer plk_theirs")).text == "Thanks"
    assert await intake.remove_reply("shop", 7, 2, "Bearer plk_theirs")
    await intake.close()
    ours, theirs, site = "Bearer plk_ours", "Bearer plk_theirs", "/v1/sites/shop"
    assert seen == [
        ("POST", f"{site}/reviews/7/comments", ours, "once", b'{"text":"x"}'),
        ("PUT", f"{site}/comments/8/feedback", ours, None, b'{"vote":null}'),
        ("POST", f"{site}/reviews/7/replies", theirs, None, b'{"text":"Thanks"}'),
        ("PATCH", f"{site}/reviews/7/replies/2", theirs, None, b'{"text":"x"}'),
        ("GET", f"{site}/reviews/7/replies/2", theirs, None, b""),
        ("DELETE", f"{site}/reviews/7/replies/2", theirs, None, b""),
    ]


@pytest.mark.parametrize(("status", "code"), [(401, "UNAUTHENTICATED"), (403, "FORBIDDEN")])
def test_a_refused_key_of_the_callers_is_the_callers_to_know(status: int, code: str) -> None:
    body = b'{"error": {"code": "%s", "message": "m"}}' % code.encode()
    with pytest.raises(IntakeRefused) as error:
        read_answer(status, body, None, own_key=False)
    assert (error.value.status, error.value.code) == (status, code)
