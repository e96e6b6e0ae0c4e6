"""What the routes of the write API have in common: who asks, the body, one transaction, and refusals as errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import asyncpg
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from services.intake.idempotency import Answer, once, request_key
from services.intake.refusal import Refused, unknown_site
from services.intake.sites import SITE_ID
from services.intake.submission import MAX_BODY_BYTES, Invalid, parse
from services.intake.trace import continued
from services.intake.transaction import Connection, transaction
from shared.access import ApiKey, ApiKeys, Scope
from shared.clock import Clock
from shared.events.ids import MAX_REVIEW_ID
from shared.http.auth import authenticate
from shared.http.errors import ApiError
from shared.http.json import json_response, read_body, require_content_type

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
Effect: TypeAlias = Callable[[Connection, ApiKey, bytes, str], Awaitable[Answer]]
"""Of a request: the transaction, who asks, the body, and the trace it belongs to."""
SecretOf: TypeAlias = Callable[[Connection, str], Awaitable[bytes]]
"""The key of a site's digests. Raises Refused for an unknown site."""


class Endpoints:
    def __init__(self, pool: asyncpg.Pool[Any], keys: ApiKeys, clock: Clock) -> None:
        self._pool = pool
        self._keys = keys
        self._clock = clock

    async def _begin(self, request: Request, scope: Scope, has_body: bool = True) -> tuple[ApiKey, bytes]:
        key = await authenticate(request, self._keys, site_of(request), scope)
        if not has_body:
            return key, b""
        require_content_type(request, "application/json")
        return key, await read_body(request, MAX_BODY_BYTES)

    async def _answer(
        self, request: Request, scope: Scope, effect: Effect, has_body: bool = True, secret: SecretOf | None = None
    ) -> Response:
        key, body = await self._begin(request, scope, has_body)
        answer = await self._perform(request, key, body, effect, secret)
        return json_response(answer.body, answer.status)

    async def _perform(
        self, request: Request, key: ApiKey, body: bytes, effect: Effect, secret: SecretOf | None = None
    ) -> Answer:
        """The effect in a transaction; with an Idempotency-Key, once. A refusal rolls back and is not kept.

        `secret` keys the digest of the body that is kept with the answer.
        """
        trace = trace_of(request)
        header = request.headers.get("idempotency-key")
        try:
            async with transaction(self._pool) as connection:
                if header is None:
                    return await effect(connection, key, body, trace)
                site = site_of(request)
                keyed = None if secret is None else await secret(connection, site)
                wanted = request_key(site, key.key_id, header, request.method, request.url.path, body, keyed)
                return await once(connection, self._clock, wanted, lambda: effect(connection, key, body, trace))
        except Refused as refused:
            raise api_error(refused) from None


def site_of(request: Request) -> str:
    site: str = request.path_params["site"]
    if SITE_ID.fullmatch(site) is None:
        raise api_error(unknown_site())
    return site


def content_id_of(request: Request, name: str, unknown: Callable[[], Refused]) -> int:
    """The id of a review or comment, from the path."""
    content_id: int = request.path_params[name]
    if not 1 <= content_id <= MAX_REVIEW_ID:
        raise api_error(unknown())
    return content_id


def trace_of(request: Request) -> str:
    return continued(request.headers.get("traceparent"))


def checked(model: type[M], body: bytes) -> M:
    try:
        return parse(model, body)
    except Invalid as invalid:
        raise api_error(invalid) from None


async def refusing(work: Awaitable[T]) -> T:
    try:
        return await work
    except Refused as refused:
        raise api_error(refused) from None


def api_error(refused: Refused) -> ApiError:
    details: dict[str, Any] = {}
    if refused.review_id is not None:
        details["review_id"] = refused.review_id
    if refused.comment_id is not None:
        details["comment_id"] = refused.comment_id
    if refused.revision is not None:
        details["revision"] = refused.revision
    if isinstance(refused, Invalid) and len(refused.problems) > 1:
        details["errors"] = [
            {"code": problem.code.value, "message": problem.message, "field": problem.field}
            for problem in refused.problems
        ]
    refusal = refused.refusal
    return ApiError(refusal.code, refusal.message, field=refusal.field, details=details)
