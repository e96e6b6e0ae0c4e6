"""The public list against the same SQL by asyncpg alone, and against a FastAPI route with a response model.

Everything runs on loopback: Postgres, each contender and the load generator in processes of their own, one contender at
a time, in several rounds, of which the medians count. All ask for the same page of the same site, with as many callers
and as many connections to Postgres. The FastAPI route reads rows and lets its response model render them; it is given
our connections, so that the ratio shows what the edge costs and not what a slower way to Postgres would.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from pydantic import BaseModel, SecretStr

from services.query.core import sql
from services.query.core.query import Page, ReviewQuery
from services.query.core.reader import PostgresReader
from services.query.lynkow import render
from services.query.service import build_edge, find_pass_keys, open_connections
from services.query.settings import QuerySettings
from shared.clock import SystemClock
from shared.http.server import bind, serve
from shared.service import Health
from tests.bench.load import load
from tests.storefront_world import RecordingIntake

ROOT = Path(__file__).parents[2]
SITE = "bench"
CONNECTIONS = 8
PATH = f"/public/{SITE}/reviews?limit=20"
_WORDS = (
    "I ordered this in my usual size and it fits as expected, the fabric is soft and the colour is exactly as shown. "
    "Washed it twice already without any change. Shipping took a little longer than promised, but the shop answered at "
    "once. I would buy it again and have told two friends of it already. "
)
_STAGING = """
    insert into projection.reviews (site, review_id, moderated_sequence, approved_revision)
        select $1, n, 1, 1 from generate_series(1, $2::int) n"""
_REVIEWS = """
    insert into published.reviews (site, review_id, revision, slug, entity_id, rating, title, text, author_name, locale,
            created_at, submitted_at, review_date, published_at, first_published_at, publish_count, is_featured,
            replies)
        select $1, n, 1, 'fits-well-washes-well-' || n, 'product-' || n * 7919 % 300, 1 + n * 31 % 5,
            'Fits well, washes well', substr($3 || $3, 1, 200 + n * 37 % 300), 'Jane D.', 'en', t, t, t, t, t, 1,
            false, case when n % 10 = 0 then jsonb_build_array(jsonb_build_object('slot', 0, 'text', 'Thank you!',
                'author_name', 'The shop', 'posted_at', t, 'updated_at', t)) else '[]' end
        from generate_series(1, $2::int) n, lateral (select timestamptz '2026-01-01' + n * interval '97 s') times (t)"""
_SUMMARY = """
    insert into published.summaries
        select site, 'site', '', count(*), sum(rating), count(*) filter (where rating = 1),
            count(*) filter (where rating = 2), count(*) filter (where rating = 3),
            count(*) filter (where rating = 4), count(*) filter (where rating = 5)
        from published.reviews where site = $1 group by site"""


async def run(
    dsn: str | None = None, *, rows: int = 5000, seconds: float = 2.0, rounds: int = 5, callers: int = 16
) -> dict[str, float]:
    """Prints the comparison and returns the ratios. Without a DSN it starts an embedded Postgres of its own.

    A given database must be empty; the benchmark makes its schemas in it and leaves them there.
    """
    async with contextlib.AsyncExitStack() as stack:
        if dsn is None:
            dsn = await stack.enter_async_context(_embedded())
        await _prepare(dsn, rows)
        ours = await stack.enter_async_context(_server("ours", dsn))
        fastapi = await stack.enter_async_context(_server("fastapi", dsn))
        found: dict[str, list[float]] = {"asyncpg": [], "ours": [], "fastapi": []}
        for port in (ours, fastapi):
            await _child("load", str(port), "0.5", str(callers))
        for _ in range(rounds):
            found["asyncpg"].append(await _child("asyncpg", dsn, str(seconds), str(callers)))
            found["ours"].append(await _child("load", str(ours), str(seconds), str(callers)))
            found["fastapi"].append(await _child("load", str(fastapi), str(seconds), str(callers)))
    median = {name: statistics.median(values) for name, values in found.items()}
    ratios = {
        "public list / asyncpg alone": median["ours"] / median["asyncpg"],
        "public list / FastAPI with a response model": median["ours"] / median["fastapi"],
    }
    print(
        f"query: 20 of {rows} reviews a page, {callers} callers, {CONNECTIONS} connections, median of {rounds} rounds"
    )
    for name, label in (("asyncpg", "asyncpg alone"), ("ours", "public list"), ("fastapi", "FastAPI")):
        print(f"  {label:<15} {median[name]:7.0f} /s   ({min(found[name]):.0f} to {max(found[name]):.0f})")
    for label, ratio in ratios.items():
        print(f"  {label:<45} {ratio:5.2f}")
    return ratios


@contextlib.asynccontextmanager
async def _embedded() -> AsyncIterator[str]:
    from services.cli.embedded.postgres import EmbeddedPostgres

    with tempfile.TemporaryDirectory(prefix="plaudit-bench-") as directory:
        # Postgres started by root runs as another account, which must be able to enter.
        os.chmod(directory, 0o755)  # noqa: PTH101  # a pathlib call would be refused inside async code
        postgres = EmbeddedPostgres(Path(directory), durable=False)
        dsn = await asyncio.to_thread(postgres.start)
        try:
            yield dsn
        finally:
            await asyncio.to_thread(postgres.stop)


async def _prepare(dsn: str, rows: int) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for part in ("shared/postgres", "services/intake", "services/moderation", "services/projection"):
            for path in sorted((ROOT / part / "migrations").glob("*.sql")):
                await connection.execute(path.read_text().partition("-- migrate:down")[0])
        async with connection.transaction():
            await connection.execute(_STAGING, SITE, rows)
            await connection.execute(_REVIEWS, SITE, rows, _WORDS)
            await connection.execute(_SUMMARY, SITE)
            await connection.execute("insert into published.sites values ($1, 1, 'Bench', true, '{}')", SITE)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def _server(kind: str, dsn: str) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, kind, dsn, stdout=asyncio.subprocess.PIPE, env=_environment()
    )
    try:
        assert process.stdout is not None
        yield int(await asyncio.wait_for(process.stdout.readline(), 20))
    finally:
        process.terminate()
        await process.wait()


async def _child(*arguments: str) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, *arguments, stdout=asyncio.subprocess.PIPE, env=_environment()
    )
    assert process.stdout is not None
    output = await process.stdout.read()
    if await process.wait():
        raise RuntimeError(f"{arguments[0]} failed")
    return float(json.loads(output))


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def _settings(dsn: str) -> QuerySettings:
    return QuerySettings(
        postgres=SecretStr(dsn),
        port=0,
        postgres_connections=CONNECTIONS,
        reads_per_second=1e9,
        reads_burst=1_000_000_000,
    )


async def _serve_ours(dsn: str) -> None:
    settings = _settings(dsn)
    connections = open_connections(settings)
    reader, keys = PostgresReader(connections), find_pass_keys(connections)
    await _serve(build_edge(settings, reader, RecordingIntake(), SystemClock(), Health(), keys))


class _Response(BaseModel):
    content: str
    respondedAt: str


class _Review(BaseModel):
    id: int
    slug: str
    status: str
    rating: int
    title: str | None
    content: str
    authorName: str
    authorEmail: str | None = None
    locale: str
    createdAt: str
    response: _Response | None = None


class _Meta(BaseModel):
    total: int
    perPage: int
    currentPage: int
    lastPage: int


class _List(BaseModel):
    data: list[_Review]
    meta: _Meta


_ROWS = """
    select coalesce((select review_count from published.summaries where site = $1 and scope = 'site'), 0) as total, r.*
    from published.sites s, lateral (
        select review_id, slug, rating, title, text, author_name, author_email_masked, locale, created_at, replies
        from published.reviews where site = s.site order by created_at desc, review_id desc limit $2 offset $3
    ) r where s.site = $1 and s.enabled"""


def _as_review(row: asyncpg.Record) -> dict[str, Any]:
    shown = {
        "id": row["review_id"],
        "slug": row["slug"],
        "status": "approved",
        "rating": row["rating"],
        "title": row["title"],
        "content": row["text"] or "",
        "authorName": row["author_name"] or "Anonymous",
        "locale": row["locale"],
        "createdAt": row["created_at"].isoformat(timespec="milliseconds"),
    }
    if row["author_email_masked"] is not None:
        shown["authorEmail"] = row["author_email_masked"]
    if row["replies"] != "[]":
        first = json.loads(row["replies"])[0]
        shown["response"] = {"content": first["text"], "respondedAt": first["posted_at"]}
    return shown


async def _serve_fastapi(dsn: str) -> None:
    from fastapi import FastAPI

    connections = open_connections(_settings(dsn))
    app = FastAPI()

    @app.get("/public/{site}/reviews", response_model=_List, response_model_exclude_unset=True)
    async def reviews(site: str, page: int = 1, limit: int = 20) -> dict[str, Any]:
        rows = await connections.fetch(sql.Statement(_ROWS, [site, limit, (page - 1) * limit]))
        total = rows[0]["total"]
        meta = {"total": total, "perPage": limit, "currentPage": page, "lastPage": -(-total // limit)}
        return {"data": [_as_review(row) for row in rows], "meta": meta}

    await _serve(app)


async def _serve(app: Any) -> None:
    listener = bind("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    await serve(app, listener, asyncio.Event(), 1)


async def _asyncpg_alone(dsn: str, seconds: float, callers: int) -> float:
    """As many callers over as many connections, each held for one statement; the answer is dropped."""
    statement = sql.reviews_statement("published", render.REVIEW, ReviewQuery(SITE, Page(20)))
    free: asyncio.Queue[Any] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        connection = await asyncpg.connect(dsn, server_settings={"jit": "off"})
        free.put_nowait(await connection.prepare(statement.text))
    done = 0

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < deadline:
            prepared = await free.get()
            rows = await prepared.fetch(*statement.arguments)
            free.put_nowait(prepared)
            assert len(rows) == 1
            done += 1

    started = time.perf_counter()
    deadline = started + seconds
    await asyncio.gather(*(caller() for _ in range(callers)))
    return done / (time.perf_counter() - started)


def main() -> None:
    match sys.argv[1:]:
        case ["ours", dsn]:
            uvloop.run(_serve_ours(dsn))
        case ["fastapi", dsn]:
            uvloop.run(_serve_fastapi(dsn))
        case ["asyncpg", dsn, seconds, callers]:
            print(json.dumps(uvloop.run(_asyncpg_alone(dsn, float(seconds), int(callers)))))
        case ["load", port, seconds, callers]:
            measured = uvloop.run(load(int(port), [PATH], float(seconds), int(callers), b'"data"'))
            print(json.dumps(measured.per_second))
        case options:
            parser = argparse.ArgumentParser(description=__doc__)
            parser.add_argument("--dsn")
            parser.add_argument("--rounds", type=int, default=5)
            parser.add_argument("--seconds", type=float, default=2.0)
            chosen = parser.parse_args(options)
            asyncio.run(run(chosen.dsn, rounds=chosen.rounds, seconds=chosen.seconds))


if __name__ == "__main__":
    main()
