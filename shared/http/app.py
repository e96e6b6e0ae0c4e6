"""What every HTTP service of ours has: probes, metrics, request ids, and errors in one envelope."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Sequence

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics
from shared.http.errors import ApiError, ErrorCode
from shared.http.json import json_response
from shared.logging import get_logger
from shared.postgres.errors import is_transient
from shared.service import Health

log = get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def create_app(service: str, routes: Sequence[BaseRoute], health: Health) -> Starlette:
    """The routes of a service, with its probes beside them."""
    app = Starlette(
        routes=[*probe_routes(health), *routes],
        exception_handlers={ApiError: _api_error, HTTPException: _http_error, Exception: _unexpected},
    )
    app.add_middleware(Observation, service=service)
    return app


def probe_routes(health: Health) -> list[BaseRoute]:
    """`/live`: the process runs. `/ready`: it can do its work now. `/metrics`: for Prometheus."""

    async def live(_: Request) -> Response:
        return json_response({"live": True})

    async def ready(_: Request) -> Response:
        return json_response({"ready": health.ready, "parts": health.parts}, 200 if health.ready else 503)

    async def exposition(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/live", live), Route("/ready", ready), Route("/metrics", exposition)]


class Observation:
    """Request ids, counts and durations; plain ASGI, for a wrapped response would be buffered."""

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

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            route = scope.get("route")
            path = getattr(route, "path", "other")
            metrics.HTTP_REQUESTS.labels(self._service, path, scope["method"], str(status)).inc()
            metrics.HTTP_SECONDS.labels(self._service, path).observe(time.perf_counter() - started)


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


async def _unexpected(request: Request, error: Exception) -> Response:
    """A database that is away is a 503 worth trying again; anything else is a fault of ours, logged with its id."""
    if is_transient(error):
        log.warning("database unavailable", because=type(error).__name__)
        away = ApiError(
            ErrorCode.SERVICE_UNAVAILABLE, "the database does not answer; try again", headers={"Retry-After": "1"}
        )
        return json_response(away.body(), away.status, away.headers)
    request_id = request.scope.get("state", {}).get("request_id", "")
    log.error("request failed", request_id=request_id, path=request.scope.get("path"), error=type(error).__name__)
    fault = ApiError(ErrorCode.INTERNAL_ERROR, f"a fault of ours; tell the operator this request id: {request_id}")
    return json_response(fault.body(), fault.status)
