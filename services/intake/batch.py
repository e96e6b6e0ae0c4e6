"""Many submissions in one request: a line in, a line out, in order, each as soon as it is committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg
import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.intake.ndjson import Line, batches
from services.intake.plan import Result
from services.intake.refusal import Refusal
from services.intake.registry import BATCH, Incoming, Registry
from services.intake.submission import MAX_BODY_BYTES, Invalid, parse_submission
from services.intake.transaction import transaction
from shared.events.models import Channel
from shared.http.errors import ErrorCode
from shared.logging import get_logger
from shared.postgres.errors import is_transient

MAX_LINES = 100_000
"""In one request. Results wait in memory for a sender who reads them only after having sent everything."""
PATIENCE_SECONDS = 0.05
CONTENT_TYPE = "application/x-ndjson"

log = get_logger(__name__)


async def answers(
    body: AsyncIterator[bytes], size: int, take: Callable[[list[Line]], Awaitable[bytes]]
) -> AsyncIterator[bytes]:
    """What `take` answers to `size` lines at a time.

    Ends early, with a refusal that says so, at MAX_LINES and when the database is away.
    """
    taken = 0
    async for lines in batches(body, MAX_BODY_BYTES, size, PATIENCE_SECONDS):
        room = MAX_LINES - taken
        taken += len(lines)
        try:
            if lines[:room]:
                yield await take(lines[:room])
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("batch not taken", because=type(error).__name__)
            message = "the database does not answer; send this line and all after it again"
            yield b"".join(refused_line(line, Refusal(ErrorCode.SERVICE_UNAVAILABLE, message)) for line in lines)
            return
        if taken > MAX_LINES:
            message = f"a request has at most {MAX_LINES} lines; send this one and all after it in another"
            yield refused_line(lines[room], Refusal(ErrorCode.PAYLOAD_TOO_LARGE, message))
            return


class BatchSubmission:
    """One request's lines. What is committed stays committed, whatever becomes of the lines after it."""

    def __init__(
        self, pool: asyncpg.Pool[Any], registry: Registry, site: str, channel: Channel, traceparent: str
    ) -> None:
        self._pool = pool
        self._registry = registry
        self._site = site
        self._channel = channel
        self._traceparent = traceparent

    def results(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pieces of the answer."""
        return answers(body, BATCH, self._submit)

    async def _submit(self, lines: list[Line]) -> bytes:
        checked = [self._check(line) for line in lines]
        good = [one for one in checked if isinstance(one, Incoming)]
        results: list[Result] = []
        if good:
            async with transaction(self._pool) as connection:
                results = await self._registry.submit(connection, self._site, good)
        rest = iter(results)
        return b"".join(
            _answer(line, next(rest)) if isinstance(one, Incoming) else refused_line(line, one)
            for line, one in zip(lines, checked, strict=True)
        )

    def _check(self, line: Line) -> Incoming | Refusal:
        if line.body is None:
            return too_long("review")
        try:
            submission = parse_submission(line.body)
        except Invalid as invalid:
            return invalid.refusal
        channel: Channel = "form" if submission.form is not None else self._channel
        return Incoming(submission, channel, self._traceparent)


def _answer(line: Line, result: Result) -> bytes:
    answer: dict[str, Any] = {"line": line.number, "outcome": result.outcome}
    if result.review_id is not None:
        answer["review_id"] = result.review_id
    if result.revision is not None:
        answer["revision"] = result.revision
    if result.refusal is not None:
        answer["error"] = _error(result.refusal)
    return orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)


def too_long(what: str) -> Refusal:
    return Refusal(
        ErrorCode.PAYLOAD_TOO_LARGE, f"the line is longer than {MAX_BODY_BYTES} bytes; send one {what} a line"
    )


def refused_line(line: Line, refusal: Refusal) -> bytes:
    answer = {"line": line.number, "outcome": "refused", "error": _error(refusal)}
    return orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)


def _error(refusal: Refusal) -> dict[str, Any]:
    error = {"code": refusal.code.value, "message": refusal.message}
    return error | ({"field": refusal.field} if refusal.field is not None else {})


class StreamedResponse(Response):
    """Makes pieces of the answer from the body, and sends them while the body is still being read.

    Reading never waits for writing: most senders read nothing before they have sent everything, and both sides would
    wait for ever. Starlette's own streaming response will not do, for it listens to the channel that the body comes on.
    """

    def __init__(self, pieces: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]], media_type: str) -> None:
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ready: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def work() -> None:
            try:
                async for piece in self._pieces(Request(scope, receive).stream()):
                    ready.put_nowait(piece)
            finally:
                ready.put_nowait(None)

        working = asyncio.create_task(work())
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while (piece := await ready.get()) is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            with suppress(ClientDisconnect):
                await working
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            if not working.done():
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working
