"""Reports of abuse: what readers said of reviews and comments, and how many of them wait for an answer.

Every function works in the caller's transaction. The order in which reports and submissions come makes no difference:
whoever takes in either looks at the other, under `hold_known` or `hold_unknown`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg

from services.moderation.case import ABUSE_REPORTS, MODERATION, Case, Ruling
from services.moderation.contents import Content
from services.moderation.judging.rulebook import Ruler, SiteRules
from services.moderation.policy.facts import KINDS
from services.moderation.policy.verdict import ReportLimit
from shared.events.ids import MAX_REVIEW_ID
from shared.events.models import ContentKind, FeedbackGiven, FeedbackRemoved

MOST_SHOWN: Final = 100
"""Reports of one case that moderators are shown, the newest."""

_SAVE = """
    insert into moderation.reports (content_id, content_kind, site, voter, sequence, reported, reason, at)
    select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[], $7::text[],
        $8::timestamptz[])
    on conflict (content_id, content_kind, site, voter) do update
        set sequence = excluded.sequence, reported = excluded.reported, reason = excluded.reason, at = excluded.at
        where excluded.sequence > reports.sequence"""
# As text, and before all else: of hundreds of cases hardly any is reported, and lists are slow to send.
_REPORTED = """
    select distinct content_id from moderation.reports where content_id = any($1::text::bigint[]) and reported"""
_LIVE = """
    select r.content_id, count(*)
    from unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[]) as c (content_id, kind, site, since)
    join moderation.reports r on r.content_id = c.content_id and r.content_kind = c.kind and r.site = c.site
    where r.reported and r.at > coalesce(c.since, '-infinity')
    group by r.content_id"""
_HAVE_CASES = "select count(*) from moderation.cases where review_id = any($1::bigint[])"
_HOLD_KNOWN = "select pg_advisory_xact_lock_shared(moderation.reports_lock())"
_HOLD_UNKNOWN = "select pg_advisory_xact_lock(moderation.reports_lock())"
_FORGET = "delete from moderation.reports where content_id = any($1::bigint[])"
_SHOWN = """
    select voter, reason, at, at > coalesce($4::timestamptz, '-infinity') as is_open
    from moderation.reports
    where content_id = $1 and content_kind = $2 and site = $3 and reported
    order by at desc, voter limit $5"""


class Report(NamedTuple):
    """The newest word of one reader on one review or comment."""

    content_id: int
    content_kind: ContentKind
    site: str
    voter: str
    sequence: int
    reported: bool
    reason: str | None
    at: datetime

    @property
    def content(self) -> Content:
        return Content(self.content_kind, self.content_id)


def report_of(event: FeedbackGiven | FeedbackRemoved) -> Report:
    reason = event.reason if isinstance(event, FeedbackGiven) else None
    return Report(
        content_id=event.content_id,
        content_kind=event.content_kind,
        site=event.site,
        voter=event.voter,
        sequence=event.sequence,
        reported=isinstance(event, FeedbackGiven),
        reason=reason,
        at=event.time,
    )


def erased(key: bytes, sequence: int, now: datetime) -> Report | None:
    """What a tombstone leaves of a report; None where its key is of nothing that can be reported."""
    try:
        site, kind, number, voter, what = key.decode().split("/")
        content_id = int(number)
    except ValueError:
        return None
    if what != "inappropriate" or kind not in KINDS or not 0 < content_id <= MAX_REVIEW_ID:
        return None
    return Report(content_id, "comment" if kind == "comment" else "review", site, voter, sequence, False, None, now)


async def hold(tx: asyncpg.Connection[Any], reports: Collection[Report]) -> None:
    """Before cases are locked. All cases that there are by then stay the only ones, where a report is on none of them;
    otherwise nobody takes in such a report until the transaction ends.
    """
    content_ids = {report.content_id for report in reports}
    are_known = not content_ids or await tx.fetchval(_HAVE_CASES, list(content_ids)) == len(content_ids)
    await tx.execute(_HOLD_KNOWN if are_known else _HOLD_UNKNOWN)


async def save(tx: asyncpg.Connection[Any], reports: Sequence[Report]) -> None:
    """The newest word of each reader stays; what is older, or the same again, changes nothing."""
    newest: dict[tuple[object, ...], Report] = {}
    for report in reports:
        key = report[:4]
        if key not in newest or newest[key].sequence < report.sequence:
            newest[key] = report
    if newest:
        await tx.execute(_SAVE, *(list(column) for column in zip(*sorted(newest.values()), strict=True)))


async def live(tx: asyncpg.Connection[Any], cases: Collection[Case]) -> dict[int, int]:
    """How many readers report each of these since a person decided on it; without those of which none does."""
    if not cases:
        return {}
    rows = await tx.fetch(_REPORTED, f"{{{','.join(str(case.review_id) for case in cases)}}}")
    reported = {row["content_id"] for row in rows}
    asked = [(case.review_id, case.kind, case.site, case.reports_since) for case in cases if case.review_id in reported]
    if not asked:
        return {}
    columns = zip(*asked, strict=True)
    return dict(await tx.fetch(_LIVE, *(list(column) for column in columns)))


async def shown(connection: asyncpg.Connection[Any], case: Case) -> list[Mapping[str, Any]]:
    """For moderators, newest first; `is_open` is whether nobody has answered it yet."""
    return await connection.fetch(_SHOWN, case.review_id, case.kind, case.site, case.reports_since, MOST_SHOWN)


async def forget(tx: asyncpg.Connection[Any], content_ids: Collection[int]) -> None:
    """What was withdrawn is reported no more, and what readers wrote of it goes with it."""
    if content_ids:
        await tx.execute(_FORGET, list(content_ids))


def bound(rules: SiteRules, case: Case) -> tuple[Ruler, ReportLimit] | None:
    """How many reports the policy takes that decides on the case. A policy that cannot be used has no bound."""
    ruler = rules.ruler(case.review_id)
    return None if ruler.policy is None or ruler.policy.reports is None else (ruler, ruler.policy.reports)


def ruling_of(ruler: Ruler, limit: ReportLimit, count: int) -> Ruling:
    """By the system, under a policy: it names how many there are, never what they say."""
    return Ruling(
        status="held",
        actor_kind="system",
        actor=MODERATION,
        queue=limit.queue,
        rule=ABUSE_REPORTS,
        policy=ruler.reference.name,
        policy_version=ruler.reference.version,
        policy_scope=ruler.reference.scope,
        note=f"Reported by {count} readers." if count != 1 else "Reported by one reader.",
    )
