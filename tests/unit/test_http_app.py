"""What every HTTP service of ours has."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
import structlog
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message

from shared.access import ApiKey
from shared.http.app import REVIEW_ID, SLOT, create_app
from shared.http.auth import authenticate
from shared.http.errors import STATUS, ApiError, ErrorCode
from shared.http.json import json_response, parse_json, read_json, read_object, require_content_type
from shared.http.server import bind, serve
from shared.service import Health

SECRET = "jane@example.com"


class Keys:
    """Knows one key."""

    async def find(self, token: str) -> ApiKey | None:
        return ApiKey("id", "shop", frozenset({"read"}), "") if token == "plk_good" else None


async def echo(request: Request) -> Response:
    return json_response(await read_json(request, limit=100))


async def echo_object(request: Request) -> Response:
    return json_response(await read_object(request))


async def refuse(request: Request) -> Response:
    raise ApiError(
        ErrorCode.REVISION_CONFLICT,
        "the review has moved; read it again",
        field="revision",
        details={"revision": 4},
        headers={"X-Revision": "4"},
    )


async def fail(request: Request) -> Response:
    raise KeyError(SECRET)


async def away(request: Request) -> Response:
    raise asyncpg.CannotConnectNowError("the database system is starting up")


async def teapot(request: Request) -> Response:
    raise HTTPException(418, "I am a teapot")


async def private(request: Request) -> Response:
    keys: Any = Keys()
    key = await authenticate(request, keys, request.path_params["site"], "read", "moderate")
    return json_response({"key": key.key_id})


async def submit(request: Request) -> Response:
    keys: Any = Keys()
    await authenticate(request, keys, "shop", "submit")
    raise AssertionError("not allowed")


def app(health: Health | None = None) -> Starlette:
    return create_app(
        "tests",
        [
            Route("/echo", echo, methods=["POST"]),
            Route("/object", echo_object, methods=["POST"]),
            Route("/refuse", refuse),
            Route("/fail", fail),
            Route("/away", away),
            Route("/teapot", teapot),
            Route("/submit", submit, methods=["POST"]),
            Route("/sites/{site}", private),
        ],
        health or Health(),
    )


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made


async def test_probes() -> None:
    health = Health()
    report = health.reporter("relay")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app(health)), base_url="http://test") as client:
        assert (await client.get("/live")).status_code == 200
        before = await client.get("/ready")
        report(True)
        after = await client.get("/ready")
        health.degrade("toxicity", "says that it is not well")
        degraded = await client.get("/ready")
    assert (degraded.status_code, degraded.json()["degraded"]) == (200, {"toxicity": "says that it is not well"})
    assert (before.status_code, before.json()) == (503, {"ready": False, "parts": {"relay": False}})
    assert (after.status_code, after.json()) == (200, {"ready": True, "parts": {"relay": True}})


async def test_requests_are_counted_by_route_and_not_by_path(client: httpx.AsyncClient) -> None:
    await client.get("/sites/shop-of-this-test", headers={"x-api-key": "plk_good"})
    await client.get("/nowhere-of-this-test")
    text = (await client.get("/metrics")).text
    assert 'plaudit_http_requests_total{method="GET",route="/sites/{site}",service="tests",status="403"}' in text
    assert "of-this-test" not in text


async def test_a_request_id_comes_back_and_is_made_when_there_is_none(client: httpx.AsyncClient) -> None:
    assert (await client.get("/live", headers={"x-request-id": "abc-1.2_3"})).headers["x-request-id"] == "abc-1.2_3"
    made = [(await client.get("/live")).headers["x-request-id"] for _ in range(2)]
    assert made[0] != made[1]
    for strange in ("a b", "a" * 129, "<script>", ""):
        answered = (await client.get("/live", headers={"x-request-id": strange})).headers["x-request-id"]
        assert answered not in (strange, "")


async def test_a_refusal_says_code_message_field_and_details(client: httpx.AsyncClient) -> None:
    answer = await client.get("/refuse")
    assert answer.status_code == 409
    assert answer.json() == {
        "error": {
            "code": "REVISION_CONFLICT",
            "message": "the review has moved; read it again",
            "field": "revision",
            "revision": 4,
        }
    }
    assert answer.headers["x-revision"] == "4"
    assert answer.headers["content-type"] == "application/json"


async def test_a_fault_of_ours_says_nothing_but_the_request_id(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = await client.get("/fail", headers={"x-request-id": "r-1"})
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "INTERNAL_ERROR"
    assert "r-1" in answer.json()["error"]["message"]
    assert SECRET not in answer.text
    assert SECRET not in "".join(record.getMessage() for record in caplog.records)


async def test_a_database_that_is_away_is_worth_another_try(client: httpx.AsyncClient) -> None:
    answer = await client.get("/away")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"


async def test_what_was_not_expected_is_answered_counted_and_has_its_id() -> None:
    """And ends here: what a server is told of, it prints with all that the error says."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app()), base_url="http://test") as client:
        for path, status in (("/fail", 500), ("/away", 503)):
            labels = {"service": "tests", "route": path, "method": "GET", "status": str(status)}
            before = REGISTRY.get_sample_value("plaudit_http_requests_total", labels) or 0
            answer = await client.get(path, headers={"x-request-id": "r-2"})
            assert (answer.status_code, answer.headers.get_list("x-request-id")) == (status, ["r-2"])
            assert REGISTRY.get_sample_value("plaudit_http_requests_total", labels) == before + 1


async def test_an_answer_that_breaks_off_is_cut_and_not_answered_again() -> None:
    async def half(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"one"
            raise KeyError("two")

        return StreamingResponse(pieces())

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.sleep(60)
        raise AssertionError("cancelled before")

    scope = {"type": "http", "method": "GET", "path": "/half", "headers": [], "query_string": b"", "root_path": ""}
    with pytest.raises(KeyError):
        await create_app("tests", [Route("/half", half)], Health())(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


async def test_a_fault_is_logged_with_its_route_and_not_with_its_path(caplog: pytest.LogCaptureFixture) -> None:
    made = create_app("tests", [Route("/people/{name}", fail)], Health())
    with caplog.at_level(logging.INFO), structlog.testing.capture_logs() as logs:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://test") as client:
            await client.get(f"/people/{SECRET}")
    assert [line["route"] for line in logs] == ["/people/{name}"]
    assert SECRET not in str(logs)


@pytest.mark.parametrize(
    ("path", "status"),
    [("1", 200), ("9" * 16, 200), ("9" * 17, 404), ("1" * 5000, 404), ("-1", 404), ("\u0661", 404), ("x", 404)],
)
async def test_ids_in_paths_have_as_many_digits_as_they_can_have(path: str, status: int) -> None:
    async def show(request: Request) -> Response:
        return json_response(request.path_params)

    made = create_app("tests", [Route(f"/r/{REVIEW_ID}", show), Route(f"/s/{SLOT}", show)], Health())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://test") as client:
        answer = await client.get(f"/r/{path}")
        assert answer.status_code == status
        assert status != 200 or answer.json() == {"review_id": int(path)}
        assert (await client.get("/s/99")).json() == {"slot": 99}
        assert (await client.get("/s/1000")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("DELETE", "/echo", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/teapot", 418, "BAD_REQUEST"),
    ],
)
async def test_errors_of_the_framework_have_the_same_envelope(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_body_over_the_limit_is_refused_as_soon_as_it_is_known(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 60

    declared = await client.post("/echo", content=b" " * 101, headers={"content-type": "application/json"})
    streamed = await client.post("/echo", content=endless(), headers={"content-type": "application/json"})
    assert declared.status_code == streamed.status_code == 413
    assert declared.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"


async def test_a_body_at_the_limit_is_read(client: httpx.AsyncClient) -> None:
    body = b'"' + b"a" * 98 + b'"'
    answer = await client.post("/echo", content=body, headers={"content-type": "application/json; charset=utf-8"})
    assert (answer.status_code, answer.content) == (200, body)


async def test_bodies_must_be_json(client: httpx.AsyncClient) -> None:
    form = await client.post("/echo", data={"a": "b"})
    broken = await client.post("/echo", content=b'{\n "a": }', headers={"content-type": "application/json"})
    array = await client.post("/object", json=[1])
    assert (form.status_code, form.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert broken.status_code == 400
    assert "line 2" in broken.json()["error"]["message"]
    assert (array.status_code, array.json()["error"]["code"]) == (400, "BAD_REQUEST")
    assert (await client.post("/object", json={"a": 1})).json() == {"a": 1}


def test_a_body_without_a_content_type_is_taken_for_what_is_expected() -> None:
    require_content_type(Request({"type": "http", "headers": []}), "application/json")


@pytest.mark.parametrize("data", [b"", b"\xff", b'{"a": "' + SECRET.encode() + b'"', b'"\\ud800"', b"NaN", b"[" * 2000])
def test_what_is_no_json_is_refused_and_not_repeated(data: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(data)
    assert caught.value.code is ErrorCode.BAD_REQUEST
    assert SECRET not in caught.value.message


def test_every_code_has_a_status() -> None:
    assert set(STATUS) == set(ErrorCode)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/sites/shop", {"authorization": "Bearer plk_good"}, 200),
        ("/sites/shop", {"authorization": "bearer  plk_good"}, 200),
        ("/sites/shop", {"x-api-key": "plk_good"}, 200),
        ("/sites/shop", {}, 401),
        ("/sites/shop", {"authorization": "Bearer "}, 401),
        ("/sites/shop", {"authorization": "Basic plk_good"}, 401),
        ("/sites/shop", {"x-api-key": "plk_other"}, 401),
        ("/sites/other", {"x-api-key": "plk_good"}, 403),
    ],
)
async def test_who_may_come_in(client: httpx.AsyncClient, path: str, headers: dict[str, str], status: int) -> None:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) is (status == 401)
    assert "plk_o" not in answer.text


async def test_a_key_without_the_scope_may_not(client: httpx.AsyncClient) -> None:
    answer = await client.post("/submit", headers={"x-api-key": "plk_good"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert "submit" in answer.json()["error"]["message"]


async def test_requests_in_hand_are_answered_before_the_server_ends() -> None:
    begun, stop = asyncio.Event(), asyncio.Event()

    async def slow(request: Request) -> Response:
        begun.set()
        await asyncio.sleep(0.2)
        return json_response({"done": True})

    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(create_app("tests", [Route("/slow", slow)], Health()), listener, stop))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        asking = asyncio.create_task(client.get("/slow"))
        await begun.wait()
        stop.set()
        assert (await asking).json() == {"done": True}
    await asyncio.wait_for(serving, 5)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_that_is_taken_is_said_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SystemExit, match="choose another port"):
            bind("127.0.0.1", taken.getsockname()[1])
