"""Serving an ASGI application inside a service's event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.logging import get_logger

log = get_logger(__name__)

MAX_HEAD_BYTES = 32 * 1024
"""Of a request line with its headers."""

_TOO_LARGE = f"the request's address and headers must not be larger than {MAX_HEAD_BYTES} bytes together".encode()
_TOO_LARGE_HEADERS = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", str(len(_TOO_LARGE)).encode()),
    (b"connection", b"close"),
)


async def _refuse_head(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 431, "headers": _TOO_LARGE_HEADERS})
    await send({"type": "http.response.body", "body": _TOO_LARGE})


class _Protocol(HttpToolsProtocol):
    """With a limit for headers, which httptools has none of."""

    _advanced = False
    _unfinished_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Ends a connection that sends on and on without finishing a head, or the trailers of a body."""
        self._advanced = False
        super().data_received(data)
        self._unfinished_bytes = 0 if self._advanced else self._unfinished_bytes + len(data)
        if self._unfinished_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            # Into an answer that is under way nothing can be said.
            cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever its type says
            if cycle is None or cycle.response_complete:
                lines = [b"%s: %s\r\n" % header for header in _TOO_LARGE_HEADERS]
                self.transport.write(
                    b"HTTP/1.1 431 Request Header Fields Too Large\r\n" + b"".join(lines) + b"\r\n" + _TOO_LARGE
                )
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._advanced = True
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size <= MAX_HEAD_BYTES:
            super().on_headers_complete()
            return
        app, self.app = self.app, _refuse_head
        # Nobody reads it, and the parser would stumble over more than 64 KiB.
        self.url = b"/"
        try:
            super().on_headers_complete()
        finally:
            self.app = app

    def on_body(self, body: bytes) -> None:
        self._advanced = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._advanced = True
        super().on_message_complete()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals alone: the service's own handlers stop all its parts together."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, so that a port that is taken is said before anything else starts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SystemExit(f"cannot listen on {host}:{port}: {error.strerror}; choose another port") from error
    return listener


async def serve(app: ASGIApp, listener: socket.socket, stop: asyncio.Event, shutdown_seconds: float = 10.0) -> None:
    """Until `stop`; requests in hand are answered within the budget."""
    config = uvicorn.Config(
        app,
        loop="none",
        http=_Protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=max(1, int(shutdown_seconds)),
        backlog=2048,
    )
    server = _Server(config)
    host, port = listener.getsockname()[:2]
    log.info("listening", address=f"http://{host}:{port}")
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    stopping = asyncio.ensure_future(_until(stop))
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await serving


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()
