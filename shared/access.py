"""API keys: who may do what, on which site."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg

Scope = Literal["submit", "reply", "moderate", "read", "admin"]
SCOPES: tuple[Scope, ...] = ("submit", "reply", "moderate", "read", "admin")

_TOKEN = re.compile(r"plk_([0-9a-z]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    key_id: str
    site: str | None
    """None is every site: services of ours."""
    scopes: frozenset[str]
    label: str

    def allows(self, scope: Scope, site: str) -> bool:
        """`admin` allows everything on its site."""
        return (self.site is None or self.site == site) and (scope in self.scopes or "admin" in self.scopes)


@dataclass(frozen=True, slots=True)
class NewKey:
    key_id: str
    token: str
    """Shown once and kept nowhere."""
    secret_hash: bytes


def new_key() -> NewKey:
    key_id = "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(12))
    secret = secrets.token_urlsafe(32)
    return NewKey(key_id, f"plk_{key_id}_{secret}", _hash(secret))


def _hash(secret: str) -> bytes:
    """A plain hash will do: the secret has 256 bits, so there is no dictionary to try."""
    return hashlib.sha256(secret.encode()).digest()


class ApiKeys:
    """Looks keys up in `access.api_keys`; a revoked key works for CACHE_SECONDS at the most."""

    CACHE_SECONDS = 2.0
    CACHE_SIZE = 10_000
    _FIND = """
        select key_id, site, scopes, label, secret_hash from access.api_keys
        where key_id = $1 and revoked_at is null and (expires_at is null or expires_at > now())"""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool
        self._cache: dict[str, tuple[float, ApiKey | None, bytes]] = {}

    async def find(self, token: str) -> ApiKey | None:
        """The key of a token; None for one that is malformed, unknown, expired, revoked or has another secret."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        key_id, secret = match.groups()
        now = time.monotonic()
        cached = self._cache.get(key_id)
        if cached is None or cached[0] < now:
            row = await self._pool.fetchrow(self._FIND, key_id)
            key = ApiKey(row["key_id"], row["site"], frozenset(row["scopes"]), row["label"]) if row else None
            if len(self._cache) >= self.CACHE_SIZE:
                self._cache.clear()
            cached = (now + self.CACHE_SECONDS, key, row["secret_hash"] if row else b"")
            self._cache[key_id] = cached
        _, key, secret_hash = cached
        return key if key is not None and hmac.compare_digest(_hash(secret), secret_hash) else None
