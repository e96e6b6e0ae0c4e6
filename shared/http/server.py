"""Serving an ASGI application inside a service's event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from shared.logging import get_logger

log = get_logger(__name__)


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
        http="httptools",
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
