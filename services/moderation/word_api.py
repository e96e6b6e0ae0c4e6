"""A site's own words and languages over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.moderation.bodies import parse
from services.moderation.policies import words
from services.moderation.policies.reference import By
from services.moderation.policy_bodies import LanguagesBody, WordsBody
from services.moderation.policy_views import words_view
from services.moderation.requests import (
    BODY_LIMIT,
    before_of,
    invalid,
    limit_of,
    params_of,
    scope_of,
)
from shared.access import ApiKeys
from shared.clock import Clock
from shared.http.errors import ApiError, ErrorCode
from shared.http.json import json_response, read_object

WORDS_LIMIT = 512 * 1024


class WordApi:
    def __init__(self, pool: asyncpg.Pool[Any], keys: ApiKeys, clock: Clock) -> None:
        self._pool = pool
        self._keys = keys
        self._clock = clock

    def routes(self) -> list[Route]:
        return [
            route
            for under in ("/v1/sites/{site}", "/v1")
            for route in (
                Route(f"{under}/words", self.list_words, methods=["GET"]),
                Route(f"{under}/words", self.set_words, methods=["PUT"]),
                Route(f"{under}/words", self.remove_word, methods=["DELETE"]),
                Route(f"{under}/words/log", self.log, methods=["GET"]),
                Route(f"{under}/languages", self.set_languages, methods=["PUT"]),
            )
        ]

    async def list_words(self, request: Request) -> Response:
        scope, _ = await scope_of(request, self._keys, "read", "moderate")
        params_of(request)
        async with self._transaction() as connection:
            listed = await words.listed(connection, scope)
            languages = await words.languages(connection, scope)
        return json_response(words_view(listed, languages, scope))

    async def set_words(self, request: Request) -> Response:
        scope, key = await scope_of(request, self._keys, "admin")
        body = parse(WordsBody, await read_object(request, WORDS_LIMIT))
        wanted = [words.Word(one.kind, one.entry, one.category, one.severity) for one in body.words]
        by = By(key.key_id, body.moderator, body.note)
        async with self._transaction() as connection:
            changed = await words.set_words(connection, scope, wanted, by, self._clock.now())
        return json_response({"changed": [word._asdict() for word in changed]})

    async def remove_word(self, request: Request) -> Response:
        """What is removed is in the query: not everything on the way takes a body with DELETE."""
        scope, key = await scope_of(request, self._keys, "admin")
        params = params_of(request, "kind", "entry")
        kind = next((known for known in words.KINDS if known == params.get("kind")), None)
        if kind is None:
            raise invalid("kind", f"kind must be one of {', '.join(words.KINDS)}")
        async with self._transaction() as connection:
            gone = await words.remove_word(
                connection, scope, kind, params.get("entry", ""), By(key.key_id), self._clock.now()
            )
        if not gone:
            raise ApiError(ErrorCode.NOT_FOUND, "there is no such word here; GET …/words lists those that there are")
        return json_response({"changed": True})

    async def set_languages(self, request: Request) -> Response:
        scope, key = await scope_of(request, self._keys, "admin")
        body = parse(LanguagesBody, await read_object(request, BODY_LIMIT))
        by = By(key.key_id, body.moderator, body.note)
        async with self._transaction("languages") as connection:
            changed = await words.set_languages(connection, scope, body.languages, by, self._clock.now())
        return json_response({"changed": changed, "languages": sorted(set(body.languages))})

    async def log(self, request: Request) -> Response:
        scope, _ = await scope_of(request, self._keys, "read", "moderate")
        params = params_of(request, "before", "limit")
        async with self._transaction() as connection:
            shown, next_before = await words.page(connection, scope, before_of(params), limit_of(params))
        return json_response({"events": shown, "next_before": next_before})

    @asynccontextmanager
    async def _transaction(self, field: str = "words") -> AsyncIterator[asyncpg.Connection[Any]]:
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                yield cast("asyncpg.Connection[Any]", connection)
        except words.WordRefused as error:
            raise invalid(field, str(error)) from None
