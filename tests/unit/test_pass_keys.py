"""Pass keys: what they look like, and that guessing them costs little."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.pass_keys import LENGTH, PASS_KEY, PassKey, PassKeys, hash_of, hint_of, new_pass_key


class Table:
    """Answers the one query that there is, and counts."""

    def __init__(self, *tokens: str) -> None:
        self.rows = {hash_of(token): row(token) for token in tokens}
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0
        self.failing = False

    async def fetch(self, query: str, digest: bytes) -> list[Any]:
        assert "access.pass_keys" in query
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.failing:
            raise OSError("away")
        found = self.rows.get(digest)
        return [] if found is None else [found]


def row(token: str) -> tuple[Any, ...]:
    return (hint_of(token), "shop", "the shop", 10, 100, "en_US", False)


def test_a_pass_key_looks_like_one() -> None:
    made = {new_pass_key() for _ in range(100)}
    assert len(made) == 100
    assert all(len(one) == LENGTH and PASS_KEY.fullmatch(one) and one == one.lower() for one in made)


async def test_a_key_finds_its_site_and_limits() -> None:
    token = new_pass_key()
    found = await PassKeys(Table(token).fetch).find(token)
    assert found == PassKey(token[:8], "shop", "the shop", 10, 100, "en_US", False)


async def test_a_key_is_found_in_its_own_case_only() -> None:
    token = "a" + new_pass_key()[1:]
    keys = PassKeys(Table(token).fetch)
    assert await keys.find(token.upper()) is None
    assert await keys.find(token) is not None


@pytest.mark.parametrize("token", ["", "abc", "a" * 23, "a" * 65, "a" * 24 + "\n", "ä" * 25, "a-" * 13, "\0" * 25])
async def test_what_is_no_key_is_not_even_looked_up(token: str) -> None:
    table = Table()
    assert await PassKeys(table.fetch).find(token) is None
    assert table.asked == 0


async def test_an_answer_is_kept_for_a_moment_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("shared.pass_keys.time.monotonic", lambda: now)
    token, other = new_pass_key(), new_pass_key()
    table = Table(token)
    keys = PassKeys(table.fetch)
    for _ in range(3):
        assert await keys.find(token) is not None
        assert await keys.find(other) is None
    assert table.asked == 2
    table.rows = {hash_of(other): row(other)}  # the one is revoked, the other made
    now += PassKeys.CACHE_SECONDS + 0.1
    assert await keys.find(token) is None
    assert await keys.find(other) is not None
    assert table.asked == 4


async def test_many_who_ask_for_one_key_wait_for_one_lookup() -> None:
    token = new_pass_key()
    table = Table(token)
    keys = PassKeys(table.fetch)
    found = await asyncio.gather(*(keys.find(token) for _ in range(50)))
    assert all(one is not None for one in found)
    assert table.asked == 1


async def test_whoever_goes_away_takes_nobody_with_him() -> None:
    token = new_pass_key()
    keys = PassKeys(Table(token).fetch)
    first = asyncio.create_task(keys.find(token))
    second = asyncio.create_task(keys.find(token))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is not None


async def test_a_failure_is_told_to_all_who_wait_and_is_not_kept() -> None:
    token = new_pass_key()
    table = Table(token)
    table.failing = True
    keys = PassKeys(table.fetch)
    answers = await asyncio.gather(*(keys.find(token) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OSError] * 3
    table.failing = False
    assert await keys.find(token) is not None


async def test_guessing_fills_no_memory_and_takes_few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PassKeys, "CACHE_SIZE", 10)
    token = new_pass_key()
    table = Table(token)
    keys = PassKeys(table.fetch)
    assert await keys.find(token) is not None
    await asyncio.gather(*(keys.find(new_pass_key()) for _ in range(100)))
    assert len(keys._unknown) <= 10
    assert table.most_at_once <= PassKeys.LOOKUPS_AT_ONCE
    asked = table.asked
    assert await keys.find(token) is not None
    assert table.asked == asked, "a key that works was pushed out of the cache"
