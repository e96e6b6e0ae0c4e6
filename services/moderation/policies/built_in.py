"""The policy that comes with Plaudit, put beside all others."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime
from typing import Any, cast

import asyncpg

from services.moderation.policies import events
from services.moderation.policies.generation import change
from services.moderation.policies.reference import BUILT_IN, EVERY_SITE, PLAUDIT, By, Reference
from services.moderation.policies.versions import digest
from services.moderation.policy.policy import default_policy, default_source
from shared.backoff import Backoff
from shared.clock import Clock
from shared.logging import get_logger
from shared.postgres.errors import is_transient

log = get_logger(__name__)

_KNOWN = """
    select digest, exists (select from moderation.rules where scope = '*' and active_name is not null) as is_ruled
    from moderation.policy_versions where scope = '*' and name = $1 and version = $2"""
_REGISTER = """
    insert into moderation.policy_versions (scope, name, version, source, digest, created_at, created_by, note)
    values ('*', $1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning true"""
_ACTIVATE = """
    insert into moderation.rules as known
        (scope, generation, words_generation, active_scope, active_name, active_version)
    values ('*', $1, 0, '*', $2, $3)
    on conflict (scope) do update set generation = $1, active_scope = '*', active_name = $2, active_version = $3
    where known.active_name is null
    returning true"""


async def registered(pool: asyncpg.Pool[Any], clock: Clock, stop: asyncio.Event) -> None:
    """Returns when it is, or when it is time to stop; a database that goes away meanwhile is waited for."""
    backoff = Backoff(random.Random())  # noqa: S311 - spreads waits, keeps no secret
    while not stop.is_set():
        try:
            await register(pool, clock.now())
        except Exception as error:
            if not is_transient(error):
                raise
            await clock.sleep(backoff.wait())
        else:
            return


async def register(pool: asyncpg.Pool[Any], now: datetime) -> None:
    """Saves this release's version where it is missing, and activates it where nothing was ever active.

    An upgrade so brings a new version that decides nothing until somebody activates it. Safe to call by many at once.
    """
    policy, source = default_policy(), default_source()
    known = await pool.fetchrow(_KNOWN, BUILT_IN, policy.version)
    if known is not None and known["is_ruled"]:
        if known["digest"] != digest(source):
            log.warning("built-in policy differs from its registered version", version=policy.version)
        return
    reference = Reference(EVERY_SITE, BUILT_IN, policy.version)
    by = By(PLAUDIT, note="comes with this release")
    async with pool.acquire() as pooled, pooled.transaction():
        connection = cast("asyncpg.Connection[Any]", pooled)
        generation = await change(connection)
        saved = await connection.fetchval(
            _REGISTER, BUILT_IN, policy.version, source, digest(source), now, PLAUDIT, by.note
        )
        if saved:
            await events.append(connection, EVERY_SITE, "saved", reference, by, now)
        if await connection.fetchval(_ACTIVATE, generation, BUILT_IN, policy.version):
            await events.append(connection, EVERY_SITE, "activated", reference, by, now)
