"""The neutral write API. Every dialect and importer goes through it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.intake import replies, settings
from services.intake.batch import CONTENT_TYPE, BatchSubmission, StreamedResponse
from services.intake.endpoints import Endpoints, api_error, checked, content_id_of, refusing, site_of, trace_of
from services.intake.idempotency import Answer
from services.intake.plan import Result
from services.intake.refusal import Refused, unknown_review
from services.intake.registry import Incoming, Registry, load_site
from services.intake.settings import Current, SettingsBody
from services.intake.slug import slug
from services.intake.submission import MAX_SLOT, Edit, Reply, Submission, parse
from services.intake.transaction import Connection, transaction
from services.intake.withdrawal import withdraw
from shared.access import ApiKey, ApiKeys
from shared.events.models import Channel
from shared.http.app import REVIEW_ID, SLOT
from shared.http.auth import authenticate
from shared.http.errors import ApiError, ErrorCode
from shared.http.json import json_response, require_content_type

_STATE = """
    select review_id, state, revision, entity_id, author_id, source, source_id, source_version, created_at, updated_at,
        event ->> 'slug' as slug
    from intake.reviews where site = $1 and review_id = $2"""


class Api(Endpoints):
    def __init__(self, pool: asyncpg.Pool[Any], keys: ApiKeys, registry: Registry) -> None:
        super().__init__(pool, keys, registry.clock)
        self._registry = registry

    def routes(self) -> list[BaseRoute]:
        site = "/v1/sites/{site}"
        review = f"{site}/reviews/{REVIEW_ID}"
        reply = f"{review}/replies/{SLOT}"
        return [
            Route(f"{site}/reviews", self.submit, methods=["POST"]),
            Route(f"{site}/reviews/batch", self.submit_batch, methods=["POST"]),
            Route(review, self.read, methods=["GET"]),
            Route(review, self.edit, methods=["PUT"]),
            Route(review, self.withdraw, methods=["DELETE"]),
            Route(reply, self.set_reply, methods=["PUT"]),
            Route(reply, self.remove_reply, methods=["DELETE"]),
            Route(f"{site}/settings", self.read_settings, methods=["GET"]),
            Route(f"{site}/settings", self.change_settings, methods=["PUT"]),
        ]

    async def submit(self, request: Request) -> Response:
        key, body = await self._begin(request, "submit")
        submission = checked(Submission, body)
        channel: Channel = "form" if submission.form is not None else "api"

        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            (result,) = await self._registry.submit(tx, site_of(request), [Incoming(submission, channel, trace)])
            return Answer(201 if result.outcome == "created" else 200, _outcome(_accepted(result)))

        answer = await self._perform(request, key, body, effect)
        # Not stored with the answer, for it repeats the title; it follows from the request, which is the same again.
        name = submission.author.name if submission.author is not None else None
        words = slug(submission.title, name, answer.body["review_id"])
        return json_response({**answer.body, "slug": words}, answer.status)

    async def submit_batch(self, request: Request) -> Response:
        site = site_of(request)
        await authenticate(request, self._keys, site, "submit")
        require_content_type(request, CONTENT_TYPE)
        if "idempotency-key" in request.headers:
            message = (
                "a batch takes no Idempotency-Key; give every line a source and source_id, and send it again at will"
            )
            raise ApiError(ErrorCode.BAD_REQUEST, message, field="Idempotency-Key")
        channel: Channel
        match request.query_params.get("channel", "api"):
            case "api":
                channel = "api"
            case "import":
                channel = "import"
            case _:
                raise ApiError(ErrorCode.VALIDATION_ERROR, "channel must be api or import", field="channel")
        async with transaction(self._pool) as connection:
            await refusing(load_site(connection, site))
        batch = BatchSubmission(self._pool, self._registry, site, channel, trace_of(request))
        return StreamedResponse(batch.results, CONTENT_TYPE)

    async def edit(self, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            edit = parse(Edit, body)
            result = await self._registry.edit(tx, site_of(request), _review_id(request), edit, "api", trace)
            return Answer(200, _outcome(_accepted(result)))

        return await self._answer(request, "submit", effect)

    async def withdraw(self, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            found, now = await withdraw(tx, self._registry, site_of(request), _review_id(request), key.key_id, trace)
            return Answer(
                200,
                {
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
        row = await self._pool.fetchrow(_STATE, site, _review_id(request))
        if row is None:
            raise api_error(unknown_review())
        return json_response({**row, "entity_id": row["entity_id"] or None})

    async def set_reply(self, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            reply = parse(Reply, body)
            place = (site_of(request), _review_id(request), _slot(request))
            done = await replies.set_reply(tx, self._clock, *place, reply, key.key_id, trace)
            return Answer(200, {"reply_id": done.reply_id, "outcome": done.outcome})

        return await self._answer(request, "reply", effect)

    async def remove_reply(self, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            place = (site_of(request), _review_id(request), _slot(request))
            done = await replies.remove_reply(tx, self._clock, *place, key.key_id, trace)
            return Answer(200, {"reply_id": done.reply_id, "outcome": done.outcome})

        return await self._answer(request, "reply", effect, has_body=False)

    async def read_settings(self, request: Request) -> Response:
        site = site_of(request)
        await authenticate(request, self._keys, site, "read", "admin")
        async with transaction(self._pool) as connection:
            return json_response(_settings(await refusing(settings.read_settings(connection, site))))

    async def change_settings(self, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            wanted = parse(SettingsBody, body)
            changed = await settings.change_settings(tx, self._clock, site_of(request), wanted, key.key_id, trace)
            return Answer(200, _settings(changed))

        return await self._answer(request, "admin", effect)


def _review_id(request: Request) -> int:
    return content_id_of(request, "review_id", unknown_review)


def _slot(request: Request) -> int:
    slot: int = request.path_params["slot"]
    if slot > MAX_SLOT:
        raise ApiError(ErrorCode.VALIDATION_ERROR, f"slot must be from 0 to {MAX_SLOT}", field="slot")
    return slot


def _accepted(result: Result) -> Result:
    if result.refusal is not None:
        raise Refused(result.refusal, review_id=result.review_id, revision=result.revision)
    return result


def _outcome(result: Result) -> Mapping[str, Any]:
    return {"review_id": result.review_id, "revision": result.revision, "outcome": result.outcome}


def _settings(current: Current) -> Mapping[str, Any]:
    return {
        "site": current.site,
        "name": current.name,
        "settings": current.settings.model_dump(mode="json"),
        "version": current.version,
    }
