"""What moderators do to a case, each in one transaction under the case's lock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import asyncpg

from services.moderation import cases, reports
from services.moderation.case import Case, NotDecidable, NotPlaceable, Ruling, Step
from services.moderation.contents import topic_of
from services.moderation.judging.rulebook import Rulebook, SiteRules
from services.moderation.transitions import judged, presented, reported
from shared import metrics
from shared.clock import Clock
from shared.events.cloudevents import encode
from shared.events.models import Decision
from shared.kafka import outbox

_NEWEST_DECISION = """
    select version, actor_kind, actor, policy, policy_version, rule, codes, signals, decided_at
    from moderation.decisions where review_id = $1 and version = $2"""
_PLACED = """
    insert into moderation.placements
        (site, review_id, sequence, is_featured, display_order, actor, moderator, placed_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)"""


class NoSuchCase(Exception):
    """The site has no case of this id."""


class Moved(Exception):
    """The case is no longer as the moderator saw it; `case` is as it is now."""

    def __init__(self, case: Case) -> None:
        super().__init__(f"case {case.review_id} is at version {case.version}, revision {case.revision}")
        self.case = case


@dataclass(frozen=True, slots=True)
class Seen:
    """What the moderator had in view."""

    version: int
    revision: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a moderator puts a review among others; None leaves as it is."""

    is_featured: bool | None
    display_order: int | None
    sets_display_order: bool
    """Whether `display_order` counts, for there None is a value: no place of its own."""


class Desk:
    """Raises NoSuchCase, Moved, NotDecidable and NotPlaceable; then nothing has changed."""

    def __init__(self, pool: asyncpg.Pool[Any], clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._rulebook = Rulebook()

    async def decide(self, site: str, review_id: int, seen: Seen, ruling: Ruling) -> Case:
        """Of several moderators who saw the same version one wins; the others get Moved.

        Where an edit is rejected behind which an older revision stays public that enough readers report, the case is
        held again at once: they wait for somebody to look at that one.
        """
        steps = await self._decide(site, review_id, seen, ruling, with_rules=False)
        if not steps:
            steps = await self._decide(site, review_id, seen, ruling, with_rules=True)
        for step in steps:
            metrics.DECISIONS.labels(step.decision.status, step.decision.actor_kind).inc()
        return steps[-1].case

    async def _decide(
        self, site: str, review_id: int, seen: Seen, ruling: Ruling, *, with_rules: bool
    ) -> Sequence[Step]:
        """Nothing where the rules are needed for it: they are locked before a case, by everybody."""
        async with self._transaction() as connection:
            rules = None
            if with_rules:
                await self._rulebook.hold(connection)
                rules = self._rulebook.of(site)
            case = await _locked(connection, site, review_id)
            if (case.version, case.revision) != (seen.version, seen.revision):
                raise Moved(case)
            now = self._clock.now()
            steps = [judged(case, ruling, now)]
            rejected = steps[0].case
            if rejected.status == "rejected" and rejected.public_revision is not None:
                counts = await reports.live(connection, [rejected])
                if counts and rules is None:
                    return []
                recalled = _recalled(rejected, rules, counts.get(review_id, 0), now)
                steps += [recalled] if recalled is not None else []
            await cases.save(connection, {review_id: case}, steps)
        return steps

    async def place(self, site: str, review_id: int, placement: Placement, actor: str, moderator: str | None) -> Case:
        """The last of several moderators wins: a place is no verdict. The same place again changes nothing."""
        async with self._transaction() as connection:
            case = await _locked(connection, site, review_id)
            is_featured = case.is_featured if placement.is_featured is None else placement.is_featured
            order = placement.display_order if placement.sets_display_order else case.display_order
            now = self._clock.now()
            newest = await _newest_decision(connection, case)
            placed = presented(case, newest, is_featured, order)
            if placed is None:
                return case
            after, event = placed
            await cases.update(connection, [after])
            await connection.execute(
                _PLACED, site, review_id, after.sequence, is_featured, order, actor, moderator, now
            )
            if event is not None:
                await outbox.append(connection, cases.SCHEMA, [encode(topic_of(event), event)])
        return after

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        async with self._pool.acquire() as connection, connection.transaction():
            yield cast("asyncpg.Connection[Any]", connection)


def _recalled(case: Case, rules: SiteRules | None, count: int, now: datetime) -> Step | None:
    found = reports.bound(rules, case) if rules is not None else None
    if found is None or count < found[1].at:
        return None
    ruler, limit = found
    return reported(case, reports.ruling_of(ruler, limit, count), limit.hides, now)


async def _locked(connection: asyncpg.Connection[Any], site: str, review_id: int) -> Case:
    case = await cases.lock_one(connection, site, review_id)
    if case is None:
        raise NoSuchCase
    return case


async def _newest_decision(connection: asyncpg.Connection[Any], case: Case) -> Decision:
    row = await connection.fetchrow(_NEWEST_DECISION, case.review_id, case.version)
    assert row is not None, "a case has a decision for each of its versions"
    return Decision.model_validate({**row, "signals": cases.signals_of(row["signals"])})


__all__ = ["Desk", "Moved", "NoSuchCase", "NotDecidable", "NotPlaceable", "Placement", "Seen"]
