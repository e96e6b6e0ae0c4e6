"""Replies as a conversation: one more in the first free slot, a change of some fields, and what stands there."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.intake import replies
from services.intake.endpoints import Endpoints, api_error, content_id_of, site_of
from services.intake.fields import LINES, Name, Said, StrictModel
from services.intake.idempotency import Answer
from services.intake.refusal import Refusal, Refused, unknown_review
from services.intake.registry import load_site, lock_review
from services.intake.submission import MAX_SLOT, Reply, parse
from services.intake.transaction import Connection
from shared.access import ApiKey
from shared.events.content import MAX_REPLY
from shared.events.ids import reply_id
from shared.http.app import REVIEW_ID, SLOT
from shared.http.auth import authenticate
from shared.http.errors import ErrorCode
from shared.http.json import json_response

_TAKEN = "select slot from intake.replies where site = $1 and review_id = $2 and not removed"
_STANDING = "select event from intake.replies where site = $1 and reply_id = $2 and not removed"


class ReplyChange(StrictModel):
    """What is not sent stays as it is; null empties a field, apart from the text."""

    text: Annotated[Annotated[str, Field(max_length=MAX_REPLY, pattern=LINES)], Said] = Field(default="", repr=False)
    author_name: Name = None
    department: Name = None
    response_type: Name = None
    response_source: Name = None


class ReplyApi(Endpoints):
    def routes(self) -> list[BaseRoute]:
        path = f"/v1/sites/{{site}}/reviews/{REVIEW_ID}/replies"
        return [
            Route(path, self.add, methods=["POST"]),
            Route(f"{path}/{SLOT}", self.read, methods=["GET"]),
            Route(f"{path}/{SLOT}", self.change, methods=["PATCH"]),
        ]

    async def add(self, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            reply = parse(Reply, body)
            site, review_id = site_of(request), _review_id(request)
            slot = await free_slot(tx, site, review_id)
            done = await replies.set_reply(tx, self._clock, site, review_id, slot, reply, key.key_id, trace)
            return Answer(201, {"reply_id": done.reply_id, "slot": slot, "outcome": done.outcome})

        return await self._answer(request, "reply", effect)

    async def change(self, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            change = parse(ReplyChange, body)
            site, review_id, slot = site_of(request), _review_id(request), _slot(request)
            await load_site(tx, site)
            await lock_review(tx, site, review_id)
            standing = await _standing(tx, site, review_id, slot)
            before = {name: standing.get(name) for name in Reply.model_fields}
            reply = Reply.model_validate(before | change.model_dump(exclude_unset=True))
            done = await replies.set_reply(tx, self._clock, site, review_id, slot, reply, key.key_id, trace)
            return Answer(200, {"reply_id": done.reply_id, "slot": slot, "outcome": done.outcome})

        return await self._answer(request, "reply", effect)

    async def read(self, request: Request) -> Response:
        """What stands in the slot, whether its review is public or not."""
        site, review_id, slot = site_of(request), _review_id(request), _slot(request)
        await authenticate(request, self._keys, site, "reply", "read")
        try:
            standing = await _standing(self._pool, site, review_id, slot)
        except Refused as refused:
            raise api_error(refused) from None
        times = {name: standing[name] for name in ("posted_at", "updated_at")}
        fields = {name: standing.get(name) for name in Reply.model_fields}
        return json_response({"reply_id": reply_id(review_id, slot), "slot": slot, **fields, **times})


async def free_slot(tx: Connection, site: str, review_id: int) -> int:
    """The first without a reply, for as long as the transaction lasts. Raises Refused."""
    await load_site(tx, site)
    # It guards slots that have no row yet.
    await lock_review(tx, site, review_id)
    taken = {row["slot"] for row in await tx.fetch(_TAKEN, site, review_id)}
    for slot in range(MAX_SLOT + 1):
        if slot not in taken:
            return slot
    message = f"the review has all {MAX_SLOT + 1} replies that it can have; change or remove one"
    raise Refused(Refusal(ErrorCode.CONFLICT, message))


async def _standing(source: Any, site: str, review_id: int, slot: int) -> dict[str, Any]:
    """The reply's event. Raises Refused for an empty slot."""
    event = await source.fetchval(_STANDING, site, reply_id(review_id, slot))
    if event is None:
        raise Refused(Refusal(ErrorCode.NOT_FOUND, "there is no reply in this slot; add one by POST"))
    found: dict[str, Any] = orjson.loads(event)
    return found


def _review_id(request: Request) -> int:
    return content_id_of(request, "review_id", unknown_review)


def _slot(request: Request) -> int:
    slot: int = request.path_params["slot"]
    if slot > MAX_SLOT:
        raise api_error(Refused(Refusal(ErrorCode.VALIDATION_ERROR, f"slot must be from 0 to {MAX_SLOT}", "slot")))
    return slot
