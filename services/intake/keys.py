"""API keys: made, listed, revoked. A token is shown once; what is kept is a hash of its secret."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.intake.refusal import Refusal, Refused, unknown_site
from services.intake.transaction import Connection
from shared.access import SCOPES, NewKey, new_key
from shared.http.errors import ErrorCode

_CREATE = """
    insert into access.api_keys (key_id, site, label, secret_hash, scopes, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7)"""
_SITE = "select true from intake.sites where site = $1"
_LIST = """
    select key_id, site, label, scopes, created_at, expires_at, revoked_at from access.api_keys
    where $1::text is null or site = $1 order by created_at, key_id"""
_REVOKE = "update access.api_keys set revoked_at = coalesce(revoked_at, $2) where key_id = $1 returning key_id"


@dataclass(frozen=True, slots=True)
class KeyEntry:
    key_id: str
    site: str | None
    label: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


async def create_key(
    connection: Connection,
    site: str | None,
    scopes: Collection[str],
    label: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> NewKey:
    """`site` None is a key of our own services, for every site. Raises Refused; the token cannot be had again."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        message = f"scopes must be some of {', '.join(SCOPES)}"
        raise Refused(Refusal(ErrorCode.VALIDATION_ERROR, message, "scopes"))
    if not 1 <= len(label) <= 200 or not label.isprintable():
        message = "label must have 1 to 200 printable characters; say who uses the key"
        raise Refused(Refusal(ErrorCode.VALIDATION_ERROR, message, "label"))
    if site is not None and not await connection.fetchval(_SITE, site):
        raise unknown_site()
    for _ in range(3):
        key = new_key()
        try:
            await connection.execute(
                _CREATE, key.key_id, site, label, key.secret_hash, sorted(set(scopes)), now, expires_at
            )
        except asyncpg.UniqueViolationError:
            continue
        return key
    raise RuntimeError("three random key ids in a row were taken")


async def list_keys(connection: Connection, site: str | None = None) -> list[KeyEntry]:
    """Of one site, or all of them; revoked ones included."""
    return [
        KeyEntry(key_id, of, label, tuple(scopes), created_at, expires_at, revoked_at)
        for key_id, of, label, scopes, created_at, expires_at, revoked_at in await connection.fetch(_LIST, site)
    ]


async def revoke_key(connection: Connection, key_id: str, now: datetime) -> bool:
    """Whether there is such a key. It stops working everywhere within seconds; the first time of revocation is kept."""
    return await connection.fetchval(_REVOKE, key_id, now) is not None
