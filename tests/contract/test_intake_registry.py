"""The registry, vault and use cases on a real Postgres, through the role that the service has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import orjson
import pytest
from prometheus_client import REGISTRY

from services.intake import keys, registry, replies, settings, sites, vault
from services.intake.details import Details, VotesBefore
from services.intake.refusal import Refused
from services.intake.registry import Incoming
from services.intake.settings import SettingsBody
from services.intake.submission import Author, Edit, Reply, Submission
from services.intake.transaction import transaction
from services.intake.withdrawal import withdraw
from shared.access import ApiKeys
from shared.events import content
from shared.events.models import ReplyPosted, ReplyRemoved, ReviewSubmitted, ReviewWithdrawn, SiteSettingsChanged
from shared.events.settings import SiteSettings
from tests.intake_world import IntakeWorld, intake_world, record_of, submission
from tests.parts import Database

JANE = {"email": "Jane@Example.com", "name": "Jane"}


@pytest.fixture
async def world(module_database: Database) -> AsyncIterator[IntakeWorld]:
    async with intake_world(module_database) as made:
        yield made


async def test_a_submission_is_an_event_with_all_that_was_said(world: IntakeWorld) -> None:
    result = await world.submit_one(
        entity_id="b1",
        entity_name="Book",
        author=JANE,
        title="Très bien",
        text="Lu en un soir.",
        review_date="2024-05-31",
    )
    (event,) = await world.events()
    assert isinstance(event, ReviewSubmitted)
    assert (result.outcome, result.review_id, result.revision) == ("created", event.review_id, 1)
    assert (event.site, event.sequence, event.revision, event.channel) == ("books", 1, 1, "api")
    assert (event.content.entity_id, event.content.entity_name, event.content.author_name) == ("b1", "Book", "Jane")
    assert (event.content.title, event.content.text, event.content.locale) == ("Très bien", "Lu en un soir.", "en")
    assert event.slug.startswith("tres-bien-")
    assert event.content.author_email_masked is None
    vault_row = await world.pool.fetchrow("select author_id, email from intake.authors")
    assert vault_row is not None
    assert tuple(vault_row) == (event.content.author_id, "jane@example.com")


async def test_one_live_review_per_author_and_entity(world: IntakeWorld) -> None:
    first = await world.submit_one(entity_id="b1", author=JANE)
    second = await world.submit_one(entity_id="b1", author={"email": " JANE@example.com"}, text="again")
    other_entity = await world.submit_one(entity_id="b2", author=JANE)
    of_the_site = await world.submit_one(author=JANE)
    (other_site,) = await world.submit(submission(entity_id="b1", author=JANE), site="films")
    assert second.refusal is not None
    assert (second.refusal.code.value, second.review_id) == ("ALREADY_REVIEWED", first.review_id)
    assert [one.outcome for one in (other_entity, of_the_site, other_site)] == ["created"] * 3
    ids = {event.content.author_id for event in await world.events() if isinstance(event, ReviewSubmitted)}
    assert len(ids) == 2, "one person has one id on a site, and another on another"


async def test_unknown_authors_may_write_as_often_as_they_like(world: IntakeWorld) -> None:
    results = [await world.submit_one(entity_id="b1", author={"name": "Jane"}) for _ in range(3)]
    assert [one.outcome for one in results] == ["created"] * 3
    assert await world.count("intake.authors") == 0


async def test_of_those_who_were_refused_nothing_is_kept(world: IntakeWorld) -> None:
    await world.submit(record_of("1", source_version=5))
    (stale,) = await world.submit(record_of("1", source_version=4, text="x", author=JANE))
    (spam,) = await world.submit(submission(author=JANE, form={"honeypot": "x", "opened_at": 0}))
    assert stale.refusal is not None
    assert spam.refusal is not None
    assert await world.count("intake.authors") == 0
    assert len(await world.events()) == 1


async def test_the_vault_keeps_the_last_address(world: IntakeWorld) -> None:
    await world.submit(record_of("1", author={"id": "7", "email": "old@example.com"}))
    await world.submit(record_of("1", author={"id": "7", "email": "new@example.com"}))
    assert await world.pool.fetchval("select email from intake.authors") == "new@example.com"
    assert len(await world.events()) == 1, "an address is no content"


async def test_a_record_is_edited_by_its_source(world: IntakeWorld) -> None:
    results = [
        (await world.submit(record_of("1", **fields)))[0]
        for fields in (
            {"text": "one", "source_version": 1},
            {"text": "one", "source_version": 3},
            {"text": "two", "source_version": 2},
            {"text": "three", "source_version": 4},
        )
    ]
    assert [one.outcome for one in results] == ["created", "unchanged", "refused", "edited"]
    events = [event for event in await world.events() if isinstance(event, ReviewSubmitted)]
    assert [(event.sequence, event.revision, event.content.text) for event in events] == [
        (1, 1, "one"),
        (2, 2, "three"),
    ]
    assert events[0].created_at == events[1].created_at < events[1].submitted_at


async def test_a_batch_is_one_after_the_other(world: IntakeWorld) -> None:
    results = await world.submit(
        record_of("1", author=JANE),
        record_of("1", author=JANE),
        record_of("2", author=JANE),
        record_of("1", text="new"),
    )
    assert [one.outcome for one in results] == ["created", "unchanged", "refused", "edited"]
    assert await world.count("intake.reviews") == 1
    stored = await world.pool.fetchrow("select revision, sequence, author_id, event ->> 'sequence' from intake.reviews")
    assert stored is not None
    assert tuple(stored) == (2, 2, None, "2")


async def test_a_batch_that_is_in_its_own_way_is_done_one_after_the_other(world: IntakeWorld) -> None:
    """One live review per author and entity holds after each submission, though not between any two statements."""

    def at(source_id: str, entity_id: str) -> Submission:
        return record_of(source_id, entity_id=entity_id, author=JANE)

    async def where() -> dict[str, str]:
        rows = await world.pool.fetch("select source_id, entity_id from intake.reviews")
        return {row["source_id"]: row["entity_id"] for row in rows}

    await world.submit(at("1", "e1"))
    left_and_taken = await world.submit(at("0", "e0"), at("1", "e2"), at("3", "e1"), at("4", "e1"), at("5", "e5"))
    assert [one.outcome for one in left_and_taken] == ["created", "edited", "created", "refused", "created"]
    refusal = left_and_taken[3].refusal
    assert refusal is not None
    assert (refusal.code.value, left_and_taken[3].review_id) == ("ALREADY_REVIEWED", left_and_taken[2].review_id)
    assert await where() == {"0": "e0", "1": "e2", "3": "e1", "5": "e5"}

    in_a_ring = await world.submit(at("1", "e4"), at("3", "e2"), at("1", "e1"))
    assert [(one.outcome, one.revision) for one in in_a_ring] == [("edited", 3), ("edited", 2), ("edited", 4)]
    assert await where() == {"0": "e0", "1": "e1", "3": "e2", "5": "e5"}

    events = [event for event in await world.events() if isinstance(event, ReviewSubmitted)]
    assert [(event.source_id, event.revision, event.content.entity_id) for event in events] == [
        ("1", 1, "e1"), ("0", 1, "e0"), ("1", 2, "e2"), ("3", 1, "e1"), ("5", 1, "e5"), ("1", 3, "e4"), ("3", 2, "e2"),
        ("1", 4, "e1"),
    ]  # fmt: skip


async def test_edits_are_counted_by_what_became_of_them(world: IntakeWorld) -> None:
    created = await world.submit_one(text="one")
    assert created.review_id is not None
    before = {outcome: counted(outcome) for outcome in ("edited", "refused", "unchanged")}
    async with transaction(world.pool) as tx:
        for said in (Edit(rating=4, revision=1), Edit(rating=4, revision=2), Edit(rating=3, revision=1)):
            await world.registry.edit(tx, "books", created.review_id, said, "api", None)
        with pytest.raises(Refused):
            await world.registry.edit(tx, "books", created.review_id + 1, Edit(rating=4, revision=1), "api", None)
    assert {outcome: counted(outcome) - number for outcome, number in before.items()} == {
        "edited": 1,
        "refused": 2,
        "unchanged": 1,
    }


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("plaudit_submissions_total", {"channel": "api", "outcome": outcome}) or 0


async def test_settings_are_stamped_into_later_submissions(world: IntakeWorld) -> None:
    wanted = SiteSettings(require_approval=True, default_locale="fr", show_masked_email=True)
    async with transaction(world.pool) as tx:
        changed = await settings.change_settings(tx, world.clock, "books", SettingsBody(settings=wanted), "key")
        again = await settings.change_settings(tx, world.clock, "books", SettingsBody(settings=wanted), "key")
    await world.submit_one(author=JANE)
    announced, event = await world.events()
    assert isinstance(announced, SiteSettingsChanged)
    assert isinstance(event, ReviewSubmitted)
    assert changed == again
    assert (changed.version, announced.sequence, event.settings_version) == (2, 2, 2)
    assert (event.require_approval, event.content.locale) == (True, "fr")
    assert event.content.author_email_masked == "j***@example.com"


async def test_settings_that_moved_are_a_conflict(world: IntakeWorld) -> None:
    body = SettingsBody(settings=SiteSettings(enabled=False), version=7)
    with pytest.raises(Refused, match="version 1 now"):
        async with transaction(world.pool) as tx:
            await settings.change_settings(tx, world.clock, "books", body, "key")


async def test_an_edit_keeps_author_and_entity_unless_told(world: IntakeWorld) -> None:
    created = await world.submit_one(entity_id="b1", entity_name="Book", author=JANE, text="one")
    assert created.review_id is not None
    async with transaction(world.pool) as tx:
        edit = Edit(rating=4, text="two", revision=1)
        edited = await world.registry.edit(tx, "books", created.review_id, edit, "api", None)
        other = Edit(rating=4, text="two", revision=2, entity_id="b2", author=Author(email="joe@example.com"))
        moved = await world.registry.edit(tx, "books", created.review_id, other, "api", None)
    first, second, third = [event.content for event in await world.events() if isinstance(event, ReviewSubmitted)]
    assert (edited.outcome, moved.revision) == ("edited", 3)
    assert (second.entity_id, second.entity_name, second.author_id) == (first.entity_id, "Book", first.author_id)
    assert (second.author_name, second.rating, second.text) == ("Jane", 4, "two")
    assert (third.entity_id, third.entity_name, third.author_name) == ("b2", None, None)
    assert third.author_id not in (None, first.author_id)
    assert (await world.submit_one(entity_id="b1", author=JANE)).outcome == "created"


async def test_an_edit_replaces_details_but_keeps_the_votes_that_came_before(world: IntakeWorld) -> None:
    created = await world.submit_one(
        details={"pros": "Quick", "tags": {"Pro": ["Quiet"]}, "votes_before": {"positive": 3}}
    )
    assert created.review_id is not None
    edits = (
        Edit(rating=5, revision=1, details=Details(cons="Loud")),
        Edit(rating=5, revision=2),
        Edit(rating=5, revision=3, details=Details(votes_before=VotesBefore(positive=4, negative=1))),
        Edit(rating=5, revision=4, details=Details(votes_before=VotesBefore())),
        Edit(rating=5, revision=5, details=Details()),
    )
    async with transaction(world.pool) as tx:
        outcomes = [
            (await world.registry.edit(tx, "books", created.review_id, edit, "api", None)).outcome for edit in edits
        ]
    assert outcomes == ["edited"] * 4 + ["unchanged"]
    said = [event.content.details for event in await world.events() if isinstance(event, ReviewSubmitted)]
    before = content.VotesBefore(positive=3)
    assert said == [
        content.ReviewDetails(pros="Quick", tags={"Pro": ("Quiet",)}, votes_before=before),
        content.ReviewDetails(cons="Loud", votes_before=before),
        content.ReviewDetails(votes_before=before),
        content.ReviewDetails(votes_before=content.VotesBefore(positive=4, negative=1)),
        None,
    ]


async def test_a_record_with_other_votes_is_a_new_revision(world: IntakeWorld) -> None:
    details = [{"votes_before": {"positive": count}} for count in (3, 3, 4)] + [{}, {"votes_before": {"positive": 0}}]
    results = [(await world.submit(record_of("1", details=one)))[0] for one in details]
    assert [(one.outcome, one.revision) for one in results] == [
        ("created", 1),
        ("unchanged", 1),
        ("edited", 2),
        ("edited", 3),
        ("unchanged", 3),
    ]


async def test_two_editors_of_one_revision_cannot_both_win(world: IntakeWorld) -> None:
    created = await world.submit_one(text="one")

    async def edit(text: str) -> str:
        assert created.review_id is not None
        async with transaction(world.pool) as tx:
            said = Edit(rating=4, text=text, revision=1)
            result = await world.registry.edit(tx, "books", created.review_id, said, "api", None)
        return result.refusal.code.value if result.refusal is not None else result.outcome

    assert sorted(await asyncio.gather(edit("two"), edit("three"))) == ["REVISION_CONFLICT", "edited"]


async def test_a_withdrawal_is_final_and_leaves_no_content(world: IntakeWorld) -> None:
    (created,) = await world.submit(record_of("1", author=JANE, text="secret words"))
    assert created.review_id is not None
    async with transaction(world.pool) as tx:
        _, first = await withdraw(tx, world.registry, "books", created.review_id, "key", None)
        _, second = await withdraw(tx, world.registry, "books", created.review_id, "key", None)
    assert (first, second) == (True, False)
    submitted, gone = await world.events()
    assert isinstance(gone, ReviewWithdrawn)
    assert (gone.sequence, gone.revision, submitted.key) == (2, 1, gone.key)
    assert "secret" not in str(await world.pool.fetchval("select event from intake.reviews"))
    (again,) = await world.submit(record_of("1", author=JANE, text="secret words"))
    assert again.refusal is not None
    assert again.refusal.code.value == "REMOVED"
    anew = await world.submit_one(author=JANE)
    assert anew.outcome == "created"
    assert anew.review_id != created.review_id
    with pytest.raises(Refused, match="NOT_FOUND"):
        async with transaction(world.pool) as tx:
            await withdraw(tx, world.registry, "films", created.review_id, "key", None)


async def test_a_reply_has_one_key_whatever_happens_to_it(world: IntakeWorld) -> None:
    created = await world.submit_one()
    assert created.review_id is not None
    outcomes = []
    async with transaction(world.pool) as tx:
        place = (tx, world.clock, "books", created.review_id, 0)
        texts = ("Thanks", "Thanks", "Thank you")
        outcomes += [(await replies.set_reply(*place, Reply(text=text), "key", None)).outcome for text in texts]
        outcomes += [(await replies.remove_reply(*place, "key", None)).outcome for _ in range(2)]
        outcomes.append((await replies.set_reply(*place, Reply(text="Hello"), "key", None)).outcome)
    assert outcomes == ["set", "unchanged", "set", "removed", "unchanged", "set"]
    _, first, second, removed, last = await world.events()
    assert [event.sequence for event in (first, second, removed, last)] == [1, 2, 3, 4]
    assert isinstance(first, ReplyPosted)
    assert isinstance(second, ReplyPosted)
    assert isinstance(removed, ReplyRemoved)
    assert isinstance(last, ReplyPosted)
    assert len({event.key for event in (first, second, removed, last)}) == 1
    assert first.posted_at == second.posted_at < last.posted_at, "an emptied slot begins anew"


async def test_a_removed_review_takes_no_reply(world: IntakeWorld) -> None:
    created = await world.submit_one()
    assert created.review_id is not None
    async with transaction(world.pool) as tx:
        await withdraw(tx, world.registry, "books", created.review_id, "key", None)
    with pytest.raises(Refused, match="REMOVED"):
        async with transaction(world.pool) as tx:
            await replies.set_reply(tx, world.clock, "books", created.review_id, 0, Reply(text="x"), "key", None)


async def test_concurrent_batches_of_the_same_people_and_records_settle(world: IntakeWorld) -> None:
    """Opposite orders and shared new authors: unique violations and deadlocks are certain, errors are not."""
    people = [{"id": f"p{number}", "email": f"p{number}@example.com"} for number in range(30)]
    there = [record_of(str(number), entity_id="b", author=person) for number, person in enumerate(people)]
    back = [replace_source(one, "other") for one in reversed(there)]
    results = await asyncio.gather(*(world.submit(*batch) for batch in (there, back, there, back)))
    assert sum(one.outcome == "created" for batch in results for one in batch) == 30
    assert await world.count("intake.authors") == 30
    assert len(await world.events()) == 30


def replace_source(one: Submission, source: str) -> Submission:
    return one.model_copy(update={"source": source})


async def test_look_ups_use_the_unique_indexes_even_without_statistics(world: IntakeWorld) -> None:
    """A batch that scans a growing table once per row is how an import becomes slow."""
    await world.submit(*(record_of(str(n), author={"id": str(n)}) for n in range(500)))
    plans = []
    async with world.pool.acquire() as connection:
        arguments = ("books", ["shop"] * 500, [str(n) for n in range(500)], [""] * 500, ["x"] * 500)
        plans += await connection.fetch(f"explain {registry._FIND}", *arguments)
        plans += await connection.fetch(f"explain {vault._KNOWN}", "books", [b"x"] * 500)
    text = "\n".join(row[0] for row in plans)
    for index in ("reviews_by_source", "reviews_one_live_per_author", "authors_site_identity_key"):
        assert index in text
    assert "Seq Scan" not in text
    assert "Hash" not in text


async def test_an_id_that_another_process_took_is_not_taken_again(world: IntakeWorld) -> None:
    other = registry.Registry(world.clock, world.registry.rng.__class__(7))
    mine = await world.submit(*(record_of(f"a{n}") for n in range(2)))
    incoming = [Incoming(record_of(f"b{n}"), "api") for n in range(2)]
    async with transaction(world.pool) as tx:
        theirs = await other.submit(tx, "books", incoming)
    async with transaction(world.pool) as tx:
        single = await registry.Registry(world.clock, world.registry.rng.__class__(7)).submit(
            tx, "books", [Incoming(record_of("c"), "api")]
        )
    assert {one.outcome for one in (*mine, *theirs, *single)} == {"created"}
    assert len({one.review_id for one in (*mine, *theirs, *single)}) == 5


async def test_sites_are_announced_and_topics_belong_to_one(world: IntakeWorld) -> None:
    async with world.pool.acquire() as connection:
        tx = await _plain(connection)
        await sites.create_site(tx, world.clock, "toys", "Toys", SiteSettings(), by="cli")
        with pytest.raises(Refused, match="CONFLICT"):
            await sites.create_site(tx, world.clock, "toys", "Toys", SiteSettings(), by="cli")
        with pytest.raises(Refused, match="VALIDATION_ERROR"):
            await sites.create_site(tx, world.clock, "Toys!", "Toys", SiteSettings(), by="cli")
        with pytest.raises(Refused, match="VALIDATION_ERROR"):
            await sites.create_site(tx, world.clock, "reviews", "Toys", SiteSettings(), by="cli")
        await sites.map_ingest_topic(tx, "from-shop", "toys")
        await sites.map_ingest_topic(tx, "from-shop", "toys")
        for topic, site, code in (
            ("from-shop", "books", "CONFLICT"),
            ("review-submitted", "books", "VALIDATION_ERROR"),
            ("other", "nowhere", "NOT_FOUND"),
        ):
            with pytest.raises(Refused, match=code):
                await sites.map_ingest_topic(tx, topic, site)
        listed = {entry.site: entry.ingest_topics for entry in await sites.list_sites(tx)}
        assert listed == {"books": (), "films": (), "toys": ("from-shop",)}
        assert not await sites.unmap_ingest_topic(tx, "from-shop", "books")
        assert await sites.unmap_ingest_topic(tx, "from-shop", "toys")
    (announced,) = await world.events()
    assert isinstance(announced, SiteSettingsChanged)
    assert (announced.site, announced.sequence) == ("toys", 1)


async def _plain(connection: object) -> asyncpg.Connection:
    return connection  # type: ignore[return-value]  # a pool's proxy has the same methods


async def test_keys_are_shown_once_and_revoked_for_good(world: IntakeWorld) -> None:
    now = world.clock.now()
    async with world.pool.acquire() as connection:
        tx = await _plain(connection)
        made = await keys.create_key(tx, "books", ["submit", "read"], "shop system", now)
        with pytest.raises(Refused, match="scopes must be"):
            await keys.create_key(tx, "books", ["everything"], "x", now)
        with pytest.raises(Refused, match="NOT_FOUND"):
            await keys.create_key(tx, "nowhere", ["read"], "x", now)
        found = await ApiKeys(world.pool).find(made.token)
        assert found is not None
        assert found.allows("submit", "books")
        assert not found.allows("submit", "films")
        assert not found.allows("reply", "books")
        (entry,) = await keys.list_keys(tx, "books")
        assert (entry.key_id, entry.scopes, entry.revoked_at) == (made.key_id, ("read", "submit"), None)
        assert await keys.revoke_key(tx, made.key_id, now)
        assert await keys.revoke_key(tx, made.key_id, now + timedelta(days=1))
        assert not await keys.revoke_key(tx, "nobody", now)
        assert [replace(one, revoked_at=None) for one in await keys.list_keys(tx)] == [entry]
    assert await ApiKeys(world.pool).find(made.token) is None
    secret = made.token.rpartition("_")[2]
    assert secret not in orjson.dumps([str(row) for row in await world.pool.fetch("table access.api_keys")]).decode()
