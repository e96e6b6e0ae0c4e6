"""Callers over HTTP as light as they come, so that the server is what is measured: one kept-alive connection each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any


@dataclass(frozen=True)
class Measured:
    per_second: float
    p50_ms: float
    p99_ms: float


def measured(latencies: Sequence[float], seconds: float) -> Measured:
    """`latencies` in seconds."""
    ordered = sorted(latencies)
    p50, p99 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return Measured(len(ordered) / seconds, p50 * 1e3, p99 * 1e3)


class Caller(asyncio.Protocol):
    """Asks for the next path as soon as it has the whole answer; every answer must be a 200 with `marker` in it."""

    def __init__(self, paths: Iterator[str], deadline: float, marker: bytes) -> None:
        self._paths = paths
        self._deadline = deadline
        self._marker = marker
        self._buffer = bytearray()
        self._wanted = 0
        self._asked = 0.0
        self.latencies: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        request = f"GET {next(self._paths)} HTTP/1.1\r\nHost: bench\r\nAccept: */*\r\n\r\n"
        self._asked = time.perf_counter()
        self._transport.write(request.encode())

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if not self._wanted:
            head, found, _ = bytes(buffer).partition(b"\r\n\r\n")
            if not found:
                return
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._wanted = len(head) + 4 + int(length)
        if len(buffer) < self._wanted:
            return
        now = time.perf_counter()
        if not buffer.startswith(b"HTTP/1.1 200") or self._marker not in buffer:
            self.ended.set_exception(RuntimeError(bytes(buffer[:600]).decode("latin-1")))
            self._transport.close()
            return
        self.latencies.append(now - self._asked)
        buffer.clear()
        self._wanted = 0
        if now < self._deadline:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def load(port: int, paths: Sequence[str], seconds: float, callers: int, marker: bytes) -> Measured:
    """All callers for so many seconds, each through all the paths again and again from a place of its own."""
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    deadline = started + seconds
    running = []
    for number in range(callers):
        first = len(paths) * number // callers
        order = cycle([*paths[first:], *paths[:first]])
        _, protocol = await loop.create_connection(lambda o=order: Caller(o, deadline, marker), "127.0.0.1", port)  # type: ignore[misc]  # mypy knows no defaults of lambdas
        running.append(protocol)
    await asyncio.gather(*(protocol.ended for protocol in running))
    latencies = [latency for protocol in running for latency in protocol.latencies]
    return measured(latencies, time.perf_counter() - started)
