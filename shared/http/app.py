"""What every HTTP service of ours has: probes, metrics, request ids, and errors in one envelope."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Sequence

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics
from shared.events.ids import MAX_REVIEW_ID
from shared.http.errors import ApiError, ErrorCode
from shared.http.json import json_response
from shared.logging import get_logger
from shared.postgres.errors import is_transient
from shared.service import Health

log = get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class _Digits(Convertor[int]):
    """A whole number of a few digits. Starlette's own takes any number of them, and Python does not."""

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


class _ReviewId(_Digits):
    regex = f"[0-9]{{1,{len(str(MAX_REVIEW_ID))}}}"


class _Slot(_Digits):
    regex = "[0-9]{1,3}"


register_url_convertor("review_id", _ReviewId())
register_url_convertor("slot", _Slot())
REVIEW_ID = "{review_id:review_id}"
"""In the path of a route. An id that no review can have is a path that is not there."""
COMMENT_ID = "{comment_id:review_id}"
SLOT = "{slot:slot}"


def create_app(service: str, routes: Sequence[BaseRoute], health: Health) -> Starlette:
    """The routes of a service, with its probes beside them."""
    app = Starlette(
        routes=[*probe_routes(health), *routes],
        exception_handlers={ApiError: _api_error, HTTPException: _http_error},
    )
    app.add_middleware(Observation, service=service)
    return app


def probe_routes(health: Health) -> list[BaseRoute]:
    """`/live`: the process runs. `/ready`: it can do its work now. `/metrics`: for Prometheus."""

    async def live(_: Request) -> Response:
        return json_response({"live": True})

    async def ready(_: Request) -> Response:
        said: dict[str, object] = {"ready": health.ready, "parts": health.parts}
        if health.degraded:
            said["degraded"] = health.degraded
        return json_response(said, 200 if health.ready else 503)

    async def exposition(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/live", live), Route("/ready", ready), Route("/metrics", exposition)]


class Observation:
    """Request ids, counts, durations, and answers to what was not expected.

    Plain ASGI, for a wrapped response would be buffered. Starlette's handler of any exception is not used: it is
    outside of all middleware, so that its answers would neither be counted nor have ids.
    """

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 500
        answered = False

        async def observed(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                answered = True
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except Exception as error:
            if answered:
                raise  # the server cuts the connection, which is how the client learns that there is more missing
            await _unexpected(error, request_id, _route_path(scope))(scope, receive, observed)
        finally:
            path = _route_path(scope)
            metrics.HTTP_REQUESTS.labels(self._service, path, scope["method"], str(status)).inc()
            metrics.HTTP_SECONDS.labels(self._service, path).observe(time.perf_counter() - started)


def _route_path(scope: Scope) -> str:
    """Of the route, and not of the request: that may hold anything."""
    path: str = getattr(scope.get("route"), "path", "other")
    return path


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return json_response(error.body(), error.status, error.headers)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known: dict[int, tuple[ErrorCode, str]] = {
        404: (ErrorCode.NOT_FOUND, "there is nothing at this path; docs/http-api.md lists what there is"),
        405: (ErrorCode.METHOD_NOT_ALLOWED, f"{request.method} is not for this path; see the Allow header"),
    }
    code, message = known.get(error.status_code, (ErrorCode.BAD_REQUEST, error.detail))
    return json_response(ApiError(code, message).body(), error.status_code, error.headers)


def _unexpected(error: Exception, request_id: str, route: str) -> Response:
    """A database that is away is a 503 worth trying again; anything else is a fault of ours, logged with its id."""
    if is_transient(error):
        log.warning("database unavailable", route=route, because=type(error).__name__)
        away = ApiError(
            ErrorCode.SERVICE_UNAVAILABLE, "the database does not answer; try again", headers={"Retry-After": "1"}
        )
        return json_response(away.body(), away.status, away.headers)
    log.error("request failed", request_id=request_id, route=route, error=type(error).__name__)
    fault = ApiError(ErrorCode.INTERNAL_ERROR, f"a fault of ours; tell the operator this request id: {request_id}")
    return json_response(fault.body(), fault.status)
