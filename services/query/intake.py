"""Intake's neutral write API, as the dialects use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol

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


@dataclass(frozen=True, slots=True)
class Reply:
    """As it stands now; times are RFC 3339."""

    slot: int
    text: str
    author_name: str | None
    department: str | None
    response_type: str | None
    response_source: str | None
    posted_at: str
    updated_at: str

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Reply:
        return cls(**{one.name: answer[one.name] for one in fields(cls)})


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
    """All methods raise IntakeRefused, or Problem 503 when intake is away, misconfigured or does not answer in time."""

    async def submit(self, site: str, submission: Mapping[str, object], idempotency_key: str | None) -> Accepted: ...


ContentKind = Literal["review", "comment"]


class StorefrontIntake(Intake, Protocol):
    """What a whole storefront sends, beyond reviews. Errors are those of Intake."""

    async def comment(
        self, site: str, review_id: int, comment: Mapping[str, object], idempotency_key: str | None
    ) -> int:
        """The comment's id."""
        ...

    async def give_feedback(
        self, site: str, kind: ContentKind, content_id: int, feedback: Mapping[str, object]
    ) -> None:
        """The same again changes nothing."""
        ...

    async def add_reply(
        self, site: str, review_id: int, reply: Mapping[str, object], authorization: str, idempotency_key: str | None
    ) -> int:
        """The slot that it took, the first that was free. Here and below the caller's own API key decides what is
        allowed: a refused one is IntakeRefused, 401 or 403."""
        ...

    async def change_reply(
        self, site: str, review_id: int, slot: int, changes: Mapping[str, object], authorization: str
    ) -> None:
        """What is not named stays as it is. Raises IntakeRefused 404 for an empty slot."""
        ...

    async def read_reply(self, site: str, review_id: int, slot: int, authorization: str) -> Reply:
        """As it stands, whether it is public or not. Raises IntakeRefused 404 for an empty slot."""
        ...

    async def remove_reply(self, site: str, review_id: int, slot: int, authorization: str) -> bool:
        """Whether there was one."""
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
        answer = await self._send("POST", f"/v1/sites/{site}/reviews", submission, idempotency_key=idempotency_key)
        return Accepted(int(answer["review_id"]), str(answer["slug"]), answer.get("created_at"))

    async def comment(
        self, site: str, review_id: int, comment: Mapping[str, object], idempotency_key: str | None
    ) -> int:
        path = f"/v1/sites/{site}/reviews/{review_id}/comments"
        answer = await self._send("POST", path, comment, idempotency_key=idempotency_key)
        return int(answer["comment_id"])

    async def give_feedback(
        self, site: str, kind: ContentKind, content_id: int, feedback: Mapping[str, object]
    ) -> None:
        await self._send("PUT", f"/v1/sites/{site}/{kind}s/{content_id}/feedback", feedback)

    async def add_reply(
        self, site: str, review_id: int, reply: Mapping[str, object], authorization: str, idempotency_key: str | None
    ) -> int:
        path = f"/v1/sites/{site}/reviews/{review_id}/replies"
        answer = await self._send("POST", path, reply, authorization=authorization, idempotency_key=idempotency_key)
        return int(answer["slot"])

    async def change_reply(
        self, site: str, review_id: int, slot: int, changes: Mapping[str, object], authorization: str
    ) -> None:
        await self._send("PATCH", _reply_path(site, review_id, slot), changes, authorization=authorization)

    async def read_reply(self, site: str, review_id: int, slot: int, authorization: str) -> Reply:
        return Reply.of(await self._send("GET", _reply_path(site, review_id, slot), None, authorization=authorization))

    async def remove_reply(self, site: str, review_id: int, slot: int, authorization: str) -> bool:
        answer = await self._send("DELETE", _reply_path(site, review_id, slot), None, authorization=authorization)
        return bool(answer["outcome"] == "removed")

    async def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        *,
        authorization: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        if authorization is not None:
            headers["Authorization"] = authorization
        content = None if body is None else orjson.dumps(body)
        try:
            answer = await self._client.request(method, path, content=content, headers=headers)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            log.warning("intake unavailable", because=type(error).__name__)
            raise unavailable(_AWAY) from None
        retry_after = answer.headers.get("retry-after")
        return read_answer(answer.status_code, answer.content, retry_after, own_key=authorization is None)

    async def close(self) -> None:
        await self._client.aclose()


def _reply_path(site: str, review_id: int, slot: int) -> str:
    return f"/v1/sites/{site}/reviews/{review_id}/replies/{slot}"


def read_answer(status: int, body: bytes, retry_after: str | None, *, own_key: bool = True) -> dict[str, Any]:
    """What an answer of intake holds. Raises like `Intake`. With `own_key` a key that is refused is ours."""
    try:
        answer: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        log.error("intake's answer is not its API's", status=status)
        raise unavailable(_AWAY)
    if status in (200, 201):
        return answer
    error = answer.get("error")
    code = str(error.get("code", "")) if isinstance(error, dict) else ""
    ours = own_key and (status == 401 or code == "FORBIDDEN")
    if status >= 500 or ours or not isinstance(error, dict):
        # A refused key is a mistake in our settings; the visitor can do nothing about it.
        log.error("intake did not take a submission", status=status, code=code)
        raise unavailable(_AWAY, int(retry_after) if retry_after and retry_after.isdecimal() else 1)
    field = error.get("field")
    message = str(error.get("message", "the review was refused"))
    raise IntakeRefused(status, code, message, field if isinstance(field, str) else None, retry_after)
