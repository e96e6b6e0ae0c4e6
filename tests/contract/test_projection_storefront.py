"""Comments, votes, the catalog and the counts of the read model on a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import permutations

import asyncpg
import orjson
import pytest

from services.projection.statistics_store import Inconsistent
from shared.events.content import SyndicationSource, VotesBefore
from shared.events.models import Event
from shared.events.vocabulary import TagTerm, Vocabulary
from tests.parts import Database
from tests.projection_world import (
    World,
    brand,
    category,
    comment,
    comment_submitted,
    comment_withdrawn,
    content,
    detailed,
    entry_removed,
    feedback,
    feedback_removed,
    moderated,
    posted,
    product,
    record,
    tombstone,
    vocabulary,
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


async def _votes(shop: World, review_id: int = 1) -> tuple[int, int, int]:
    row = (await shop.public())[review_id]
    return row["positive_votes"], row["negative_votes"], row["abuse_reports"]


async def test_details_and_codes_are_public(shop: World) -> None:
    said = detailed(
        cons="heavy",
        is_recommended=False,
        context_data={"Age": "30to39"},
        product_recommendation_ids=("hat", "shoe"),
        is_incentivized=True,
        syndication=SyndicationSource(name="Elsewhere"),
        votes_before=VotesBefore(positive=4),
    )
    await shop.events(moderated(7, said=said, codes=("RPP", "PC")), moderated(8))
    rows = await shop.public()
    assert (rows[7]["cons"], rows[7]["is_recommended"], rows[7]["positive_votes"]) == ("heavy", False, 4)
    assert (rows[7]["moderator_codes"], rows[7]["product_recommendation_ids"]) == (["RPP", "PC"], ["hat", "shoe"])
    assert orjson.loads(rows[7]["context_data"]) == {"Age": "30to39"}
    assert (rows[8]["submission_id"], rows[8]["moderator_codes"], rows[8]["tags"]) == ("r8", [], None)


async def test_comments_wait_for_their_review_and_leave_with_it(shop: World) -> None:
    await shop.events(comment(101, author_id="jane"), comment(102, status="held", public=None))
    assert await shop.comments() == {}
    await shop.events(moderated())
    assert set(await shop.comments()) == {101}
    assert (await shop.public())[1]["comment_count"] == 1
    await shop.events(moderated(sequence=2, status="rejected", public=None))
    assert await shop.comments() == {}
    assert await shop.connection.fetch("select * from published.authors") == []
    await shop.events(comment(102, sequence=2), feedback(101, content_kind="comment"))
    await shop.events(moderated(sequence=3, public=2))
    assert {key: row["positive_votes"] for key, row in (await shop.comments()).items()} == {101: 1, 102: 0}
    assert (await shop.public())[1]["comment_count"] == 2


async def test_an_edit_of_a_review_keeps_its_comments_and_votes(shop: World) -> None:
    await shop.events(moderated(), comment(), feedback(), feedback(vote="inappropriate"))
    said = detailed(2, 2, "hat", votes_before=VotesBefore(negative=5))
    await shop.events(moderated(sequence=2, public=2, said=said), feedback(voter="ben"), comment(102))
    assert await _votes(shop) == (2, 5, 1)
    assert (await shop.public())[1]["comment_count"] == 2
    assert await shop.summary("shirt") == {}
    assert (await shop.summary("hat"))["positive_votes"] == 2
    assert set(await shop.comments()) == {101, 102}


@pytest.mark.parametrize(
    "last",
    [
        record(comment_withdrawn()),
        tombstone(comment_withdrawn()),
        tombstone(comment(sequence=2)),
        record(comment(sequence=2, status="withdrawn", public=None)),
        record(comment_withdrawn()).corrupt(),
    ],
    ids=["withdrawn", "tombstone", "of moderation", "by moderation", "corrupt"],
)
async def test_a_withdrawn_comment_is_gone_for_ever(shop: World, last: object) -> None:
    await shop.events(moderated(), comment(101), comment(102))
    await shop.fold(last)  # type: ignore[arg-type]  # parametrize loses the type
    await shop.events(comment(101, sequence=9, public=4))
    assert set(await shop.comments()) == {102}
    assert (await shop.public())[1]["comment_count"] == 1
    (staged,) = await shop.connection.fetch("select * from projection.comments where comment_id = 101")
    assert (staged["withdrawn"], staged["published"], staged["review_id"]) == (True, None, None)


async def test_a_comment_that_cannot_be_read_is_hidden_alone(shop: World) -> None:
    await shop.events(moderated(), comment(101), comment(102))
    await shop.fold(record(comment(101, sequence=3)).corrupt(), record(comment_submitted()).corrupt())
    assert set(await shop.comments()) == {102}
    await shop.events(comment(101, sequence=2))
    assert set(await shop.comments()) == {102}
    await shop.events(comment(101, sequence=3))
    assert set(await shop.comments()) == {101, 102}
    await shop.fold(record(comment_submitted(102)).without("ce_type"))
    assert set(await shop.comments()) == {101}, "it may have been a withdrawal"


async def test_a_vote_changes_its_row_in_place(shop: World) -> None:
    await shop.events(moderated(said=content(author_id="jane")), comment())
    before = dict((await shop.public())[1])
    changes = """select n_tup_del, n_tup_upd from pg_stat_xact_user_tables
                 where relname = 'reviews' and schemaname = 'published'"""
    async with shop.connection.transaction():
        await shop.processor.process(
            shop.connection, [record(feedback()), record(feedback(101, "negative", content_kind="comment"))]
        )
        assert tuple(await shop.connection.fetchrow(changes) or ()) == (0, 1)
    after = (await shop.public())[1]
    assert {name for name in before if before[name] != after[name]} == {"positive_votes", "helpfulness"}
    assert (await shop.comments())[101]["negative_votes"] == 1
    assert (await shop.summary("shirt"))["positive_votes"] == (await shop.summary())["positive_votes"] == 1


async def test_of_every_voter_the_newest_word_counts(shop: World) -> None:
    given = feedback()
    events: list[Event] = [moderated(), given, feedback(vote="negative", sequence=2), feedback_removed(given, 3)]
    for order in permutations([*events, feedback(voter="ben", vote="negative")]):
        await shop.clear()
        for event in order:
            await shop.events(event)
        assert await _votes(shop) == (0, 1, 0)
    await shop.events(feedback(sequence=4))
    assert await _votes(shop) == (1, 1, 0)
    await shop.fold(tombstone(feedback(sequence=5)), tombstone(feedback(voter="ben", sequence=2)))
    assert await _votes(shop) == (0, 0, 0)
    assert await shop.connection.fetch("select * from projection.feedback_totals") == []


async def test_a_word_that_cannot_be_read_does_not_count(shop: World) -> None:
    await shop.events(moderated(), feedback(vote="inappropriate"), feedback(voter="ben"))
    await shop.fold(record(feedback(vote="inappropriate", sequence=2)).corrupt())
    assert await _votes(shop) == (1, 0, 0)
    await shop.events(feedback(vote="inappropriate", sequence=2))
    assert await _votes(shop) == (1, 0, 1)


async def test_distributions_and_authors_follow_their_reviews(shop: World) -> None:
    said = detailed(tags={"Pro": ("soft", "soft")}, secondary_ratings={"fit": 4}).model_copy(
        update={"author_id": 'O\'Neill "Jo" \\ {a,b}'}
    )
    await shop.events(moderated(1, said=said), moderated(2, said=said), comment(author_id="ann"))
    counts = "select kind, dimension, value, review_count from published.distributions order by kind"
    assert await shop.connection.fetch(counts) == [("secondary rating", "fit", "4", 2), ("tag", "Pro", "soft", 2)]
    authors = "select author_id, review_count, comment_count from published.authors order by author_id"
    assert await shop.connection.fetch(authors) == [(said.author_id, 2, 0), ("ann", 0, 1)]
    await shop.events(withdrawn(2), moderated(1, sequence=2, public=2, said=detailed(2, tags={"Pro": ("warm",)})))
    assert await shop.connection.fetch(counts) == [("tag", "Pro", "warm", 1)]
    assert await shop.connection.fetch(authors) == [("ann", 0, 1)]
    await shop.events(withdrawn(1))
    for table in ("distributions", "authors", "summaries", "comments"):
        assert await shop.connection.fetchval(f"select count(*) from published.{table}") == 0


async def test_missing_statistics_are_not_papered_over(shop: World) -> None:
    said = detailed(tags={"Pro": ("soft",)}).model_copy(update={"author_id": "jane"})
    await shop.events(moderated(said=said))
    for table in ("distributions", "authors", "summaries"):
        transaction = shop.connection.transaction()
        await transaction.start()
        await shop.connection.execute(f"delete from published.{table}")
        with pytest.raises(Inconsistent):
            await shop.processor.process(shop.connection, [record(withdrawn())])
        await transaction.rollback()
    async with shop.connection.transaction():
        await shop.connection.execute("delete from published.summaries")
        with pytest.raises(Inconsistent):
            await shop.processor.process(shop.connection, [record(feedback())])
        await shop.clear()


async def test_the_database_refuses_comments_that_are_not_approved_or_of_no_public_review(shop: World) -> None:
    await shop.events(moderated(1), moderated(2, status="held", public=None), comment(101))
    await shop.events(comment(102, status="held", public=None), comment(103, review_id=2), comment_withdrawn(104))
    for comment_id, review_id, revision in ((101, 1, 2), (102, 1, 1), (103, 2, 1), (104, 1, 1), (105, 1, 1)):
        with pytest.raises((asyncpg.ForeignKeyViolationError, asyncpg.UniqueViolationError)):
            await shop.connection.execute(
                """insert into published.comments (site, comment_id, review_id, revision, text, locale, comment_date,
                       submitted_at, published_at, submission_id, is_featured)
                   values ('shop', $1, $2, $3, 'x', 'en', now(), now(), now(), 'c', false)""",
                comment_id,
                review_id,
                revision,
            )
    for change in ("revision = 2", "review_id = 2", "review_id = 9", "site = 'other'"):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await shop.connection.execute(f"update published.comments set {change}")
    for change in ("approved_revision = 2", "withdrawn = true, published = null", "hidden_from = 9, published = null"):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await shop.connection.execute(f"update projection.comments set {change} where comment_id = 101")
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await shop.connection.execute("delete from published.reviews")
    for change in ("withdrawn = true", "published = null", "review_id = null"):
        with pytest.raises(asyncpg.CheckViolationError):
            await shop.connection.execute(f"update projection.comments set {change} where comment_id = 101")


async def test_the_catalog_is_what_the_newest_events_say(shop: World) -> None:
    terms = Vocabulary(tags=(TagTerm(id="Pro"),))
    await shop.events(product(sequence=2), product(), category("a/b"), brand(), vocabulary(given=terms))
    await shop.events(product(), product("hat", family_ids=("f",)))
    names = "select product_id, name, family_ids from published.products order by product_id"
    assert await shop.connection.fetch(names) == [("hat", "Product 1", ["f"]), ("shirt", "Product 2", [])]
    (stored,) = await shop.connection.fetch("select locale, vocabulary from published.vocabularies")
    assert (stored["locale"], orjson.loads(stored["vocabulary"])["tags"][0]["id"]) == ("*", "Pro")
    await shop.events(entry_removed("product", "shirt", 3), entry_removed("brand", "acme"), product(sequence=2))
    await shop.fold(tombstone(vocabulary(sequence=2)))
    assert [row["product_id"] for row in await shop.connection.fetch(names)] == ["hat"]
    for table in ("brands", "vocabularies"):
        assert await shop.connection.fetch(f"select * from published.{table}") == []
    await shop.events(product(sequence=4))
    assert [row["name"] for row in await shop.connection.fetch(names)] == ["Product 1", "Product 4"]


async def test_an_entry_that_cannot_be_read_is_hidden_until_it_can(shop: World) -> None:
    await shop.events(product(), product("hat"), category("a"), category("b", "a"))
    await shop.fold(record(product(sequence=3)).corrupt(), record(category("a", sequence=2)).corrupt())
    await shop.events(product(sequence=2))
    names = "select product_id from published.products order by product_id"
    assert await shop.connection.fetch(names) == [("hat",)]
    assert await shop.ancestors() == {"b": ["b"]}
    await shop.events(product(sequence=3), category("a", sequence=2))
    assert await shop.connection.fetch(names) == [("hat",), ("shirt",)]
    assert await shop.ancestors() == {"a": ["a"], "b": ["b", "a"]}


async def test_ancestors_are_exact_in_whatever_order_categories_come(shop: World) -> None:
    events = [category("root"), category("a", "root"), category("b", "a"), category("c", "b", site="other")]
    for order in permutations([*events, category("d", "nowhere")]):
        await shop.clear()
        for event in order:
            await shop.events(event)
        expected = {"root": ["root"], "a": ["a", "root"], "b": ["b", "a", "root"], "d": ["d"]}
        assert await shop.ancestors() == expected
    await shop.events(category("a", "d", sequence=2))
    assert (await shop.ancestors())["b"] == ["b", "a", "d"]
    await shop.events(entry_removed("category", "a", 3))
    assert await shop.ancestors() == {"root": ["root"], "b": ["b"], "d": ["d"]}


async def test_a_circle_of_categories_ends_where_it_would_begin_again(shop: World) -> None:
    await shop.events(
        category("a", "c"), category("b", "a"), category("c", "b"), category("d", "a"), category("e", "e")
    )
    assert await shop.ancestors() == {
        "a": ["a", "c", "b"],
        "b": ["b", "a", "c"],
        "c": ["c", "b", "a"],
        "d": ["d", "a", "c", "b"],
        "e": ["e"],
    }
    await shop.events(category("a", None, sequence=2))
    assert (await shop.ancestors())["d"] == ["d", "a"]


async def test_a_chain_of_categories_is_walked_a_hundred_steps(shop: World) -> None:
    await shop.events(*(category(f"c{number}", f"c{number + 1}") for number in range(150)))
    assert len((await shop.ancestors())["c0"]) == 101


async def test_a_recount_finds_what_is_wrong(shop: World) -> None:
    said = detailed(tags={"Pro": ("soft",)}).model_copy(update={"author_id": "jane"})
    await shop.events(moderated(said=said), comment(), feedback(), posted(), category("a"), product())
    assert await shop.recount() == []
    wrong = {
        "summaries": "update published.summaries set positive_votes = positive_votes + 1 where scope = 'site'",
        "distributions": "delete from published.distributions",
        "authors": "update published.authors set review_count = 2",
        "comments of reviews": "update published.reviews set comment_count = 0",
        "votes on reviews": "update published.reviews set abuse_reports = 1",
        "votes on comments": "update published.comments set negative_votes = 1",
        "totals of feedback": "delete from projection.feedback_totals",
        "public comments": "delete from published.comments",
        "entries of the catalog": "delete from published.products",
        "ancestors of categories": "delete from published.category_ancestors",
    }
    for what, statement in wrong.items():
        await shop.connection.execute(statement)
        assert what in {difference.what for difference in await shop.recount()}
    await shop.connection.execute("delete from published.reviews")
    assert "public reviews" in {difference.what for difference in await shop.recount()}
    await shop.clear()
