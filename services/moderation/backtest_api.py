"""Backtests over HTTP: a candidate is asked about all reviews on record, while everything goes on as it is."""

from __future__ import annotations

from typing import Annotated, Any, cast
from uuid import UUID

import asyncpg
import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.moderation.backtest import jobs
from services.moderation.backtest.jobs import Backtest, BacktestRunner
from services.moderation.bodies import Body, parse
from services.moderation.policies.reference import NoSuchVersion
from services.moderation.policy_bodies import Name, Version
from services.moderation.policy_views import reference_view
from services.moderation.requests import BODY_LIMIT, params_of, scope_of
from shared.access import ApiKeys
from shared.clock import Clock
from shared.http.errors import ApiError, ErrorCode
from shared.http.json import json_response, read_object


class BacktestBody(Body):
    name: Name
    version: Version
    reviews_per_hour: Annotated[float, Field(gt=0, le=10_000)] | None = Field(
        default=None, description="A moderator's pace; by default what the decisions on record show."
    )


class BacktestApi:
    def __init__(self, pool: asyncpg.Pool[Any], keys: ApiKeys, clock: Clock, runner: BacktestRunner) -> None:
        self._pool = pool
        self._keys = keys
        self._clock = clock
        self._runner = runner

    def routes(self) -> list[Route]:
        return [
            route
            for under in ("/v1/sites/{site}/backtests", "/v1/backtests")
            for route in (
                Route(under, self.ask, methods=["POST"]),
                Route(under, self.list_all, methods=["GET"]),
                Route(f"{under}/{{id}}", self.read, methods=["GET"]),
            )
        ]

    async def ask(self, request: Request) -> Response:
        scope, key = await scope_of(request, self._keys, "moderate", "admin")
        body = parse(BacktestBody, await read_object(request, BODY_LIMIT))
        pace, now = body.reviews_per_hour, self._clock.now()
        try:
            async with self._pool.acquire() as pooled, pooled.transaction():
                connection = cast("asyncpg.Connection[Any]", pooled)
                job, is_new = await jobs.ask(connection, scope, body.name, body.version, pace, key.key_id, now)
        except NoSuchVersion as error:
            raise ApiError(ErrorCode.NOT_FOUND, f"{error}; POST …/policies saves one") from None
        except jobs.TooMany as error:
            raise ApiError(ErrorCode.CONFLICT, str(error)) from None
        self._runner.wake()
        return json_response(_view(job), 202 if is_new else 200)

    async def list_all(self, request: Request) -> Response:
        scope, _ = await scope_of(request, self._keys, "read", "moderate")
        params_of(request)
        return json_response({"backtests": [_view(job) for job in await jobs.listed(self._pool, scope)]})

    async def read(self, request: Request) -> Response:
        scope, _ = await scope_of(request, self._keys, "read", "moderate")
        id_ = _uuid(request.path_params["id"])
        job = None if id_ is None else await jobs.find(self._pool, scope, id_)
        if job is None:
            raise ApiError(ErrorCode.NOT_FOUND, "there is no such backtest; GET …/backtests lists those that there are")
        report = None if job.report is None else orjson.Fragment(job.report)
        return json_response({**_view(job), "report": report})


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _view(job: Backtest) -> dict[str, Any]:
    return {
        "id": str(job.id),
        "policy": reference_view(job.reference),
        "status": job.status,
        "done": job.done,
        "total": job.total,
        "error": job.error,
        "requested_by": job.requested_by,
        "requested_at": job.requested_at,
        "finished_at": job.finished_at,
    }
