"""Versions of policies: saved once they are sound, and never changed."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from services.moderation.policies import events
from services.moderation.policies.reference import BUILT_IN, EVERY_SITE, By, Reference
from services.moderation.policy.policy import compile_policy
from services.moderation.policy.problem import Problem

_COLUMNS = "scope, name, version, source, digest, created_at, created_by, moderator, note"
_OWN_FIRST = "scope in ($1, '*') and name = $2 and version = $3 order by scope = '*' limit 1"
_FIND = f"select {_COLUMNS} from moderation.policy_versions where {_OWN_FIRST}"
_SAME = f"select {_COLUMNS} from moderation.policy_versions where scope = $1 and name = $2 and digest = $3"
_LIST = f"""
    select {_COLUMNS} from moderation.policy_versions where scope in ($1, '*')
    order by scope = '*', name, version desc"""
_QUEUE = "select pg_advisory_xact_lock(hashtextextended('moderation.policy_versions ' || $1 || ' ' || $2, 0))"
_INSERT = f"""
    insert into moderation.policy_versions ({_COLUMNS})
    select $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7, $8
    from moderation.policy_versions where scope = $1 and name = $2
    returning {_COLUMNS}"""


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    scope: str
    name: str
    version: int
    source: str
    digest: str
    created_at: datetime
    created_by: str
    moderator: str | None
    note: str | None

    @property
    def reference(self) -> Reference:
        return Reference(self.scope, self.name, self.version)


@dataclass(frozen=True, slots=True)
class Saved:
    version: PolicyVersion
    created: bool
    """False where this very source was there already."""
    warnings: tuple[Problem, ...]


class NameTaken(ValueError):
    """The name belongs to the policy that comes with Plaudit."""


async def save(tx: asyncpg.Connection[Any], scope: str, source: str, by: By, now: datetime) -> Saved:
    """Saving decides nothing yet; see `activation`. The same source again is the version that it was.

    Raises PolicyErrors, NameTaken.
    """
    # In a thread: a long one takes a second, and whatever else this process does goes on meanwhile.
    compiled = await asyncio.to_thread(compile_policy, source)
    name = compiled.name
    if scope == EVERY_SITE and name == BUILT_IN:
        raise NameTaken(
            f"{BUILT_IN} is the policy that comes with Plaudit, whose versions are the releases': "
            "choose another name for yours"
        )
    sha = digest(source)
    await tx.execute(_QUEUE, scope, name)  # two at once would count the same version
    row = await tx.fetchrow(_SAME, scope, name, sha)
    if row is not None:
        return Saved(PolicyVersion(**row), False, compiled.warnings)
    row = await tx.fetchrow(_INSERT, scope, name, source, sha, now, *by)
    assert row is not None, "an insert without a conflict returns its row"
    version = PolicyVersion(**row)
    await events.append(tx, scope, "saved", version.reference, by, now)
    return Saved(version, True, compiled.warnings)


async def find(connection: asyncpg.Connection[Any], scope: str, name: str, version: int) -> PolicyVersion | None:
    """The scope's own, else that of EVERY_SITE."""
    row = await connection.fetchrow(_FIND, scope, name, version)
    return None if row is None else PolicyVersion(**row)


async def listed(connection: asyncpg.Connection[Any], scope: str) -> list[PolicyVersion]:
    """What the scope can activate: its own and those of EVERY_SITE, newest first."""
    return [PolicyVersion(**row) for row in await connection.fetch(_LIST, scope)]


def digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()
