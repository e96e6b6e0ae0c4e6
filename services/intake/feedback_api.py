"""Votes and reports of abuse, in the neutral write API."""

from __future__ import annotations

from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.intake.endpoints import Endpoints, content_id_of, site_of
from services.intake.feedback import Feedback, give
from services.intake.feedback_body import FeedbackBody
from services.intake.idempotency import Answer
from services.intake.live import ContentRef
from services.intake.refusal import accepted, unknown_comment, unknown_review
from services.intake.registry import Registry, load_site
from services.intake.submission import parse
from services.intake.transaction import Connection
from shared.access import ApiKey, ApiKeys
from shared.events.models import ContentKind
from shared.http.app import COMMENT_ID, REVIEW_ID


class FeedbackApi(Endpoints):
    def __init__(self, pool: asyncpg.Pool[Any], keys: ApiKeys, registry: Registry) -> None:
        super().__init__(pool, keys, registry.clock)
        self._registry = registry

    def routes(self) -> list[BaseRoute]:
        site = "/v1/sites/{site}"
        return [
            Route(f"{site}/reviews/{REVIEW_ID}/feedback", self.of_review, methods=["PUT"]),
            Route(f"{site}/comments/{COMMENT_ID}/feedback", self.of_comment, methods=["PUT"]),
        ]

    async def of_review(self, request: Request) -> Response:
        return await self._give(request, "review", content_id_of(request, "review_id", unknown_review))

    async def of_comment(self, request: Request) -> Response:
        return await self._give(request, "comment", content_id_of(request, "comment_id", unknown_comment))

    async def _give(self, request: Request, kind: ContentKind, content_id: int) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            given = Feedback(ContentRef(kind, content_id), parse(FeedbackBody, body), trace)
            (result,) = await give(tx, self._registry, site_of(request), [given])
            done = accepted(result)
            return Answer(200, {"voter_id": done.voter_id, "outcome": done.outcome})

        # A body may be little more than an address, which its plain digest would give away.
        return await self._answer(request, "submit", effect, secret=_identity_key)


async def _identity_key(tx: Connection, site: str) -> bytes:
    return (await load_site(tx, site)).identity_key
