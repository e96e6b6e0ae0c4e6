"""The Response API: the shop's answers to reviews, written with an API key of ours and never with a pass key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol

import orjson

from services.query.bazaarvoice.feedback import read_id
from services.query.bazaarvoice.response_guid import Place, read_guid, response_guid
from services.query.core.answers import Answer
from services.query.core.query import Compare, Field, Op, Page, Query, Subject
from services.query.exchange import NO_STORE, Header, Request, Response
from services.query.intake import IntakeRefused, StorefrontIntake
from services.query.problem import Problem, method_not_allowed, not_found, problem

MAX_BODY_BYTES = 256 * 1024
JSON_API: Header = (b"content-type", b"application/json; charset=utf-8")
ANSWER_CACHE: Header = (b"cache-control", b"public, no-cache")

_PREFIX = "/response/v1/clientResponses/"
_SITE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_BEARER = re.compile(r"Bearer +plk_[A-Za-z0-9_-]{1,200}", re.IGNORECASE)
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# Ours, by the names that the API's own documents use and those that answers of the display API use, in any case.
_FIELDS = {
    "response": "text",
    "department": "department",
    "responseby": "author_name",
    "name": "author_name",
    "responsetype": "response_type",
    "responsesource": "response_source",
}
_NAMES = {
    "text": "response",
    "author_name": "responseBy",
    "department": "department",
    "response_type": "responseType",
    "response_source": "responseSource",
}


class Route(StrEnum):
    """Names of what there is, as in metrics."""

    READ = "bazaarvoice.responses"
    WRITE = "bazaarvoice.response"
    REFUSED = "bazaarvoice.refused"


@dataclass(frozen=True, slots=True)
class Target:
    """`review_id` is None for a path that names a response alone; `site` then follows from the host."""

    site: str | None
    review_id: int
    slot: int | None


def locate(path: str) -> Target:
    """Pure. Raises Problem 404."""
    if path.startswith(_PREFIX):
        match path.removeprefix(_PREFIX).removesuffix("/").split("/"):
            case [guid] if place := read_guid(guid):
                return Target(None, place.review_id, place.slot)
            case [site, "reviews", review] if _SITE.fullmatch(site) and (review_id := read_id(review)):
                return Target(site, review_id, None)
            case [site, "reviews", review, guid] if _SITE.fullmatch(site) and (place := read_guid(guid)):
                if str(place.review_id) == review:
                    return Target(site, place.review_id, place.slot)
    raise not_found(
        "there is nothing at this path; responses are at /response/v1/clientResponses/{client}/reviews/{id}"
    )


class AsksReviews(Protocol):
    async def ask(self, query: Query) -> Answer | None: ...


class Responses:
    """`site_of_host` is for paths that name a response alone; it raises Problem for a host without a site."""

    def __init__(self, reader: AsksReviews, intake: StorefrontIntake, site_of_host: Callable[[str], str]) -> None:
        self._reader = reader
        self._intake = intake
        self._site_of_host = site_of_host

    async def answer(self, request: Request) -> Response:
        target = locate(request.path)
        site = target.site or self._site_of_host(request.header(b"host"))
        try:
            match request.method, target.slot:
                case "GET", slot:
                    return await self._read(site, target.review_id, slot)
                case "POST", None:
                    return await self._add(request, site, target.review_id)
                case "PATCH", int(slot):
                    return await self._change(request, site, Place(target.review_id, slot))
                case "DELETE", int(slot):
                    await self._intake.remove_reply(site, target.review_id, slot, _authorization(request))
                    return Response(Route.WRITE, 204, b"", [NO_STORE])
        except IntakeRefused as error:
            raise translate(error) from None
        raise method_not_allowed(self.allowed(request))

    def allowed(self, request: Request) -> str:
        return "GET, HEAD, POST, OPTIONS" if locate(request.path).slot is None else "GET, HEAD, PATCH, DELETE, OPTIONS"

    def refuse(self, request: Request, problem: Problem) -> Response:
        errors = [
            {
                "status": str(problem.status),
                "title": _TITLES.get(problem.status, "Bad Request"),
                "detail": detail.message,
            }
            | ({} if detail.field is None else {"source": {"pointer": f"/attributes/{detail.field}"}})
            for detail in problem.details
        ]
        return Response(Route.REFUSED, problem.status, orjson.dumps({"errors": errors}), [JSON_API])

    async def _read(self, site: str, review_id: int, slot: int | None) -> Response:
        """What anybody may see, so nobody is asked who they are."""
        conditions = (Compare(Field.REVIEW_ID, Op.IN, (review_id,)),)
        answer = await self._reader.ask(Query(Subject.REVIEWS, site, Page(1), conditions))
        if answer is None or not answer.enabled or not answer.rows:
            raise not_found("there is no such review, or it is not public")
        replies = [reply for reply in answer.rows[0]["replies"] if slot is None or reply["slot"] == slot]
        if slot is not None and not replies:
            raise not_found("there is no such response, or it is not public")
        data = [render(site, Place(review_id, reply["slot"]), reply) for reply in replies]
        return Response(Route.READ, 200, orjson.dumps({"data": data}), [JSON_API, ANSWER_CACHE])

    async def _add(self, request: Request, site: str, review_id: int) -> Response:
        authorization = _authorization(request)
        once = request.header(b"idempotency-key") or None
        if once is not None and not _IDEMPOTENCY_KEY.fullmatch(once):
            raise problem(400, "the Idempotency-Key must be 1 to 255 printable characters")
        reply = read_body(await request.body(MAX_BODY_BYTES))
        slot = await self._intake.add_reply(site, review_id, reply, authorization, once)
        return await self._written(site, Place(review_id, slot), authorization)

    async def _change(self, request: Request, site: str, place: Place) -> Response:
        authorization = _authorization(request)
        changes = read_body(await request.body(MAX_BODY_BYTES))
        await self._intake.change_reply(site, place.review_id, place.slot, changes, authorization)
        return await self._written(site, place, authorization)

    async def _written(self, site: str, place: Place, authorization: str) -> Response:
        standing = await self._intake.read_reply(site, place.review_id, place.slot, authorization)
        return Response(Route.WRITE, 200, orjson.dumps(render(site, place, asdict(standing))), [JSON_API, NO_STORE])


def render(site: str, place: Place, reply: Mapping[str, Any]) -> dict[str, object]:
    """A reply of the read model or of intake: they have the same names."""
    attributes = {ours: reply.get(name) for name, ours in _NAMES.items()}
    return {
        "type": "clientResponse",
        "id": response_guid(place),
        "attributes": attributes | {"created": reply["posted_at"], "updated": reply["updated_at"]},
        "relationships": {
            "review": {"data": {"type": "review", "id": str(place.review_id), "clientName": site}},
        },
    }


def read_body(body: bytes) -> dict[str, object]:
    """Intake's names; fields that are not known are left out. Raises Problem."""
    try:
        whole = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise problem(400, "the body is not valid JSON in UTF-8") from None
    if not isinstance(whole, dict):
        raise problem(400, 'the body must be a JSON object: {"attributes": {"response": …}}')
    attributes = whole.get("attributes", whole)
    if not isinstance(attributes, dict):
        raise problem(400, "attributes must be a JSON object")
    known = {name.lower(): value for name, value in attributes.items()}
    for name in _FIELDS:
        if not isinstance(known.get(name), str | None):
            raise problem(422, f"{name} must be a string", name)
    return {ours: known[name] for name, ours in _FIELDS.items() if name in known}


def translate(refused: IntakeRefused) -> Problem:
    """Intake's refusal with this API's names of fields."""
    field = _NAMES.get(refused.field or "")
    message = refused.message
    if field is not None:
        message = f"{field} {message.partition(' ')[2]}"
    headers = {"Retry_After": refused.retry_after or "1"} if refused.status == 429 else {}
    if refused.status == 401:
        headers = {"WWW_Authenticate": "Bearer"}
    return problem(refused.status, message, field, **headers)


_TITLES = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def _authorization(request: Request) -> str:
    """The caller's own, to be judged by intake. Raises Problem 401: without one ours must never stand in for it."""
    given = request.header(b"authorization")
    if not _BEARER.fullmatch(given):
        raise problem(
            401, "send an API key with the scope reply as `Authorization: Bearer plk_…`", WWW_Authenticate="Bearer"
        )
    return given
