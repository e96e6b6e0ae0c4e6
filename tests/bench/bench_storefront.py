"""`make bench-query`: a storefront's commonest calls on a million reviews, and on ten thousand.

Reviews go through the topics into the projection, as a rebuild does. Then each call is asked of the edge over HTTP, and
the very statements that it asked of Postgres are run by asyncpg alone, with as many callers and connections. Callers
look at products as often as these were reviewed, so that products with many reviews count as they do in a shop.

    python -m tests.bench.bench_storefront [--reviews 1000000] [--small 10000] [--keep DIRECTORY]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import pickle
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count, cycle
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import httpx
import uvloop
from pydantic import SecretStr

from services.cli.embedded.datadir import DataDir, temporary_data_dir
from services.cli.embedded.parts import EmbeddedParts
from services.cli.migrations import migrate, open_roles, role_dsn
from services.intake.pass_keys import MAX_RATE, create_pass_key
from services.intake.sites import create_site
from services.query.core.connections import Connections
from services.query.core.reader import PostgresReader
from services.query.core.sql import Statement
from services.query.edge import Edge
from services.query.intake import HttpIntake
from services.query.service import build_edge, find_pass_keys, open_connections
from services.query.settings import QuerySettings
from shared import logging
from shared.clock import SystemClock
from shared.events.settings import SiteSettings
from shared.events.topics import TOPICS
from shared.http.server import bind, serve
from shared.kafka.client import KafkaSettings
from shared.service import Health
from tests.bench import corpus
from tests.bench.load import Measured, load, measured
from tests.parts import remake_topics

ROOT = Path(__file__).parents[2]
PASSWORD = "bench"
CONNECTIONS = 8
PASS_KEY = "bench0passkey0bench0passkey0"
QUESTIONS = 400
"""Different ones of each call; every caller asks all of them, again and again."""
BASE = f"?ApiVersion=5.4&PassKey={PASS_KEY}"


class Call(NamedTuple):
    label: str
    path: Callable[[random.Random], str]


def _product(rng: random.Random) -> str:
    return corpus.product_id(corpus.random_product(rng))


COMMON = (
    Call(
        "newest reviews of a product, with its statistics",
        lambda rng: (
            f"/data/reviews.json{BASE}&Filter=ProductId:{_product(rng)}&Include=Products&Stats=Reviews&Limit=10"
        ),
    ),
    Call(
        "most helpful reviews of a product",
        lambda rng: (
            f"/data/reviews.json{BASE}&Filter=ProductId:{_product(rng)}"
            "&Sort=Helpfulness:desc,SubmissionTime:desc&Limit=10"
        ),
    ),
    Call(
        "reviews of a product with one or two stars",
        lambda rng: f"/data/reviews.json{BASE}&Filter=ProductId:{_product(rng)}&Filter=Rating:lte:2&Limit=10",
    ),
    Call(
        "stars of 20 products",
        lambda rng: (
            f"/data/statistics.json{BASE}&Stats=Reviews&Filter=ProductId:" + ",".join(_product(rng) for _ in range(20))
        ),
    ),
    Call(
        "a product with its statistics",
        lambda rng: f"/data/products.json{BASE}&Filter=Id:{_product(rng)}&Stats=Reviews",
    ),
)
_ALL = f"/data/reviews.json{BASE}&Limit=10"
_following = count(296_000, 10)
RARE = (
    Call("newest of the site, offset 10,000", lambda rng: f"{_ALL}&Offset={10_000 - rng.randrange(1_000)}"),
    Call("newest of the site, offset 300,000", lambda rng: f"{_ALL}&Offset={300_000 - rng.randrange(1_000)}"),
    Call(
        "newest of the site, page by page from offset 296,000",
        lambda rng: f"{_ALL}&Offset={next(_following)}",
    ),
    Call(
        "newest of the most reviewed product, offset 5,000",
        lambda rng: (
            f"/data/reviews.json{BASE}&Filter=ProductId:{corpus.product_id(1)}&Limit=10&Offset={rng.randrange(5_000)}"
        ),
    ),
    Call("featured reviews of the site", lambda rng: f"{_ALL}&Filter=IsFeatured:true&Offset={rng.randrange(50)}"),
    Call(
        "by people under 18, of the site",
        lambda rng: f"{_ALL}&Filter=ContextDataValue_Age:under18&Offset={rng.randrange(50)}",
    ),
    Call(
        "a category, one star",
        lambda rng: f"{_ALL}&Filter=CategoryAncestorId:department-{rng.randrange(20)}&Filter=Rating:1",
    ),
    Call(
        "statistics of a product's filtered reviews",
        lambda rng: (
            f"/data/reviews.json{BASE}&Filter=ProductId:{_product(rng)}&Filter=Rating:gte:4"
            "&Include=Products&Stats=Reviews&FilteredStats=Reviews&Limit=10"
        ),
    ),
    Call(
        "stars of 20 products in one language",
        lambda rng: (
            f"/data/statistics.json{BASE}&Stats=Reviews&Filter=ContentLocale:en*&Filter=ProductId:"
            + ",".join(_product(rng) for _ in range(20))
        ),
    ),
    Call("one review", lambda rng: f"/data/reviews.json{BASE}&Filter=Id:{rng.randrange(1, 10_000)}"),
)


class Answered(NamedTuple):
    edge: Measured
    alone: Measured


def fill(bootstrap: str, first: int, last: int, with_shop: bool) -> int:
    """Puts reviews on the topics; returns how many records that were. Of a process of its own."""
    return uvloop.run(_fill(bootstrap, first, last, with_shop))


async def _fill(bootstrap: str, first: int, last: int, with_shop: bool) -> int:
    from aiokafka import AIOKafkaProducer

    options = KafkaSettings(bootstrap=bootstrap).client_options("bench")
    producer = AIOKafkaProducer(**options, linger_ms=20, max_batch_size=256 * 1024)
    await producer.start()
    sent = 0
    waiting: list[Any] = []
    try:
        for source in (corpus.shop() if with_shop else iter(()), corpus.reviews(first, last)):
            for one in source:
                waiting.append(await producer.send(one.topic, one.value, one.key, headers=list(one.headers)))
                sent += 1
                if len(waiting) >= 5_000:
                    await asyncio.gather(*waiting)
                    waiting.clear()
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()
    return sent


async def _publish(bootstrap: str, reviews: int) -> int:
    """By two processes; returns the number of records."""
    loop = asyncio.get_running_loop()
    middle = reviews // 2 + 1
    with ProcessPoolExecutor(2) as pool:
        halves = [
            loop.run_in_executor(pool, fill, bootstrap, 1, middle, True),
            loop.run_in_executor(pool, fill, bootstrap, middle, reviews + 1, False),
        ]
        return sum(await asyncio.gather(*halves))


@contextlib.asynccontextmanager
async def _process(*command: str, env: dict[str, str]) -> AsyncIterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, *command], env=os.environ | env, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)


async def _rebuild(kafka: KafkaSettings, dsn: str, records: int) -> float:
    """Seconds from the first commit of the projection to the last, scaled to all records."""
    env = {
        "PLAUDIT_POSTGRES": role_dsn(dsn, "projection", PASSWORD),
        "PLAUDIT_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "PLAUDIT_LOG_LEVEL": "ERROR",
    }
    connection = await asyncpg.connect(dsn)
    try:
        async with _process("-m", "services.cli.serving", "projection", "--port=0", env=env):
            begun = 0
            while begun == 0:
                await asyncio.sleep(0.05)
                begun = await _done(connection)
            started = shown = time.perf_counter()
            while (done := await _done(connection)) < records:
                await asyncio.sleep(0.2)
                if time.perf_counter() - shown > 30:
                    shown = time.perf_counter()
                    print(
                        f"  … {done:,} of {records:,} records, {(done - begun) / (shown - started):,.0f}/s", flush=True
                    )
            seconds = time.perf_counter() - started
        return seconds * records / (records - begun)
    finally:
        await connection.close()


async def _done(connection: asyncpg.Connection[Any]) -> int:
    return int(await connection.fetchval("select coalesce(sum(next_offset), 0) from projection.consumer_offsets"))


class _Recording(Connections):
    """Keeps what is asked of Postgres."""

    def __init__(self, inner: Connections) -> None:
        self._inner = inner
        self.asked: list[Statement] = []

    async def fetch(self, statement: Statement, *, expensive: bool = False) -> list[asyncpg.Record]:
        self.asked.append(statement)
        return await self._inner.fetch(statement, expensive=expensive)


def _edge(settings: QuerySettings, connections: Connections) -> Edge:
    reader, clock = PostgresReader(connections), SystemClock()
    nobody = HttpIntake("http://127.0.0.1:1", "", 1.0)
    return build_edge(settings, reader, nobody, clock, Health(), find_pass_keys(connections))


async def _statements(dsn: str, paths: Sequence[str]) -> list[Statement]:
    """What the edge asks for these paths once it is warm."""
    settings = _settings(dsn)
    inner = open_connections(settings)
    recording = _Recording(inner)
    transport = httpx.ASGITransport(app=_edge(settings, recording))
    found: list[Statement] = []
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
            for path in [paths[0], *paths]:
                recording.asked.clear()
                answer = await client.get(path)
                if answer.status_code != 200 or answer.json()["HasErrors"]:
                    raise RuntimeError(answer.text[:600])
                # Keys and vocabularies are looked up every other second; what is asked each time comes last.
                found.append(recording.asked[-1])
        return found[1:]
    finally:
        await inner.close()


def _settings(dsn: str) -> QuerySettings:
    return QuerySettings(
        postgres=SecretStr(role_dsn(dsn, "query", PASSWORD)),
        port=0,
        postgres_connections=CONNECTIONS,
        reads_per_second=0,
        statement_timeout_seconds=60,
    )


async def _serve(dsn: str) -> None:
    settings = _settings(dsn)
    edge = _edge(settings, open_connections(settings))
    listener = bind("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    await serve(edge, listener, asyncio.Event(), 1)


async def _alone(dsn: str, statements: Sequence[Statement], seconds: float, callers: int) -> Measured:
    """The same statements on as many connections, each held for one statement; the answers are dropped."""
    free: asyncio.LifoQueue[tuple[Any, dict[str, Any]]] = asyncio.LifoQueue()
    for _ in range(CONNECTIONS):
        options = {"jit": "off", "timezone": "UTC"}
        free.put_nowait((await asyncpg.connect(role_dsn(dsn, "query", PASSWORD), server_settings=options), {}))
    latencies: list[float] = []

    async def caller(number: int) -> None:
        first = len(statements) * number // callers
        for statement in cycle([*statements[first:], *statements[:first]]):
            asked = time.perf_counter()
            if asked >= deadline:
                return
            connection, known = await free.get()
            prepared = known.get(statement.text)
            if prepared is None:
                prepared = known[statement.text] = await connection.prepare(statement.text)
            await prepared.fetch(*statement.arguments)
            free.put_nowait((connection, known))
            latencies.append(time.perf_counter() - asked)

    started = time.perf_counter()
    deadline = started + seconds
    await asyncio.gather(*(caller(number) for number in range(callers)))
    return measured(latencies, time.perf_counter() - started)


async def _child(*arguments: str, given: object) -> Measured:
    """One contender at a time, in a process of its own, warmed for a fifth of the time."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(pickle.dumps(given))
        file.flush()
        process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, *arguments, file.name, stdout=asyncio.subprocess.PIPE, env=_environment()
        )
        assert process.stdout is not None
        output = await process.stdout.read()
        if await process.wait():
            raise RuntimeError(f"{arguments[0]} failed")
        found: Measured = pickle.loads(output)
        return found


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


async def _ask(dsn: str, port: int, call: Call, *, callers: int, seconds: float, rounds: int) -> Answered:
    """The median round, by its rate, of each."""
    paths = _paths(call)
    statements = await _statements(dsn, paths[: QUESTIONS // 4])
    edges, alones = [], []
    for _ in range(rounds):
        alones.append(await _child("alone", dsn, str(seconds), str(callers), given=statements))
        edges.append(await _child("load", str(port), str(seconds), str(callers), given=paths))
    return Answered(_median(edges), _median(alones))


def _paths(call: Call) -> list[str]:
    rng = random.Random(call.label)
    return [call.path(rng) for _ in range(QUESTIONS)]


@contextlib.asynccontextmanager
async def _flowing(dsn: str) -> AsyncIterator[None]:
    """Another version of the read model 50 times a second, as the projection makes one with each of its batches."""
    connection = await asyncpg.connect(dsn)

    async def move() -> None:
        while True:
            await connection.execute("update projection.consumer_offsets set next_offset = next_offset + 1")
            await asyncio.sleep(0.02)

    moving = asyncio.ensure_future(move())
    try:
        yield
    finally:
        moving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await moving
        await connection.close()


def _median(rounds: Sequence[Measured]) -> Measured:
    return sorted(rounds, key=lambda one: one.per_second)[len(rounds) // 2]


async def _corpus(parts: EmbeddedParts, reviews: int) -> str:
    """The DSN of a database with so many reviews, rebuilt from the topics, which are empty again afterwards."""
    kafka = KafkaSettings(bootstrap=parts.kafka.bootstrap)
    name = f"storefront_{reviews}"
    connection = await asyncpg.connect(parts.postgres.dsn)
    await connection.execute(f"create database {name}")
    await connection.close()
    dsn = parts.postgres.dsn_for(name)
    await asyncio.to_thread(migrate, dsn)
    await open_roles(dsn, PASSWORD)
    await remake_topics(kafka, TOPICS)
    started = time.perf_counter()
    records = await _publish(kafka.bootstrap, reviews)
    print(f"{reviews:,} reviews: {records:,} records, published in {time.perf_counter() - started:.0f} s", flush=True)
    seconds = await _rebuild(kafka, dsn, records)
    print(f"  rebuilt in {seconds:.0f} s: {reviews / seconds:,.0f} reviews/s, {records / seconds:,.0f} records/s")
    connection = await asyncpg.connect(dsn)
    try:
        count = await connection.fetchval("select count(*) from published.reviews")
        assert count == reviews, f"{count} of {reviews} reviews are public"
        size = await connection.fetchval("select pg_size_pretty(pg_database_size(current_database()))")
        await connection.execute("vacuum analyze")
        # Intake, which owns sites and pass keys, has no other part in this.
        clock = SystemClock()
        await create_site(connection, clock, corpus.SITE, "Bench", SiteSettings(), by="bench")
        await create_pass_key(
            connection, corpus.SITE, "bench", clock.now(), per_minute=MAX_RATE, per_hour=MAX_RATE, pass_key=PASS_KEY
        )
        print(f"  the database has {size}", flush=True)
    finally:
        await connection.close()
    return dsn


@contextlib.asynccontextmanager
async def _served(dsn: str) -> AsyncIterator[int]:
    """The port of an edge in a process of its own."""
    async with _process(__file__, "serve", dsn, env={"PYTHONPATH": str(ROOT)}) as server:
        assert server.stdout is not None
        yield int(await asyncio.to_thread(server.stdout.readline))


async def _common(dsn: str, *, callers: int, seconds: float, rounds: int) -> list[Answered]:
    async with _served(dsn) as port:
        return [await _ask(dsn, port, call, callers=callers, seconds=seconds, rounds=rounds) for call in COMMON]


async def _rare(dsn: str, *, seconds: float) -> None:
    """Prints each with one caller: while events flow, so that nothing of earlier answers holds, and while none do."""
    columns = f"{'p50 ms':>8} {'p99':>8}"
    print(f"  {'':<56} events flow: {columns}   none do: {columns}")
    for call in RARE:
        paths = _paths(call)
        async with _served(dsn) as port, _flowing(dsn):
            flowing = await _child("load", str(port), str(seconds), "1", given=paths)
        async with _served(dsn) as port:
            quiet = await _child("load", str(port), str(seconds), "1", given=paths)
        print(
            f"  {call.label:<56} {'':<12} {flowing.p50_ms:8.2f} {flowing.p99_ms:8.2f}"
            f"   {'':<8} {quiet.p50_ms:8.2f} {quiet.p99_ms:8.2f}",
            flush=True,
        )


def _show(found: Sequence[Answered]) -> None:
    columns = f"{'p50 ms':>8} {'p99':>8} {'/s':>7}"
    print(f"  {'':<52}  edge: {columns}   the same SQL by asyncpg: {columns}   ratio of rates")
    for call, (edge, alone) in zip(COMMON, found, strict=True):
        print(
            f"  {call.label:<52}        {edge.p50_ms:8.2f} {edge.p99_ms:8.2f} {edge.per_second:7.0f}"
            f"   {'':<24} {alone.p50_ms:8.2f} {alone.p99_ms:8.2f} {alone.per_second:7.0f}"
            f"   {edge.per_second / alone.per_second:.2f}"
        )


async def run(
    reviews: int, small: int, directory: Path | None, *, callers: int, seconds: float, rounds: int, common_only: bool
) -> None:
    """Prints all figures. The small corpus first, so that a fault shows before the large one is built."""
    place = contextlib.nullcontext(DataDir(directory)) if directory else temporary_data_dir()
    with place as data_dir, EmbeddedParts(data_dir, heap_mb=512) as parts:
        rates: dict[int, list[Answered]] = {}
        for size in (small, reviews):
            dsn = await _corpus(parts, size)
            print(f"  {callers} callers, median of {rounds} rounds of {seconds:g} s", flush=True)
            rates[size] = await _common(dsn, callers=callers, seconds=seconds, rounds=rounds)
            _show(rates[size])
        print(f"\n{reviews:,} against {small:,} reviews, time of an answer (p50) as a ratio")
        for call, large, little in zip(COMMON, rates[reviews], rates[small], strict=True):
            print(f"  {call.label:<52} {large.edge.p50_ms / little.edge.p50_ms:.2f}")
        if not common_only:
            print(f"\nRare and deep, {reviews:,} reviews, one caller")
            await _rare(dsn, seconds=seconds)


def main() -> None:
    match sys.argv[1:]:
        case ["serve", dsn]:
            uvloop.run(_serve(dsn))
        case ["alone", dsn, seconds, callers, given]:
            statements = pickle.loads(Path(given).read_bytes())
            measured_ = uvloop.run(_alone(dsn, statements, float(seconds), int(callers)))
            sys.stdout.buffer.write(pickle.dumps(measured_))
        case ["load", port, seconds, callers, given]:
            paths = pickle.loads(Path(given).read_bytes())
            found = uvloop.run(load(int(port), paths, float(seconds), int(callers), b'"HasErrors":false'))
            sys.stdout.buffer.write(pickle.dumps(found))
        case options:
            parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
            parser.add_argument("--reviews", type=int, default=1_000_000)
            parser.add_argument("--small", type=int, default=10_000)
            parser.add_argument("--callers", type=int, default=4)
            parser.add_argument("--seconds", type=float, default=4.0)
            parser.add_argument("--rounds", type=int, default=3)
            parser.add_argument("--directory", type=Path, help="where the data is kept; else it is removed at the end")
            parser.add_argument("--common", action="store_true", help="without the rare and deep calls")
            chosen = parser.parse_args(options)
            logging.configure("bench", level="ERROR")
            asyncio.run(
                run(
                    chosen.reviews,
                    chosen.small,
                    chosen.directory,
                    callers=chosen.callers,
                    seconds=chosen.seconds,
                    rounds=chosen.rounds,
                    common_only=chosen.common,
                )
            )


if __name__ == "__main__":
    main()
