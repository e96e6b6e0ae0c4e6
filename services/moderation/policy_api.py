"""Policies over HTTP: saved, activated, rolled out and tried in shadow, for one site or for every site."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import asyncpg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.moderation.bodies import Body, parse
from services.moderation.policies import activation, events, shadow_summary, versions
from services.moderation.policies.reference import By, NoSuchVersion, Reference
from services.moderation.policy.policy import check_policy
from services.moderation.policy.problem import PolicyErrors, describe_problems
from services.moderation.policy.source import MAX_SOURCE_BYTES
from services.moderation.policy_bodies import (
    NAME,
    ActivationBody,
    CandidateBody,
    Change,
    CheckBody,
    RolloutBody,
    SourceBody,
)
from services.moderation.policy_views import reference_view, saved_view, standing_view, summary_view, version_view
from services.moderation.requests import (
    BODY_LIMIT,
    before_of,
    invalid,
    is_id,
    limit_of,
    params_of,
    scope_of,
)
from shared.access import ApiKey, ApiKeys
from shared.clock import Clock
from shared.http.errors import ApiError, ErrorCode
from shared.http.json import json_response, read_body, read_object

SOURCE_LIMIT = 2 * MAX_SOURCE_BYTES
"""JSON escapes what is in the YAML."""
YAML = frozenset({"application/yaml", "application/x-yaml", "text/yaml"})

B = TypeVar("B", bound=Body)


class PolicyApi:
    def __init__(self, pool: asyncpg.Pool[Any], keys: ApiKeys, clock: Clock) -> None:
        self._pool = pool
        self._keys = keys
        self._clock = clock
        self._checking = asyncio.Lock()

    def routes(self) -> list[Route]:
        return [
            route
            for under in ("/v1/sites/{site}/policies", "/v1/policies")
            for route in (
                Route(under, self.list_versions, methods=["GET"]),
                Route(under, self.save, methods=["POST"]),
                Route(f"{under}/check", self.check, methods=["POST"]),
                Route(f"{under}/log", self.log, methods=["GET"]),
                Route(f"{under}/active", self.activate, methods=["PUT"]),
                Route(f"{under}/rollout", self.roll_out, methods=["PUT"]),
                Route(f"{under}/rollout", self.stop_rollout, methods=["DELETE"]),
                Route(f"{under}/shadow", self.read_shadow, methods=["GET"]),
                Route(f"{under}/shadow", self.start_shadow, methods=["PUT"]),
                Route(f"{under}/shadow", self.stop_shadow, methods=["DELETE"]),
                Route(f"{under}/{{name}}/versions/{{version}}", self.read_version, methods=["GET"]),
            )
        ] + [Route("/v1/sites/{site}/policies/active", self.follow, methods=["DELETE"])]

    async def list_versions(self, request: Request) -> Response:
        scope, key = await scope_of(request, self._keys, "read", "moderate")
        params_of(request)
        async with self._transaction() as connection:
            own, everywhere = await activation.read(connection, scope)
            listed = await versions.listed(connection, scope)
        policies = [version_view(version, key) for version in listed]
        return json_response({**standing_view(own, everywhere), "policies": policies})

    async def read_version(self, request: Request) -> Response:
        scope, key = await scope_of(request, self._keys, "read", "moderate")
        name, version = request.path_params["name"], request.path_params["version"]
        async with self._transaction() as connection:
            found = (
                await versions.find(connection, scope, name, int(version))
                if _is_name(name) and _is_version(version)
                else None
            )
        if found is None:
            raise ApiError(ErrorCode.NOT_FOUND, "there is no such version; GET …/policies lists those that there are")
        return json_response({**version_view(found, key), "source": found.source})

    async def save(self, request: Request) -> Response:
        scope, key = await scope_of(request, self._keys, "admin")
        body = await _source(request, SourceBody)
        try:
            async with self._transaction() as connection:
                saved = await versions.save(connection, scope, body.source, _by(key, body), self._clock.now())
        except PolicyErrors as errors:
            raise _unsound(errors) from None
        except versions.NameTaken as error:
            raise invalid("source", str(error)) from None
        return json_response(saved_view(saved, key), 201 if saved.created else 200)

    async def check(self, request: Request) -> Response:
        await scope_of(request, self._keys, "read", "moderate")
        body = await _source(request, CheckBody)
        async with self._checking:  # one at a time, and in a thread: a long one takes a second
            problems = await asyncio.to_thread(check_policy, body.source)
        sound = not any(problem.severity == "error" for problem in problems)
        return json_response({"sound": sound, "problems": describe_problems(problems)})

    async def log(self, request: Request) -> Response:
        scope, _ = await scope_of(request, self._keys, "read", "moderate")
        params = params_of(request, "before", "limit")
        async with self._transaction() as connection:
            shown, next_before = await events.page(connection, scope, before_of(params), limit_of(params))
        return json_response({"events": shown, "next_before": next_before})

    async def activate(self, request: Request) -> Response:
        scope, key = await scope_of(request, self._keys, "admin")
        body = parse(ActivationBody, await read_object(request, BODY_LIMIT))
        expected = body.expected_active
        async with self._change() as connection:
            outcome = await activation.activate(
                connection,
                scope,
                body.name,
                body.version,
                _by(key, body),
                self._clock.now(),
                (expected.name, expected.version) if expected else None,
            )
        return _outcome(outcome)

    async def follow(self, request: Request) -> Response:
        scope, key = await scope_of(request, self._keys, "admin")
        async with self._change() as connection:
            outcome = await activation.follow(connection, scope, _by(key), self._clock.now())
        return _outcome(outcome)

    async def roll_out(self, request: Request) -> Response:
        scope, key = await scope_of(request, self._keys, "admin")
        body = parse(RolloutBody, await read_object(request, BODY_LIMIT))
        async with self._change() as connection:
            outcome = await activation.roll_out(
                connection, scope, body.name, body.version, body.percent, _by(key, body), self._clock.now()
            )
        return _outcome(outcome)

    async def stop_rollout(self, request: Request) -> Response:
        scope, key = await scope_of(request, self._keys, "admin")
        async with self._change() as connection:
            outcome = await activation.stop_rollout(connection, scope, _by(key), self._clock.now())
        return _outcome(outcome)

    async def start_shadow(self, request: Request) -> Response:
        scope, key = await scope_of(request, self._keys, "admin")
        body = parse(CandidateBody, await read_object(request, BODY_LIMIT))
        async with self._change() as connection:
            outcome = await activation.start_shadow(
                connection, scope, body.name, body.version, _by(key, body), self._clock.now()
            )
        return _outcome(outcome)

    async def stop_shadow(self, request: Request) -> Response:
        scope, key = await scope_of(request, self._keys, "admin")
        async with self._change() as connection:
            outcome = await activation.stop_shadow(connection, scope, _by(key), self._clock.now())
        return _outcome(outcome)

    async def read_shadow(self, request: Request) -> Response:
        """Of the candidate that runs now, or of the one that is named."""
        scope, _ = await scope_of(request, self._keys, "read", "moderate")
        params = params_of(request, "name", "version", "limit")
        async with self._transaction() as connection:
            policy = await _shadowed(connection, scope, params.get("name"), params.get("version"))
            summary = await shadow_summary.summarise(connection, scope, policy, limit_of(params))
        return json_response(summary_view(summary))

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        async with self._pool.acquire() as connection, connection.transaction():
            yield cast("asyncpg.Connection[Any]", connection)

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        try:
            async with self._transaction() as connection:
                yield connection
        except NoSuchVersion as error:
            raise ApiError(ErrorCode.NOT_FOUND, f"{error}; POST …/policies saves one") from None
        except activation.Moved as moved:
            details = {"active": reference_view(moved.active)}
            raise ApiError(ErrorCode.CONFLICT, f"{moved}: look at it again", details=details) from None
        except activation.IsActive as error:
            raise ApiError(ErrorCode.CONFLICT, str(error)) from None
        except activation.NothingRuns as error:
            raise ApiError(ErrorCode.NOT_FOUND, str(error)) from None


async def _shadowed(
    connection: asyncpg.Connection[Any], scope: str, name: str | None, version: str | None
) -> Reference:
    if name is None and version is None:
        own, everywhere = await activation.read(connection, scope)
        running = own.shadow or (everywhere.shadow if own.active is None else None)
        if running is None:
            raise ApiError(
                ErrorCode.NOT_FOUND, "no candidate runs in shadow here; name and version show an earlier one"
            )
        return running
    if name is None or version is None or not _is_version(version):
        raise invalid("version", "give name and version, or neither")
    found = await versions.find(connection, scope, name, int(version)) if _is_name(name) else None
    if found is None:
        raise ApiError(ErrorCode.NOT_FOUND, "there is no such version; GET …/policies lists those that there are")
    return found.reference


async def _source(request: Request, kind: type[B]) -> B:
    """From JSON, or from the YAML itself where the body is that."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in YAML:
        return parse(kind, await read_object(request, SOURCE_LIMIT))
    try:
        source = (await read_body(request, MAX_SOURCE_BYTES)).decode()
    except UnicodeDecodeError:
        raise ApiError(ErrorCode.BAD_REQUEST, "the body is not UTF-8") from None
    return parse(kind, {"source": source})


def _by(key: ApiKey, body: Change | None = None) -> By:
    return By(key.key_id, body.moderator if body else None, body.note if body else None)


def _is_name(text: str) -> bool:
    return re.fullmatch(NAME, text) is not None


def _is_version(text: str) -> bool:
    return is_id(text) and 0 < int(text) < 2**31


def _outcome(outcome: activation.Outcome) -> Response:
    return json_response({"changed": outcome.changed, **standing_view(outcome.standing, outcome.everywhere)})


def _unsound(errors: PolicyErrors) -> ApiError:
    return ApiError(
        ErrorCode.VALIDATION_ERROR,
        str(errors),
        field="source",
        details={"problems": describe_problems(errors.problems)},
    )
