"""Batches to intake, until each line of them has an answer that stands."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import httpx
import orjson

from services.cli.importing.errors import ImportProblem, Interrupted
from shared.backoff import Backoff
from shared.clock import Clock
from shared.http.errors import ErrorCode

GIVE_UP_SECONDS = 120.0
LONGEST_RETRY_AFTER = 60.0
TIMEOUT = httpx.Timeout(30.0, connect=5.0)
Collection = Literal["reviews", "catalog"]
_ACCEPTED = frozenset({"created", "edited", "updated", "removed", "unchanged"})
# Answers to a line that say nothing of the line, but that intake could not get to it.
_NOT_YET = frozenset({ErrorCode.SERVICE_UNAVAILABLE, ErrorCode.INTERNAL_ERROR, ErrorCode.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class Outcome:
    """`outcome` is that of intake's answer to a line; the rest is set where it applies."""

    outcome: str
    review_id: int | None = None
    code: str = ""
    field: str | None = None
    message: str = ""


class _Again(Exception):
    """Worth another attempt; `after` is what the server asks for, in seconds."""

    def __init__(self, because: str, after: float | None = None) -> None:
        super().__init__(because)
        self.after = after


class _Answers:
    """Reads the answer to one attempt, line by line."""

    def __init__(self, outcomes: list[Outcome], expected: int) -> None:
        self._outcomes = outcomes
        self._expected = expected
        self.taken = 0

    def take(self, line: bytes) -> None:
        """Raises _Again at the first line that intake did not get to, ImportProblem for what is no answer of it."""
        try:
            answer = orjson.loads(line)
        except ValueError:
            raise _Again("its answer broke off") from None
        if not isinstance(answer, dict) or answer.get("line") != self.taken + 1 or self.taken == self._expected:
            raise ImportProblem("the answer is not that of a batch; is --intake the address of intake?")
        outcome, error = answer.get("outcome"), answer.get("error") or {}
        if outcome in _ACCEPTED:
            self._outcomes.append(Outcome(outcome, answer.get("review_id")))
        elif error.get("code") in _NOT_YET:
            raise _Again(str(error.get("message")))
        else:
            code, message = str(error.get("code")), str(error.get("message"))
            self._outcomes.append(Outcome("refused", None, code, error.get("field"), message))
        self.taken += 1


class IntakeClient:
    """A batch endpoint of one site: that of `reviews`, or of the `catalog`.

    Sends again whatever has no answer: every line has an id of its own, so what was in already comes back as
    `unchanged`. There is no Idempotency-Key for that reason; it would make intake store an answer per batch to say
    the same.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        site: str,
        clock: Clock,
        stop: asyncio.Event,
        give_up_seconds: float = GIVE_UP_SECONDS,
        collection: Collection = "reviews",
    ) -> None:
        self._http = http
        self._path = f"/v1/sites/{quote(site, safe='')}/{collection}"
        self._params = {"channel": "import"} if collection == "reviews" else {}
        self._clock = clock
        self._stop = stop
        self._give_up = give_up_seconds
        self.waiting_for: str | None = None
        """Why nothing gets through at the moment; None while it does."""

    async def send(self, bodies: Sequence[bytes]) -> list[Outcome]:
        """An outcome for each, in order. Raises ImportProblem where trying again is no use or was none; Interrupted."""
        outcomes: list[Outcome] = []
        backoff = Backoff(random.Random())  # noqa: S311 - jitter, not a secret
        deadline = self._clock.monotonic() + self._give_up
        while len(outcomes) < len(bodies):
            before = len(outcomes)
            try:
                await self._attempt(bodies[before:], outcomes)
                self.waiting_for = None
            except _Again as again:
                if len(outcomes) > before:
                    backoff.reset()
                    deadline = self._clock.monotonic() + self._give_up
                self.waiting_for = str(again)
                wait = again.after if again.after is not None else backoff.wait()
                if self._clock.monotonic() + wait > deadline:
                    raise ImportProblem(f"intake could not be reached for {self._give_up:.0f} s: {again}") from again
                await self._pause(wait)
        return outcomes

    async def knows(self, review_id: int) -> bool:
        """Whether the site has this review, whatever became of it. Tries once, and raises ImportProblem."""
        try:
            response = await self._http.get(f"{self._path}/{review_id}")
        except httpx.TransportError as error:
            raise unreachable(error) from error
        if response.status_code not in (200, 404):
            raise rejected(response.status_code, response.content)
        return response.status_code == 200

    async def _attempt(self, bodies: Sequence[bytes], outcomes: list[Outcome]) -> None:
        """Adds the answers that came to `outcomes`, also when it raises."""
        request = self._http.build_request(
            "POST",
            f"{self._path}/batch",
            params=self._params,
            content=b"\n".join(bodies),
            headers={"Content-Type": "application/x-ndjson"},
        )
        lines = _Answers(outcomes, len(bodies))
        try:
            response = await self._http.send(request, stream=True)
            try:
                if response.status_code != 200:
                    self._judge(response.status_code, response.headers, await response.aread())
                tail = b""
                async for chunk in response.aiter_bytes():
                    *whole, tail = (tail + chunk).split(b"\n")
                    for line in whole:
                        lines.take(line)
                if tail:
                    lines.take(tail)
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            raise _Again(_reason(error)) from error
        if lines.taken < len(bodies):
            raise _Again("its answer broke off")

    def _judge(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        if status == 429 or status >= 500:
            raise _Again(f"it answered {status}", _retry_after(headers))
        raise rejected(status, body)

    async def _pause(self, seconds: float) -> None:
        """Raises Interrupted when it is time to stop."""
        stopping = asyncio.ensure_future(self._stop.wait())
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({stopping, sleeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            sleeping.cancel()
        if self._stop.is_set():
            raise Interrupted


def http_client(url: str, token: str, connections: int) -> httpx.AsyncClient:
    """Keeps connections alive. Raises ImportProblem for an address that is none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ImportProblem("the address of intake must look like http://127.0.0.1:8601; see --intake")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ImportProblem("the key is no API key; see --key")
    limits = httpx.Limits(max_connections=connections + 1, max_keepalive_connections=connections + 1)
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "plaudit-import", "Accept-Encoding": "identity"}
    # A proxy of the environment is for the world outside, not for a service on this machine.
    return httpx.AsyncClient(
        base_url=url, headers=headers, limits=limits, timeout=TIMEOUT, trust_env=not _is_here(parts.hostname)
    )


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def unreachable(error: httpx.TransportError) -> ImportProblem:
    return ImportProblem(f"intake cannot be reached: {_reason(error)}")


def _reason(error: httpx.TransportError) -> str:
    """The text of these errors may be empty, and names no content."""
    return str(error) or type(error).__name__


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """In seconds; a date, which the header may also hold, is left to the usual back-off."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER) if seconds == seconds else None


def rejected(status: int, body: bytes, scope: str = "submit") -> ImportProblem:
    """What to say of an answer that ends it all."""
    message: Any = None
    try:
        message = orjson.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = "no reason was given"
    cure = {
        401: f"; give a key of this site with the scope {scope} (--key)",
        403: f"; give a key of this site with the scope {scope} (--key)",
        404: "; is the site there (`plaudit site list`), and the address that of intake (--intake)?",
    }.get(status, "")
    return ImportProblem(f"intake refuses it ({status}): {message}{cure}")
