"""API keys: their tokens, and what they allow."""

from __future__ import annotations

import hashlib
from typing import Any

import asyncpg
import pytest

from shared.access import SCOPES, ApiKey, ApiKeys, NewKey, Scope, new_key


class Table:
    """Stands for the pool: answers the one query that there is, and counts."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = {row["key_id"]: row for row in rows}
        self.asked = 0

    async def fetchrow(self, query: str, key_id: str) -> dict[str, Any] | None:
        self.asked += 1
        return self.rows.get(key_id)


def row(key: NewKey, site: str | None = "shop", scopes: tuple[str, ...] = ("read",)) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "site": site,
        "scopes": list(scopes),
        "label": "a label",
        "secret_hash": key.secret_hash,
    }


def keys(table: Table) -> ApiKeys:
    pool: asyncpg.Pool[Any] = table  # type: ignore[assignment]  # all that ApiKeys needs of a pool
    return ApiKeys(pool)


def test_a_key_is_unguessable_and_only_its_hash_is_kept() -> None:
    made = [new_key() for _ in range(50)]
    assert len({key.token for key in made}) == len({key.key_id for key in made}) == 50
    for key in made:
        prefix, key_id, secret = key.token.split("_", 2)
        assert (prefix, key_id) == ("plk", key.key_id)
        assert key.secret_hash == hashlib.sha256(secret.encode()).digest()
        assert len(secret) == 43  # 256 bits


async def test_the_token_finds_its_key() -> None:
    key = new_key()
    found = await keys(Table(row(key, scopes=("read", "submit")))).find(key.token)
    assert found == ApiKey(key.key_id, "shop", frozenset({"read", "submit"}), "a label")


async def test_another_secret_under_a_known_id_finds_nothing_also_when_the_key_is_cached() -> None:
    key, other = new_key(), new_key()
    forged = f"plk_{key.key_id}_{other.token.split('_', 2)[2]}"
    found = keys(Table(row(key)))
    assert await found.find(forged) is None
    assert await found.find(key.token) is not None
    assert await found.find(forged) is None


@pytest.mark.parametrize(
    "token", ["", "plk_", "plk_abc_def", "Bearer", "plk_ABCDEFGHIJKL_" + "a" * 43, "plk_abcdefghijkl_" + "a" * 44, "\0"]
)
async def test_what_is_no_token_is_not_even_looked_up(token: str) -> None:
    table = Table()
    assert await keys(table).find(token) is None
    assert table.asked == 0


async def test_an_answer_is_kept_for_a_moment_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("shared.access.time.monotonic", lambda: now)
    key = new_key()
    table = Table(row(key))
    found = keys(table)
    for _ in range(3):
        assert await found.find(key.token) is not None
    assert table.asked == 1
    table.rows.clear()  # revoked
    now += ApiKeys.CACHE_SECONDS + 0.1
    assert await found.find(key.token) is None
    assert table.asked == 2


async def test_unknown_keys_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ApiKeys, "CACHE_SIZE", 10)
    found = keys(Table())
    for _ in range(100):
        assert await found.find(new_key().token) is None
    assert len(found._cache) <= 10


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_allows_itself_on_its_site_only(scope: Scope) -> None:
    key = ApiKey("id", "shop", frozenset({scope}), "")
    for wanted in SCOPES:
        assert key.allows(wanted, "shop") is (wanted == scope or scope == "admin")
        assert not key.allows(wanted, "other")


def test_a_key_of_no_site_is_for_every_site() -> None:
    key = ApiKey("id", None, frozenset({"read"}), "")
    assert key.allows("read", "shop")
    assert key.allows("read", "other")
    assert not key.allows("submit", "shop")
