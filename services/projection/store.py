"""The staged and the published rows in Postgres. Decides nothing: what a key becomes is said by `fold`.

All effects of a batch are a handful of statements, whatever its size. Rows of keys never seen before go in by COPY
without a question: the lock taken first makes this transaction the only one that folds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from services.projection.batch import Batch, ReplyKey, ReviewKey
from services.projection.fold import (
    NO_REPLIES,
    UNKNOWN_REVIEW,
    WITHDRAWN_REVIEW,
    PublicReview,
    StagedReply,
    StagedReview,
    StagedSite,
    hide,
    hide_reply,
    hide_site,
    moderate,
    public_replies,
    public_review,
    set_reply,
    set_site,
)
from services.projection.statements import Statements, numbers
from services.projection.summaries import Delta, Movements, Rated
from shared import metrics

_MARKER_COLUMNS = ("site", "review_id", *StagedReview._fields)
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class Inconsistent(Exception):
    """The published rows are not what this projection left there; nothing is written."""


@dataclass(slots=True)
class _Staged:
    """What was known of the reviews of a batch before it."""

    reviews: dict[ReviewKey, StagedReview] = field(default_factory=dict)
    public: dict[ReviewKey, Rated] = field(default_factory=dict)
    replies: dict[ReviewKey, dict[int, StagedReply]] = field(default_factory=dict)


@dataclass(slots=True)
class _Changes:
    """What is to be written."""

    new_markers: list[tuple[Any, ...]] = field(default_factory=list)
    markers: list[tuple[Any, ...]] = field(default_factory=list)
    gone: list[ReviewKey] = field(default_factory=list)
    rows: list[PublicReview] = field(default_factory=list)
    replies: list[tuple[str, int, str]] = field(default_factory=list)
    replaced: int = 0
    """How many of `gone` come again in `rows`."""
    movements: Movements = field(default_factory=Movements)


class Store:
    """One generation of the read model: a schema for staging, one for what is public."""

    def __init__(self, staging: str = "projection", published: str = "published") -> None:
        for schema in (staging, published):
            if not _SCHEMA.fullmatch(schema):
                raise ValueError(f"{schema!r} is not a plain schema name")
        self.staging = staging
        self.published = published
        self.statements = Statements(staging, published)

    async def apply(self, tx: asyncpg.Connection[Any], batch: Batch) -> None:
        """All effects of the batch, in `tx`; idempotent. Waits for any other transaction that folds here."""
        if not batch:
            return
        # A statement of its own: the statements after it must see what the one before us committed.
        await tx.execute(self.statements.begin)
        await self._apply_sites(tx, batch)
        keys = batch.review_keys()
        if not keys:
            return
        staged = await self._load(tx, keys)
        changed_replies = _fold_replies(staged, batch)
        changes = _fold_reviews(keys, staged, batch, {(site, review_id) for site, review_id, _ in changed_replies})
        await self._write_replies(tx, changed_replies)
        await self._write_reviews(tx, changes)
        await self._write_summaries(tx, changes.movements)
        # Of work done, not of work committed: a batch that is rolled back counts again.
        metrics.REVIEWS_CHANGED.labels("written").inc(len(changes.rows))
        metrics.REVIEWS_CHANGED.labels("deleted").inc(len(changes.gone) - changes.replaced)

    async def _load(self, tx: asyncpg.Connection[Any], keys: list[ReviewKey]) -> _Staged:
        staged = _Staged()
        given = _numbered(keys)
        for site, review_id, sequence, revision, withdrawn, hidden_from, entity_id, rating in await tx.fetch(
            self.statements.load_reviews, *given
        ):
            key = (site, review_id)
            staged.reviews[key] = StagedReview(sequence, revision, withdrawn, hidden_from)
            if rating is not None:
                staged.public[key] = Rated(entity_id, rating)
        for site, *reply in await tx.fetch(self.statements.load_replies, *given):
            loaded = StagedReply(*reply)
            staged.replies.setdefault((site, loaded.review_id), {})[loaded.slot] = loaded
        return staged

    async def _write_replies(self, tx: asyncpg.Connection[Any], replies: Mapping[ReplyKey, StagedReply]) -> None:
        if not replies:
            return
        rows = [
            (
                site,
                f"{review_id}.{slot}",
                review_id,
                slot,
                reply.sequence,
                reply.removed,
                reply.hidden_from,
                reply.text,
                reply.author_name,
                reply.posted_at,
                reply.updated_at,
            )
            for (site, review_id, slot), reply in sorted(replies.items(), key=lambda item: item[0])
        ]
        await tx.execute(self.statements.write_replies, *_columns(rows))

    async def _write_reviews(self, tx: asyncpg.Connection[Any], changes: _Changes) -> None:
        if changes.new_markers:
            await tx.copy_records_to_table(
                "reviews", schema_name=self.staging, columns=_MARKER_COLUMNS, records=changes.new_markers
            )
        if changes.markers:
            await tx.execute(self.statements.update_markers, *_numbered(changes.markers))
        if changes.gone:
            await tx.execute(self.statements.delete_reviews, *_numbered(changes.gone))
        if changes.rows:
            await tx.copy_records_to_table(
                "reviews", schema_name=self.published, columns=PublicReview._fields, records=changes.rows
            )
        if changes.replies:
            await tx.execute(self.statements.update_replies, *_columns(changes.replies))

    async def _write_summaries(self, tx: asyncpg.Connection[Any], movements: Movements) -> None:
        """Last of all, for every batch of a site meets in its row."""
        growing, shrinking = movements.deltas()
        if growing:
            await tx.execute(self.statements.grow_summaries, *_summary_columns(growing))
        if shrinking:
            counts = await tx.fetch(self.statements.shrink_summaries, *_summary_columns(shrinking))
            if len(counts) != len(shrinking):
                raise Inconsistent(f"{len(shrinking) - len(counts)} summaries of public reviews are missing")
            if any(count == 0 for (count,) in counts):
                await tx.execute(self.statements.delete_summaries, *_columns(delta[:3] for delta in shrinking))

    async def _apply_sites(self, tx: asyncpg.Connection[Any], batch: Batch) -> None:
        sites = sorted({*batch.sites, *batch.hidden_sites})
        if not sites:
            return
        loaded = {
            site: StagedSite(sequence, hidden_from)
            for site, sequence, hidden_from in await tx.fetch(self.statements.load_sites, sites)
        }
        for site in sites:
            before = after = loaded.get(site, StagedSite())
            event = batch.sites.get(site)
            if event is not None:
                after = set_site(after, event.sequence)
                is_newest = after is not before
            if site in batch.hidden_sites:
                after = hide_site(after, batch.hidden_sites[site])
            if after is before:
                continue
            await tx.execute(self.statements.write_site, site, after.sequence, after.hidden_from)
            if event is not None and is_newest:
                shown = event.settings.enabled and after.hidden_from is None
                await tx.execute(
                    self.statements.publish_site,
                    site,
                    after.sequence,
                    event.name,
                    shown,
                    event.settings.model_dump_json(),
                )
            elif after.hidden_from is not None:
                await tx.execute(self.statements.hide_site, site)


def _fold_replies(staged: _Staged, batch: Batch) -> dict[ReplyKey, StagedReply]:
    """Puts the batch's replies into `staged` and returns those that changed."""
    changed: dict[ReplyKey, StagedReply] = {}
    for key in {*batch.replies, *batch.hidden_replies}:
        site, review_id, slot = key
        of_review = staged.replies.setdefault((site, review_id), {})
        before = after = of_review.get(slot) or StagedReply(review_id, slot)
        if (fact := batch.replies.get(key)) is not None:
            after = set_reply(after, fact)
        if key in batch.hidden_replies:
            after = hide_reply(after, batch.hidden_replies[key])
        if after is not before:
            changed[key] = of_review[slot] = after
    return changed


def _fold_reviews(keys: list[ReviewKey], staged: _Staged, batch: Batch, replied: set[ReviewKey]) -> _Changes:
    changes = _Changes()
    movements = changes.movements
    for key in keys:
        known = staged.reviews.get(key)
        before = after = known or UNKNOWN_REVIEW
        event = batch.moderated.get(key)
        if event is not None:
            after = moderate(before, event)
        if key in batch.withdrawn and not after.withdrawn:
            after = WITHDRAWN_REVIEW
        if key in batch.hidden_reviews:
            after = hide(after, batch.hidden_reviews[key])
        was_public = staged.public.get(key)
        of_review = staged.replies.get(key)
        replies = NO_REPLIES if of_review is None else public_replies(of_review.values())
        if after is before:
            if was_public is not None and key in replied:
                changes.replies.append((*key, replies))
            continue
        (changes.new_markers if known is None else changes.markers).append(key + after)
        if was_public is not None:
            changes.gone.append(key)
        now_public: Rated | None = None
        # A review becomes or stays public by its newest event alone, for that one carries the content.
        if event is not None and event.published is not None and after.public_revision is not None:
            row = public_review(event, event.published, replies)
            now_public = Rated(row.entity_id, row.rating)
            changes.rows.append(row)
            changes.replaced += was_public is not None
        movements.move(key[0], was_public, now_public)
    return changes


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows as one array per column, for unnest."""
    return list(zip(*rows, strict=True))


def _numbered(rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Of rows that are a site and numbers: the sites, then one array of numbers per column."""
    sites = {site: number for number, site in enumerate(sorted({row[0] for row in rows}), 1)}
    named, *rest = zip(*rows, strict=True)
    return [list(sites), numbers([sites[site] for site in named]), *map(numbers, rest)]


def _summary_columns(deltas: Sequence[Delta]) -> list[Any]:
    return [
        *_columns(delta[:3] for delta in deltas),
        *map(numbers, zip(*(delta.stars for delta in deltas), strict=True)),
    ]
