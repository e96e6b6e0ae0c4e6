"""The reviews on record, as a backtest reads them. Comments are left out: what rules do to reviews is the question."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final, NamedTuple

import asyncpg
import orjson

from services.moderation.engine.signal import Category, Detector, Severity, Signal
from shared.events.models import Status

CHUNK: Final = 500
LEAST_DECISIONS: Final = 30
"""Gaps between decisions of one moderator, before their median counts as a pace."""
_LONGEST_GAP: Final = 300  # seconds; longer is a pause, no look at a review
_HOUR: Final = 3600.0

# Whoever decided last on the revision that is the latest; older revisions are no longer what would be judged.
_PAGE: Final = """
    select c.review_id, c.site, c.submission, policy.signals, person.status as person
    from moderation.cases c
    left join lateral (
        select signals from moderation.decisions d
        where d.review_id = c.review_id and d.revision = c.revision and d.actor_kind = 'policy'
        order by d.version desc limit 1) policy on true
    left join lateral (
        select status from moderation.decisions d
        where d.review_id = c.review_id and d.revision = c.revision and d.actor_kind = 'person'
        order by d.version desc limit 1) person on true
    where c.kind = 'review' and c.submission is not null and c.revision > 0 and c.review_id > $1
        and ($2::text is null or c.site = $2)
    order by c.review_id limit $3"""
_COUNT: Final = """
    select count(*) from moderation.cases
    where kind = 'review' and submission is not null and revision > 0 and ($1::text is null or site = $1)"""
_PACE: Final = """
    select count(*) as gaps, percentile_cont(0.5) within group (order by gap) as median
    from (
        select extract(epoch from decided_at - lag(decided_at) over (partition by actor, moderator order by decided_at))
            as gap
        from moderation.decisions where actor_kind = 'person' and ($1::text is null or site = $1)
    ) gaps
    where gap > 0 and gap <= $2"""

_SEEN_IN_THE_TEXT: Final = frozenset(Detector) - {Detector.DUPLICATE, Detector.BURST}
"""What the engine finds again, whenever it is asked."""


class Past(NamedTuple):
    """A review as it stands: `submission` is JSON of its latest revision, `person` the last moderator's word on it."""

    review_id: int
    site: str
    submission: str
    signals: tuple[Signal, ...]
    """Of the decision on record, those that cannot be found again in the text."""
    person: Status | None


async def count(connection: asyncpg.Connection[Any], site: str | None) -> int:
    """Reviews to read; of every site when `site` is None."""
    number: int = await connection.fetchval(_COUNT, site)
    return number


async def read(connection: asyncpg.Connection[Any], site: str | None) -> AsyncIterator[list[Past]]:
    """In the order of their ids, some hundreds at a time; each chunk is a statement of its own and holds no lock."""
    after = 0
    while rows := await connection.fetch(_PAGE, after, site, CHUNK):
        yield [
            Past(row["review_id"], row["site"], row["submission"], _recorded(row["signals"]), row["person"])
            for row in rows
        ]
        after = rows[-1]["review_id"]


async def pace(connection: asyncpg.Connection[Any], site: str | None) -> float | None:
    """Reviews that a moderator decides in an hour of work, by the median gap; None while too few decisions tell."""
    row = await connection.fetchrow(_PACE, site, _LONGEST_GAP)
    assert row is not None, "an aggregate has a row"
    if row["gaps"] < LEAST_DECISIONS:
        return None
    return _HOUR / float(row["median"])


def _recorded(text: str | None) -> tuple[Signal, ...]:
    found: list[dict[str, Any]] = orjson.loads(text) if text else []
    return tuple(_signal(one) for one in found if one["detector"] not in _SEEN_IN_THE_TEXT)


def _signal(one: dict[str, Any]) -> Signal:
    severity = one.get("severity")
    return Signal(
        detector=one["detector"],
        category=Category(one["category"]),
        severity=None if severity is None else Severity(severity),
        field=one["field"],
        start=one["start"],
        end=one["end"],
        matched=one["matched"],
        confidence=one.get("confidence", 1.0),
        detail=one.get("detail"),
    )
