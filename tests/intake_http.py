"""Intake's write API over HTTP, as its callers meet it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from services.intake.keys import create_key
from services.intake.routes import routes
from services.intake.transaction import transaction
from shared.access import ApiKeys
from shared.http.app import create_app
from shared.http.server import bind, serve
from shared.service import Health
from tests.intake_world import IntakeWorld, intake_world
from tests.parts import Database

REVIEWS = "/v1/sites/books/reviews"


@dataclass
class ApiWorld:
    intake: IntakeWorld
    http: httpx.AsyncClient
    """With a key of the site `books` that may do everything."""
    tokens: dict[str, str]
    """Of `books` by scope, beside `films` and `ours`, which may do everything on that site, and submit on all."""

    async def submit(self, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        return await self.http.post(REVIEWS, json={"rating": 5, **fields}, headers=headers)

    def bearer(self, name: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens[name]}"}


@asynccontextmanager
async def api_world(database: Database) -> AsyncIterator[ApiWorld]:
    async with intake_world(database) as intake:
        tokens = {}
        async with transaction(intake.pool) as tx:
            for scope in ("submit", "reply", "read", "admin"):
                tokens[scope] = (await create_key(tx, "books", [scope], scope, intake.clock.now())).token
            tokens["films"] = (await create_key(tx, "films", ["admin"], "films", intake.clock.now())).token
            tokens["ours"] = (await create_key(tx, None, ["submit"], "query", intake.clock.now())).token
        app = create_app("intake", routes(intake.pool, ApiKeys(intake.pool), intake.registry), Health())
        listener = bind("127.0.0.1", 0)
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(app, listener, stop, 1))
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            bearer = {"authorization": f"Bearer {tokens['admin']}"}
            async with httpx.AsyncClient(base_url=base, headers=bearer, timeout=30) as http:
                yield ApiWorld(intake, http, tokens)
        finally:
            stop.set()
            await serving


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def assert_route_asks_for(world: ApiWorld, method: str, path: str, scopes: set[str]) -> None:
    """One of `scopes` of this very site, or `admin`."""
    for scope in ("submit", "reply", "read", "admin", "films"):
        answer = await world.http.request(method, path, headers=world.bearer(scope))
        allowed = scope in scopes or scope == "admin"
        assert (answer.status_code not in (401, 403)) == allowed, (scope, answer.text)
    assert code(await world.http.request(method, path, headers={"authorization": ""})) == (401, "UNAUTHENTICATED")
