"""Pass keys: which site a storefront shows, how often it may ask, and in which locale.

A pass key stands in web pages for all to see. It reads what is public anyway and submits as the public does; it never
authorises anything else, a reply least of all.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

LENGTH = 25
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
PASS_KEY = re.compile(r"[A-Za-z0-9]{24,64}")
"""Those made here are LENGTH of _ALPHABET; those that storefronts have already may be longer, and have capitals."""
HINT_LENGTH = 8

Fetch = Callable[[str, bytes], Awaitable[Sequence[Any]]]
"""Rows of a query of one parameter: `fetch` of a pool, for instance."""


@dataclass(frozen=True, slots=True)
class PassKey:
    hint: str
    """The key's first HINT_LENGTH characters, which no other key has: names it in lists, logs and counters."""
    site: str
    label: str
    per_minute: int
    """Requests, of all who use the key together."""
    per_hour: int
    locale: str
    """As in `en_US`: of labels, where a request asks for none."""
    excludes_syndicated: bool
    """Shows the site's own content only."""


def new_pass_key() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))


def hint_of(token: str) -> str:
    return token[:HINT_LENGTH]


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class PassKeys:
    """Looks keys up in `access.pass_keys`; a revoked key works for CACHE_SECONDS at the most.

    Whoever guesses keys costs LOOKUPS_AT_ONCE connections and CACHE_SIZE short entries at the most, and pushes no key
    that works out of the cache.
    """

    CACHE_SECONDS = 2.0
    CACHE_SIZE = 10_000
    LOOKUPS_AT_ONCE = 4
    _FIND = """
        select hint, site, label, per_minute, per_hour, locale, excludes_syndicated from access.pass_keys
        where pass_key_hash = $1 and revoked_at is null"""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._known: dict[bytes, tuple[float, PassKey]] = {}
        self._unknown: dict[bytes, float] = {}
        self._under_way: dict[bytes, asyncio.Task[PassKey | None]] = {}
        self._turns = asyncio.Semaphore(self.LOOKUPS_AT_ONCE)

    async def find(self, token: str) -> PassKey | None:
        """The pass key; None for one that is malformed, unknown or revoked. Raises what `fetch` raises."""
        if PASS_KEY.fullmatch(token) is None:
            return None
        digest, now = hash_of(token), time.monotonic()
        known = self._known.get(digest)
        if known is not None and known[0] >= now:
            return known[1]
        if self._unknown.get(digest, 0.0) >= now:
            return None
        # All who ask for one key at once wait for one lookup, and none of them ends it by going away.
        looking = self._under_way.get(digest)
        if looking is None:
            looking = asyncio.create_task(self._look_up(digest))
            self._under_way[digest] = looking
            looking.add_done_callback(lambda task: self._done(digest, task))
        return await asyncio.shield(looking)

    async def _look_up(self, digest: bytes) -> PassKey | None:
        async with self._turns:
            rows = await self._fetch(self._FIND, digest)
        until = time.monotonic() + self.CACHE_SECONDS
        if not rows:
            self._known.pop(digest, None)
            _make_room(self._unknown, self.CACHE_SIZE)
            self._unknown[digest] = until
            return None
        found = PassKey(*rows[0])
        if digest not in self._known:
            _make_room(self._known, self.CACHE_SIZE)
        self._known[digest] = (until, found)
        self._unknown.pop(digest, None)
        return found

    def _done(self, digest: bytes, task: asyncio.Task[PassKey | None]) -> None:
        del self._under_way[digest]
        if not task.cancelled():
            task.exception()  # it may be that nobody waits for it any more


def _make_room(cache: dict[bytes, Any], size: int) -> None:
    if len(cache) >= size:
        cache.clear()
