"""Lines of a request's body as they arrive, in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field

CHUNKS_AHEAD = 16
"""How far reading may be ahead of working; with the server's chunks of 64 KiB, a megabyte."""


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    """From 1; blank lines count but are not handed on."""
    body: bytes | None
    """None for a line that was too long; it was dropped while it came."""


@dataclass
class LineSplitter:
    """Cuts chunks into lines, keeping no more than `longest` bytes of an unfinished one."""

    longest: int
    _count: int = 0
    _tail: bytearray = field(default_factory=bytearray)
    _dropping: bool = False

    def feed(self, chunk: bytes) -> list[Line]:
        *whole, rest = chunk.split(b"\n")
        lines = [line for piece in whole if (line := self._end(piece)) is not None]
        self._keep(rest)
        return lines

    def close(self) -> list[Line]:
        """The last line need not end with a line feed."""
        if not self._tail and not self._dropping:
            return []
        line = self._end(b"")
        return [line] if line is not None else []

    def _keep(self, piece: bytes) -> None:
        if len(self._tail) + len(piece) > self.longest:
            self._dropping = True
            self._tail.clear()
        elif not self._dropping:
            self._tail += piece

    def _end(self, piece: bytes) -> Line | None:
        self._keep(piece)
        self._count += 1
        dropped, body = self._dropping, bytes(self._tail).strip()
        self._dropping = False
        self._tail.clear()
        if dropped:
            return Line(self._count, None)
        return Line(self._count, body) if body else None


async def batches(chunks: AsyncIterable[bytes], longest: int, most: int, patience: float) -> AsyncIterator[list[Line]]:
    """Up to `most` lines at a time; fewer when nothing more came for `patience` seconds: a slow sender is answered too.

    Reads ahead by CHUNKS_AHEAD chunks. What reading raises is raised at once: an unfinished line is no line.
    """
    splitter = LineSplitter(longest)
    ahead: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(CHUNKS_AHEAD)

    async def read() -> None:
        try:
            async for chunk in chunks:
                await ahead.put(chunk)
        except Exception as error:
            await ahead.put(error)
        else:
            await ahead.put(None)

    reading = asyncio.create_task(read())
    waiting: list[Line] = []
    try:
        while True:
            try:
                async with asyncio.timeout(patience if waiting else None):
                    chunk = await ahead.get()
            except TimeoutError:
                yield waiting
                waiting = []
                continue
            if isinstance(chunk, Exception):
                raise chunk
            waiting += splitter.close() if chunk is None else splitter.feed(chunk)
            while len(waiting) >= most:
                yield waiting[:most]
                waiting = waiting[most:]
            if chunk is None:
                break
        if waiting:
            yield waiting
    finally:
        reading.cancel()
