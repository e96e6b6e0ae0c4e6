"""Writing rows of content, staged and published ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from services.projection.arrays import columns, numbered
from services.projection.content_moves import CommentMove, ReviewMove
from services.projection.content_statements import ContentStatements
from services.projection.feedback import Votes
from services.projection.fold import Marker
from services.projection.keys import ContentKey, ReplyKey
from services.projection.replies import StagedReply
from services.projection.rows import DEFAULTS, PLAIN, PublicComment, PublicReview
from services.projection.summaries import Movements
from shared import metrics

_MARKER_COLUMNS = ("site", "review_id", *Marker._fields)
_COMMENT_COLUMNS = ("site", "comment_id", *Marker._fields, "review_id", "published")
_PLAIN_COLUMNS = PublicReview._fields[:PLAIN]


@dataclass(slots=True)
class Changes:
    """Public rows to be written, and what changes in others."""

    reviews: list[PublicReview] = field(default_factory=list)
    comments: list[PublicComment] = field(default_factory=list)
    replies: list[tuple[str, int, str]] = field(default_factory=list)
    comment_counts: list[tuple[str, int, int]] = field(default_factory=list)


class ContentWriter:
    def __init__(self, staging: str, published: str, statements: ContentStatements) -> None:
        self._staging = staging
        self._published = published
        self._statements = statements

    async def write_replies(self, tx: asyncpg.Connection[Any], replies: Mapping[ReplyKey, StagedReply]) -> None:
        if replies:
            rows = [
                (site, f"{review_id}.{slot}", *reply)
                for (site, review_id, slot), reply in sorted(replies.items(), key=lambda item: item[0])
            ]
            await tx.execute(self._statements.write_replies, *columns(rows))

    async def write_markers(
        self, tx: asyncpg.Connection[Any], reviews: list[ReviewMove], comments: list[CommentMove]
    ) -> None:
        new: list[tuple[Any, ...]] = []
        changed: list[tuple[Any, ...]] = []
        for move in reviews:
            if move.is_changed:
                (changed if move.is_known else new).append(move.key + move.after)
        if new:
            await tx.copy_records_to_table("reviews", schema_name=self._staging, columns=_MARKER_COLUMNS, records=new)
        if changed:
            await tx.execute(self._statements.update_markers, *numbered(changed))
        unknown: list[tuple[Any, ...]] = []
        known: list[tuple[Any, ...]] = []
        for comment in comments:
            row = (*comment.key, *comment.after.marker, comment.after.review_id, comment.after.published)
            (known if comment.is_known else unknown).append(row)
        if unknown:
            await tx.copy_records_to_table(
                "comments", schema_name=self._staging, columns=_COMMENT_COLUMNS, records=unknown
            )
        if known:
            published = [row[-1] for row in known]
            await tx.execute(self._statements.update_comments, *numbered([row[:-1] for row in known]), published)

    async def delete(
        self,
        tx: asyncpg.Connection[Any],
        reviews: list[ReviewMove],
        comments: list[CommentMove],
        movements: Movements,
    ) -> None:
        shown = [move for move in comments if move.shown_on is not None]
        if shown:
            await tx.execute(self._statements.delete_comments, *numbered([move.key for move in shown]))
            for move in shown:
                movements.comment(move.key[0], move.author_id, -1)
            metrics.REVIEWS_CHANGED.labels("comment_deleted").inc(len(shown))
        old = [move for move in reviews if move.is_changed and move.was_public is not None]
        gone = [move.key for move in old if move.shown is None]
        if any(move.was_public is not None and move.was_public.comment_count for move in old if move.shown is None):
            for site, author_id, count in await tx.fetch(self._statements.delete_comments_of_reviews, *numbered(gone)):
                movements.comment(site, author_id, -count)
                metrics.REVIEWS_CHANGED.labels("comment_deleted").inc(count)
        if old:
            await tx.execute(self._statements.delete_reviews, *numbered([move.key for move in old]))
        # Of work done, not of work committed: a batch that is rolled back counts again.
        metrics.REVIEWS_CHANGED.labels("deleted").inc(len(gone))

    async def insert(self, tx: asyncpg.Connection[Any], changes: Changes) -> None:
        plain: list[tuple[Any, ...]] = []
        detailed: list[PublicReview] = []
        for row in changes.reviews:
            if row[PLAIN:] == DEFAULTS:
                plain.append(row[:PLAIN])
            else:
                detailed.append(row)
        for names, rows in ((_PLAIN_COLUMNS, plain), (PublicReview._fields, detailed)):
            if rows:
                await tx.copy_records_to_table("reviews", schema_name=self._published, columns=names, records=rows)
        if changes.comments:
            await tx.copy_records_to_table(
                "comments", schema_name=self._published, columns=PublicComment._fields, records=changes.comments
            )
        metrics.REVIEWS_CHANGED.labels("written").inc(len(changes.reviews))
        metrics.REVIEWS_CHANGED.labels("comment_written").inc(len(changes.comments))

    async def update(
        self,
        tx: asyncpg.Connection[Any],
        changes: Changes,
        votes: Mapping[ContentKey, Votes],
        movements: Movements,
    ) -> None:
        """Changes rows in place that no new revision replaces."""
        if changes.replies:
            await tx.execute(self._statements.update_replies, *columns(changes.replies))
        if changes.comment_counts:
            await tx.execute(self._statements.update_comment_counts, *numbered(changes.comment_counts))
        if not votes:
            return
        # Rows that were written just now have these votes already.
        written = {("review", row.site, row.review_id) for row in changes.reviews}
        written.update(("comment", row.site, row.comment_id) for row in changes.comments)
        given = [
            (kind, (site, content_id, *moved))
            for (site, kind, content_id), moved in votes.items()
            if (kind, site, content_id) not in written
        ]
        of_reviews = [row for kind, row in given if kind == "review"]
        if of_reviews:
            for site, entity_id, locale, positive, negative in await tx.fetch(
                self._statements.vote_on_reviews, *numbered(of_reviews)
            ):
                movements.vote(site, entity_id, locale, positive, negative)
            metrics.REVIEWS_CHANGED.labels("voted").inc(len(of_reviews))
        of_comments = [row for kind, row in given if kind == "comment"]
        if of_comments:
            await tx.execute(self._statements.vote_on_comments, *numbered(of_comments))
            metrics.REVIEWS_CHANGED.labels("comment_voted").inc(len(of_comments))
