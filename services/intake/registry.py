"""The registry of reviews and the vault of their authors: batches of submissions as one set of statements.

Everything runs in the caller's transaction: rows, vault and outbox are committed together or not at all. The order in
it is always the same: find authors, lock reviews by id, decide, write authors, write reviews, append events. Events are
last, with every row that they tell of locked, so that outbox ids grow as sequences do.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from services.intake.anti_spam import refuse_form
from services.intake.decide import Candidate, Registered
from services.intake.details import revised
from services.intake.email import mask
from services.intake.ids import CommentIds, ReviewIds
from services.intake.plan import Plan, Result, Site, Stamp
from services.intake.refusal import Refused, removed, unknown_review, unknown_site
from services.intake.submission import Edit, Submission
from services.intake.transaction import Connection, KeysTaken, again_on_conflict
from services.intake.vault import Vault
from shared import metrics
from shared.clock import Clock
from shared.events.cloudevents import Encoded
from shared.events.content import ReviewContent
from shared.events.ids import ReviewId
from shared.events.models import Channel
from shared.events.settings import SiteSettings
from shared.kafka.outbox import append

BATCH = 500
"""Submissions in one transaction; more gain nothing and lock for longer."""
VIOLATIONS_BEFORE_HALVING = 3


@dataclass(frozen=True, slots=True)
class Incoming:
    """A submission and how it came; `traceparent` is its sender's, for whoever follows it through the topics."""

    submission: Submission
    channel: Channel
    traceparent: str | None = None


# A plan that was kept from when a table was empty would scan it whole for every row of a batch.
_SITE = """
    select site, name, settings, settings_version, identity_key,
        set_config('plan_cache_mode', 'force_custom_plan', true)
    from intake.sites where site = $1"""
_ROW = """review_id, state, revision, sequence, entity_id, author_id, source, source_id, source_version, content_hash,
    created_at, updated_at"""
# While the tables grow from nothing there are no statistics. `lateral … limit 1` and `any (array(…))` leave the planner
# nothing but the unique indexes, whatever it believes about sizes.
_FIND = f"""
    select {_ROW} from intake.reviews where review_id = any (array(
        select found.review_id from unnest($2::text[], $3::text[]) as wanted (source, source_id)
            cross join lateral (
                select r.review_id from intake.reviews r
                where r.site = $1 and r.source = wanted.source and r.source_id = wanted.source_id limit 1
            ) as found
        union all
        select found.review_id from unnest($4::text[], $5::text[]) as wanted (entity_id, author_id)
            cross join lateral (
                select r.review_id from intake.reviews r
                where r.site = $1 and r.entity_id = wanted.entity_id and r.author_id = wanted.author_id
                    and r.state = 'live' limit 1
            ) as found
    )) order by review_id for update"""
_FIND_ONE = f"select {_ROW} from intake.reviews where site = $1 and review_id = $2 for update"
_CONTENT = "select event -> 'content' from intake.reviews where review_id = $1"
_TAKEN = "select review_id from intake.reviews where review_id = any($1::bigint[])"
_UPDATE = """
    update intake.reviews set revision = new.revision, sequence = new.sequence, entity_id = new.entity_id,
        author_id = new.author_id, source_version = new.source_version, content_hash = new.content_hash,
        updated_at = new.updated_at, event = coalesce(new.event::json, reviews.event)
    from unnest($1::bigint[], $2::int[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bytea[],
        $8::timestamptz[], $9::text[])
        as new (review_id, revision, sequence, entity_id, author_id, source_version, content_hash, updated_at, event)
    where reviews.review_id = new.review_id"""
_REVIEW_COLUMNS = (
    "review_id", "site", "state", "revision", "sequence", "entity_id", "author_id", "source", "source_id",
    "source_version", "content_hash", "created_at", "updated_at", "event",
)  # fmt: skip


class Registry:
    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self.clock = clock
        self.rng = rng
        self._ids = ReviewIds(clock, rng)
        self.comment_ids = CommentIds(clock, rng)

    async def submit(self, tx: Connection, site: str, incoming: Sequence[Incoming]) -> list[Result]:
        """One result per submission, in order, as if they had come one after the other.

        Raises Refused for an unknown site. Concurrent submissions of the same records or authors are settled by doing
        the batch again, within `tx`.
        """
        results = await self._settle(tx, site, incoming)
        for (channel, outcome), count in Counter(
            (one.channel, result.outcome) for one, result in zip(incoming, results, strict=True)
        ).items():
            metrics.SUBMISSIONS.labels(channel, outcome).inc(count)
        return results

    async def edit(
        self, tx: Connection, site: str, review_id: int, edit: Edit, channel: Channel, traceparent: str | None
    ) -> Result:
        """A new revision by somebody who saw revision `edit.revision`. Raises Refused where there is no such review."""
        work = partial(self._edit, tx, site, review_id, edit, Stamp(channel, traceparent))
        try:
            result = await again_on_conflict(tx, self.clock, self.rng, work)
        except Refused:
            metrics.SUBMISSIONS.labels(channel, "refused").inc()
            raise
        metrics.SUBMISSIONS.labels(channel, result.outcome).inc()
        return result

    async def _settle(self, tx: Connection, site: str, incoming: Sequence[Incoming]) -> list[Result]:
        """The batch whole, or in halves, in order, when unique keys stand in its way time and again.

        It may itself be what does: a review that leaves an entity and one that takes its place there are right one
        after the other, but rows are not written in that order. Alone, a submission meets only what is written.
        """
        work = partial(self._submit, tx, site, incoming)
        if len(incoming) < 2:
            return await again_on_conflict(tx, self.clock, self.rng, work)
        with suppress(KeysTaken):
            return await again_on_conflict(tx, self.clock, self.rng, work, unique_violations=VIOLATIONS_BEFORE_HALVING)
        middle = len(incoming) // 2
        return [
            *await self._settle(tx, site, incoming[:middle]),
            *await self._settle(tx, site, incoming[middle:]),
        ]

    async def _submit(self, tx: Connection, site_id: str, incoming: Sequence[Incoming]) -> list[Result]:
        site = await load_site(tx, site_id)
        now = self.clock.now()
        refused = [refuse_form(one.submission, site.settings, now) for one in incoming]
        admitted = [one for one, refusal in zip(incoming, refused, strict=True) if refusal is None]
        vault = Vault(site.site, site.identity_key, self.rng)
        author_ids = await vault.identify(tx, [one.submission.author for one in admitted])
        candidates = [
            _candidate(one.submission, author_id) for one, author_id in zip(admitted, author_ids, strict=True)
        ]
        found = await _find(tx, site.site, candidates, vault)
        plan = Plan(site, now, found, iter(await self._free_ids(tx, len(candidates))))
        decided = []
        for one, candidate in zip(admitted, candidates, strict=True):
            result = plan.submit(candidate, Stamp(one.channel, one.traceparent))
            if result.outcome != "refused":
                vault.use(candidate.author_id, one.submission.author)
            decided.append(result)
        await vault.write(tx, now)
        await _write(tx, site.site, plan)
        rest = iter(decided)
        return [next(rest) if refusal is None else Result("refused", refusal=refusal) for refusal in refused]

    async def _edit(self, tx: Connection, site_id: str, review_id: int, edit: Edit, stamp: Stamp) -> Result:
        site = await load_site(tx, site_id)
        known = await lock_review(tx, site.site, review_id)
        if known.state != "live":
            raise removed(known.review_id, known.revision)
        now = self.clock.now()
        vault = Vault(site.site, site.identity_key, self.rng)
        (author_id,) = await vault.identify(tx, [edit.author])
        before = ReviewContent.model_validate_json(await tx.fetchval(_CONTENT, review_id))
        candidate = _revised(edit, before, author_id)
        rivals = await _find(tx, site.site, [candidate], vault)
        plan = Plan(site, now, [*rivals, known], iter(()))
        result = plan.edit(candidate, known, edit.revision, stamp)
        if result.outcome != "refused":
            vault.use(author_id, edit.author)
        await vault.write(tx, now)
        await _write(tx, site.site, plan)
        return result

    async def _free_ids(self, tx: Connection, count: int) -> list[ReviewId]:
        """Another process may have taken an id of this second; for one review, the primary key may say so."""
        ids = self._ids.take(count)
        while count > 1 and (taken := {row[0] for row in await tx.fetch(_TAKEN, ids)}):
            ids = [one for one in ids if one not in taken] + self._ids.take(len(taken))
        return ids


async def load_site(tx: Connection, site: str) -> Site:
    """Raises Refused for an unknown site."""
    row = await tx.fetchrow(_SITE, site)
    if row is None:
        raise unknown_site()
    settings = SiteSettings.model_validate_json(row["settings"])
    return Site(row["site"], row["name"], settings, row["settings_version"], row["identity_key"])


async def lock_review(tx: Connection, site: str, review_id: int) -> Registered:
    """Raises Refused for a review that is not of this site."""
    row = await tx.fetchrow(_FIND_ONE, site, review_id)
    if row is None:
        raise unknown_review()
    return Registered(*row.values())


async def _find(tx: Connection, site: str, candidates: Sequence[Candidate], vault: Vault) -> list[Registered]:
    """Locks the reviews of the same records, and the live ones by the same authors of the same entities."""
    records = {(one.source, one.source_id) for one in candidates if one.source is not None}
    authors = {
        (one.entity_id or "", one.author_id)
        for one in candidates
        if one.author_id is not None and vault.is_known(one.author_id)
    }
    if not records and not authors:
        return []
    rows = await tx.fetch(
        _FIND,
        site,
        [source for source, _ in records],
        [source_id for _, source_id in records],
        [entity_id for entity_id, _ in authors],
        [author_id for _, author_id in authors],
    )
    return [Registered(*row.values()) for row in rows]


async def _write(tx: Connection, site: str, plan: Plan) -> None:
    if plan.created:
        records = [
            (
                row.review_id, site, row.state, row.revision, row.sequence, row.entity_id, row.author_id, row.source,
                row.source_id, row.source_version, row.content_hash, row.created_at, row.updated_at,
                _text(plan.last_event[row.review_id]),
            )
            for row in sorted(plan.created.values(), key=_turn)
        ]  # fmt: skip
        await tx.copy_records_to_table("reviews", schema_name="intake", columns=_REVIEW_COLUMNS, records=records)
    if plan.changed:
        rows = list(plan.changed.values())
        await tx.execute(
            _UPDATE,
            [row.review_id for row in rows],
            [row.revision for row in rows],
            [row.sequence for row in rows],
            [row.entity_id for row in rows],
            [row.author_id for row in rows],
            [row.source_version for row in rows],
            [row.content_hash for row in rows],
            [row.updated_at for row in rows],
            [_text(plan.last_event.get(row.review_id)) for row in rows],
        )
    await append(tx, "intake", plan.events)


def _turn(row: Registered) -> tuple[str, str, str, str]:
    """Concurrent batches that insert in one order wait for each other instead of deadlocking, most of the time."""
    return row.source or "", row.source_id or "", row.entity_id, row.author_id or ""


def _text(event: Encoded | None) -> str | None:
    return event.value.decode() if event is not None and event.value is not None else None


def _candidate(submission: Submission, author_id: str | None) -> Candidate:
    author = submission.author
    return Candidate(
        entity_id=submission.entity_id,
        entity_name=submission.entity_name,
        author_id=author_id,
        author_name=author.name if author is not None else None,
        email_masked=mask(author.email) if author is not None and author.email is not None else None,
        rating=submission.rating,
        title=submission.title,
        text=submission.text,
        locale=submission.locale,
        review_date=submission.review_date,
        source=submission.source,
        source_id=submission.source_id,
        source_version=submission.source_version,
        details=submission.details.to_content() if submission.details is not None else None,
    )


def _revised(edit: Edit, before: ReviewContent, author_id: str | None) -> Candidate:
    """Who wrote it and of what stays as it was where the editor does not say: nobody can read an e-mail back."""
    author = edit.author
    same_author = author_id in (None, before.author_id)
    email = author.email if author is not None else None
    return Candidate(
        entity_id=edit.entity_id or before.entity_id,
        entity_name=edit.entity_name or (before.entity_name if edit.entity_id in (None, before.entity_id) else None),
        author_id=before.author_id if same_author else author_id,
        author_name=(author.name if author is not None else None) or (before.author_name if same_author else None),
        email_masked=mask(email) if email is not None else (before.author_email_masked if same_author else None),
        rating=edit.rating,
        title=edit.title,
        text=edit.text,
        locale=edit.locale,
        review_date=edit.review_date,
        details=revised(edit.details, before.details),
    )
