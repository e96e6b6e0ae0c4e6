"""The catalog as it is kept: what is stored, what is told, and who waits for whom."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest

from services.intake.catalog import (
    BATCH,
    Catalog,
    Change,
    Entry,
    Key,
    Kind,
    Outcome,
    Row,
    decide,
    hash_of,
    locales,
    read,
)
from services.intake.refusal import Refused
from services.intake.transaction import transaction
from shared.events.catalog import Brand, Category, Product
from shared.events.models import (
    BrandUpdated,
    CatalogEntryRemoved,
    CategoryUpdated,
    Event,
    ProductUpdated,
    VocabularyUpdated,
)
from shared.events.vocabulary import ContextDataTerm, Vocabulary
from shared.http.errors import ErrorCode
from tests.intake_world import IntakeWorld, intake_world
from tests.parts import Database

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
KINDS: Sequence[tuple[Kind, Entry, Entry]] = (
    ("product", Product(id="x", name="a"), Product(id="x", name="b")),
    ("category", Category(id="x", name="a"), Category(id="x", name="a", parent_id="y")),
    ("brand", Brand(id="x", name="a"), Brand(id="x", name="b")),
    ("vocabulary", Vocabulary(), Vocabulary(context_data=(ContextDataTerm(id="Age"),))),
)

TOLD: dict[Kind, type[Event]] = {
    "product": ProductUpdated,
    "category": CategoryUpdated,
    "brand": BrandUpdated,
    "vocabulary": VocabularyUpdated,
}


@pytest.fixture
async def world(module_database: Database) -> AsyncIterator[IntakeWorld]:
    async with intake_world(module_database) as made:
        yield made


async def change(world: IntakeWorld, *changes: Change, site: str = "books") -> list[Outcome]:
    async with transaction(world.pool) as tx:
        return await Catalog(world.clock, world.rng).change(tx, site, changes)


def product(entry_id: str, name: str | None = None) -> Change:
    return Change(Key("product", entry_id), Product(id=entry_id, name=name), TRACE)


def gone(entry_id: str) -> Change:
    return Change(Key("product", entry_id), None)


@pytest.mark.parametrize(("kind", "first", "second"), KINDS, ids=[kind for kind, _, _ in KINDS])
async def test_an_entry_comes_changes_goes_and_comes_back(
    world: IntakeWorld, kind: Kind, first: Entry, second: Entry
) -> None:
    key = Key(kind, "en" if kind == "vocabulary" else "x")
    seen = []
    for entry in (first, first, second, None, None, first):
        (outcome,) = await change(world, Change(key, entry))
        seen.append(outcome)
        async with transaction(world.pool) as tx:
            found = await read(tx, "books", key)
        assert (found is None) == (entry is None)
        if entry is not None and found is not None:
            assert type(entry).model_validate(found.entry) == entry
    assert seen == ["created", "unchanged", "updated", "removed", "unchanged", "created"]

    events = await world.events()

    told = TOLD[kind]
    assert [(type(event), event.sequence) for event in events] == [
        (told, 1),
        (told, 2),
        (CatalogEntryRemoved, 3),
        (told, 4),
    ]
    assert {event.key for event in events} == {f"books/{kind}/{key.entry_id}".encode()}
    assert [getattr(event, kind, None) for event in events] == [first, second, None, first]
    # What a replay sends again is the last event, as it was.
    stored = await world.pool.fetchval("select event from intake.catalog")
    assert told.model_validate_json(stored) == events[-1]


async def test_the_end_of_what_never_was_is_no_event(world: IntakeWorld) -> None:
    assert await change(world, gone("x")) == ["unchanged"]
    assert await world.events() == []
    assert await world.count("intake.catalog") == 0


async def test_kinds_have_ids_of_their_own(world: IntakeWorld) -> None:
    made = [Change(Key(kind, "x"), entry) for kind, entry, _ in KINDS[:3]]
    assert await change(world, *made) == ["created"] * 3
    assert await change(world, Change(Key("brand", "x"), None)) == ["removed"]
    async with transaction(world.pool) as tx:
        assert await read(tx, "books", Key("product", "x")) is not None
        assert await read(tx, "books", Key("brand", "x")) is None


async def test_sites_are_apart(world: IntakeWorld) -> None:
    assert await change(world, product("x", "ours")) == ["created"]
    assert await change(world, product("x", "theirs"), site="films") == ["created"]
    assert await change(world, gone("x"), site="films") == ["removed"]
    async with transaction(world.pool) as tx:
        found = await read(tx, "books", Key("product", "x"))
        assert found is not None
        assert found.entry["name"] == "ours"
        assert await read(tx, "films", Key("product", "x")) is None
    assert {(event.site, event.sequence) for event in await world.events()} == {
        ("books", 1),
        ("films", 1),
        ("films", 2),
    }


async def test_there_is_no_catalog_of_no_site(world: IntakeWorld) -> None:
    with pytest.raises(Refused) as refused:
        await change(world, product("x"), site="nowhere")
    assert refused.value.refusal.code == ErrorCode.NOT_FOUND


async def test_a_product_may_come_before_its_category_and_brand(world: IntakeWorld) -> None:
    early = Product(id="x", category_id="later", brand_id="never")
    assert await change(world, Change(Key("product", "x"), early)) == ["created"]
    circle = [Change(Key("category", a), Category(id=a, parent_id=b)) for a, b in ("ab", "bc", "ca")]
    assert await change(world, *circle) == ["created"] * 3, "circles are the readers' to survive"


async def test_a_batch_is_as_if_its_changes_had_come_one_after_the_other(world: IntakeWorld) -> None:
    await change(world, product("old", "1"))
    batch = [
        product("new", "1"), product("old", "2"), product("new", "1"), product("new", "2"), gone("old"), gone("old"),
        product("old", "2"), gone("new"),
    ]  # fmt: skip
    outcomes = await change(world, *batch)
    assert outcomes == ["created", "updated", "unchanged", "updated", "removed", "unchanged", "created", "removed"]
    told = [(event.key.decode().rpartition("/")[2], event.sequence) for event in await world.events()]
    assert told == [("old", 1), ("new", 1), ("old", 2), ("new", 2), ("old", 3), ("old", 4), ("new", 3)]
    rows = await world.pool.fetch("select entry_id, sequence, removed, event from intake.catalog order by entry_id")
    assert [(row["entry_id"], row["sequence"], row["removed"]) for row in rows] == [("new", 3, True), ("old", 4, False)]
    assert CatalogEntryRemoved.model_validate_json(rows[0]["event"]).sequence == 3
    assert ProductUpdated.model_validate_json(rows[1]["event"]).sequence == 4


async def test_events_carry_the_senders_trace(world: IntakeWorld) -> None:
    await change(world, product("x"))
    headers = await world.pool.fetchval("select headers from intake.outbox")
    assert TRACE in headers


async def test_an_odd_id_is_an_id_like_any_other(world: IntakeWorld) -> None:
    odd = ["Général/Robes/Robes", "a'b\"c\\d", "{1,2}", "null", "NULL", " x ", "😀", "a%2Fb", "x" * 255]
    assert await change(world, *map(product, odd)) == ["created"] * len(odd)
    assert await change(world, *map(product, odd)) == ["unchanged"] * len(odd)
    async with transaction(world.pool) as tx:
        for entry_id in odd:
            found = await read(tx, "books", Key("product", entry_id))
            assert found is not None
            assert found.entry["id"] == entry_id


async def test_concurrent_batches_about_the_same_entries(world: IntakeWorld) -> None:
    """Sequences of each key grow without a gap, in the order of the outbox, and the last event is what is stored."""
    rng = random.Random(11)
    ids = [str(number) for number in range(12)]

    async def writer(name: int) -> None:
        for turn in range(6):
            batch = [
                gone(one) if rng.random() < 0.2 else product(one, f"{name} {turn} {rng.randrange(3)}")
                for one in rng.choices(ids, k=15)
            ]
            await change(world, *batch)

    await asyncio.gather(*(writer(name) for name in range(6)))

    last: dict[str, int] = {}
    for event in await world.events():
        entry_id = event.key.decode().rpartition("/")[2]
        assert event.sequence == last.get(entry_id, 0) + 1
        last[entry_id] = event.sequence
    stored = await world.pool.fetch(
        "select entry_id, sequence, removed, (event ->> 'sequence')::bigint as told, event::jsonb ? 'product' as there"
        " from intake.catalog"
    )
    assert {row["entry_id"]: row["sequence"] for row in stored} == last
    assert all(row["told"] == row["sequence"] and row["there"] != row["removed"] for row in stored)


async def test_a_batch_that_is_rolled_back_is_nothing(world: IntakeWorld) -> None:
    with suppress(ZeroDivisionError):
        async with transaction(world.pool) as tx:
            await Catalog(world.clock, world.rng).change(tx, "books", [product("x")])
            raise ZeroDivisionError
    assert (await world.count("intake.catalog"), await world.count("intake.outbox")) == (0, 0)


async def test_a_batch_takes_few_statements(world: IntakeWorld) -> None:
    """So that a catalog of 10,000 products is loaded in seconds."""
    statements: list[str] = []
    batch = [product(str(number), "1") for number in range(BATCH)]
    await change(world, *batch[: BATCH // 2])
    async with transaction(world.pool) as tx:
        tx.add_query_logger(lambda record: statements.append(record.query))
        await Catalog(world.clock, world.rng).change(tx, "books", [product(str(n), "2") for n in range(BATCH)])
    assert len(statements) < 10, statements


async def test_locales_are_listed(world: IntakeWorld) -> None:
    vocabulary = Vocabulary()
    await change(world, *(Change(Key("vocabulary", locale), vocabulary) for locale in ("fr_FR", "*", "en")))
    await change(world, Change(Key("vocabulary", "en"), None), product("p"))
    async with transaction(world.pool) as tx:
        assert await locales(tx, "books") == ["*", "fr_FR"]
        assert await locales(tx, "films") == []


def test_what_was_not_given_does_not_count() -> None:
    """A field that a later version adds must not make every entry look changed."""
    assert hash_of(Product(id="x")) == hash_of(Product(id="x", active=True, eans=()))
    assert hash_of(Product(id="x")) != hash_of(Product(id="x", active=False))


@pytest.mark.parametrize(
    ("before", "wanted", "outcome"),
    [
        (None, b"1", "created"),
        (None, None, "unchanged"),
        (b"1", b"1", "unchanged"),
        (b"1", b"2", "updated"),
        (b"1", None, "removed"),
    ],
)
def test_outcomes(before: bytes | None, wanted: bytes | None, outcome: Outcome) -> None:
    assert decide(Row(1, before), wanted) == outcome
    if before is None:
        assert decide(None, wanted) == outcome
