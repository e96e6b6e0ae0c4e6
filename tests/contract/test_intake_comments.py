"""The registry of comments on a real Postgres, through the role that the service has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest
from prometheus_client import REGISTRY

from services.intake import comment_store, comments, settings, withdrawal
from services.intake.comment_body import CommentEdit, CommentSubmission
from services.intake.comment_plan import CommentResult
from services.intake.comments import IncomingComment
from services.intake.named import find_named
from services.intake.refusal import Refused, accepted
from services.intake.registry import Registry
from services.intake.settings import SettingsBody
from services.intake.submission import parse
from services.intake.transaction import transaction
from shared.events.models import CommentSubmitted, CommentWithdrawn
from shared.events.settings import SiteSettings
from tests.intake_world import IntakeWorld, intake_world, submission
from tests.parts import Database

JANE = {"email": "Jane@Example.com", "name": "Jane"}


@pytest.fixture
async def world(module_database: Database) -> AsyncIterator[IntakeWorld]:
    async with intake_world(module_database) as made:
        yield made


async def review(world: IntakeWorld, **fields: Any) -> int:
    result = await world.submit_one(**fields)
    assert result.review_id is not None
    await world.pool.execute("delete from intake.outbox")
    return result.review_id


async def comment(world: IntakeWorld, review_id: int, site: str = "books", **fields: Any) -> CommentResult:
    said = parse(CommentSubmission, orjson.dumps({"text": "I agree.", **fields}))
    async with transaction(world.pool) as tx:
        (result,) = await comments.submit(tx, world.registry, site, [IncomingComment(review_id, said, "api")])
        return accepted(result)


async def edit(world: IntakeWorld, comment_id: int, revision: int, site: str = "books", **fields: Any) -> CommentResult:
    said = parse(CommentEdit, orjson.dumps({"text": "I agree.", "revision": revision, **fields}))
    async with transaction(world.pool) as tx:
        return await comments.edit(tx, world.registry, site, comment_id, said, "api", None)


async def withdraw(world: IntakeWorld, comment_id: int, site: str = "books") -> bool:
    async with transaction(world.pool) as tx:
        return (await comments.withdraw(tx, world.registry, site, comment_id, "key", None))[1]


async def withdraw_review(world: IntakeWorld, review_id: int) -> None:
    async with transaction(world.pool) as tx:
        await withdrawal.withdraw(tx, world.registry, "books", review_id, "key", None)
        await tx.execute("delete from intake.outbox")


async def submitted(world: IntakeWorld) -> list[CommentSubmitted]:
    return [event for event in await world.valid_events() if isinstance(event, CommentSubmitted)]


def counted(outcome: str, channel: str = "api") -> float:
    labels = {"channel": channel, "outcome": outcome}
    return REGISTRY.get_sample_value("plaudit_comments_total", labels) or 0


async def test_a_comment_is_an_event_with_all_that_was_said(world: IntakeWorld) -> None:
    of = await review(world)
    before = counted("created")
    result = await comment(world, of, author=JANE, title="Yes", location="Lisbon", comment_date="2024-05-31")
    (event,) = await submitted(world)
    assert result == CommentResult("created", event.comment_id, of, 1)
    assert (event.site, event.sequence, event.revision, event.review_id) == ("books", 1, 1, of)
    assert (event.channel, event.settings_version, event.require_approval) == ("api", 1, False)
    assert (event.content.title, event.content.text, event.content.locale) == ("Yes", "I agree.", "en")
    assert (event.content.author_name, event.content.author_location) == ("Jane", "Lisbon")
    vault = await world.pool.fetchrow("select author_id, email from intake.authors")
    assert vault is not None
    assert tuple(vault) == (event.content.author_id, "jane@example.com")
    stored = await world.pool.fetchval("select event::text || headers from intake.comments, intake.outbox")
    assert "example.com" not in stored
    assert counted("created") == before + 1


async def test_the_author_of_reviews_and_comments_is_one_person_who_may_comment_at_will(world: IntakeWorld) -> None:
    of = (await world.submit_one(author=JANE)).review_id
    assert of is not None
    results = [await comment(world, of, author=JANE) for _ in range(3)]
    assert [one.outcome for one in results] == ["created"] * 3
    assert len({one.comment_id for one in results}) == 3
    authors = await world.pool.fetchval(
        "select array_agg(distinct author_id) from (select author_id from intake.reviews union all "
        "select author_id from intake.comments)"
    )
    assert len(authors) == 1
    assert await world.count("intake.authors") == 1


async def test_a_record_is_edited_by_its_source(world: IntakeWorld) -> None:
    of = await review(world)
    record: dict[str, Any] = {"source": "shop", "source_id": "c1", "author": JANE}
    outcomes: list[Any] = []
    for fields in (
        {"text": "one", "source_version": 1},
        {"text": "one", "source_version": 3},
        {"text": "two", "source_version": 2},
        {"text": "two", "source_version": 3},
        {"text": "three", "source_version": 4},
        {"text": "three"},
    ):
        try:
            outcomes.append((await comment(world, of, **record, **fields)).outcome)
        except Refused as refused:
            outcomes.append((refused.refusal.code.value, refused.comment_id is not None, refused.revision))
    stale = ("STALE", True, 1)
    assert outcomes == ["created", "unchanged", stale, stale, "edited", "unchanged"]
    first, second = await submitted(world)
    assert [(one.sequence, one.revision, one.content.text) for one in (first, second)] == [
        (1, 1, "one"),
        (2, 2, "three"),
    ]
    assert (first.created_at, first.key) == (second.created_at, second.key)
    assert second.submitted_at > first.submitted_at
    assert second.source_version == 4


async def test_a_record_stays_with_its_review(world: IntakeWorld) -> None:
    of, other = await review(world), await review(world)
    made = await comment(world, of, source="shop", source_id="c1")
    with pytest.raises(Refused, match="CONFLICT") as caught:
        await comment(world, other, source="shop", source_id="c1")
    assert caught.value.comment_id == made.comment_id


async def test_an_edit_keeps_the_author_and_is_guarded_by_the_revision(world: IntakeWorld) -> None:
    of = await review(world)
    made = await comment(world, of, author=JANE, text="one", votes_before={"positive": 2})
    assert (await edit(world, made.comment_id, 1, text="two")).outcome == "edited"
    assert (await edit(world, made.comment_id, 2, text="two")).outcome == "unchanged"
    with pytest.raises(Refused, match="REVISION_CONFLICT") as caught:
        await edit(world, made.comment_id, 1, text="three")
    assert (caught.value.comment_id, caught.value.revision) == (made.comment_id, 2)
    assert (await edit(world, made.comment_id, 2, text="two", author={"id": "other"})).revision == 3
    first, second, third = [event.content for event in await submitted(world)]
    assert (second.author_id, second.author_name, second.votes_before) == (
        first.author_id, "Jane", first.votes_before,
    )  # fmt: skip
    assert third.author_id not in (None, first.author_id)
    assert third.author_name is None


async def test_two_editors_of_one_revision_cannot_both_win(world: IntakeWorld) -> None:
    made = await comment(world, await review(world), text="one")

    async def attempt(text: str) -> str:
        try:
            return (await edit(world, made.comment_id, 1, text=text)).outcome
        except Refused as refused:
            return refused.refusal.code.value

    assert sorted(await asyncio.gather(attempt("two"), attempt("three"))) == ["REVISION_CONFLICT", "edited"]


async def test_a_withdrawal_is_final_and_leaves_no_content(world: IntakeWorld) -> None:
    of = await review(world)
    made = await comment(world, of, source="shop", source_id="c1", text="secret words", author=JANE)
    assert [await withdraw(world, made.comment_id) for _ in range(2)] == [True, False]
    first, gone = await world.valid_events()
    assert isinstance(gone, CommentWithdrawn)
    assert (gone.sequence, gone.revision, gone.review_id, gone.withdrawn_by) == (2, 1, of, "key")
    assert gone.key == first.key
    row = await world.pool.fetchrow("select event::text, content_hash, state from intake.comments")
    assert row is not None
    assert "secret" not in row["event"]
    assert (row["content_hash"], row["state"]) == (None, "withdrawn")
    for again in (comment(world, of, source="shop", source_id="c1"), edit(world, made.comment_id, 1)):
        with pytest.raises(Refused, match="REMOVED") as caught:
            await again
        assert caught.value.comment_id == made.comment_id
    assert len(await world.events()) == 2


async def test_only_a_live_review_is_commented_on(world: IntakeWorld) -> None:
    of = await review(world)
    made = await comment(world, of, author=JANE)
    await withdraw_review(world, of)
    before = counted("refused")
    for attempt in (comment(world, of, author={"id": "new"}), edit(world, made.comment_id, 1, text="later")):
        with pytest.raises(Refused, match="REMOVED") as caught:
            await attempt
        assert caught.value.review_id == of
    with pytest.raises(Refused, match="NOT_FOUND"):
        await comment(world, of + 2)
    assert counted("refused") == before + 3
    assert await world.count("intake.authors") == 1, "of those who were refused nothing is kept"
    assert not await withdraw(world, made.comment_id), "it went with its review"


async def test_sites_are_apart(world: IntakeWorld) -> None:
    of = await review(world)
    made = await comment(world, of, source="shop", source_id="c1", author=JANE)
    for attempt in (
        comment(world, of, site="films"),
        edit(world, made.comment_id, 1, site="films"),
        withdraw(world, made.comment_id, site="films"),
    ):
        with pytest.raises(Refused, match="NOT_FOUND"):
            await attempt
    async with transaction(world.pool) as tx:
        assert await find_named(tx, "films", "comment", [("shop", "c1")]) == {}
        with pytest.raises(Refused, match="NOT_FOUND"):
            await comment_store.read_state(tx, "films", made.comment_id)
    (theirs,) = await world.submit(submission(title="Film"), site="films")
    assert theirs.review_id is not None
    other = await comment(world, theirs.review_id, site="films", source="shop", source_id="c1", author=JANE)
    assert other.outcome == "created"
    rows = await world.pool.fetch("select site, author_id from intake.comments order by site")
    assert [row["site"] for row in rows] == ["books", "films"]
    assert rows[0]["author_id"] != rows[1]["author_id"]


async def test_settings_are_stamped(world: IntakeWorld) -> None:
    of = await review(world)
    wanted = SiteSettings(require_approval=True, default_locale="fr")
    async with transaction(world.pool) as tx:
        await settings.change_settings(tx, world.clock, "books", SettingsBody(settings=wanted), "key")
    await comment(world, of)
    (event,) = await submitted(world)
    assert (event.settings_version, event.require_approval, event.content.locale) == (2, True, "fr")


async def test_a_form_must_show_what_reviews_forms_show(world: IntakeWorld) -> None:
    of = await review(world)
    for form in ({"honeypot": "x"}, {"opened_at": world.clock.now().isoformat()}):
        with pytest.raises(Refused, match="SPAM"):
            await comment(world, of, form=form, author=JANE)
    assert await world.count("intake.authors") == 0
    assert (await comment(world, of, form={"honeypot": ""})).outcome == "created"
    (event,) = await submitted(world)
    assert event.channel == "form"


async def test_the_same_record_and_author_many_times_at_once_is_one_comment(world: IntakeWorld) -> None:
    of = await review(world)
    results = await asyncio.gather(
        *(comment(world, of, source="shop", source_id=str(n % 3), author=JANE) for n in range(12))
    )
    assert sorted(one.outcome for one in results) == ["created"] * 3 + ["unchanged"] * 9
    assert await world.count("intake.comments") == 3
    assert await world.count("intake.authors") == 1
    assert len(await world.valid_events()) == 3


async def test_edits_at_once_have_sequences_that_grow_as_the_outbox_does(world: IntakeWorld) -> None:
    of = await review(world)
    await asyncio.gather(
        *(comment(world, of, source="shop", source_id="c1", text=f"text {n}", author=JANE) for n in range(10))
    )
    events = await submitted(world)
    assert [event.sequence for event in events] == list(range(1, 11))
    assert [event.revision for event in events] == list(range(1, 11))
    row = await world.pool.fetchrow("select sequence, revision, event ->> 'sequence' from intake.comments")
    assert row is not None
    assert tuple(row) == (10, 10, "10")


async def test_a_comment_and_a_withdrawal_of_its_review_do_not_pass_each_other(world: IntakeWorld) -> None:
    """Whoever is first: no comment is accepted once the review is gone."""
    of = await review(world)
    async with world.pool.acquire() as connection, connection.transaction():
        tx: Any = connection
        await withdrawal.withdraw(tx, world.registry, "books", of, "key", None)
        waiting = asyncio.create_task(comment(world, of))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    with pytest.raises(Refused, match="REMOVED"):
        await waiting


async def submit_all(world: IntakeWorld, *said: tuple[int, dict[str, Any]]) -> list[str]:
    incoming = [
        IncomingComment(of, parse(CommentSubmission, orjson.dumps({"text": "x", **fields})), "ingest")
        for of, fields in said
    ]
    async with transaction(world.pool) as tx:
        results = await comments.submit(tx, world.registry, "books", incoming)
    return [one.refusal.code.value if isinstance(one, Refused) else one.outcome for one in results]


async def test_a_batch_is_one_after_the_other(world: IntakeWorld) -> None:
    of, other = await review(world), await review(world)

    def record(source_id: str, **fields: Any) -> dict[str, Any]:
        return {"source": "shop", "source_id": source_id, "author": JANE, **fields}

    await submit_all(world, (of, record("old", source_version=1)))
    outcomes = await submit_all(
        world,
        (of, record("1")),
        (of, record("1")),
        (of + 2, record("2", author={"id": "nobody"})),
        (of, record("1", text="edited")),
        (of, record("old", text="edited", source_version=1)),
        (of, record("old", text="edited", source_version=2)),
        (other, record("1")),
        (of, {"form": {"honeypot": "x"}}),
        (other, {"author": JANE}),
        (of, record("old", text="edited", source_version=3)),
    )
    assert outcomes == [
        "created", "unchanged", "NOT_FOUND", "edited", "STALE", "edited", "CONFLICT", "SPAM", "created", "unchanged",
    ]  # fmt: skip
    _, *events = await submitted(world)
    assert [(event.source_id, event.sequence, event.revision) for event in events] == [
        ("1", 1, 1), ("1", 2, 2), ("old", 2, 2), (None, 1, 1),
    ]  # fmt: skip
    rows = await world.pool.fetch("select source_id, revision, source_version from intake.comments order by source_id")
    assert [tuple(row) for row in rows] == [("1", 2, None), ("old", 2, 3), (None, 1, None)]
    assert await world.count("intake.authors") == 1


async def test_batches_of_the_same_records_in_opposite_orders_settle(world: IntakeWorld) -> None:
    reviews = [await review(world) for _ in range(3)]
    there = [
        (reviews[number % 3], {"source": "shop", "source_id": str(number), "author": {"id": f"p{number % 7}"}})
        for number in range(30)
    ]
    results = await asyncio.gather(*(submit_all(world, *batch) for batch in (there, there[::-1], there, there[::-1])))
    assert sorted(one for batch in results for one in batch) == ["created"] * 30 + ["unchanged"] * 90
    assert await world.count("intake.authors") == 7
    assert len(await world.events()) == 30


async def test_an_id_that_another_process_took_is_not_taken_again(world: IntakeWorld) -> None:
    of = await review(world)
    await comment(world, of)
    same_dice = Registry(world.clock, world.rng.__class__(7))
    mine = Registry(world.clock, world.rng.__class__(7))
    said = CommentSubmission(text="x")
    made = []
    for other in (same_dice, mine):
        async with transaction(world.pool) as tx:
            (result,) = await comments.submit(tx, other, "books", [IncomingComment(of, said, "api")])
            made.append(accepted(result))
    assert len({one.comment_id for one in made}) == 2


async def test_the_table_takes_no_review_s_id(world: IntakeWorld) -> None:
    of = await review(world)
    await comment(world, of)
    assert of % 2 == 0
    with pytest.raises(asyncpg.CheckViolationError):
        await world.pool.execute("update intake.comments set comment_id = $1", of)


async def test_the_state_has_no_content(world: IntakeWorld) -> None:
    of = await review(world)
    made = await comment(world, of, source="shop", source_id="c1", text="secret words", author=JANE)
    async with transaction(world.pool) as tx:
        state = await comment_store.read_state(tx, "books", made.comment_id)
    assert (state["review_id"], state["state"], state["revision"]) == (of, "live", 1)
    assert "secret" not in str(state)
    assert "xample" not in str(state)


async def test_look_ups_use_indexes(world: IntakeWorld) -> None:
    of = await review(world)
    for number in range(50):
        await comment(world, of, source="shop", source_id=str(number))
    async with world.pool.acquire() as connection:
        plan = await connection.fetch(f"explain {comment_store._LOCK_BY_SOURCE}", "books", ["shop"] * 50, ["7"] * 50)
        text = "\n".join(row[0] for row in plan)
        assert "comments_by_source" in text
        assert "Seq Scan" not in text
