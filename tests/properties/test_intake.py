"""What holds whatever is sent, however often, in whatever order, by however many at once."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.intake.ingest import Ingest
from services.intake.submission import Submission
from services.intake.transaction import transaction
from services.intake.withdrawal import withdraw
from shared.events.cloudevents import unpack_headers
from shared.events.models import ReviewSubmitted
from tests.intake_world import IntakeWorld, ingest_record, intake_world, record_of
from tests.parts import Database

EXAMPLES = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
AUTHORS = ("ann", "bob", "cat")


def on_empty(database: Database, scenario: Any) -> None:
    """Hypothesis calls plain functions; each example has a loop and an empty database of its own."""

    async def run() -> None:
        async with intake_world(database) as world:
            await scenario(world)

    asyncio.run(run())


versions = st.tuples(st.integers(0, 4), st.integers(1, 5))
"""Record and version; what a version says follows from it."""


def version_of(record: int, version: int) -> Submission:
    return record_of(f"r{record}", source_version=version, text=f"version {version // 2}", rating=version)


@EXAMPLES
@given(batches=st.lists(st.lists(versions, min_size=1, max_size=12), min_size=1, max_size=6), seed=st.integers())
def test_one_review_per_record_with_its_newest_content(
    module_database: Database, batches: list[list[tuple[int, int]]], seed: int
) -> None:
    """Every batch is sent twice, all of them at once, in any order."""

    async def scenario(world: IntakeWorld) -> None:
        sent = [*batches, *batches]
        random.Random(seed).shuffle(sent)
        await asyncio.gather(*(world.submit(*(version_of(*one) for one in batch)) for batch in sent))
        newest: dict[str, int] = {}
        for record, version in (one for batch in batches for one in batch):
            newest[f"r{record}"] = max(newest.get(f"r{record}", 0), version)
        rows = await world.pool.fetch(
            "select source_id, source_version, (event -> 'content' ->> 'rating')::int as rating from intake.reviews"
        )
        assert {row["source_id"]: row["source_version"] for row in rows} == newest
        assert {row["source_id"]: row["rating"] for row in rows} == newest
        await assert_sequences_are_whole(world)

    on_empty(module_database, scenario)


async def assert_sequences_are_whole(world: IntakeWorld) -> None:
    """Per key and in the order of the outbox: 1, 2, 3 …, and the row knows the last."""
    sequences: dict[bytes, list[int]] = defaultdict(list)
    for event in await world.events():
        sequences[event.key].append(event.sequence)
    assert all(found == list(range(1, len(found) + 1)) for found in sequences.values()), sequences
    last = {row["review_id"]: row["sequence"] for row in await world.pool.fetch("table intake.reviews")}
    assert last == {int(key.decode().rpartition("/")[2]): found[-1] for key, found in sequences.items()}


steps = st.one_of(
    st.tuples(st.just("submit"), st.sampled_from(AUTHORS), st.integers(0, 1), st.integers(1, 5)),
    st.tuples(st.just("withdraw"), st.sampled_from(AUTHORS), st.integers(0, 1), st.just(0)),
)


@EXAMPLES
@given(scripts=st.lists(st.lists(steps, min_size=1, max_size=8), min_size=1, max_size=4))
def test_one_live_review_per_author_and_entity(
    module_database: Database, scripts: list[list[tuple[str, str, int, int]]]
) -> None:
    async def scenario(world: IntakeWorld) -> None:
        async def play(script: list[tuple[str, str, int, int]]) -> int:
            created = 0
            for what, author, entity, rating in script:
                if what == "submit":
                    result = await world.submit_one(entity_id=f"e{entity}", author={"id": author}, rating=rating)
                    created += result.outcome == "created"
                    continue
                live = await world.pool.fetchval(
                    "select review_id from intake.reviews where entity_id = $1 and state = 'live' limit 1",
                    f"e{entity}",
                )
                if live is not None:
                    async with transaction(world.pool) as tx:
                        await withdraw(tx, world.registry, "books", live, "key", None)
            return created

        created = sum(await asyncio.gather(*(play(script) for script in scripts)))
        assert await world.count("intake.reviews") == created
        doubles = await world.pool.fetch(
            """select entity_id, author_id from intake.reviews where state = 'live'
                group by entity_id, author_id having count(*) > 1"""
        )
        assert doubles == []
        tried = {(author, entity) for script in scripts for what, author, entity, _ in script if what == "submit"}
        assert created >= len(tried)
        await assert_sequences_are_whole(world)

    on_empty(module_database, scenario)


LOCAL = "q7zx"
emails = st.sampled_from(
    [f"{LOCAL}@example.com", f"{LOCAL.upper()}@Example.com", f"{LOCAL}@example", f"{LOCAL}@@x.org"]
)
bodies = st.fixed_dictionaries(
    {"rating": st.sampled_from([1, 5, 9, f"{LOCAL}@example.com"])},
    optional={
        "author": st.fixed_dictionaries({"email": emails}, optional={"id": st.sampled_from(["a", "b"])}),
        "source": st.just("s"),
        "source_id": st.sampled_from(["1", "2"]),
        "source_version": st.integers(0, 3),
        "text": st.sampled_from(["fine", "bad\0"]),
    },
)


@EXAMPLES
@given(sent=st.lists(bodies, min_size=1, max_size=20))
def test_an_address_is_in_the_vault_and_nowhere_else(module_database: Database, sent: list[dict[str, Any]]) -> None:
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    async def scenario(world: IntakeWorld) -> None:
        await world.pool.execute("insert into intake.ingest_topics (topic, site) values ('from-shop', 'books')")
        records = [ingest_record(offset, orjson.dumps(body)) for offset, body in enumerate(sent)]
        async with transaction(world.pool) as tx:
            ingest = Ingest(world.registry, {"from-shop": "id"})
            await ingest.prepare(records)
            await ingest.process(tx, records)
        outbox = await world.pool.fetch("select topic, key, value, headers from intake.outbox")
        for row in outbox:
            assert LOCAL.encode() not in row["value"].lower()
            assert LOCAL not in str(unpack_headers(row["headers"])).lower()
        reviews = await world.pool.fetch("select review_id, author_id, source, source_id, event from intake.reviews")
        reasons = await world.pool.fetch("select site, reason_code, reason from intake.dead_letters")
        assert LOCAL not in f"{reviews}{reasons}".lower()
        assert len(outbox) + len(reasons) <= len(sent)
        for event in await world.events():
            assert isinstance(event, ReviewSubmitted)

    handler = Kept()
    logging.getLogger().addHandler(handler)
    try:
        on_empty(module_database, scenario)
    finally:
        logging.getLogger().removeHandler(handler)
    assert LOCAL not in "".join(lines).lower()
