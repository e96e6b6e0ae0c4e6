"""The public edge as an ASGI application: limits, CORS, conditional requests, errors and metrics of dialects."""

from __future__ import annotations

import random
import re
import time
from functools import lru_cache
from typing import Protocol

from prometheus_client import Counter, Histogram

from services.query.client import Clients
from services.query.core.connections import TooBusy, TooSlow, Unreachable
from services.query.cors import Cors
from services.query.exchange import NO_STORE, Header, Receive, Request, Response, Scope, Send, not_modified
from services.query.problem import Problem, problem, unavailable
from services.query.router import Mount, Router
from shared import metrics
from shared.http.rate_limit import RateLimiter
from shared.logging import get_logger

log = get_logger(__name__)

_PROBES = frozenset({"/live", "/ready", "/metrics"})
_NOSNIFF: Header = (b"x-content-type-options", b"nosniff")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_ENTITY_HEADERS = frozenset({b"content-type"})


class App(Protocol):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Edge:
    def __init__(
        self,
        router: Router,
        probes: App,
        *,
        cors: Cors,
        clients: Clients,
        reads: RateLimiter | None,
        writes: RateLimiter | None,
    ) -> None:
        self._router = router
        self._probes = probes
        self._cors = cors
        self._clients = clients
        self._reads = reads
        self._writes = writes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] in _PROBES:
            await self._probes(scope, receive, send)
            return
        started = time.perf_counter()
        request = Request(scope, receive)
        given = request.header(b"x-request-id")
        request_id = given if given and _REQUEST_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"
        method, is_head = request.method, request.method == "HEAD"
        if is_head:
            request.method = "GET"
        response = await self._respond(request, request_id)
        headers = response.headers
        headers.extend(request.answer_headers)
        headers.append(_NOSNIFF)
        headers.append((b"x-request-id", request_id.encode()))
        headers.extend(self._cors.headers(request))
        if response.status not in (204, 304):
            headers.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if is_head else response.body})
        _requests(response.route, method, response.status).inc()
        _seconds(response.route).observe(time.perf_counter() - started)

    async def _respond(self, request: Request, request_id: str) -> Response:
        mount = self._router.find(request.path)
        try:
            return await self._answer(mount, request)
        except Problem as refused:
            found = refused
        except TooBusy:
            found = unavailable("too many requests at once; try again")
        except TooSlow:
            found = unavailable("the question takes too long to answer; narrow it, or try again later", 5)
        except Unreachable as error:
            log.warning("database unavailable", because=type(error.__cause__ or error).__name__)
            found = unavailable("the reviews cannot be read just now; try again")
        except Exception as error:
            # Without the traceback's values: errors of a database quote what they were given.
            log.error("request failed", request_id=request_id, error=type(error).__name__, at=_place(error))
            found = problem(500, f"a fault of ours; tell the operator this request id: {request_id}")
        response = mount.dialect.refuse(request, found)
        if NO_STORE not in response.headers:
            response.headers.append(NO_STORE)
        for name, value in found.headers.items():
            response.headers.append((name.lower().encode(), value.encode()))
        return response

    async def _answer(self, mount: Mount, request: Request) -> Response:
        if request.method == "OPTIONS":
            allowed = self._cors.preflight(request)
            return allowed or Response("options", 204, b"", [(b"allow", mount.dialect.allowed(request).encode())])
        self._limit(mount, request)
        response = await mount.dialect.answer(request)
        if response.status == 200 and not_modified(response, request.header(b"if-none-match")):
            kept = [header for header in response.headers if header[0] not in _ENTITY_HEADERS]
            return Response(response.route, 304, b"", kept)
        return response

    def _limit(self, mount: Mount, request: Request) -> None:
        limiter = self._writes if mount.takes_forms and request.method != "GET" else self._reads
        if limiter is None:
            return
        wait = limiter.take(self._clients.group(request))
        if wait:
            raise problem(429, f"too many requests; try again in {wait} s", Retry_After=str(wait))


def _place(error: Exception) -> str:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return "" if traceback is None else f"{traceback.tb_frame.f_code.co_qualname}:{traceback.tb_lineno}"


# Looking a child up by its labels takes longer than counting; methods that nobody has heard of share one.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@lru_cache(maxsize=1000)
def _requests(route: str, method: str, status: int) -> Counter:
    return metrics.HTTP_REQUESTS.labels("query", route, method if method in _METHODS else "other", str(status))


@lru_cache(maxsize=100)
def _seconds(route: str) -> Histogram:
    return metrics.HTTP_SECONDS.labels("query", route)
