"""What a worker has in memory follows the database: rollouts, shadows, and what is read again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import asyncpg
import pytest

from services.moderation.engine.signal import Category, Signal
from services.moderation.judging.classifier import OnFailure, Writing
from services.moderation.judging.classifiers import Classifiers
from services.moderation.judging.rollout import is_chosen
from services.moderation.judging.rulebook import Rulebook
from services.moderation.policies import activation, built_in, words
from services.moderation.policies.reference import EVERY_SITE, Reference
from services.moderation.policies.shadow_summary import Summary, summarise
from services.moderation.policy.policy import default_policy
from shared.postgres.pool import create_pool
from tests.moderation_world import (
    BY,
    NOW,
    activate,
    approving,
    decision,
    holding,
    process,
    rows,
    save,
    submission,
    withdrawal,
    worker,
)
from tests.parts import Database


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool[Any]]:
    async with await create_pool(database.role("moderation"), application_name="test") as pool:
        yield pool


def tx(connection: object) -> asyncpg.Connection[Any]:
    return cast("asyncpg.Connection[Any]", connection)


async def change(pool: asyncpg.Pool[Any], what: Any, *arguments: Any) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await what(tx(connection), *arguments, BY, NOW)


async def hold(pool: asyncpg.Pool[Any], rulebook: Rulebook) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await rulebook.hold(tx(connection))


async def words_of(pool: asyncpg.Pool[Any], scope: str, *entries: str) -> None:
    await change(pool, words.set_words, scope, [words.Word("add", entry) for entry in entries])


async def summary(pool: asyncpg.Pool[Any], policy: Reference, scope: str = EVERY_SITE) -> Summary:
    async with pool.acquire() as connection:
        return await summarise(tx(connection), scope, policy)


async def policies_of(pool: asyncpg.Pool[Any]) -> dict[int, str]:
    rows = await pool.fetch("select distinct on (review_id) review_id, policy from moderation.decisions order by 1")
    return {row["review_id"]: row["policy"] for row in rows}


async def test_a_database_that_was_just_migrated_is_judged_by_the_built_in_policy(pool: asyncpg.Pool[Any]) -> None:
    await process(pool, worker(), submission(1))
    row = await decision(pool, 1)
    assert (row["policy"], row["policy_version"], row["policy_scope"]) == ("default", default_policy().version, "*")
    assert (row["status"], row["rule"], row["actor_kind"]) == ("approved", "default", "policy")


async def test_a_candidate_decides_its_share_the_same_reviews_and_more_as_it_grows(pool: asyncpg.Pool[Any]) -> None:
    await built_in.register(pool, NOW)
    await save(pool, approving())
    processor = worker()
    chosen = {}
    for first, percent in ((1000, 0), (2000, 20), (3000, 100)):
        await change(pool, activation.roll_out, EVERY_SITE, "easy", 1, percent)
        await process(pool, processor, *(submission(first + number) for number in range(400)))
        decided = await policies_of(pool)
        chosen[percent] = {review for review, policy in decided.items() if policy == "easy" and review >= first}
    assert len(chosen[0]) == 0
    assert 50 < len(chosen[20]) < 110
    assert chosen[20] == {review for review in range(2000, 2400) if is_chosen("easy", review, 20)}
    assert len(chosen[100]) == 400
    # An edit stays with who decided before.
    await change(pool, activation.roll_out, EVERY_SITE, "easy", 1, 20)
    await process(pool, processor, *(submission(2000 + number, revision=2) for number in range(400)))
    again = await pool.fetch("select review_id from moderation.decisions where revision = 2 and policy = 'easy'")
    assert {row["review_id"] for row in again} == chosen[20]
    await change(pool, activation.stop_rollout, EVERY_SITE)
    await process(pool, processor, *(submission(2000 + number, revision=3) for number in range(400)))
    assert (
        await pool.fetchval("select count(*) from moderation.decisions where revision = 3 and policy <> 'default'") == 0
    )


def test_shares_are_even_nested_and_another_ones_for_another_policy() -> None:
    reviews = range(1, 20_001)
    shares = [{review for review in reviews if is_chosen("easy", review, percent)} for percent in (1, 10, 50)]
    assert shares[0] < shares[1] < shares[2]
    assert [round(len(share) / 200) for share in shares] == pytest.approx([1, 10, 50], abs=1.5)
    other = {review for review in reviews if is_chosen("strict", review, 10)}
    assert len(other & shares[1]) < len(other) / 4


async def test_a_candidate_in_shadow_is_written_down_and_changes_nothing(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, approving())
    await save(pool, holding(word="boots"))
    await change(pool, activation.start_shadow, EVERY_SITE, "strict", 1)
    processor = worker()
    await process(pool, processor, submission(1), submission(2, "Nice hat."), submission(3, site="else"))
    await process(pool, processor, submission(1), submission(2, "Nice hat."))  # again: nothing is decided

    assert await pool.fetchval("select count(*) from moderation.cases where status = 'approved'") == 3
    policy = Reference(EVERY_SITE, "strict", 1)
    seen = await summary(pool, policy)
    assert (seen.reviews, seen.changed, seen.failed) == (3, 2, 0)
    assert [(one.live, one.shadow, one.reviews) for one in seen.outcomes] == [
        ("approved", "approved", 1),
        ("approved", "held", 2),
    ]
    assert [(one.rule, one.reviews, one.changed) for one in seen.rules] == [("has-word", 2, 2), ("default", 1, 0)]
    assert [(one["review_id"], one["live_rule"], one["rule"]) for one in seen.changes] == [
        (3, "default", "has-word"),
        (1, "default", "has-word"),
    ]
    assert (await summary(pool, policy, "shop")).reviews == 2

    await change(pool, activation.stop_shadow, EVERY_SITE)
    await process(pool, processor, submission(4))
    assert (await summary(pool, policy)).reviews == 3


async def test_a_shadow_that_cannot_decide_costs_nobody_a_decision(pool: asyncpg.Pool[Any], database: Database) -> None:
    await activate(pool, approving())
    await save(pool, holding())
    await change(pool, activation.start_shadow, EVERY_SITE, "strict", 1)
    owner = await asyncpg.connect(database.dsn)
    await owner.execute("update moderation.policy_versions set source = 'rules: 7' where name = 'strict'")
    await owner.close()
    await process(pool, worker(), submission(1), submission(2))
    assert (await decision(pool, 1))["status"] == "approved"
    seen = await summary(pool, Reference(EVERY_SITE, "strict", 1))
    assert (seen.reviews, seen.changed, seen.failed) == (2, 0, 2)


async def test_no_shadow_row_stands_beside_what_was_not_committed(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, approving())
    await save(pool, holding())
    await change(pool, activation.start_shadow, EVERY_SITE, "strict", 1)
    processor = worker()
    batch = rows(submission(1))
    await processor.prepare(batch)
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await processor.process(tx(connection), batch)
        await transaction.rollback()  # as if the database had refused to commit
    assert (await summary(pool, Reference(EVERY_SITE, "strict", 1))).reviews == 0


async def test_what_is_tried_on_every_site_is_not_tried_where_a_site_decides_itself(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, approving())
    await activate(pool, approving("own"), "shop")
    await save(pool, holding())
    await change(pool, activation.roll_out, EVERY_SITE, "strict", 1, 100)
    await process(pool, worker(), submission(1), submission(2, site="else"))
    assert await policies_of(pool) == {1: "own", 2: "strict"}


async def test_a_worker_reads_again_only_what_has_changed(pool: asyncpg.Pool[Any]) -> None:
    await activate(pool, approving())
    rulebook = Rulebook()
    await hold(pool, rulebook)
    easy = rulebook.of("shop").active
    generation = rulebook.generation
    await hold(pool, rulebook)
    assert rulebook.generation == generation
    await activate(pool, holding(), "shop")
    await hold(pool, rulebook)
    assert rulebook.of("shop").active.reference == ("shop", "strict", 1)
    assert rulebook.of("else").active is easy


async def test_a_database_that_was_restored_counts(pool: asyncpg.Pool[Any], database: Database) -> None:
    await activate(pool, approving())
    rulebook = Rulebook()
    await hold(pool, rulebook)
    owner = await asyncpg.connect(database.dsn)
    await owner.execute("update moderation.rules_generation set generation = 1; delete from moderation.rules")
    await owner.close()
    await hold(pool, rulebook)
    assert rulebook.of("shop").active.reference.name == "default"


async def test_a_database_that_was_restored_and_has_moved_on_counts(
    pool: asyncpg.Pool[Any], database: Database
) -> None:
    await activate(pool, holding(word="hat"), "shop")
    await words_of(pool, "shop", "blorptastic")
    owner = await asyncpg.connect(database.dsn)
    tables = ("policy_versions", "rules", "rules_generation", "site_words")
    backup = {table: await owner.fetchval(f"select json_agg(t) from moderation.{table} t") for table in tables}
    rulebook = Rulebook()
    await activate(pool, holding(word="boots"), "shop")
    await activate(pool, approving(), "lost")
    await words_of(pool, "shop", "grumblebox")
    await hold(pool, rulebook)
    of_backup = rulebook.of("shop")

    await owner.execute("truncate moderation.backtests, " + ", ".join(f"moderation.{table}" for table in tables))
    for table in tables:
        rows = f"select * from json_populate_recordset(null::moderation.{table}, $1)"
        await owner.execute(f"insert into moderation.{table} {rows}", backup[table])
    await owner.close()
    for number in range(4):  # as many changes as went lost, and one more
        await activate(pool, approving(description=f"Number {number}."), "third")
    await hold(pool, rulebook)
    assert rulebook.of("shop").active.reference == ("shop", "strict", 1)
    assert rulebook.of("lost").active.reference.name == "default"
    assert rulebook.of("shop").vocabulary is not of_backup.vocabulary

    await activate(pool, holding(word="gloves"), "shop")  # strict@2 for the second time, and another one
    await hold(pool, rulebook)
    policy = rulebook.of("shop").active.policy
    assert policy is not None
    assert "gloves" in policy.source


class Broken:
    """A classifier that always fails."""

    name = "moody"
    batch_size = 100
    timeout_seconds = 5.0

    def __init__(self, on_failure: OnFailure) -> None:
        self.on_failure = on_failure

    async def classify(self, batch: Sequence[Writing]) -> Sequence[Sequence[Signal]]:
        raise RuntimeError("not today")


@pytest.mark.parametrize(("on_failure", "status"), [("hold", "held"), ("ignore", "approved")])
async def test_a_classifier_that_fails_has_its_stated_effect(
    pool: asyncpg.Pool[Any], on_failure: OnFailure, status: str
) -> None:
    await activate(pool, holding(word="hat"))
    processor = worker(classifiers=Classifiers([Broken(on_failure)]))
    await process(pool, processor, submission(1), submission(2, "Nice hat."))
    row = await decision(pool, 1)
    assert row["status"] == status
    assert row["rule"] == ("classifier-failed" if on_failure == "hold" else "default")
    assert (row["policy"], row["policy_version"]) == ("strict", 1)
    assert (await decision(pool, 2))["rule"] == "has-word"
    queue = await pool.fetchval("select queue from moderation.cases where review_id = 1")
    assert queue == ("classifiers" if on_failure == "hold" else None)


class Marking:
    """A classifier that finds every text suspicious."""

    name = "marker"
    batch_size = 100
    timeout_seconds = 5.0
    on_failure: OnFailure = "hold"

    async def classify(self, batch: Sequence[Writing]) -> Sequence[Sequence[Signal]]:
        return [
            [Signal("marker", Category.OTHER, None, "text", 0, 4, writing.fields["text"][:4], confidence=0.9)]
            for writing in batch
        ]


async def test_a_policy_sees_what_classifiers_say(pool: asyncpg.Pool[Any]) -> None:
    source = approving().replace("review.require_approval", 'signals.exists(s, s.detector == "marker")')
    await activate(pool, source)
    await process(pool, worker(classifiers=Classifiers([Marking()])), submission(1))
    row = await decision(pool, 1)
    assert (row["status"], row["rule"]) == ("held", "by-hand")
    assert '"detector":"marker"' in row["signals"]
    assert '"matched":"Very"' in row["signals"]


async def test_copies_are_signals_of_the_decision_and_a_withdrawal_forgets_the_text(pool: asyncpg.Pool[Any]) -> None:
    source = approving().replace("review.require_approval", 'signals.exists(s, s.detector == "duplicate")')
    await activate(pool, source)
    text = "The seams came apart after two washes and the colour ran into everything else I own, avoid."
    await process(pool, worker(), submission(1, text), submission(2, text))
    first, second = await decision(pool, 1), await decision(pool, 2)
    assert [first["status"], second["status"]] == ["approved", "held"]
    assert '"detector":"duplicate"' in second["signals"]
    assert [row[0] for row in await pool.fetch("select review_id from moderation.history order by 1")] == [1, 2]

    await process(pool, worker(), withdrawal(1), submission(3, text), withdrawal(3))
    assert [row[0] for row in await pool.fetch("select review_id from moderation.history")] == [2]
    statuses = await pool.fetch("select review_id, status from moderation.cases order by 1")
    assert [tuple(row) for row in statuses] == [(1, "withdrawn"), (2, "held"), (3, "withdrawn")]


async def test_each_decision_costs_no_more_round_trips_than_before_and_one(pool: asyncpg.Pool[Any]) -> None:
    """Of what is ours: where nothing has changed, to hold the rules is one statement."""
    await activate(pool, approving())
    rulebook = Rulebook()
    await hold(pool, rulebook)
    connection: Any
    async with pool.acquire() as connection:
        statements: list[str] = []
        with connection.query_logger(lambda query: statements.append(query.query)):
            await rulebook.hold(connection)
    assert len(statements) == 1
