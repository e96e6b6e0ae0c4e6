"""The catalog over HTTP: products, categories and brands, one by one or in batches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import asyncpg
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.intake.batch import CONTENT_TYPE, StreamedResponse
from services.intake.catalog import Catalog, Change, Key, read
from services.intake.catalog_batch import CatalogBatch
from services.intake.catalog_body import BODIES, RemovedBody, put, removal
from services.intake.endpoints import Endpoints, refusing, site_of, trace_of
from services.intake.idempotency import Answer
from services.intake.refusal import Refusal
from services.intake.registry import load_site
from services.intake.submission import Invalid, parse
from services.intake.transaction import Connection, transaction
from shared.access import ApiKey, ApiKeys
from shared.clock import Clock
from shared.events.catalog import CatalogKind
from shared.http.auth import authenticate
from shared.http.errors import ApiError, ErrorCode
from shared.http.json import json_response, require_content_type

KINDS: Mapping[str, CatalogKind] = {"products": "product", "categories": "category", "brands": "brand"}
"""By their name in addresses."""
REPLACEMENT = "\ufffd"


class CatalogApi(Endpoints):
    def __init__(self, pool: asyncpg.Pool[Any], keys: ApiKeys, clock: Clock, catalog: Catalog) -> None:
        super().__init__(pool, keys, clock)
        self._catalog = catalog

    def routes(self) -> list[BaseRoute]:
        catalog = "/v1/sites/{site}/catalog"
        routes: list[BaseRoute] = [Route(f"{catalog}/batch", self.change_batch, methods=["POST"])]
        for name, kind in KINDS.items():
            # An id may hold slashes.
            entry = f"{catalog}/{name}/{{entry_id:path}}"
            routes += [
                Route(entry, partial(self.put, kind), methods=["PUT"]),
                Route(entry, partial(self.read, kind), methods=["GET"]),
                Route(entry, partial(self.remove, kind), methods=["DELETE"]),
            ]
        return routes

    async def put(self, kind: CatalogKind, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            change = put(parse(BODIES[kind], body), trace, _id(request))
            return await self._change(tx, site_of(request), change)

        return await self._answer(request, "submit", effect)

    async def remove(self, kind: CatalogKind, request: Request) -> Response:
        async def effect(tx: Connection, key: ApiKey, body: bytes, trace: str) -> Answer:
            return await self._change(tx, site_of(request), removal(kind, RemovedBody(id=_id(request)), trace))

        return await self._answer(request, "submit", effect, has_body=False)

    async def read(self, kind: CatalogKind, request: Request) -> Response:
        site = site_of(request)
        await authenticate(request, self._keys, site, "read", "submit")
        entry_id: str = request.path_params["entry_id"]
        async with transaction(self._pool) as connection:
            found = await read(connection, site, Key(kind, entry_id)) if "\0" not in entry_id else None
        if found is None:
            raise ApiError(ErrorCode.NOT_FOUND, f"there is no such {kind} in the catalog of this site")
        return json_response({"kind": kind, **found.entry, "updated_at": found.updated_at})

    async def change_batch(self, request: Request) -> Response:
        site = site_of(request)
        await authenticate(request, self._keys, site, "submit")
        require_content_type(request, CONTENT_TYPE)
        if "idempotency-key" in request.headers:
            message = (
                "a batch takes no Idempotency-Key; send it again at will, for the same entry again changes nothing"
            )
            raise ApiError(ErrorCode.BAD_REQUEST, message, field="Idempotency-Key")
        async with transaction(self._pool) as connection:
            await refusing(load_site(connection, site))
        batch = CatalogBatch(self._pool, self._catalog, site, trace_of(request))
        return StreamedResponse(batch.results, CONTENT_TYPE)

    async def _change(self, tx: Connection, site: str, change: Change) -> Answer:
        (outcome,) = await self._catalog.change(tx, site, [change])
        body = {"kind": change.key.kind, "id": change.key.entry_id, "outcome": outcome}
        return Answer(201 if outcome == "created" else 200, body)


def _id(request: Request) -> str:
    """Of the address, judged as what a body says. Raises Invalid."""
    entry_id: str = request.path_params["entry_id"]
    if REPLACEMENT in entry_id:
        # What servers make of bytes that are no UTF-8: several addresses would be one entry.
        raise Invalid((Refusal(ErrorCode.VALIDATION_ERROR, "id is not UTF-8; send it percent-encoded", "id"),))
    return parse(RemovedBody, orjson.dumps({"id": entry_id})).id
