"""The projection on a real Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import orjson
import pytest

from services.projection.statistics_store import Inconsistent
from services.projection.store import Store
from shared.kafka.consumer import Systematic
from tests.parts import Database
from tests.projection_world import (
    World,
    content,
    moderated,
    posted,
    record,
    removed,
    settings,
    submitted,
    tombstone,
    withdrawn,
    world,
)


@pytest.fixture
async def shop(module_database: Database) -> AsyncIterator[World]:
    """Empty tables, and a connection of the service's own role."""
    async with world(module_database.dsn) as owned:
        connection = await asyncpg.connect(module_database.role("projection"))
        yield World(connection)
        await connection.close()
        assert await owned.recount() == []


async def test_an_approved_review_is_public_with_all_its_content(shop: World) -> None:
    await shop.events(moderated(7, said=content(rating=5, entity_name="Shirt", author_name="Jane")))
    row = (await shop.public())[7]
    assert (row["rating"], row["entity_id"], row["entity_name"], row["author_name"]) == (5, "shirt", "Shirt", "Jane")
    assert row["text"] == "It fits – très bien 👍"
    assert row["review_date"] == row["created_at"]
    assert row["replies"] == "[]"


async def test_an_edit_changes_nothing_until_it_is_approved(shop: World) -> None:
    await shop.events(moderated(said=content(1)))
    await shop.events(moderated(sequence=2, status="held", public=1, revision=2, said=content(1)))
    assert (await shop.public())[1]["revision"] == 1
    await shop.events(moderated(sequence=3, public=2, said=content(2, rating=1, entity_id="hat")))
    assert (await shop.public())[1]["title"] == "Revision 2"


async def test_a_rejected_review_leaves(shop: World) -> None:
    await shop.events(moderated(1), moderated(2))
    await shop.events(moderated(1, sequence=2, status="rejected", public=None))
    assert set(await shop.public()) == {2}


async def test_what_came_before_is_not_applied_again(shop: World) -> None:
    await shop.events(moderated(sequence=2, status="rejected", public=None))
    await shop.events(moderated(sequence=1))
    assert await shop.public() == {}


@pytest.mark.parametrize(
    "last",
    [
        record(withdrawn()),
        tombstone(withdrawn()),
        tombstone(submitted(sequence=2)),
        tombstone(moderated(sequence=2)),
        record(moderated(sequence=2, status="withdrawn", public=None)),
        record(withdrawn()).corrupt(),
        record(withdrawn()).without("ce_sequence"),
    ],
    ids=["withdrawn", "tombstone", "of a submission", "of moderation", "by moderation", "corrupt", "no sequence"],
)
async def test_a_removal_is_final(shop: World, last: object) -> None:
    await shop.events(moderated(1), moderated(2))
    await shop.fold(last)  # type: ignore[arg-type]  # parametrize loses the type
    await shop.events(moderated(1, sequence=9, public=4))
    assert set(await shop.public()) == {2}


async def test_a_removal_that_comes_first_wins(shop: World) -> None:
    await shop.events(withdrawn())
    await shop.events(moderated(sequence=3))
    await shop.events(withdrawn(2), moderated(2))
    assert await shop.public() == {}


async def test_a_submission_alone_has_no_effect_and_is_not_even_read(shop: World) -> None:
    await shop.fold(record(submitted()).corrupt())
    assert all(rows == [] for rows in (await shop.snapshot()).values())


async def test_replies_are_shown_by_slot_whichever_comes_first(shop: World) -> None:
    await shop.events(posted(slot=1, text="second"), posted(slot=0, text="first"))
    assert await shop.public() == {}
    await shop.events(moderated())
    assert await _replies(shop) == ["first", "second"]
    await shop.events(posted(slot=0, sequence=2, text="first, better"))
    await shop.events(removed(slot=1))
    assert await _replies(shop) == ["first, better"]
    await shop.events(posted(slot=1, text="second"))
    await shop.events(moderated(sequence=2, public=2), tombstoned := removed(slot=0, sequence=3))
    await shop.fold(tombstone(tombstoned))
    assert await _replies(shop) == []


async def test_times_of_replies_do_not_depend_on_the_session(shop: World) -> None:
    await shop.connection.execute("set timezone to 'Asia/Tokyo'")
    await shop.events(posted())
    await shop.events(moderated())
    assert orjson.loads((await shop.public())[1]["replies"])[0]["posted_at"] == "2026-01-01T12:00:00Z"


async def test_settings_of_a_site(shop: World) -> None:
    await shop.events(settings(2, enabled=False), settings(1))
    await shop.events(settings(1))
    (row,) = await shop.connection.fetch("select * from published.sites")
    assert (row["site"], row["sequence"], row["name"], row["enabled"]) == ("shop", 2, "The shop, 2", False)
    assert orjson.loads(row["settings"])["enabled"] is False


async def test_an_unreadable_decision_hides_its_review_and_no_other(shop: World) -> None:
    await shop.events(moderated(1), moderated(2))
    await shop.fold(record(moderated(1, sequence=3)).corrupt(), record(moderated(3)))
    assert set(await shop.public()) == {2, 3}
    # An older one that was on its way does not bring it back; the one that can be read now does.
    await shop.events(moderated(1, sequence=2))
    assert set(await shop.public()) == {2, 3}
    await shop.events(moderated(1, sequence=3))
    assert set(await shop.public()) == {1, 2, 3}


async def test_an_unreadable_decision_that_is_older_than_a_readable_one_hides_nothing(shop: World) -> None:
    await shop.events(moderated(sequence=5))
    await shop.fold(record(moderated(sequence=4)).corrupt())
    assert set(await shop.public()) == {1}


async def test_without_a_sequence_the_review_is_hidden_until_the_next_decision(shop: World) -> None:
    await shop.events(moderated(sequence=4))
    await shop.fold(record(moderated(sequence=5)).without("ce_sequence"))
    await shop.fold(record(moderated(sequence=5)).without("ce_sequence"))
    await shop.events(moderated(sequence=4))
    assert await shop.public() == {}
    await shop.events(moderated(sequence=5))
    assert set(await shop.public()) == {1}


async def test_a_submission_without_a_type_may_have_been_a_withdrawal(shop: World) -> None:
    await shop.events(moderated())
    await shop.fold(record(withdrawn()).without("ce_type"))
    assert await shop.public() == {}
    await shop.events(moderated(sequence=2))
    assert set(await shop.public()) == {1}


async def test_an_unreadable_key_hides_nothing(shop: World) -> None:
    await shop.events(moderated())
    broken = record(moderated(sequence=2))
    for key in (None, b"\xff/1", b"shop/01", b"shop/x", b"shop/99999999999999999999", b"shop\0/1", b""):
        row = type(broken)(broken.topic, key, broken.value, broken.headers)
        await shop.fold(row)
    assert set(await shop.public()) == {1}


async def test_an_unreadable_reply_is_hidden_alone(shop: World) -> None:
    await shop.events(moderated(), posted(slot=0, text="first"), posted(slot=1, text="second"))
    await shop.fold(record(posted(slot=0, sequence=2)).corrupt())
    assert await _replies(shop) == ["second"]
    await shop.events(posted(slot=0, sequence=2, text="first again"))
    assert await _replies(shop) == ["first again", "second"]


async def test_unreadable_settings_close_the_site(shop: World) -> None:
    await shop.events(settings(1), settings(1, site="other"))
    await shop.fold(record(settings(2)).corrupt())
    query = "select site from published.sites where enabled"
    assert [row["site"] for row in await shop.connection.fetch(query)] == ["other"]
    await shop.events(settings(3))
    assert len(await shop.connection.fetch(query)) == 2


@pytest.mark.parametrize(
    "event",
    [
        moderated(1, sequence=2, status="rejected", public=2),
        moderated(1, sequence=2, public=3, revision=2),
        moderated(1, sequence=2, status="withdrawn", public=1),
        moderated(1, sequence=2).model_copy(update={"first_published_at": None}),
    ],
)
async def test_a_decision_that_contradicts_itself_hides_the_review(shop: World, event: object) -> None:
    await shop.events(moderated(), event)  # type: ignore[arg-type]  # parametrize loses the type
    assert await shop.public() == {}


async def test_an_unknown_type_stops_the_projection(shop: World) -> None:
    row = record(moderated())
    headers = [(name, b"review.moderated.v9" if name == "ce_type" else value) for name, value in row.headers]
    with pytest.raises(Systematic):
        await shop.fold(type(row)(row.topic, row.key, row.value, headers))


async def test_the_database_refuses_content_that_is_not_approved(shop: World) -> None:
    await shop.events(moderated(1, public=1), moderated(2, status="held", public=None), withdrawn(3))
    columns = "slug, rating, locale, created_at, submitted_at, review_date, published_at, first_published_at"
    for review_id, revision in ((1, 2), (2, 1), (3, 1), (4, 1)):
        with pytest.raises((asyncpg.ForeignKeyViolationError, asyncpg.UniqueViolationError)):
            await shop.connection.execute(
                f"""insert into published.reviews
                        (site, review_id, revision, entity_id, publish_count, is_featured, {columns})
                    values ('shop', $1, $2, '', 1, false, 's', 5, 'en', now(), now(), now(), now(), now())""",
                review_id,
                revision,
            )
    for change in ("revision = 2", "review_id = 2", "site = 'other'"):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await shop.connection.execute(f"update published.reviews set {change}")
    for change in ("approved_revision = 2", "approved_revision = null", "withdrawn = true", "hidden_from = 9"):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await shop.connection.execute(f"update projection.reviews set {change} where review_id = 1")
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await shop.connection.execute("delete from projection.reviews where review_id = 1")


async def test_a_missing_summary_is_not_papered_over(shop: World) -> None:
    await shop.events(moderated())
    await shop.connection.execute("delete from published.summaries where scope = 'site'")
    with pytest.raises(Inconsistent):
        await shop.events(withdrawn())
    assert set(await shop.public()) == {1}
    await World(shop.connection).clear()


async def test_two_projectors_take_turns(shop: World, module_database: Database) -> None:
    other = World(await asyncpg.connect(module_database.dsn))
    transaction = shop.connection.transaction()
    await transaction.start()
    await shop.processor.process(shop.connection, [record(moderated(1)), record(moderated(2))])
    waiting = asyncio.create_task(other.events(withdrawn(1), moderated(2, sequence=2, public=2)))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await transaction.commit()
    await waiting
    assert {key: row["revision"] for key, row in (await shop.public()).items()} == {2: 2}
    await other.connection.close()


async def test_no_statement_reads_whole_tables_however_small_they_were_when_it_was_planned(shop: World) -> None:
    store = Store()
    content, catalog, statistics = store.content.statements, store.catalog.statements, store.statistics.statements
    votes = store.content.feedback.statements
    given = (["shop"], "{1}", "{1}")
    marker = (*given, "{1}", "{1}", "{False}", "{null}")
    voter = ("{shop}", "{review}", "{1}", "{anna}", "{helpfulness}")
    counts = ("{-1}", *["{0}"] * 14)
    value = ("{shop}", "{shirt}", "{tag}", "{use}", "{work}", "{-1}")
    statements: list[tuple[str, tuple[object, ...]]] = [
        (content.load_reviews, given),
        (content.load_replies, given),
        (content.load_comments, given),
        (content.load_waiting_comments, given),
        (content.delete_reviews, given),
        (content.delete_comments, given),
        (content.delete_comments_of_reviews, given),
        (content.update_markers, marker),
        (content.update_comments, (*marker, "{1}", [None])),
        (content.update_comment_counts, (*given, "{1}")),
        (content.vote_on_reviews, (*given, "{1}", "{0}", "{0}")),
        (content.vote_on_comments, (*given, "{1}", "{0}", "{0}")),
        (votes.load_feedback, voter),
        (votes.load_totals, (*given, "review")),
        (votes.update_feedback, (*voter, "{1}", ["positive"], "{null}")),
        (votes.delete_totals, voter[:3]),
        (catalog.load_entries, (["shop"], ["product"], ["shirt"])),
        (catalog.load_parents, (["shop"], ["a"])),
        (catalog.delete_ancestors, (["shop"], ["a"])),
        (catalog.insert_ancestors, (["shop"], ["a"])),
        (catalog.delete_entries["product"], (["shop"], ["shirt"])),
        (statistics.shrink_summaries, ("{shop}", "{site}", '{""}', '{""}', *counts)),
        (statistics.shrink_authors, ("{shop}", "{jane}", "{1}", "{0}")),
        (statistics.delete_authors, ("{shop}", "{jane}")),
        (statistics.delete_distributions, value),
        (statistics.shrink_distributions, value),
    ]
    async with shop.connection.transaction():
        await shop.connection.execute(store.begin)
        for statement, arguments in statements:
            plan = await shop.connection.fetch(f"explain {statement}", *arguments)
            assert not [line for (line,) in plan if "Seq Scan" in line], plan


async def test_the_public_role_reads_what_is_published_and_not_what_is_staged(
    shop: World, module_database: Database
) -> None:
    await shop.events(moderated(), posted(review_id=2))
    public = await asyncpg.connect(module_database.role("query"))
    assert await public.fetchval("select count(*) from published.reviews") == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await public.fetch("select * from projection.replies")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await public.execute("delete from published.reviews")
    await public.close()


def test_schema_names_are_plain() -> None:
    with pytest.raises(ValueError, match="plain schema name"):
        Store("projection; drop schema published")


async def _replies(shop: World) -> list[str]:
    return [reply["text"] for reply in orjson.loads((await shop.public())[1]["replies"])]
