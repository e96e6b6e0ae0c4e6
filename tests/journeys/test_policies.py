"""A policy is edited while reviews flow: nothing restarts, and every decision says by which version it was made."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tests.moderation_world import approving, holding
from tests.running import RunningSystem, Site, eventually

WORDS = (
    *("kettle", "handle", "steel", "morning", "water", "quickly", "quiet", "kitchen", "colour", "lid", "neat", "cup"),
    *("price", "month", "family", "coffee", "tea", "heavy", "simple", "cable", "warm", "clean", "spout", "switch"),
    *("with", "for", "and", "but", "very", "our", "from", "while", "bought", "easy", "every", "day", "bright", "base"),
)
RANDOM = random.Random(5)


def opinion(verdict: str = "works well") -> str:
    """No two alike, for a copy of another review is held."""
    return f"It {verdict}: {' '.join(RANDOM.sample(WORDS, 16))}."


@pytest.fixture(scope="module")
async def shop(system: RunningSystem) -> Site:
    return await system.site("policies")


async def save(shop: Site, source: str, expected: int = 201) -> dict[str, Any]:
    answer = await shop.call("moderation", "POST", "/policies", json={"source": source})
    assert answer.status_code == expected, answer.text
    return dict(answer.json())


async def put(shop: Site, what: str, saved: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"name": saved["name"], "version": saved["version"], **more}
    answer = await shop.call("moderation", "PUT", f"/policies/{what}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def newest(shop: Site, review_id: int) -> dict[str, Any]:
    case = await shop.until_decided(review_id)
    return dict(case["decisions"][-1])


async def test_a_policy_is_edited_while_reviews_flow(system: RunningSystem, shop: Site) -> None:
    pids = system.pids
    sent: list[int] = []
    flowing = True

    async def flow() -> None:
        while flowing:
            text = opinion("leaks") if len(sent) % 3 == 0 else opinion()
            sent.append((await shop.submit(rating=4, text=text, entity_id=f"kettle-{len(sent)}"))["review_id"])

    async def some_more(count: int = 15) -> None:
        goal = len(sent) + count
        while len(sent) < goal:
            await asyncio.sleep(0.01)

    async def send_and_see() -> dict[str, Any]:
        accepted = await shop.submit(rating=4, text=opinion("leaks"), entity_id=f"kettle-{len(sent)}")
        sent.append(accepted["review_id"])
        return await newest(shop, accepted["review_id"])

    flows = asyncio.gather(*(flow() for _ in range(2)))
    try:
        await some_more()
        assert (await send_and_see())["policy"]["name"] == "default"

        first = await save(shop, holding("kettles", "leaks", "leaks"))
        shadowed = await put(shop, "shadow", first)
        assert shadowed["active"]["name"] == "default"
        beside = await send_and_see()
        assert (beside["status"], beside["rule"]) == ("approved", "default")
        await some_more()
        summary = (await shop.call("moderation", "GET", "/policies/shadow")).json()
        outcomes = {(one["live"], one["shadow"]): one["reviews"] for one in summary["outcomes"]}
        assert outcomes["approved", "held"] == summary["changed"] > 0
        assert outcomes["approved", "approved"] > 0
        assert [one["rule"] for one in summary["rules"] if one["changed"]] == ["has-word"]

        # Whatever is decided from the confirmation on is decided by what was confirmed.
        assert (await put(shop, "active", first))["changed"] is True
        decided = await send_and_see()
        assert (decided["status"], decided["rule"]) == ("held", "has-word")
        assert decided["policy"] == {"name": "kettles", "version": 1, "scope": "policies"}
        await some_more()

        await save(shop, holding("kettles", "leaks").replace("review.text", "reviw.text"), 422)
        second = await save(shop, holding("kettles", "explodes", "leaks"))
        await put(shop, "active", second, expected_active={"name": "kettles", "version": 1})
        assert (await send_and_see())["policy"]["version"] == 2
        await some_more()

        third = await save(shop, approving("easy"))
        await put(shop, "rollout", third, percent=50)
        await some_more(40)
        answer = await shop.call("moderation", "DELETE", "/policies/rollout")
        assert answer.status_code == 200, answer.text
        assert (await send_and_see())["policy"]["version"] == 2
    finally:
        flowing = False
        await flows

    async def all_decided() -> bool:
        async with system.database() as connection:
            decided = await connection.fetchval(
                "select count(distinct review_id) from moderation.decisions where site = 'policies'"
            )
        return bool(decided == len(sent))

    await eventually(all_decided, 20, "every review to be decided")
    async with system.database() as connection:
        rows = await connection.fetch(
            "select policy, policy_version, policy_scope, rule, status from moderation.decisions"
            " where site = 'policies' and actor_kind = 'policy'"
        )
    assert len(rows) == len(sent)
    assert all(row["policy"] and row["policy_version"] and row["policy_scope"] and row["rule"] for row in rows)
    by = {(row["policy"], row["policy_version"]) for row in rows if row["policy"] != "default"}
    assert by == {("kettles", 1), ("kettles", 2), ("easy", 1)}
    # Two versions of one name, a candidate for a while, and not one process that began anew.
    assert system.pids == pids
    log = (await shop.call("moderation", "GET", "/policies/log")).json()["events"]
    assert [event["what"] for event in log if event["what"] != "saved"] == [
        "rollout-stopped",
        "rollout-set",
        "activated",
        "shadow-stopped",
        "activated",
        "shadow-started",
    ]


async def test_a_word_of_the_sites_own_acts_without_a_restart(system: RunningSystem, shop: Site) -> None:
    pids = system.pids
    answer = await shop.call("moderation", "DELETE", "/policies/active")
    assert answer.status_code == 200, answer.text
    foul = opinion("is blorptastic")
    before = await newest(shop, (await shop.submit(rating=4, text=foul, entity_id="k-1"))["review_id"])
    assert before["status"] == "approved"
    words = {"words": [{"kind": "add", "entry": "blorptastic"}]}
    assert (await shop.call("moderation", "PUT", "/words", json=words)).status_code == 200
    after = await newest(
        shop, (await shop.submit(rating=4, text=opinion("is blorptastic"), entity_id="k-2"))["review_id"]
    )
    assert after["status"] == "rejected"
    assert [signal["matched"] for signal in after["signals"] if signal["detector"] == "lexicon"] == ["blorptastic"]
    assert system.pids == pids
