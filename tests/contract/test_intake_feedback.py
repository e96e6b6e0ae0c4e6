"""Votes and reports of abuse on a real Postgres, through the role that the service has."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from services.intake import comments, feedback, withdrawal
from services.intake.comment_body import CommentSubmission
from services.intake.comments import IncomingComment
from services.intake.feedback import Feedback, FeedbackResult
from services.intake.feedback_body import FeedbackBody
from services.intake.live import ContentRef
from services.intake.refusal import Refused, accepted
from services.intake.submission import parse
from services.intake.transaction import transaction
from shared.events.models import ContentKind, FeedbackGiven, FeedbackRemoved
from tests.intake_world import IntakeWorld, intake_world, submission
from tests.parts import Database


@pytest.fixture
async def world(module_database: Database) -> AsyncIterator[IntakeWorld]:
    async with intake_world(module_database) as made:
        yield made


async def review(world: IntakeWorld, site: str = "books") -> int:
    (result,) = await world.submit(submission(title="Words"), site=site)
    assert result.review_id is not None
    await world.pool.execute("delete from intake.outbox")
    return result.review_id


async def comment(world: IntakeWorld, review_id: int) -> int:
    async with transaction(world.pool) as tx:
        incoming = IncomingComment(review_id, CommentSubmission(text="x"), "api")
        made = accepted((await comments.submit(tx, world.registry, "books", [incoming]))[0])
        await tx.execute("delete from intake.outbox")
    return made.comment_id


async def give(
    world: IntakeWorld,
    content_id: int,
    vote: str | None = "positive",
    *,
    voter: dict[str, str] | None = None,
    kind: ContentKind = "review",
    site: str = "books",
) -> FeedbackResult:
    body = {"voter": voter or {"id": "v1"}, "kind": "helpfulness", "vote": vote}
    async with transaction(world.pool) as tx:
        said = parse(FeedbackBody, orjson.dumps(body))
        (result,) = await feedback.give(tx, world.registry, site, [Feedback(ContentRef(kind, content_id), said)])
        return accepted(result)


async def test_a_vote_is_given_changed_and_taken_back_under_one_key(world: IntakeWorld) -> None:
    of = await review(world)
    votes = ("positive", "positive", "negative", None, None, "negative")
    results = [await give(world, of, vote) for vote in votes]
    assert [one.outcome for one in results] == ["set", "unchanged", "set", "removed", "unchanged", "set"]
    assert len({one.voter_id for one in results}) == 1
    events = await world.valid_events()
    assert [type(event) for event in events] == [FeedbackGiven, FeedbackGiven, FeedbackRemoved, FeedbackGiven]
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    assert len({event.key for event in events}) == 1
    assert [event.vote for event in events if isinstance(event, FeedbackGiven)] == ["positive", "negative", "negative"]
    row = await world.pool.fetchrow("select vote, sequence, event ->> 'sequence' from intake.feedback")
    assert row is not None
    assert tuple(row) == ("negative", 4, "4")


async def test_a_vote_and_a_report_are_two_things(world: IntakeWorld) -> None:
    of = await review(world)
    voted = await give(world, of)
    async with transaction(world.pool) as tx:
        said = parse(
            FeedbackBody,
            b'{"voter": {"id": "v1"}, "kind": "inappropriate", "vote": "inappropriate", "reason": "Names me."}',
        )
        (result,) = await feedback.give(tx, world.registry, "books", [Feedback(ContentRef("review", of), said)])
        reported = accepted(result)
    assert (voted.outcome, reported.outcome, voted.voter_id) == ("set", "set", reported.voter_id)
    first, second = await world.valid_events()
    assert isinstance(second, FeedbackGiven)
    assert (first.sequence, second.sequence, second.reason) == (1, 1, "Names me.")
    assert first.key != second.key


async def test_reviews_and_comments_are_voted_for(world: IntakeWorld) -> None:
    of = await review(world)
    on = await comment(world, of)
    assert (await give(world, of)).outcome == "set"
    assert (await give(world, on, "negative", kind="comment")).outcome == "set"
    first, second = await world.valid_events()
    assert isinstance(first, FeedbackGiven)
    assert isinstance(second, FeedbackGiven)
    assert (first.content_kind, first.content_id, first.vote) == ("review", of, "positive")
    assert (second.content_kind, second.content_id, second.vote) == ("comment", on, "negative")
    with pytest.raises(Refused, match="NOT_FOUND"):
        await give(world, on, kind="review")
    with pytest.raises(Refused, match="NOT_FOUND"):
        await give(world, of, kind="comment")


async def test_a_voter_is_known_by_id_or_address_and_the_address_stays_in_the_vault(world: IntakeWorld) -> None:
    of = await review(world)
    by_email = await give(world, of, voter={"email": "Jane@Example.com"})
    again = await give(world, of, voter={"email": " jane@example.com "})
    by_id = await give(world, of, voter={"id": "7", "email": "jane@example.com"})
    assert (again.outcome, again.voter_id) == ("unchanged", by_email.voter_id)
    assert by_id.voter_id != by_email.voter_id, "the id is who they are, where there is one"
    stored = await world.pool.fetch("select event::text as said from intake.feedback")
    sent = await world.pool.fetch(
        "select convert_from(value, 'utf8') || convert_from(key, 'utf8') || headers as said from intake.outbox"
    )
    assert all("xample" not in row["said"] for row in (*stored, *sent))
    assert await world.pool.fetchval("select count(*) from intake.authors where email = 'jane@example.com'") == 2


async def test_a_network_has_one_vote_and_is_nowhere_in_clear(world: IntakeWorld) -> None:
    of = await review(world)
    address = "203.0.113.7"
    votes = ("positive", "positive", "negative")
    results = [await give(world, of, vote, voter={"network": address}) for vote in votes]
    assert [one.outcome for one in results] == ["set", "unchanged", "set"]
    assert len({one.voter_id for one in results}) == 1
    others = [
        await give(world, of, voter=voter)
        for voter in (
            {"id": address},
            {"id": f"{address}/32"},
            {"network": "203.0.113.8"},
            {"id": "7", "network": address},
        )
    ]
    assert {one.outcome for one in others} == {"set"}
    assert len({one.voter_id for one in (*results, *others)}) == 5
    first, changed, *_ = await world.valid_events()
    assert isinstance(first, FeedbackGiven)
    assert isinstance(changed, FeedbackGiven)
    assert (first.key, first.voter, changed.vote) == (changed.key, results[0].voter_id, "negative")
    assert [row["email"] for row in await world.pool.fetch("select email from intake.authors")] == [None] * 5
    digest = hmac.digest(await identity_key(world), b"network:203.0.113.7/32", "sha256")
    assert await world.pool.fetchval("select author_id from intake.authors where identity = $1", digest) == first.voter
    kept = "\n".join(
        [
            *(row[0] for row in await world.pool.fetch("select f::text from intake.feedback f")),
            *(row[0] for row in await world.pool.fetch("select a::text from intake.authors a")),
            *(
                row[0]
                for row in await world.pool.fetch(
                    "select convert_from(value, 'utf8') || convert_from(key, 'utf8') || headers from intake.outbox"
                )
            ),
        ]
    )
    assert first.voter in kept
    assert "203.0.113" not in kept
    plain = [hashlib.sha256(f"{start}{address}{end}".encode()) for start in ("", "network:") for end in ("", "/32")]
    assert not any(one.hexdigest() in kept for one in plain), "whoever has no key can try out all addresses"


async def identity_key(world: IntakeWorld) -> bytes:
    key: bytes = await world.pool.fetchval("select identity_key from intake.sites where site = 'books'")
    return key


async def test_a_vote_is_taken_back_by_its_network(world: IntakeWorld) -> None:
    of = await review(world)
    await give(world, of, voter={"network": "2001:db8:1:2::1"})
    same = await give(world, of, None, voter={"network": "2001:db8:1:2:ffff::9"})
    assert same.outcome == "removed", "whoever has a whole /64 is one voter"


async def test_an_author_and_a_voter_of_one_address_are_one_person(world: IntakeWorld) -> None:
    """So that both are unlinked at once. Voting for one's own review is for the caller to forbid."""
    result = await world.submit_one(author={"email": "jane@example.com"})
    assert result.review_id is not None
    voted = await give(world, result.review_id, voter={"email": "jane@example.com"})
    assert voted.outcome == "set"
    assert voted.voter_id == await world.pool.fetchval("select author_id from intake.reviews")


async def test_sites_are_apart(world: IntakeWorld) -> None:
    ours, theirs = await review(world), await review(world, "films")
    with pytest.raises(Refused, match="NOT_FOUND"):
        await give(world, ours, site="films")
    mine, other = await give(world, ours), await give(world, theirs, site="films")
    assert mine.voter_id != other.voter_id
    assert {row["site"] for row in await world.pool.fetch("select site from intake.feedback")} == {"books", "films"}


async def test_what_is_gone_takes_no_votes(world: IntakeWorld) -> None:
    of = await review(world)
    on, other = await comment(world, of), await comment(world, of)
    async with transaction(world.pool) as tx:
        await comments.withdraw(tx, world.registry, "books", on, "key", None)
    with pytest.raises(Refused, match="REMOVED") as caught:
        await give(world, on, kind="comment")
    assert caught.value.comment_id == on
    async with transaction(world.pool) as tx:
        await withdrawal.withdraw(tx, world.registry, "books", of, "key", None)
    for attempt, gone in ((give(world, of), (of, None)), (give(world, other, kind="comment"), (None, other))):
        with pytest.raises(Refused, match="REMOVED") as caught:
            await attempt
        assert (caught.value.review_id, caught.value.comment_id) == gone
    assert await world.count("intake.feedback") == 0
    assert await world.count("intake.authors") == 0, "of those who were refused nothing is kept"


async def test_taking_back_what_was_never_given_leaves_no_trace(world: IntakeWorld) -> None:
    of = await review(world)
    result = await give(world, of, None, voter={"email": "jane@example.com"})
    assert result == FeedbackResult(None, "unchanged")
    assert await world.count("intake.authors") == 0
    assert await world.count("intake.feedback") == 0
    assert await world.events() == []


async def test_first_votes_of_one_voter_at_once_are_one_vote(world: IntakeWorld) -> None:
    of = await review(world)
    results = await asyncio.gather(*(give(world, of, voter={"email": "jane@example.com"}) for _ in range(12)))
    assert sorted(one.outcome for one in results) == ["set"] + ["unchanged"] * 11
    assert len({one.voter_id for one in results}) == 1
    assert await world.count("intake.feedback") == 1
    assert len(await world.valid_events()) == 1


async def test_changes_at_once_have_sequences_that_grow_as_the_outbox_does(world: IntakeWorld) -> None:
    of = await review(world)
    votes = ["positive", "negative", None] * 6
    await asyncio.gather(*(give(world, of, vote) for vote in votes))
    events = await world.valid_events()
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    said = [event.vote if isinstance(event, FeedbackGiven) else None for event in events]
    assert all(before != after for before, after in zip([None, *said], said, strict=False))
    assert await world.pool.fetchval("select vote from intake.feedback") == said[-1]


async def test_votes_for_one_review_do_not_wait_for_each_other(world: IntakeWorld) -> None:
    of = await review(world)
    async with world.pool.acquire() as connection, connection.transaction():
        tx: Any = connection
        said = parse(FeedbackBody, b'{"voter": {"id": "slow"}, "kind": "helpfulness", "vote": "positive"}')
        await feedback.give(tx, world.registry, "books", [Feedback(ContentRef("review", of), said)])
        async with asyncio.timeout(5):
            assert (await give(world, of, voter={"id": "quick"})).outcome == "set"


async def test_a_vote_and_a_withdrawal_do_not_pass_each_other(world: IntakeWorld) -> None:
    of = await review(world)
    async with world.pool.acquire() as connection, connection.transaction():
        tx: Any = connection
        await withdrawal.withdraw(tx, world.registry, "books", of, "key", None)
        waiting = asyncio.create_task(give(world, of))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    with pytest.raises(Refused, match="REMOVED"):
        await waiting


async def test_votes_are_counted_by_what_became_of_them(world: IntakeWorld) -> None:
    def counted(outcome: str) -> float:
        labels = {"content_kind": "review", "kind": "helpfulness", "outcome": outcome}
        return REGISTRY.get_sample_value("plaudit_feedback_total", labels) or 0

    of = await review(world)
    outcomes = ("set", "unchanged", "removed", "refused")
    before = {outcome: counted(outcome) for outcome in outcomes}
    for vote in ("positive", "positive", None):
        await give(world, of, vote)
    with pytest.raises(Refused):
        await give(world, of + 2)
    assert {outcome: counted(outcome) - before[outcome] for outcome in outcomes} == dict.fromkeys(outcomes, 1)


def word(content_id: int, voter: str, vote: str | None, kind: ContentKind = "review") -> Feedback:
    body = {"voter": {"id": voter}, "kind": "helpfulness", "vote": vote}
    return Feedback(ContentRef(kind, content_id), parse(FeedbackBody, orjson.dumps(body)))


async def give_all(world: IntakeWorld, *words: Feedback) -> list[str]:
    async with transaction(world.pool) as tx:
        results = await feedback.give(tx, world.registry, "books", words)
    return [one.refusal.code.value if isinstance(one, Refused) else one.outcome for one in results]


async def test_a_batch_is_one_after_the_other(world: IntakeWorld) -> None:
    of = await review(world)
    on = await comment(world, of)
    await give(world, of, voter={"id": "old"})
    outcomes = await give_all(
        world,
        word(of, "new", "positive"),
        word(of, "new", "positive"),
        word(of + 2, "new", "positive"),
        word(of, "old", "negative"),
        word(on, "new", None, "comment"),
        word(of, "new", None),
        word(of, "new", "negative"),
        word(of, "old", "positive"),
        word(on, "old", "negative", "comment"),
    )
    assert outcomes == ["set", "unchanged", "NOT_FOUND", "set", "unchanged", "removed", "set", "set", "set"]
    _, *events = await world.valid_events()
    assert [event.sequence for event in events] == [1, 2, 2, 3, 3, 1]
    rows = await world.pool.fetch("select content_id, vote, sequence from intake.feedback order by content_id, vote")
    assert sorted(map(tuple, rows)) == sorted([(of, "negative", 3), (of, "positive", 3), (on, "negative", 1)])
    assert await world.count("intake.authors") == 2


async def test_batches_of_the_same_voters_in_opposite_orders_settle(world: IntakeWorld) -> None:
    reviews = [await review(world) for _ in range(4)]
    there = [word(of, f"v{number}", "positive") for number in range(10) for of in reviews]
    back = [word(of, f"v{number}", "negative") for number in reversed(range(10)) for of in reversed(reviews)]
    await asyncio.gather(*(give_all(world, *words) for words in (there, back, there, back)))
    assert await world.count("intake.feedback") == 40
    assert await world.count("intake.authors") == 10
    told: dict[bytes, list[int]] = {}
    for event in await world.events():
        told.setdefault(event.key, []).append(event.sequence)
    assert len(told) == 40
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in told.values())


async def test_look_ups_use_indexes(world: IntakeWorld) -> None:
    of = await review(world)
    await give_all(world, *(word(of, f"v{number}", "positive") for number in range(300)))
    async with world.pool.acquire() as connection:
        wanted = (["review"] * 300, [of] * 300, ["x"] * 300, ["helpfulness"] * 300)
        plan = "\n".join(row[0] for row in await connection.fetch(f"explain {feedback._FIND}", "books", *wanted))
    assert "feedback_pkey" in plan
    assert "Seq Scan" not in plan
