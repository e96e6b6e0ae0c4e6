"""Vocabularies over HTTP: of one locale, or of all that have none of their own."""

from __future__ import annotations

from typing import Any

import asyncpg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.intake.catalog import Catalog, Change, Key, locales, read
from services.intake.endpoints import Endpoints, api_error, refusing, site_of
from services.intake.idempotency import Answer
from services.intake.refusal import Refused
from services.intake.registry import load_site
from services.intake.submission import parse
from services.intake.transaction import Connection, transaction
from services.intake.vocabulary_body import VocabularyBody, checked_locale, put, removal
from shared.access import ApiKey, ApiKeys
from shared.clock import Clock
from shared.http.auth import authenticate
from shared.http.errors import ApiError, ErrorCode
from shared.http.json import json_response


class VocabularyApi(Endpoints):
    def __init__(self, pool: asyncpg.Pool[Any], keys: ApiKeys, clock: Clock, catalog: Catalog) -> None:
        super().__init__(pool, keys, clock)
        self._catalog = catalog

    def routes(self) -> list[BaseRoute]:
        vocabularies = "/v1/sites/{site}/vocabularies"
        return [
            Route(vocabularies, self.list, methods=["GET"]),
            Route(f"{vocabularies}/{{locale}}", self.put, methods=["PUT"]),
            Route(f"{vocabularies}/{{locale}}", self.read, methods=["GET"]),
            Route(f"{vocabularies}/{{locale}}", self.remove, methods=["DELETE"]),
        ]

    async def list(self, request: Request) -> Response:
        site = site_of(request)
        await authenticate(request, self._keys, site, "read", "admin")
        async with transaction(self._pool) as connection:
            await refusing(load_site(connection, site))
            return json_response({"locales": await locales(connection, site)})

    async def put(self, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            change = put(request.path_params["locale"], parse(VocabularyBody, body), trace)
            return await self._change(tx, site_of(request), change)

        return await self._answer(request, "admin", effect)

    async def remove(self, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            return await self._change(tx, site_of(request), removal(request.path_params["locale"], trace))

        return await self._answer(request, "admin", effect, has_body=False)

    async def read(self, request: Request) -> Response:
        """As it was put: what a locale without a vocabulary of its own is shown, is for query to say."""
        site = site_of(request)
        await authenticate(request, self._keys, site, "read", "admin")
        try:
            locale = checked_locale(request.path_params["locale"])
        except Refused as refused:
            raise api_error(refused) from None
        async with transaction(self._pool) as connection:
            found = await read(connection, site, Key("vocabulary", locale))
        if found is None:
            message = "this site has no vocabulary of this locale; * is that of all locales without one of their own"
            raise ApiError(ErrorCode.NOT_FOUND, message)
        return json_response({"locale": locale, **found.entry, "updated_at": found.updated_at})

    async def _change(self, tx: Connection, site: str, change: Change) -> Answer:
        (outcome,) = await self._catalog.change(tx, site, [change])
        return Answer(201 if outcome == "created" else 200, {"locale": change.key.entry_id, "outcome": outcome})
