"""Duplicates and bursts on a real Postgres, through the role that the service has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import pytest

from services.moderation.engine.signal import Category, Signal
from services.moderation.judging.bursts import Limits
from services.moderation.judging.entries import MOST_ALIKE, sketch_of
from services.moderation.judging.history import History, Revision, forget
from services.moderation.judging.sketch import PROBES
from tests.parts import Database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXT = (
    "I bought this kettle in March and have used it every morning since. It boils two litres in under five minutes, "
    "the lid closes firmly, and the handle stays cool even when the water inside does not."
)
OTHER = (
    "Arrived with a dent on one side, which the shop replaced without a question within three days. The new one hums "
    "a little when it is half full; other than that we have nothing to complain about."
)
Connection: TypeAlias = "asyncpg.Connection[Any]"


@pytest.fixture
async def dsn(module_database: Database) -> str:
    """Of the service's own role; the tables are empty."""
    owner = await asyncpg.connect(module_database.dsn)
    await owner.execute("truncate moderation.history, moderation.history_probes")
    await owner.close()
    return module_database.role("moderation")


@pytest.fixture
async def tx(dsn: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


def revision(
    review_id: int,
    text: str | None = None,
    *,
    revision: int = 1,
    site: str = "shop",
    author: str | None = None,
    entity: str | None = None,
    channel: str = "api",
    seconds: float = 0,
    title: str | None = None,
) -> Revision:
    """A review, by default without words, of an author and an entity of its own."""
    fields = {name: value for name, value in (("title", title), ("text", text)) if value is not None}
    who, what = author or f"author-{review_id}", entity or f"entity-{review_id}"
    at = NOON + timedelta(seconds=seconds)
    return Revision(site, review_id, revision, who, what, channel, at, fields)


async def look(tx: Connection, *revisions: Revision, limits: Limits | None = None) -> list[tuple[Signal, ...]]:
    async with tx.transaction():
        return await History(limits).look(tx, revisions)


def copied(signals: Sequence[Signal]) -> list[str | None]:
    return [signal.detail for signal in signals if signal.detector == "duplicate"]


def bursts(signals: Sequence[Signal]) -> list[str | None]:
    return [signal.detail for signal in signals if signal.detector == "burst"]


async def stored(tx: Connection) -> list[Any]:
    rows = await tx.fetch("select * from moderation.history order by review_id")
    probes = await tx.fetch("select * from moderation.history_probes order by review_id, value")
    return [tuple(row) for row in (*rows, *probes)]


async def test_a_copy_names_the_review_that_it_was_made_from(tx: Connection) -> None:
    (first,) = await look(tx, revision(1, TEXT))
    assert first == ()
    copy = TEXT.replace("kettle", "jug").upper() + " Buy it!"
    (found,) = await look(tx, revision(2, copy))
    (signal,) = found
    assert (signal.detector, signal.category, signal.severity, signal.field) == (
        "duplicate",
        Category.SPAM,
        None,
        "text",
    )
    assert (signal.start, signal.end, signal.matched, signal.detail) == (0, len(copy), copy, "1")
    assert 0.7 < signal.confidence < 1
    ((again,),) = await look(tx, revision(3, TEXT))
    assert (again.detail, again.confidence) == ("1", 1.0)


@pytest.mark.parametrize("how", [{"author": "jane"}, {"entity": "kettle"}, {"author": "jane", "entity": "kettle"}, {}])
async def test_copies_are_copies_whoever_wrote_them_on_whatever(tx: Connection, how: dict[str, str]) -> None:
    _, found = await look(tx, revision(1, TEXT, **how), revision(2, TEXT, **how))  # type: ignore[arg-type]  # names only
    assert copied(found) == ["1"]


async def test_other_reviews_are_no_copies(tx: Connection) -> None:
    assert await look(tx, revision(1, TEXT), revision(2, OTHER), revision(3), revision(4), revision(5, "")) == [()] * 5
    assert await look(tx, revision(6, "Love it!"), revision(7, "Love it!"), revision(8)) == [()] * 3


async def test_short_texts_are_copies_of_the_same_author_only(tx: Connection) -> None:
    await look(tx, revision(1, "Great value, fits perfectly!", author="jane"))
    found = await look(
        tx,
        revision(2, "Great value, fits perfectly!", author="john"),
        revision(3, "great value; fits perfectly", author="jane"),
        revision(4, "Great value, fits very well!", author="jane"),
        revision(5, "Great value, fits perfectly!")._replace(author_id=None),
        revision(6, "Great value, fits perfectly!")._replace(author_id=None),
    )
    assert [copied(signals) for signals in found] == [[], ["1"], [], [], []]


async def test_the_same_short_text_for_the_hundredth_time_is_still_found(tx: Connection) -> None:
    many = [
        revision(number, "Great value, fits perfectly!", author="jane", channel="import") for number in range(1, 101)
    ]
    await look(tx, *many)
    (found,) = await look(tx, revision(200, "Great value, fits perfectly!", author="jane"))
    assert len(copied(found)) == 1


async def test_sites_are_apart(tx: Connection) -> None:
    """Neither copies nor bursts of one site show on another, within a batch or over the database."""
    await look(tx, revision(1, TEXT, author="jane"), revision(2, TEXT, site="other", author="jane"))
    elsewhere = [revision(10 + number, site="other", author="jane", entity="kettle") for number in range(30)]
    await look(tx, *elsewhere)
    (found,) = await look(tx, revision(3, TEXT, site="third", author="jane", entity="kettle"))
    assert found == ()
    (found,) = await look(tx, revision(4, TEXT, site="other"))
    assert copied(found) == ["2"]


async def test_a_review_of_another_site_is_left_alone(tx: Connection) -> None:
    await look(tx, revision(1, TEXT), revision(2, TEXT))
    kept = await stored(tx)
    assert await look(tx, revision(2, TEXT, site="other"), revision(2, OTHER, revision=2, site="other")) == [(), ()]
    assert await stored(tx) == kept


async def test_a_row_of_another_site_is_no_original_even_under_the_same_probe(tx: Connection) -> None:
    """The probes of two sites may be the same number by accident."""
    await look(tx, revision(1, TEXT))
    await tx.execute("update moderation.history set site = 'other'")
    assert await look(tx, revision(2, TEXT)) == [()]


async def test_a_title_stands_for_a_text_that_is_not_there(tx: Connection) -> None:
    title = "The best kettle that I ever had in my kitchen so far"
    _, (found,) = await look(tx, revision(1, title=title), revision(2, "", title=title))
    assert (found.field, found.matched, found.end) == ("title", title, len(title))
    assert await look(tx, revision(3, OTHER, title=title)) == [()]


async def test_the_same_revision_again_gets_the_same_answer_and_changes_nothing(tx: Connection) -> None:
    batch = [revision(number, TEXT, author="jane", entity="kettle", seconds=number) for number in range(1, 9)]
    first = await look(tx, *batch)
    assert [len(signals) for signals in first] == [0, 1, 1, 1, 1, 2, 2, 2]
    kept = await stored(tx)
    # Whatever came in between.
    assert await look(tx, *batch) == first
    assert await look(tx, *reversed(batch)) == first[::-1]
    assert await look(tx, batch[0], batch[0], batch[4], batch[0]) == [first[0], first[0], first[4], first[0]]
    assert await stored(tx) == kept


async def test_a_record_twice_in_a_batch_is_one_review(tx: Connection) -> None:
    batch = [revision(1, TEXT, author="jane")] * 10
    assert await look(tx, *batch) == [()] * 10


async def test_how_reviews_are_cut_into_batches_changes_nothing(tx: Connection) -> None:
    texts = [TEXT, OTHER, TEXT + " Buy it!", "Great value, fits perfectly!", OTHER.lower(), *[None] * 7]
    some = [
        revision(number, texts[number % 12], author=f"a{number % 4}", entity="kettle", seconds=number * 7)
        for number in range(1, 25)
    ]
    whole = await look(tx, *some)
    owner_view = await stored(tx)
    await forget(tx, [one.review_id for one in some])
    assert await stored(tx) == []
    apart = [signals for first in range(0, 24, 5) for signals in await look(tx, *some[first : first + 5])]
    assert apart == whole
    assert await stored(tx) == owner_view
    assert sum(bool(signals) for signals in whole) == 10


async def test_an_edit_is_no_copy_of_its_own_review(tx: Connection) -> None:
    await look(tx, revision(1, TEXT))
    assert await look(tx, revision(1, TEXT + " Still good.", revision=2)) == [()]
    assert await look(tx, revision(1, OTHER, revision=3), revision(1, OTHER, revision=4)) == [(), ()]


async def test_who_was_copied_may_edit(tx: Connection) -> None:
    """The author of an original does not copy the copy."""
    await look(tx, revision(1, TEXT))
    await look(tx, revision(2, TEXT, seconds=60))
    (edit,) = await look(tx, revision(1, TEXT + " Still good after a month.", revision=2, seconds=120))
    assert edit == ()
    (edit,) = await look(tx, revision(2, TEXT + " I agree.", revision=2, seconds=180))
    assert copied(edit) == ["1"]


async def test_an_edit_that_copies_is_found(tx: Connection) -> None:
    """An old review may be made a copy of a newer one."""
    await look(tx, revision(1, OTHER))
    await look(tx, revision(2, TEXT, seconds=60))
    (edit,) = await look(tx, revision(1, TEXT, revision=2, seconds=120))
    assert copied(edit) == ["2"]


async def test_words_that_were_edited_away_are_forgotten(tx: Connection) -> None:
    await look(tx, revision(1, TEXT))
    await look(tx, revision(1, OTHER, revision=2))
    one, two, old = await look(tx, revision(2, TEXT), revision(3, OTHER), revision(1, TEXT))
    assert (copied(one), copied(two), old) == ([], ["1"], ())
    assert await tx.fetchval("select count(*) from moderation.history_probes where review_id = 1") == PROBES


async def test_a_withdrawn_review_is_forgotten(tx: Connection) -> None:
    await look(tx, revision(1, TEXT, author="jane"), revision(2, "Great value, fits perfectly!", author="jane"))
    async with tx.transaction():
        await forget(tx, [1, 2, 99])
        await forget(tx, [1])
        await forget(tx, [])
    assert await stored(tx) == []
    found = await look(tx, revision(3, TEXT), revision(4, "Great value, fits perfectly!", author="jane"))
    assert found == [(), ()]


async def test_what_is_rolled_back_is_not_recorded(tx: Connection) -> None:
    transaction = tx.transaction()
    await transaction.start()
    await History().look(tx, [revision(1, TEXT)])
    await transaction.rollback()
    assert await look(tx, revision(2, TEXT)) == [()]


async def test_no_words_are_kept(tx: Connection) -> None:
    await look(tx, revision(1, TEXT, author="jane@example.com"), revision(2, "Great value, Jane!", author="jane"))
    kept = str(await stored(tx)).lower()
    assert "kettle" not in kept
    assert "jane" not in kept


async def test_a_sketch_made_beforehand_is_the_one_that_would_be_made(tx: Connection) -> None:
    ready = revision(1, TEXT)._replace(sketch=sketch_of({"text": TEXT}))
    assert await look(tx, ready, revision(2, TEXT)) != [(), ()]
    kept = await tx.fetch("select size, sketch from moderation.history order by review_id")
    assert kept[0] == kept[1]


async def test_a_phrase_of_thousands_costs_no_thousands(tx: Connection) -> None:
    """As with all of a text's probes hot: only the newest under each are compared, and the copy is among them."""
    many = [revision(number, TEXT, channel="import") for number in range(1, 1001)]
    for first in range(0, 1000, 250):
        found = await look(tx, *many[first : first + 250])
        assert all(copied(signals) for signals in found[1:])
    plan = await tx.fetch(
        "explain (analyze, format text, costs off) select review_id from moderation.history_probes "
        "where value = (select min(value) from moderation.history_probes where review_id = 1) "
        f"order by review_id desc limit {MOST_ALIKE}"
    )
    assert any("Index Only Scan Backward" in row[0] for row in plan)
    ((signal,),) = await look(tx, revision(2000, TEXT))
    assert signal.detail is not None
    assert int(signal.detail) > 1000 - MOST_ALIKE


async def test_the_same_text_is_found_among_many_that_are_nearly_the_same(tx: Connection) -> None:
    """All of its phrases are in so many newer reviews that none leads to it, but the whole does."""
    await look(tx, revision(1, TEXT))
    await look(tx, *(revision(number, f"{TEXT} Bought {number} of them.", channel="import") for number in range(2, 40)))
    ((found,),) = await look(tx, revision(99, TEXT))
    assert (found.detail, found.confidence) == ("1", 1.0)


async def test_an_author_in_a_hurry_is_a_burst(tx: Connection) -> None:
    first = await look(tx, *(revision(number, author="jane", seconds=number) for number in range(1, 6)))
    assert first == [()] * 5
    sixth, other = await look(tx, revision(6, "Fine.", author="jane", seconds=500), revision(7, author="john"))
    (signal,) = sixth
    assert (signal.detector, signal.category, signal.severity, signal.detail) == ("burst", "spam", None, "author")
    assert (signal.field, signal.start, signal.end, signal.matched) == ("text", 0, 5, "Fine.")
    assert other == ()
    assert await look(tx, revision(8, author="jane", seconds=1200)) == [()]
    ((wordless,),) = await look(tx, *(revision(9, author="jane", seconds=500),))
    assert (wordless.field, wordless.start, wordless.end, wordless.matched) == ("text", 0, 0, "")


async def test_twenty_a_day_are_enough_for_an_author(tx: Connection) -> None:
    steady = [revision(number, author="jane", seconds=number * 4500) for number in range(1, 40)]
    assert [bursts(signals) for signals in await look(tx, *steady)] == [[]] * 39
    faster = [revision(100 + number, author="jane", seconds=39 * 4500 + number * 1200) for number in range(1, 4)]
    found = [signals for one in faster for signals in await look(tx, one)]
    assert [bursts(signals) for signals in found] == [[], ["author"], ["author"]]


async def test_nobody_is_no_author(tx: Connection) -> None:
    unknown = [revision(number)._replace(author_id=None) for number in range(1, 20)]
    assert await look(tx, *unknown) == [()] * 19


async def test_many_reviews_on_one_entity_are_a_burst(tx: Connection) -> None:
    crowd = [revision(number, entity="kettle", seconds=number) for number in range(1, 31)]
    found = [*await look(tx, *crowd[:15]), *await look(tx, *crowd[15:])]
    assert [bursts(signals) for signals in found] == [[]] * 20 + [["entity"]] * 10
    assert await look(tx, revision(99, entity="kettle", seconds=700)) == [()]


async def test_reviews_of_the_site_itself_are_of_one_entity(tx: Connection) -> None:
    crowd = [revision(number, seconds=number)._replace(entity_id=None) for number in range(1, 23)]
    assert [bursts(signals) for signals in await look(tx, *crowd)][-2:] == [["entity"]] * 2


async def test_an_entity_that_always_gets_many_may_get_many(tx: Connection) -> None:
    """Twenty a day for three days make forty at once ordinary, and no more."""
    usual = [
        revision(1000 * day + number, entity="kettle", seconds=-86_400 * day + number * 1200)
        for day in (1, 2, 3)
        for number in range(20)
    ]
    await look(tx, *usual)
    crowd = [revision(number, entity="kettle", seconds=number) for number in range(1, 51)]
    found = [*await look(tx, *crowd[:30]), *await look(tx, *crowd[30:])]
    assert [bursts(signals) for signals in found] == [[]] * 40 + [["entity"]] * 10


@pytest.mark.parametrize("channel", ["import", "ingest"])
async def test_machines_may_be_fast(tx: Connection, channel: str) -> None:
    """What is imported is in no burst, and makes none of what people write afterwards."""
    crowd = [revision(number, author="jane", entity="kettle", channel=channel) for number in range(1, 101)]
    assert await look(tx, *crowd) == [()] * 100
    assert await look(tx, revision(101, author="jane", entity="kettle", seconds=1)) == [()]


async def test_edits_are_no_burst(tx: Connection) -> None:
    await look(tx, revision(1, author="jane"))
    edits = [revision(1, author="jane", revision=number, seconds=number) for number in range(2, 20)]
    assert await look(tx, *edits) == [()] * 18
    # Nor are edits of reviews from before this history.
    assert await look(tx, *(revision(100 + number, author="jane", revision=2) for number in range(20))) == [()] * 20


async def test_an_edit_stays_in_the_burst_of_its_review(tx: Connection) -> None:
    await look(tx, *(revision(number, author="jane", seconds=number) for number in range(1, 7)))
    calm, hasty = await look(
        tx,
        revision(1, author="jane", revision=2, seconds=90_000),
        revision(6, author="jane", revision=2, seconds=90_000),
    )
    assert (bursts(calm), bursts(hasty)) == ([], ["author"])


async def test_limits_are_the_sites_owners(tx: Connection) -> None:
    limits = replace(Limits(), exempt=frozenset(), entity=Limits().entity._replace(most=2))
    crowd = [revision(number, entity="kettle", channel="import") for number in range(1, 5)]
    found = await look(tx, *crowd, limits=limits)
    assert [bursts(signals) for signals in found] == [[], [], ["entity"], ["entity"]]


async def test_two_workers_never_wait_for_each_other(dsn: str) -> None:
    """Interleaved ids, shared words, shared author: both go through, and neither sees the other's copies."""
    one, other = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        for first in range(0, 200, 40):
            ids = list(range(first + 1, first + 41))
            mine = [revision(number, f"{TEXT} {number}", author="jane", entity="kettle") for number in ids[::2]]
            theirs = [revision(number, f"{TEXT} {number}", author="jane", entity="kettle") for number in ids[::-2]]
            await asyncio.wait_for(asyncio.gather(look(one, *mine), look(other, *theirs)), 20)
        async with one.transaction(), other.transaction():
            # Both open at once, in opposite order.
            await asyncio.wait_for(History().look(one, [revision(1001, TEXT), revision(1004, TEXT)]), 10)
            await asyncio.wait_for(History().look(other, [revision(1003, TEXT), revision(1002, TEXT)]), 10)
            await asyncio.wait_for(forget(other, [2]), 10)
            await asyncio.wait_for(forget(one, [1]), 10)
        assert await one.fetchval("select count(*) from moderation.history") == 202
    finally:
        await one.close()
        await other.close()


async def test_who_records_the_same_review_second_is_told(dsn: str) -> None:
    one, other = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    try:
        transaction = one.transaction()
        await transaction.start()
        await History().look(one, [revision(1, TEXT)])
        waiting = asyncio.create_task(look(other, revision(1, TEXT)))
        await asyncio.sleep(0.1)
        await transaction.commit()
        with pytest.raises(asyncpg.UniqueViolationError):
            await asyncio.wait_for(waiting, 10)
    finally:
        await one.close()
        await other.close()


async def test_who_knows_that_reviews_are_new_may_say_so(tx: Connection) -> None:
    async with tx.transaction():
        found = await History().look(tx, [revision(1, TEXT), revision(2, TEXT)], {1, 2})
    assert [copied(signals) for signals in found] == [[], ["1"]]
    async with tx.transaction():
        again = await History().look(tx, [revision(2, TEXT), revision(3, TEXT)], {3})
    assert [copied(signals) for signals in again] == [["1"], ["1"]]
    with pytest.raises(asyncpg.UniqueViolationError):
        async with tx.transaction():
            await History().look(tx, [revision(3, TEXT)], {3})


async def test_of_machines_nobody_is_kept(tx: Connection) -> None:
    """What counts for no burst says no more than the text, also after an edit on another channel."""
    await look(tx, revision(1, TEXT, author="jane", channel="import"), revision(2, author="jane"))
    await look(tx, revision(1, OTHER, author="jane", revision=2))
    kept = await tx.fetch("select author, entity, counted_at from moderation.history order by review_id")
    assert tuple(kept[0]) == (None, None, None)
    assert None not in kept[1]


async def test_nothing_asked_is_nothing_found(tx: Connection) -> None:
    assert await look(tx) == []
