"""Comments on reviews: registered like these, except that an author may comment as often as they like.

Everything runs in the caller's transaction, many comments as one set of statements, in the order of the reviews'
registry: find authors, lock reviews and then comments, decide, write authors, write comments, append events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from services.intake import comment_store
from services.intake.anti_spam import refuse_comment_form
from services.intake.comment_body import CommentEdit, CommentSubmission
from services.intake.comment_decide import Comment, decide, decide_edit, digest, require_live, revised
from services.intake.comment_plan import Candidate, CommentPlan, CommentResult
from services.intake.live import ContentRef, lock_contents, require_live_review
from services.intake.plan import Site, Stamp
from services.intake.refusal import Refused
from services.intake.registry import Registry, load_site
from services.intake.transaction import Connection, again_on_conflict
from services.intake.vault import Vault
from shared import metrics
from shared.events.cloudevents import Encoded, encode
from shared.events.models import Channel, CommentWithdrawn
from shared.events.topics import COMMENT_SUBMITTED
from shared.kafka.outbox import append

WITHDRAWN_AT_ONCE = 1_000
"""Comments in one statement, when their review goes with all of them."""


@dataclass(frozen=True, slots=True)
class IncomingComment:
    """A comment and how it came; `traceparent` is its sender's, for whoever follows it through the topics."""

    review_id: int
    submission: CommentSubmission
    channel: Channel
    traceparent: str | None = None

    @property
    def stamp(self) -> Stamp:
        """What carries a form's evidence came by a form, whatever else it came through."""
        return Stamp("form" if self.submission.form is not None else self.channel, self.traceparent)

    @property
    def record(self) -> tuple[str, str] | None:
        source, source_id = self.submission.source, self.submission.source_id
        return (source, source_id) if source is not None and source_id is not None else None


async def submit(
    tx: Connection, registry: Registry, site: str, incoming: Sequence[IncomingComment]
) -> list[CommentResult | Refused]:
    """One result per comment, in order, as if they had come one after the other. Idempotent by source record.

    Raises Refused for an unknown site. Concurrent comments of the same records or authors are settled by doing all of
    it again, within `tx`.
    """
    results = await again_on_conflict(tx, registry.clock, registry.rng, partial(_submit, tx, registry, site, incoming))
    for labels, count in Counter(
        (one.stamp.channel, "refused" if isinstance(result, Refused) else result.outcome)
        for one, result in zip(incoming, results, strict=True)
    ).items():
        metrics.COMMENTS.labels(*labels).inc(count)
    return results


async def edit(
    tx: Connection,
    registry: Registry,
    site: str,
    comment_id: int,
    said: CommentEdit,
    channel: Channel,
    traceparent: str | None,
) -> CommentResult:
    """A new revision by somebody who saw revision `said.revision`. Raises Refused."""
    work = partial(_edit, tx, registry, site, comment_id, said, Stamp(channel, traceparent))
    try:
        result = await again_on_conflict(tx, registry.clock, registry.rng, work)
    except Refused:
        metrics.COMMENTS.labels(channel, "refused").inc()
        raise
    metrics.COMMENTS.labels(channel, result.outcome).inc()
    return result


async def withdraw(
    tx: Connection, registry: Registry, site: str, comment_id: int, by: str, traceparent: str | None
) -> tuple[Comment, bool]:
    """The comment as it was found, and whether this call removed it: a second one changes nothing.

    Raises Refused where there is no such comment. `by` is the API key's id or the ingest topic.
    """
    work = partial(_withdraw, tx, registry, site, comment_id, by, traceparent)
    return await again_on_conflict(tx, registry.clock, registry.rng, work)


async def withdraw_all(
    tx: Connection, site: str, review_id: int, by: str, traceparent: str | None, now: datetime
) -> None:
    """All live comments of a review, which the caller has locked against new ones."""
    found = await comment_store.lock_live(tx, site, review_id)
    for start in range(0, len(found), WITHDRAWN_AT_ONCE):
        await _remove(tx, site, found[start : start + WITHDRAWN_AT_ONCE], by, traceparent, now)


async def _submit(
    tx: Connection, registry: Registry, site_id: str, incoming: Sequence[IncomingComment]
) -> list[CommentResult | Refused]:
    site = await load_site(tx, site_id)
    now = registry.clock.now()
    vault = Vault(site.site, site.identity_key, registry.rng)
    author_ids = await vault.identify(tx, [one.submission.author for one in incoming])
    contents = await lock_contents(tx, site.site, {ContentRef("review", one.review_id) for one in incoming})
    records = {one.record for one in incoming if one.record is not None}
    found = await comment_store.lock_by_source(tx, site.site, records)
    plan = CommentPlan(site, now, found, iter(registry.comment_ids.take(len(incoming))))
    results: list[CommentResult | Refused] = []
    for one, author_id in zip(incoming, author_ids, strict=True):
        said = one.submission
        spam = refuse_comment_form(said.form, said.author, site.settings, now)
        refused = Refused(spam) if spam is not None else contents.refuse(ContentRef("review", one.review_id))
        if refused is not None:
            results.append(refused)
            continue
        candidate = _candidate(one, author_id, site)
        known = plan.known(candidate)
        try:
            decision = decide(one.review_id, said.source_version, candidate.hashed, known)
        except Refused as stale:
            results.append(stale)
            continue
        vault.use(author_id, said.author)
        results.append(plan.follow(decision, candidate, known, one.stamp))
    await vault.write(tx, now)
    await _write(tx, site.site, plan)
    return results


async def _edit(
    tx: Connection, registry: Registry, site_id: str, comment_id: int, said: CommentEdit, stamp: Stamp
) -> CommentResult:
    site = await load_site(tx, site_id)
    vault = Vault(site.site, site.identity_key, registry.rng)
    (author_id,) = await vault.identify(tx, [said.author])
    await require_live_review(tx, site.site, await comment_store.review_of(tx, site.site, comment_id))
    known = await comment_store.lock_comment(tx, site.site, comment_id)
    require_live(known)
    before = await comment_store.read_content(tx, comment_id)
    content = revised(said, before, author_id, site.settings.default_locale)
    candidate = Candidate(known.review_id, content, digest(content, said.locale))
    decision = decide_edit(said.revision, candidate.hashed, known)
    now = registry.clock.now()
    plan = CommentPlan(site, now, [known], iter(()))
    result = plan.follow(decision, candidate, known, stamp)
    vault.use(author_id, said.author)
    await vault.write(tx, now)
    await _write(tx, site.site, plan)
    return result


async def _withdraw(
    tx: Connection, registry: Registry, site: str, comment_id: int, by: str, traceparent: str | None
) -> tuple[Comment, bool]:
    await load_site(tx, site)
    found = await comment_store.lock_comment(tx, site, comment_id)
    if found.state != "live":
        return found, False
    await _remove(tx, site, [found], by, traceparent, registry.clock.now())
    return found, True


async def _remove(
    tx: Connection, site: str, found: Sequence[Comment], by: str, traceparent: str | None, now: datetime
) -> None:
    """Comments that are live and locked."""
    events = [
        CommentWithdrawn(
            site=site,
            sequence=comment.sequence + 1,
            comment_id=comment.comment_id,
            review_id=comment.review_id,
            revision=comment.revision,
            reason="withdrawn",
            withdrawn_at=now,
            withdrawn_by=by,
        )
        for comment in found
    ]
    encoded = [encode(COMMENT_SUBMITTED, event, traceparent) for event in events]
    gone = [
        replace(comment, state="withdrawn", sequence=event.sequence, content_hash=None, updated_at=now)
        for comment, event in zip(found, events, strict=True)
    ]
    stored: dict[int, str] = {row.comment_id: _text(one) for row, one in zip(gone, encoded, strict=True)}
    await comment_store.update(tx, gone, stored)
    await append(tx, "intake", encoded)


async def _write(tx: Connection, site: str, plan: CommentPlan) -> None:
    await comment_store.insert(tx, site, plan.created.values(), plan.last_event)
    await comment_store.update(tx, list(plan.changed.values()), plan.last_event)
    await append(tx, "intake", plan.events)


def _text(event: Encoded) -> str:
    assert event.value is not None
    return event.value.decode()


def _candidate(one: IncomingComment, author_id: str | None, site: Site) -> Candidate:
    said = one.submission
    name = said.author.name if said.author is not None else None
    content = said.to_content(author_id, name, site.settings.default_locale)
    return Candidate(
        one.review_id, content, digest(content, said.locale), said.source, said.source_id, said.source_version
    )
