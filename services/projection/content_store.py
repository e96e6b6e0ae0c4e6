"""Reviews with their replies, comments and votes in Postgres. What a key becomes is said by the folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import asyncpg

from services.projection.arrays import numbered
from services.projection.batch import Batch
from services.projection.content_moves import (
    CommentMove,
    KnownComment,
    ReviewMove,
    move_comments,
    move_replies,
    move_reviews,
)
from services.projection.content_statements import ContentStatements
from services.projection.content_writer import Changes, ContentWriter
from services.projection.feedback import NO_VOTES
from services.projection.feedback_store import FeedbackStore
from services.projection.fold import Marker, StagedComment
from services.projection.keys import CommentKey, ReplyKey, ReviewKey
from services.projection.replies import NO_REPLIES, StagedReply, public_replies
from services.projection.rows import PublicComment, public_comment, public_review
from services.projection.summaries import Counted, Movements, counted
from shared.events.models import PublishedComment


class ContentStore:
    def __init__(self, staging: str, published: str) -> None:
        self.statements = ContentStatements(staging, published)
        self.feedback = FeedbackStore(staging)
        self._writer = ContentWriter(staging, published, self.statements)

    async def apply(self, tx: asyncpg.Connection[Any], batch: Batch) -> Movements:
        """Writes all rows of content; what that moves in the statistics is left to the caller."""
        movements = Movements()
        votes = await self.feedback.apply(tx, batch)
        comments = await self._fold_comments(tx, batch)
        keys = batch.review_keys()
        for comment in comments:
            on = (comment.shown_on, comment.after.review_id)
            keys.update((comment.key[0], review_id) for review_id in on if review_id is not None)
        ordered = sorted(keys)
        given = numbered(ordered) if ordered else []
        reviews = await self._fold_reviews(tx, ordered, given, batch)
        replies, changed_replies = await self._fold_replies(tx, given, batch)
        changes = await self._changes(tx, given, reviews, comments, replies, changed_replies)

        await self._writer.write_replies(tx, changed_replies)
        await self._writer.write_markers(tx, reviews, comments)
        await self._writer.delete(tx, reviews, comments, movements)
        await self._writer.insert(tx, changes)
        await self._writer.update(tx, changes, votes, movements)
        _move(movements, reviews, changes.comments)
        return movements

    async def _fold_comments(self, tx: asyncpg.Connection[Any], batch: Batch) -> list[CommentMove]:
        keys = sorted(batch.comment_keys())
        if not keys:
            return []
        known: dict[CommentKey, KnownComment] = {}
        for row in await tx.fetch(self.statements.load_comments, *numbered(keys)):
            site, comment_id, review_id, sequence, revision, withdrawn, hidden_from, shown_on, author_id = row
            # Its content is not loaded: the event that makes it public again brings its own.
            staged = StagedComment(review_id, Marker(sequence, revision, withdrawn, hidden_from), None)
            known[site, comment_id] = (staged, shown_on, author_id)
        return move_comments(keys, known, batch)

    async def _fold_reviews(
        self, tx: asyncpg.Connection[Any], keys: list[ReviewKey], given: list[Any], batch: Batch
    ) -> list[ReviewMove]:
        if not keys:
            return []
        known: dict[ReviewKey, Marker] = {}
        public: dict[ReviewKey, Counted] = {}
        for row in await tx.fetch(self.statements.load_reviews, *given):
            site, review_id, sequence, revision, withdrawn, hidden_from, *form = row
            known[site, review_id] = Marker(sequence, revision, withdrawn, hidden_from)
            if form[1] is not None:
                public[site, review_id] = Counted(*form)
        return move_reviews(keys, known, public, batch)

    async def _fold_replies(
        self, tx: asyncpg.Connection[Any], given: list[Any], batch: Batch
    ) -> tuple[dict[ReviewKey, dict[int, StagedReply]], dict[ReplyKey, StagedReply]]:
        """All replies of the reviews as they now are, and those that changed."""
        staged: dict[ReviewKey, dict[int, StagedReply]] = {}
        for site, *row in await tx.fetch(self.statements.load_replies, *given) if given else []:
            loaded = StagedReply(*row)
            staged.setdefault((site, loaded.review_id), {})[loaded.slot] = loaded
        changed = move_replies(staged, batch)
        for (site, review_id, slot), reply in changed.items():
            staged.setdefault((site, review_id), {})[slot] = reply
        return staged, changed

    async def _changes(
        self,
        tx: asyncpg.Connection[Any],
        given: list[Any],
        reviews: list[ReviewMove],
        comments: list[CommentMove],
        replies: Mapping[ReviewKey, Mapping[int, StagedReply]],
        changed_replies: Iterable[ReplyKey],
    ) -> Changes:
        """The rows to be written, with the votes that are there by now."""
        changes = Changes()
        shown: dict[CommentKey, tuple[int, PublishedComment]] = {}
        if comments:
            public = {move.key for move in reviews if move.is_public}
            for comment in comments:
                review_id = comment.after.review_id
                if comment.published is not None and review_id is not None and (comment.key[0], review_id) in public:
                    shown[comment.key] = (review_id, comment.published)
        appearing = [move.key for move in reviews if move.shown is not None and move.was_public is None]
        if appearing:
            waiting = given if len(appearing) == len(reviews) else numbered(appearing)
            shown.update(await self._waiting_comments(tx, waiting, {comment.key for comment in comments}))
        counts = Counter((site, review_id) for (site, _), (review_id, _) in shown.items())
        counts.subtract((move.key[0], move.shown_on) for move in comments if move.shown_on is not None)

        totals = await self.feedback.totals(tx, "comment", numbered(list(shown)) if shown else [])
        changes.comments = [
            public_comment(*key, review_id, published, totals.get(key, NO_VOTES))
            for key, (review_id, published) in shown.items()
        ]
        written = [move.key for move in reviews if move.shown is not None]
        numbers_of = given if len(written) == len(reviews) else numbered(written) if written else []
        totals = await self.feedback.totals(tx, "review", numbers_of)
        replied = {(site, review_id) for site, review_id, _ in changed_replies}
        for move in reviews:
            key = move.key
            if not move.is_public:
                continue
            shown_replies = public_replies(replies[key].values()) if key in replies else NO_REPLIES
            if move.shown is not None:
                count = counts[key] + (0 if move.was_public is None else move.was_public.comment_count)
                move.row = public_review(*move.shown, shown_replies, totals.get(key, NO_VOTES), count)
                changes.reviews.append(move.row)
                continue
            if key in replied:
                changes.replies.append((*key, shown_replies))
            if counts[key]:
                changes.comment_counts.append((*key, counts[key]))
        return changes

    async def _waiting_comments(
        self, tx: asyncpg.Connection[Any], reviews: list[Any], but: Collection[CommentKey]
    ) -> dict[CommentKey, tuple[int, PublishedComment]]:
        """Those that become public because their reviews do."""
        return {
            (site, comment_id): (review_id, PublishedComment.model_validate_json(published))
            for site, comment_id, review_id, published in await tx.fetch(
                self.statements.load_waiting_comments, *reviews
            )
            if (site, comment_id) not in but
        }


def _move(movements: Movements, reviews: list[ReviewMove], comments: list[PublicComment]) -> None:
    for move in reviews:
        if move.is_changed:
            movements.move(move.key[0], move.was_public, None if move.row is None else counted(move.row))
    for comment in comments:
        movements.comment(comment.site, comment.author_id, 1)
