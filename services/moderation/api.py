"""The moderators' HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import asyncpg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.moderation import cursor as cursors
from services.moderation import dead_letters, queue
from services.moderation.bodies import DecisionBody, PlacementBody, parse
from services.moderation.case import Ruling
from services.moderation.desk import Desk, Moved, NoSuchCase, NotDecidable, NotPlaceable, Placement, Seen
from services.moderation.policy.codes import ModeratorCode
from services.moderation.policy_api import PolicyApi
from services.moderation.queue import Filters
from services.moderation.requests import (
    BODY_LIMIT,
    EVERY_SITE_KEY,
    before_of,
    invalid,
    limit_of,
    params_of,
    site_of,
)
from services.moderation.views import case_view, history_view, page_view
from services.moderation.word_api import WordApi
from shared.access import ApiKeys
from shared.clock import SystemClock
from shared.events.ids import MAX_REVIEW_ID
from shared.events.models import ContentKind, Status
from shared.http.app import REVIEW_ID
from shared.http.auth import authenticate
from shared.http.errors import ApiError, ErrorCode
from shared.http.json import json_response, read_object

_FILTERS = ("status", "kind", "queue", "code", "rule", "entity_id")
_LONGEST_FILTER = 255


class ModerationApi:
    def __init__(self, pool: asyncpg.Pool[Any], keys: ApiKeys, desk: Desk) -> None:
        self._pool = pool
        self._keys = keys
        self._desk = desk
        clock = SystemClock()
        self._parts = (PolicyApi(pool, keys, clock), WordApi(pool, keys, clock))

    def routes(self) -> list[Route]:
        case = f"/v1/sites/{{site}}/cases/{REVIEW_ID}"
        return [
            Route("/v1/sites/{site}/cases", self.list_cases, methods=["GET"]),
            Route(case, self.read_case, methods=["GET"]),
            Route(f"{case}/decisions", self.decide, methods=["POST"]),
            Route(f"{case}/presentation", self.place, methods=["PATCH"]),
            Route("/v1/dead-letters", self.list_dead_letters, methods=["GET"]),
            *(route for part in self._parts for route in part.routes()),
        ]

    async def list_cases(self, request: Request) -> Response:
        site = site_of(request)
        await authenticate(request, self._keys, site, "read", "moderate")
        params = params_of(request, *_FILTERS, "cursor", "limit")
        filters = _filters(params)
        after = None
        if (token := params.get("cursor")) is not None:
            try:
                after = cursors.decode(token, filters.listing(site))
            except cursors.InvalidCursor:
                raise invalid("cursor", "send next_cursor of a page of this very listing, unchanged") from None
        page = await queue.page(self._pool, site, filters, after, limit_of(params))
        return json_response(page_view(page))

    async def read_case(self, request: Request) -> Response:
        site = site_of(request)
        await authenticate(request, self._keys, site, "read", "moderate")
        history = await queue.history(self._pool, site, _review_id(request))
        if history is None:
            raise _not_found()
        return json_response(history_view(history))

    async def decide(self, request: Request) -> Response:
        site = site_of(request)
        key = await authenticate(request, self._keys, site, "moderate")
        review_id = _review_id(request)
        body = parse(DecisionBody, await read_object(request, BODY_LIMIT))
        ruling = Ruling(
            status="approved" if body.decision == "approve" else "rejected",
            actor_kind="person",
            actor=key.key_id,
            codes=tuple(code.value for code in body.codes),
            note=body.note,
            moderator=body.moderator,
        )
        try:
            case = await self._desk.decide(site, review_id, Seen(body.version, body.revision), ruling)
        except NoSuchCase:
            raise _not_found() from None
        except Moved as moved:
            raise _moved(moved) from None
        except NotDecidable as error:
            raise ApiError(ErrorCode.CONFLICT, str(error)) from None
        return json_response(case_view(case))

    async def place(self, request: Request) -> Response:
        site = site_of(request)
        key = await authenticate(request, self._keys, site, "moderate")
        review_id = _review_id(request)
        body = parse(PlacementBody, await read_object(request, BODY_LIMIT))
        placement = Placement(body.is_featured, body.display_order, "display_order" in body.model_fields_set)
        try:
            case = await self._desk.place(site, review_id, placement, key.key_id, body.moderator)
        except NoSuchCase:
            raise _not_found() from None
        except NotDecidable as error:
            raise ApiError(ErrorCode.REMOVED, str(error)) from None
        except NotPlaceable as error:
            raise invalid("display_order", str(error)) from None
        return json_response(case_view(case))

    async def list_dead_letters(self, request: Request) -> Response:
        """Where the unreadable records are and why they are; what they say stays in the database."""
        await authenticate(request, self._keys, EVERY_SITE_KEY, "admin")
        params = params_of(request, "before", "limit")
        letters, next_before = await dead_letters.page(self._pool, before_of(params), limit_of(params))
        return json_response({"dead_letters": letters, "next_before": next_before})


def _filters(params: Mapping[str, str]) -> Filters:
    values = {name: params[name] for name in _FILTERS if params.get(name)}
    for name, value in values.items():
        if len(value) > _LONGEST_FILTER or "\0" in value:
            raise invalid(name, f"{name} must be text of at most {_LONGEST_FILTER} characters")
    status = values.get("status", "held")
    known: tuple[Status, ...] = get_args(Status)
    if status not in known:
        raise invalid("status", f"status must be one of {', '.join(known)}")
    code = values.get("code")
    if code is not None and code not in {known_code.value for known_code in ModeratorCode}:
        raise invalid("code", f"code must be one of {', '.join(known_code.value for known_code in ModeratorCode)}")
    kind = values.get("kind")
    kinds: tuple[ContentKind, ...] = get_args(ContentKind)
    if kind is not None and kind not in kinds:
        raise invalid("kind", f"kind must be one of {', '.join(kinds)}")
    return Filters(status, values.get("queue"), code, values.get("rule"), values.get("entity_id"), kind)


def _review_id(request: Request) -> int:
    review_id: int = request.path_params["review_id"]
    if review_id > MAX_REVIEW_ID:
        raise _not_found()
    return review_id


def _not_found() -> ApiError:
    return ApiError(ErrorCode.NOT_FOUND, "this site has no such case")


def _moved(moved: Moved) -> ApiError:
    case = moved.case
    return ApiError(
        ErrorCode.CONFLICT,
        "the case has moved since it was read: read it again and decide on what it is now",
        details={"current": {"version": case.version, "revision": case.revision, "status": case.status}},
    )
