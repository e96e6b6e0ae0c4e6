"""Policies in Postgres: immutable versions, audited activation, and no decision under what is no longer active."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import pytest

from services.moderation.policies import activation, built_in, events, versions
from services.moderation.policies.reference import EVERY_SITE, By, NoSuchVersion
from services.moderation.policies.versions import NameTaken
from services.moderation.policy.policy import default_policy
from services.moderation.policy.problem import PolicyErrors
from shared.postgres.pool import create_pool
from tests.moderation_world import BY, NOW, activate, approving, decision, holding, rows, save, submission, worker
from tests.moderation_world import process as process_batch
from tests.parts import Database


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool[Any]]:
    """Connections of the service's own role, more of them than a batch needs."""
    async with await create_pool(database.role("moderation"), application_name="test", max_size=16) as pool:
        yield pool


def tx(connection: object) -> asyncpg.Connection[Any]:
    return cast("asyncpg.Connection[Any]", connection)


async def log(pool: asyncpg.Pool[Any], scope: str = EVERY_SITE) -> list[dict[str, Any]]:
    async with pool.acquire() as connection:
        return (await events.page(tx(connection), scope, None, 100))[0]


async def change(pool: asyncpg.Pool[Any], what: Any, *arguments: Any, **more: Any) -> activation.Outcome:
    async with pool.acquire() as connection, connection.transaction():
        outcome: activation.Outcome = await what(tx(connection), *arguments, BY, NOW, **more)
        return outcome


async def test_versions_count_up_and_the_same_source_is_the_same_version(pool: asyncpg.Pool[Any]) -> None:
    assert await save(pool, approving()) == ("easy", 1)
    assert await save(pool, approving(description="Another.")) == ("easy", 2)
    assert await save(pool, approving()) == ("easy", 1)
    assert await save(pool, approving(), "shop") == ("easy", 1)
    assert len([event for event in await log(pool) if event["what"] == "saved"]) == 2


async def test_many_who_save_at_once_get_versions_of_their_own(pool: asyncpg.Pool[Any]) -> None:
    sources = [approving(description=f"Number {number}.") for number in range(8)] * 2
    saved = await asyncio.gather(*(save(pool, source) for source in sources))
    assert sorted({version for _, version in saved}) == list(range(1, 9))
    assert saved[:8] == saved[8:]


async def test_what_is_unsound_is_not_saved(pool: asyncpg.Pool[Any]) -> None:
    with pytest.raises(PolicyErrors):
        await save(pool, holding().replace("review.text", "review.txt"))
    assert await pool.fetchval("select count(*) from moderation.policy_versions") == 0


async def test_the_name_of_the_built_in_policy_is_taken_on_every_site_and_free_on_one(pool: asyncpg.Pool[Any]) -> None:
    with pytest.raises(NameTaken):
        await save(pool, approving("default"))
    assert await save(pool, approving("default"), "shop") == ("default", 1)


@pytest.mark.parametrize("table", ["policy_versions", "policy_events", "site_word_events"])
async def test_history_is_never_rewritten(pool: asyncpg.Pool[Any], table: str) -> None:
    for statement in (f"update moderation.{table} set note = 'x'", f"delete from moderation.{table}"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)


async def test_the_built_in_policy_is_registered_and_active_however_many_start_at_once(
    pool: asyncpg.Pool[Any],
) -> None:
    await asyncio.gather(*(built_in.register(pool, NOW) for _ in range(8)))
    async with pool.acquire() as connection:
        standing, _ = await activation.read(tx(connection), EVERY_SITE)
    assert standing.active == (EVERY_SITE, "default", default_policy().version)
    assert [event["what"] for event in await log(pool)] == ["activated", "saved"]


async def test_an_upgrade_brings_its_version_and_activates_nothing(pool: asyncpg.Pool[Any]) -> None:
    name, version = await activate(pool, approving())
    await built_in.register(pool, NOW)
    await built_in.register(pool, NOW)
    async with pool.acquire() as connection:
        standing, _ = await activation.read(tx(connection), EVERY_SITE)
        there = await versions.find(tx(connection), "shop", "default", default_policy().version)
    assert standing.active == (EVERY_SITE, name, version)
    assert there is not None
    assert there.created_by == "plaudit"


async def test_activation_is_audited_with_who_why_and_what_it_replaced(pool: asyncpg.Pool[Any]) -> None:
    await built_in.register(pool, NOW)
    await activate(pool, holding())
    event = (await log(pool))[0]
    assert (event["what"], event["name"], event["version"]) == ("activated", "strict", 1)
    assert (event["replaced_name"], event["replaced_version"]) == ("default", default_policy().version)
    assert (event["actor"], event["moderator"], event["note"], event["at"]) == (*BY, NOW)


async def test_activating_what_is_active_changes_nothing(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, holding())
    before = await log(pool)
    outcome = await change(pool, activation.activate, EVERY_SITE, "strict", 1)
    assert not outcome.changed
    assert await log(pool) == before


async def test_an_unknown_version_is_refused_and_a_sites_own_comes_first(pool: asyncpg.Pool[Any]) -> None:
    with pytest.raises(NoSuchVersion):
        await change(pool, activation.activate, EVERY_SITE, "strict", 1)
    await save(pool, holding())
    await save(pool, holding(queue="other"), "shop")
    assert (await change(pool, activation.activate, "shop", "strict", 1)).standing.active == ("shop", "strict", 1)
    assert (await change(pool, activation.activate, "else", "strict", 1)).standing.active == ("*", "strict", 1)
    with pytest.raises(NoSuchVersion):
        await change(pool, activation.activate, EVERY_SITE, "strict", 2)


async def test_of_two_who_expect_the_same_active_version_one_wins(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, approving())
    await save(pool, holding())
    await save(pool, holding("other"))
    outcomes = await asyncio.gather(
        *(change(pool, activation.activate, EVERY_SITE, name, 1, expected=("easy", 1)) for name in ("strict", "other")),
        return_exceptions=True,
    )
    (moved,) = [outcome for outcome in outcomes if isinstance(outcome, activation.Moved)]
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, activation.Outcome)]
    assert moved.active == won.standing.active


async def test_activation_ends_a_rollout_and_the_shadow_of_what_it_activates(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, approving())
    await save(pool, holding())
    await save(pool, holding("other"))
    await change(pool, activation.roll_out, EVERY_SITE, "other", 1, 20)
    await change(pool, activation.start_shadow, EVERY_SITE, "strict", 1)
    outcome = await change(pool, activation.activate, EVERY_SITE, "strict", 1)
    assert outcome.standing == activation.Standing(active=outcome.standing.active)
    assert {event["what"] for event in (await log(pool))[:3]} == {"activated", "rollout-stopped", "shadow-stopped"}


async def test_what_is_active_is_no_candidate_and_what_does_not_run_cannot_be_stopped(
    pool: asyncpg.Pool[Any],
) -> None:
    await activate(pool, approving())
    with pytest.raises(activation.IsActive):
        await change(pool, activation.roll_out, EVERY_SITE, "easy", 1, 5)
    with pytest.raises(activation.IsActive):
        await change(pool, activation.start_shadow, "shop", "easy", 1)
    for stop in (activation.stop_rollout, activation.stop_shadow):
        with pytest.raises(activation.NothingRuns):
            await change(pool, stop, "shop")


async def test_a_site_that_gives_up_its_own_policy_follows_every_site_again(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, approving())
    await activate(pool, holding(), "shop")
    processor = worker()
    await process_batch(pool, processor, submission(1), submission(2, site="else"))
    outcome = await change(pool, activation.follow, "shop")
    assert outcome.changed
    await process_batch(pool, processor, submission(3))
    assert [(await decision(pool, number))["policy"] for number in (1, 2, 3)] == ["strict", "easy", "easy"]
    assert [(await decision(pool, number))["policy_scope"] for number in (1, 2, 3)] == ["shop", "*", "*"]
    assert (await log(pool, "shop"))[0]["what"] == "followed"
    assert not (await change(pool, activation.follow, "shop")).changed


async def test_a_decision_in_flight_delays_the_activation(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, approving())
    name, version = await save(pool, holding())
    processor = worker()
    batch = rows(submission(1))
    await processor.prepare(batch)
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await processor.process(tx(connection), batch)
        activating = asyncio.create_task(change(pool, activation.activate, EVERY_SITE, name, version))
        await asyncio.sleep(0.2)
        assert not activating.done()
        # Nor does anybody who comes later pass by the one who waits.
        late = asyncio.create_task(process_batch(pool, worker(), submission(2)))
        await asyncio.sleep(0.2)
        assert not late.done()
        await transaction.commit()
    assert (await activating).changed
    await late
    assert [(await decision(pool, number))["policy"] for number in (1, 2)] == ["easy", "strict"]


async def test_an_activation_in_flight_delays_decisions_but_no_person(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, approving())
    await process_batch(pool, worker(), submission(1))
    name, version = await save(pool, holding())
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await activation.activate(tx(connection), EVERY_SITE, name, version, BY, NOW)
        deciding = asyncio.create_task(process_batch(pool, worker(), submission(2)))
        await asyncio.sleep(0.2)
        assert not deciding.done()
        await person_rejects(pool, 1)
        await transaction.commit()
    await deciding
    assert (await decision(pool, 2))["policy"] == "strict"
    assert (await decision(pool, 1))["actor_kind"] == "person"


async def person_rejects(pool: asyncpg.Pool[Any], review_id: int) -> None:
    from services.moderation.case import Ruling
    from services.moderation.desk import Desk, Seen
    from shared.clock import SystemClock

    ruling = Ruling("rejected", "person", "key", codes=("SPM",))
    async with asyncio.timeout(5):
        await Desk(pool, SystemClock()).decide("shop", review_id, Seen(1, 1), ruling)


async def test_an_activation_that_is_rolled_back_was_never_there(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, approving())
    processor = worker()
    await process_batch(pool, processor, submission(1))
    name, version = await save(pool, holding())
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await activation.activate(tx(connection), EVERY_SITE, name, version, BY, NOW)
        await transaction.rollback()
    await process_batch(pool, processor, submission(2))
    assert (await decision(pool, 2))["policy"] == "easy"


async def test_no_decision_is_made_under_an_older_version_once_an_activation_is_confirmed(
    pool: asyncpg.Pool[Any],
) -> None:
    """Workers and activations as they come; each worker says what was confirmed when it went to commit."""
    rng = random.Random(11)
    sources = [approving(description=f"Number {number}.") for number in range(1, 31)]
    for source in sources:
        await save(pool, source)
    await change(pool, activation.activate, EVERY_SITE, "easy", 1)
    confirmed = 1
    done = False
    seen: list[tuple[int, int, int]] = []  # review, what was confirmed before its commit, and after it

    async def work(number: int) -> None:
        processor = worker()
        review = number * 100_000
        while not done:
            review += 1
            batch = rows(submission(review))
            await processor.prepare(batch)
            await asyncio.sleep(rng.random() * 0.01)
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                await processor.process(tx(connection), batch)
                await asyncio.sleep(rng.random() * 0.02)
                before = confirmed
                await transaction.commit()
                seen.append((review, before, confirmed))

    async def activations() -> None:
        nonlocal confirmed, done
        for version in range(2, len(sources) + 1):
            await asyncio.sleep(rng.random() * 0.05)
            await change(pool, activation.activate, EVERY_SITE, "easy", version)
            confirmed = version
        done = True

    async with asyncio.timeout(60):
        await asyncio.gather(activations(), *(work(number) for number in range(1, 9)))
    decided = {
        row["review_id"]: row["policy_version"]
        for row in await pool.fetch("select review_id, policy_version from moderation.decisions")
    }
    assert len(decided) == len(seen) > 200
    assert len(set(decided.values())) > 20
    for review, before, after in seen:
        assert before <= decided[review] <= after + 1, (review, before, decided[review], after)


async def test_a_version_that_no_longer_compiles_approves_nothing(pool: asyncpg.Pool[Any], database: Database) -> None:
    await activate(pool, approving())
    owner = await asyncpg.connect(database.dsn)
    await owner.execute("update moderation.policy_versions set source = 'rules: 7'")
    await owner.close()
    await process_batch(pool, worker(), submission(1))
    row = await decision(pool, 1)
    assert (row["status"], row["rule"], row["policy"], row["policy_version"]) == ("held", "policy-error", "easy", 1)


async def test_the_log_comes_in_pages(pool: asyncpg.Pool[Any]) -> None:
    for number in range(5):
        await save(pool, approving(description=f"Number {number}."))
    async with pool.acquire() as connection:
        first, before = await events.page(tx(connection), EVERY_SITE, None, 3)
        rest, end = await events.page(tx(connection), EVERY_SITE, before, 3)
    assert [event["version"] for event in (*first, *rest)] == [5, 4, 3, 2, 1]
    assert end is None


async def test_by_whom_is_kept_as_it_is_said(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, holding(), by=By("abcdefghijkl"))
    row = (await log(pool))[0]
    assert (row["actor"], row["moderator"], row["note"]) == ("abcdefghijkl", None, None)
