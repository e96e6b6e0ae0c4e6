"""Pass keys: made, listed, revoked. What is kept is a hash; a key itself is to be read in the pages that use it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.intake.locales import CURE, label_locale, nearest_locale
from services.intake.refusal import Refusal, Refused, unknown_site
from services.intake.transaction import Connection
from shared.http.errors import ErrorCode
from shared.pass_keys import HINT_LENGTH, PASS_KEY, hash_of, hint_of, new_pass_key

PER_MINUTE = 5_000
PER_HOUR = 100_000
MAX_RATE = 100_000_000

_SITE = "select settings ->> 'default_locale' from intake.sites where site = $1"
_CREATE = """
    insert into access.pass_keys
        (pass_key_hash, hint, site, label, per_minute, per_hour, locale, excludes_syndicated, created_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
_LIST = """
    select hint, site, label, per_minute, per_hour, locale, excludes_syndicated, created_at, revoked_at
    from access.pass_keys where $1::text is null or site = $1 order by created_at, hint"""
_REVOKE = """
    update access.pass_keys set revoked_at = coalesce(revoked_at, $3)
    where hint = $1 and ($2::bytea is null or pass_key_hash = $2) returning hint"""


@dataclass(frozen=True, slots=True)
class PassKeyEntry:
    hint: str
    site: str
    label: str
    per_minute: int
    per_hour: int
    locale: str
    excludes_syndicated: bool
    created_at: datetime
    revoked_at: datetime | None


async def create_pass_key(
    connection: Connection,
    site: str,
    label: str,
    now: datetime,
    *,
    per_minute: int = PER_MINUTE,
    per_hour: int = PER_HOUR,
    locale: str | None = None,
    excludes_syndicated: bool = False,
    pass_key: str | None = None,
) -> str:
    """The pass key: a new one, or `pass_key`, which storefronts of another system may have already. Raises Refused.

    Without a locale it is the site's at this moment.
    """
    if not 1 <= len(label) <= 200 or not label.isprintable():
        raise _invalid("label", "label must have 1 to 200 printable characters; say which storefront uses the key")
    for name, rate in (("per_minute", per_minute), ("per_hour", per_hour)):
        if not 1 <= rate <= MAX_RATE:
            raise _invalid(name, f"{name} must be from 1 to {MAX_RATE} requests")
    if pass_key is not None and PASS_KEY.fullmatch(pass_key) is None:
        raise _invalid("pass_key", "a pass key has 24 to 64 letters and digits")
    default = await connection.fetchval(_SITE, site)
    if default is None:
        raise unknown_site()
    shown = label_locale(locale) if locale is not None else nearest_locale(default)
    if shown is None:
        raise _invalid("locale", f"locale {CURE}")
    for _ in range(3):
        made = pass_key or new_pass_key()
        values = (hash_of(made), hint_of(made), site, label, per_minute, per_hour, shown, excludes_syndicated, now)
        try:
            async with connection.transaction():
                await connection.execute(_CREATE, *values)
        except asyncpg.UniqueViolationError:
            if pass_key is not None:
                message = (
                    f"there is a pass key of these first {HINT_LENGTH} characters already, of this site or another"
                )
                raise Refused(Refusal(ErrorCode.CONFLICT, message, "pass_key")) from None
            continue
        return made
    raise RuntimeError("three random pass keys in a row were taken")


async def list_pass_keys(connection: Connection, site: str | None = None) -> list[PassKeyEntry]:
    """Of one site, or all of them; revoked ones included."""
    return [PassKeyEntry(*row) for row in await connection.fetch(_LIST, site)]


async def revoke_pass_key(connection: Connection, pass_key: str, now: datetime) -> bool:
    """Whether there is such a key, by itself or its hint. It stops working everywhere within seconds, and for ever."""
    digest = hash_of(pass_key) if len(pass_key) > HINT_LENGTH else None
    return await connection.fetchval(_REVOKE, hint_of(pass_key), digest, now) is not None


def _invalid(field: str, message: str) -> Refused:
    return Refused(Refusal(ErrorCode.VALIDATION_ERROR, message, field))
