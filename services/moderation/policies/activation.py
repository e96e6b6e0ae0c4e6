"""Which versions of policies decide: the active one, a candidate that is rolled out, and one that runs in shadow.

Every change is audited and acts at once: when its transaction is committed, no decision can be made under what was
before. None of them is a change when things are so already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from services.moderation.policies import events, versions
from services.moderation.policies.generation import change
from services.moderation.policies.reference import EVERY_SITE, By, NoSuchVersion, Reference

_READ = """
    select scope, active_scope, active_name, active_version, rollout_scope, rollout_name, rollout_version,
        rollout_percent, shadow_scope, shadow_name, shadow_version
    from moderation.rules where scope in ($1, '*')"""
_WRITE = """
    insert into moderation.rules as known (scope, generation, words_generation, active_scope, active_name,
        active_version, rollout_scope, rollout_name, rollout_version, rollout_percent, shadow_scope, shadow_name,
        shadow_version)
    values ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    on conflict (scope) do update set generation = $2,
        active_scope = $3, active_name = $4, active_version = $5,
        rollout_scope = $6, rollout_name = $7, rollout_version = $8, rollout_percent = $9,
        shadow_scope = $10, shadow_name = $11, shadow_version = $12"""
_NOTHING: Final = (None, None, None)


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides in one scope, as far as it says itself."""

    active: Reference | None = None
    rollout: Reference | None = None
    percent: int | None = None
    """Of reviews that the candidate of the rollout decides; None without one."""
    shadow: Reference | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How things stand after it, in the scope itself and on every site."""

    changed: bool
    standing: Standing
    everywhere: Standing


class Moved(Exception):
    """Another version is active than the caller takes it to be."""

    def __init__(self, active: Reference | None) -> None:
        super().__init__(f"{active} is active" if active else "no policy is active")
        self.active = active


class NothingRuns(LookupError):
    """There is no rollout or shadow to stop."""


class IsActive(Exception):
    """The candidate decides already, so that there is nothing to try."""


async def read(connection: asyncpg.Connection[Any], scope: str) -> tuple[Standing, Standing]:
    """Of the scope, and of EVERY_SITE."""
    found = {row["scope"]: _standing(row) for row in await connection.fetch(_READ, scope)}
    return found.get(scope, Standing()), found.get(EVERY_SITE, Standing())


async def activate(
    tx: asyncpg.Connection[Any],
    scope: str,
    name: str,
    version: int,
    by: By,
    now: datetime,
    expected: tuple[str, int] | None = None,
) -> Outcome:
    """All reviews of the scope from now on; a rollout ends with it, and a shadow of the same version.

    `expected` is the version that the caller takes to be active. Raises NoSuchVersion and Moved.
    """
    change_ = await _begin(tx, scope)
    wanted = await _wanted(tx, scope, name, version)
    before, active = change_.standing, change_.active
    if expected is not None and (active is None or (active.name, active.version) != expected):
        raise Moved(active)
    if before.active == wanted and before.rollout is None:
        return change_.unneeded
    await events.append(tx, scope, "activated", wanted, by, now, replaced=active)
    if before.rollout is not None:
        await events.append(tx, scope, "rollout-stopped", before.rollout, by, now, percent=before.percent)
    shadow = before.shadow
    if shadow == wanted:
        await events.append(tx, scope, "shadow-stopped", shadow, by, now)
        shadow = None
    return await change_.write(tx, Standing(active=wanted, shadow=shadow))


async def follow(tx: asyncpg.Connection[Any], site: str, by: By, now: datetime) -> Outcome:
    """The site gives up what decides there of its own, and follows EVERY_SITE again."""
    if site == EVERY_SITE:
        raise ValueError("there is nothing that every site could follow")
    change_ = await _begin(tx, site)
    before = change_.standing
    if before.active is None and before.rollout is None:
        return change_.unneeded
    await events.append(tx, site, "followed", change_.everywhere.active, by, now, replaced=before.active)
    if before.rollout is not None:
        await events.append(tx, site, "rollout-stopped", before.rollout, by, now, percent=before.percent)
    return await change_.write(tx, Standing(shadow=before.shadow))


async def roll_out(
    tx: asyncpg.Connection[Any], scope: str, name: str, version: int, percent: int, by: By, now: datetime
) -> Outcome:
    """The candidate decides on `percent` of the scope's reviews, the same ones and more as it grows.

    Raises NoSuchVersion and IsActive.
    """
    if not 0 <= percent <= 100:
        raise ValueError("percent is from 0 to 100")
    change_ = await _begin(tx, scope)
    wanted = await _wanted(tx, scope, name, version)
    before = change_.standing
    if wanted == change_.active:
        raise IsActive(f"{wanted} is active: it decides on every review already")
    if (before.rollout, before.percent) == (wanted, percent):
        return change_.unneeded
    await events.append(tx, scope, "rollout-set", wanted, by, now, percent=percent, replaced=before.rollout)
    return await change_.write(tx, Standing(before.active, wanted, percent, before.shadow))


async def stop_rollout(tx: asyncpg.Connection[Any], scope: str, by: By, now: datetime) -> Outcome:
    """The active version decides on every review again. Raises NothingRuns."""
    change_ = await _begin(tx, scope)
    before = change_.standing
    if before.rollout is None:
        raise NothingRuns("no rollout runs here")
    await events.append(tx, scope, "rollout-stopped", before.rollout, by, now, percent=before.percent)
    return await change_.write(tx, Standing(before.active, shadow=before.shadow))


async def start_shadow(
    tx: asyncpg.Connection[Any], scope: str, name: str, version: int, by: By, now: datetime
) -> Outcome:
    """The candidate decides beside what decides, and affects nothing. Raises NoSuchVersion and IsActive."""
    change_ = await _begin(tx, scope)
    wanted = await _wanted(tx, scope, name, version)
    before = change_.standing
    if wanted == change_.active:
        raise IsActive(f"{wanted} is active: in shadow it would be compared with itself")
    if before.shadow == wanted:
        return change_.unneeded
    await events.append(tx, scope, "shadow-started", wanted, by, now, replaced=before.shadow)
    return await change_.write(tx, Standing(before.active, before.rollout, before.percent, wanted))


async def stop_shadow(tx: asyncpg.Connection[Any], scope: str, by: By, now: datetime) -> Outcome:
    """What was seen stays. Raises NothingRuns."""
    change_ = await _begin(tx, scope)
    before = change_.standing
    if before.shadow is None:
        raise NothingRuns("no candidate runs in shadow here")
    await events.append(tx, scope, "shadow-stopped", before.shadow, by, now)
    return await change_.write(tx, Standing(before.active, before.rollout, before.percent))


@dataclass(frozen=True, slots=True)
class _Change:
    """A change that has begun: nobody decides, and nobody else changes anything."""

    scope: str
    generation: int
    standing: Standing
    everywhere: Standing

    @property
    def active(self) -> Reference | None:
        return self.standing.active or self.everywhere.active

    @property
    def unneeded(self) -> Outcome:
        """Things are so already."""
        return Outcome(False, self.standing, self.everywhere)

    async def write(self, tx: asyncpg.Connection[Any], after: Standing) -> Outcome:
        await tx.execute(
            _WRITE,
            self.scope,
            self.generation,
            *(after.active or _NOTHING),
            *(after.rollout or _NOTHING),
            after.percent,
            *(after.shadow or _NOTHING),
        )
        return Outcome(True, after, after if self.scope == EVERY_SITE else self.everywhere)


async def _begin(tx: asyncpg.Connection[Any], scope: str) -> _Change:
    generation = await change(tx)
    return _Change(scope, generation, *await read(tx, scope))


async def _wanted(tx: asyncpg.Connection[Any], scope: str, name: str, version: int) -> Reference:
    found = await versions.find(tx, scope, name, version)
    if found is None:
        raise NoSuchVersion(name, version)
    return found.reference


def _standing(row: asyncpg.Record) -> Standing:
    return Standing(
        active=_reference(row, "active"),
        rollout=_reference(row, "rollout"),
        percent=row["rollout_percent"],
        shadow=_reference(row, "shadow"),
    )


def _reference(row: asyncpg.Record, what: str) -> Reference | None:
    if row[f"{what}_name"] is None:
        return None
    return Reference(row[f"{what}_scope"], row[f"{what}_name"], row[f"{what}_version"])
