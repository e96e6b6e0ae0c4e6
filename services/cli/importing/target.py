"""Where an import sends to: the intake that is named, else that of the running `plaudit up`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import asyncpg

from services.cli.importing.errors import ImportProblem
from services.cli.target import database, find_target
from services.intake import keys
from services.intake.refusal import Refused
from shared.access import Scope
from shared.clock import Clock

KEY_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True)
class Intake:
    url: str
    token: str = field(repr=False)


@asynccontextmanager
async def open_intake(
    url: str | None, token: str | None, site: str, data_dir: Path | None, clock: Clock, scope: Scope = "submit"
) -> AsyncIterator[Intake]:
    """Without a token, a key of the running system that is revoked at the end (and expires by itself if that fails).

    Raises NoTarget where nothing is named and nothing runs, ImportProblem where no key can be had.
    """
    if token is not None:
        yield Intake(url or find_target(data_dir).need("intake", "--intake"), token)
        return
    if url is not None:
        raise ImportProblem("--intake needs a key of that system: --key, or PLAUDIT_API_KEY in the environment")
    target = find_target(data_dir)
    url = target.need("intake", "--intake")
    try:
        async with database(target) as connection:
            now = clock.now()
            key = await keys.create_key(connection, site, [scope], f"import into {site}", now, now + KEY_LIFETIME)
    except Refused as refused:
        raise ImportProblem(f"site {site}: {refused.refusal.message} (`plaudit site list`)") from None
    except (OSError, asyncpg.PostgresError) as error:
        raise ImportProblem(
            f"no key can be made, for Postgres fails: {type(error).__name__}; give one with --key"
        ) from error
    try:
        yield Intake(url, key.token)
    finally:
        with suppress(OSError, asyncpg.PostgresError):
            async with database(target) as connection:
                await keys.revoke_key(connection, key.key_id, clock.now())
