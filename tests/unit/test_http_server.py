"""The limit for what comes before a body, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.types import Receive, Scope, Send

from shared.http.server import MAX_HEAD_BYTES, bind, serve

ANSWER = b"HTTP/1.1 200 OK"
REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large"


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
async def port() -> AsyncIterator[int]:
    listener, stop = bind("127.0.0.1", 0), asyncio.Event()
    serving = asyncio.create_task(serve(answer, listener, stop, 1))
    yield listener.getsockname()[1]
    stop.set()
    await serving


async def exchange(port: int, *chunks: bytes) -> bytes:
    """All that the server says until it closes the connection, which it must."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = b""
    with contextlib.suppress(ConnectionError):
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0.02)
        async with asyncio.timeout(10):
            while piece := await reader.read(65536):
                said += piece
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return said


def request(*headers: bytes, target: bytes = b"/", end: bytes = b"\r\n") -> bytes:
    return b"\r\n".join([b"GET %s HTTP/1.1" % target, b"Host: x", *headers, end])


LAST = b"Connection: close"


async def test_heads_of_ordinary_and_of_the_largest_size_are_served(port: int) -> None:
    for size in (10, MAX_HEAD_BYTES - 200):
        said = await exchange(port, request(b"X-Long: " + b"a" * size, LAST))
        assert said.startswith(ANSWER)


@pytest.mark.parametrize(
    "large",
    [
        request(b"X-Long: " + b"a" * MAX_HEAD_BYTES),
        request(*(b"X-%d: %s" % (number, b"a" * 100) for number in range(400))),
        request(target=b"/?" + b"a" * MAX_HEAD_BYTES),
        request(target=b"/?" + b"a" * 65_600),
    ],
    ids=["one header", "many headers", "address", "address longer than parsers take"],
)
async def test_larger_ones_are_refused_and_the_connection_ends(port: int, large: bytes) -> None:
    middle = len(large) // 2
    for chunks in ([large], [large[:middle], large[middle:]]):
        said = await exchange(port, *chunks)
        assert said.startswith(REFUSAL)
        assert str(MAX_HEAD_BYTES).encode() in said


async def test_a_head_that_never_ends_is_refused_before_it_fills_the_memory(port: int) -> None:
    said = await exchange(port, request(b"X-Long: ", end=b"")[:-2], *[b"a" * 4096] * 20)
    assert said == b"" or said.startswith(REFUSAL)  # a reset may overtake the answer, when more was sent after it
    assert ANSWER not in said


async def test_trailers_without_end_close_the_connection(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = await exchange(port, head, b"2\r\nab\r\n0\r\nX-Long: ", *[b"a" * 4096] * 20)
    assert ANSWER not in said


async def test_bodies_and_further_requests_are_not_counted(port: int) -> None:
    body = b"b" * (5 * MAX_HEAD_BYTES)
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    said = await exchange(port, post, body[:1000], body[1000:], *[request() for _ in range(3)], request(LAST))
    assert said.count(ANSWER) == 5
    many = await exchange(port, b"".join(request(b"X-Long: " + b"a" * 9000) for _ in range(6)) + request(LAST))
    assert many.count(ANSWER) == 7
