"""Comments, in the neutral write API."""

from __future__ import annotations

from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.intake import comment_store, comments
from services.intake.comment_body import CommentEdit, CommentSubmission
from services.intake.comment_plan import CommentResult
from services.intake.comments import IncomingComment
from services.intake.endpoints import Endpoints, content_id_of, refusing, site_of
from services.intake.idempotency import Answer
from services.intake.refusal import accepted, unknown_comment, unknown_review
from services.intake.registry import Registry
from services.intake.submission import parse
from services.intake.transaction import Connection, transaction
from shared.access import ApiKey, ApiKeys
from shared.http.app import COMMENT_ID, REVIEW_ID
from shared.http.auth import authenticate
from shared.http.json import json_response


class CommentApi(Endpoints):
    def __init__(self, pool: asyncpg.Pool[Any], keys: ApiKeys, registry: Registry) -> None:
        super().__init__(pool, keys, registry.clock)
        self._registry = registry

    def routes(self) -> list[BaseRoute]:
        site = "/v1/sites/{site}"
        comment = f"{site}/comments/{COMMENT_ID}"
        return [
            Route(f"{site}/reviews/{REVIEW_ID}/comments", self.submit, methods=["POST"]),
            Route(comment, self.read, methods=["GET"]),
            Route(comment, self.edit, methods=["PUT"]),
            Route(comment, self.withdraw, methods=["DELETE"]),
        ]

    async def submit(self, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            submission = parse(CommentSubmission, body)
            review_id = content_id_of(request, "review_id", unknown_review)
            incoming = IncomingComment(review_id, submission, "api", trace)
            (result,) = await comments.submit(tx, self._registry, site_of(request), [incoming])
            done = accepted(result)
            return Answer(201 if done.outcome == "created" else 200, _outcome(done))

        return await self._answer(request, "submit", effect)

    async def edit(self, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            edit = parse(CommentEdit, body)
            place = (site_of(request), _comment_id(request))
            return Answer(200, _outcome(await comments.edit(tx, self._registry, *place, edit, "api", trace)))

        return await self._answer(request, "submit", effect)

    async def withdraw(self, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            place = (site_of(request), _comment_id(request))
            found, now = await comments.withdraw(tx, self._registry, *place, key.key_id, trace)
            return Answer(
                200,
                {
                    "comment_id": found.comment_id,
                    "review_id": found.review_id,
                    "revision": found.revision,
                    "state": "withdrawn" if now else found.state,
                    "outcome": "withdrawn" if now else "unchanged",
                },
            )

        return await self._answer(request, "submit", effect, has_body=False)

    async def read(self, request: Request) -> Response:
        """What the registry knows; the content is for moderation and query to show."""
        site = site_of(request)
        await authenticate(request, self._keys, site, "read", "submit")
        async with transaction(self._pool) as connection:
            return json_response(await refusing(comment_store.read_state(connection, site, _comment_id(request))))


def _comment_id(request: Request) -> int:
    return content_id_of(request, "comment_id", unknown_comment)


def _outcome(result: CommentResult) -> dict[str, Any]:
    return {
        "comment_id": result.comment_id,
        "review_id": result.review_id,
        "revision": result.revision,
        "outcome": result.outcome,
    }
