"""Intake's neutral write API, as the dialects use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import orjson

from services.query.problem import unavailable
from shared.logging import get_logger

log = get_logger(__name__)

_AWAY = "reviews cannot be taken just now; send the same again, with the same Idempotency-Key if there was one"


@dataclass(frozen=True, slots=True)
class Accepted:
    review_id: int
    slug: str
    created_at: str | None
    """RFC 3339, when intake tells it."""


class IntakeRefused(Exception):
    """Intake's own answer: `code` is of the vocabulary of shared.http.errors."""

    def __init__(self, status: int, code: str, message: str, field: str | None, retry_after: str | None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.retry_after = retry_after


class Intake(Protocol):
    async def submit(self, site: str, submission: Mapping[str, object], idempotency_key: str | None) -> Accepted:
        """Raises IntakeRefused, or Problem 503 when intake is away, misconfigured or does not answer in time."""
        ...


class HttpIntake:
    """Over one kept-alive client; never tries again by itself, for it cannot know whether the first try arrived."""

    def __init__(self, url: str, key: str, timeout_seconds: float = 5.0) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            timeout=httpx.Timeout(timeout_seconds, connect=1.0),
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=20, keepalive_expiry=20),
            trust_env=False,
        )

    async def submit(self, site: str, submission: Mapping[str, object], idempotency_key: str | None) -> Accepted:
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        try:
            answer = await self._client.post(
                f"/v1/sites/{site}/reviews", content=orjson.dumps(submission), headers=headers
            )
        except (httpx.TransportError, httpx.InvalidURL) as error:
            log.warning("intake unavailable", because=type(error).__name__)
            raise unavailable(_AWAY) from None
        return read_answer(answer.status_code, answer.content, answer.headers.get("retry-after"))

    async def close(self) -> None:
        await self._client.aclose()


def read_answer(status: int, body: bytes, retry_after: str | None) -> Accepted:
    """What an answer of intake means. Raises like `Intake.submit`."""
    try:
        answer: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        log.error("intake's answer is not its API's", status=status)
        raise unavailable(_AWAY)
    if status in (200, 201):
        return Accepted(int(answer["review_id"]), str(answer["slug"]), answer.get("created_at"))
    error = answer.get("error")
    code = str(error.get("code", "")) if isinstance(error, dict) else ""
    if status >= 500 or status == 401 or code == "FORBIDDEN" or not isinstance(error, dict):
        # A refused key is a mistake in our settings; the visitor can do nothing about it.
        log.error("intake did not take a submission", status=status, code=code)
        raise unavailable(_AWAY, int(retry_after) if retry_after and retry_after.isdecimal() else 1)
    field = error.get("field")
    message = str(error.get("message", "the review was refused"))
    raise IntakeRefused(status, code, message, field if isinstance(field, str) else None, retry_after)
