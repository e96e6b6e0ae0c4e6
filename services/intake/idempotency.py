"""`Idempotency-Key`: a request that is sent again gets the answer that it got, and has no second effect.

The answer is stored in the transaction of the effects. It holds ids and outcomes, never what a review says.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import orjson

from services.intake.refusal import Refusal, Refused
from services.intake.transaction import Connection
from shared.clock import Clock
from shared.http.errors import ErrorCode
from shared.logging import get_logger
from shared.postgres.errors import is_transient

KEPT = timedelta(hours=24)
SWEEP_SECONDS = 600.0
_SWEEP_ROWS = 5_000
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

log = get_logger(__name__)

# Waits for another transaction that has the key in hand, and then finds its row.
_CLAIM = """
    insert into intake.idempotent_requests as kept (site, key_id, idempotency_key, request_hash, created_at)
    values ($1, $2, $3, $4, $5)
    on conflict (site, key_id, idempotency_key) do update
        set request_hash = excluded.request_hash, created_at = excluded.created_at, status = null, answer = null
        where kept.created_at < $6
    returning true"""
_FIND = """
    select request_hash, status, answer from intake.idempotent_requests
    where site = $1 and key_id = $2 and idempotency_key = $3"""
_STORE = """
    update intake.idempotent_requests set status = $4, answer = $5::json
    where site = $1 and key_id = $2 and idempotency_key = $3"""
_SWEEP = """
    delete from intake.idempotent_requests where (site, key_id, idempotency_key) in (
        select site, key_id, idempotency_key from intake.idempotent_requests
        where created_at < $1 order by created_at limit $2 for update skip locked)"""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A key belongs to the API key that sent it: what others choose cannot collide with it."""

    site: str
    key_id: str
    key: str
    request_hash: bytes


def request_key(
    site: str, key_id: str, header: str, method: str, path: str, body: bytes, secret: bytes | None = None
) -> RequestKey:
    """Raises Refused for a key that is none. `secret` is for bodies so short that their plain digest tells them."""
    if _KEY.fullmatch(header) is None:
        message = "Idempotency-Key must have 1 to 255 printable ASCII characters without spaces; a UUID is a good one"
        raise Refused(Refusal(ErrorCode.BAD_REQUEST, message, "Idempotency-Key"))
    said = f"{method} {path}\n".encode() + body
    digest = hashlib.sha256(said).digest() if secret is None else hmac.digest(secret, said, "sha256")
    return RequestKey(site, key_id, header, digest)


async def once(tx: Connection, clock: Clock, key: RequestKey, effect: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer of `effect`, or the one that was stored. Raises Refused when the key was used for another request.

    A concurrent request with the same key waits until the first is committed or rolled back.
    """
    now = clock.now()
    place = (key.site, key.key_id, key.key)
    if await tx.fetchval(_CLAIM, *place, key.request_hash, now, now - KEPT) is None:
        row = await tx.fetchrow(_FIND, *place)
        assert row is not None  # the claim has locked it
        if row["request_hash"] != key.request_hash:
            message = "this Idempotency-Key was used for another request; use a new key for every new request"
            raise Refused(Refusal(ErrorCode.IDEMPOTENCY_KEY_REUSED, message, "Idempotency-Key"))
        return Answer(row["status"], orjson.loads(row["answer"]))
    answer = await effect()
    await tx.execute(_STORE, *place, answer.status, orjson.dumps(answer.body).decode())
    return answer


async def sweep(pool: asyncpg.Pool[Any], clock: Clock) -> int:
    """Deletes what is older than KEPT, a piece at a time; returns how many there were."""
    swept = 0
    while True:
        done = await pool.execute(_SWEEP, clock.now() - KEPT, _SWEEP_ROWS)
        count = int(done.rpartition(" ")[2])
        swept += count
        if count < _SWEEP_ROWS:
            return swept


async def sweep_until(pool: asyncpg.Pool[Any], clock: Clock, stop: asyncio.Event) -> None:
    """A part of the service: sweeps every SWEEP_SECONDS."""
    while not stop.is_set():
        try:
            await sweep(pool, clock)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("stored answers not swept", because=type(error).__name__)
        try:
            async with asyncio.timeout(SWEEP_SECONDS):
                await stop.wait()
        except TimeoutError:
            continue
