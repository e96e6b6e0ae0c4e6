"""Reviews with their replies, comments and votes in Postgres. What a key becomes is said by the folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import asyncpg

from services.projection.arrays import columns, numbered
from services.projection.batch import Batch
from services.projection.content_statements import ContentStatements
from services.projection.feedback import NO_VOTES, Votes
from services.projection.feedback_store import FeedbackStore
from services.projection.fold import (
    UNKNOWN,
    UNKNOWN_COMMENT,
    WITHDRAWN,
    WITHDRAWN_COMMENT,
    Marker,
    StagedComment,
    hide,
    hide_comment,
    moderate,
    moderate_comment,
)
from services.projection.keys import CommentKey, ContentKey, ReplyKey, ReviewKey
from services.projection.replies import NO_REPLIES, StagedReply, hide_reply, public_replies, set_reply
from services.projection.rows import DEFAULTS, PLAIN, PublicComment, PublicReview, public_comment, public_review
from services.projection.summaries import Counted, Movements, counted
from shared import metrics
from shared.events.models import Published, PublishedComment, ReviewModerated

_MARKER_COLUMNS = ("site", "review_id", *Marker._fields)
_COMMENT_COLUMNS = ("site", "comment_id", *Marker._fields, "review_id", "published")
_PLAIN_COLUMNS = PublicReview._fields[:PLAIN]


@dataclass(slots=True)
class _ReviewMove:
    """A review of the batch: its marker after it, and its public form before and after."""

    key: ReviewKey
    is_known: bool
    is_changed: bool
    after: Marker
    was_public: Counted | None
    is_public: bool
    shown: tuple[ReviewModerated, Published] | None
    """What becomes, or stays in another form, public."""
    row: PublicReview | None = None
    """The same with its replies, votes and comments."""


class _CommentMove(NamedTuple):
    """A comment of the batch that changes. `shown_on` is the review on which it was public."""

    key: CommentKey
    is_known: bool
    after: StagedComment
    shown_on: int | None
    author_id: str | None
    published: PublishedComment | None


@dataclass(slots=True)
class _Changes:
    """What is to be written."""

    reviews: list[PublicReview] = field(default_factory=list)
    comments: list[PublicComment] = field(default_factory=list)
    replies: list[tuple[str, int, str]] = field(default_factory=list)
    comment_counts: list[tuple[str, int, int]] = field(default_factory=list)


class ContentStore:
    def __init__(self, staging: str, published: str) -> None:
        self._staging = staging
        self._published = published
        self.statements = ContentStatements(staging, published)
        self.feedback = FeedbackStore(staging)

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

        await self._write_replies(tx, changed_replies)
        await self._write_markers(tx, reviews, comments)
        await self._delete(tx, reviews, comments, movements)
        await self._insert(tx, changes)
        await self._update(tx, changes, votes, movements)
        _move(movements, reviews, changes.comments)
        return movements

    async def _fold_comments(self, tx: asyncpg.Connection[Any], batch: Batch) -> list[_CommentMove]:
        keys = sorted(batch.comment_keys())
        if not keys:
            return []
        known: dict[CommentKey, tuple[StagedComment, int | None, str | None]] = {}
        for row in await tx.fetch(self.statements.load_comments, *numbered(keys)):
            site, comment_id, review_id, sequence, revision, withdrawn, hidden_from, shown_on, author_id = row
            # Its content is not loaded: the event that makes it public again brings its own.
            staged = StagedComment(review_id, Marker(sequence, revision, withdrawn, hidden_from), None)
            known[site, comment_id] = (staged, shown_on, author_id)
        moves = []
        for key in keys:
            before, shown_on, author_id = known.get(key, (UNKNOWN_COMMENT, None, None))
            after = before
            event = batch.comments.get(key)
            if event is not None:
                after = moderate_comment(after, event)
            if key in batch.withdrawn_comments and not after.marker.withdrawn:
                after = WITHDRAWN_COMMENT
            if key in batch.hidden_comments:
                after = hide_comment(after, batch.hidden_comments[key])
            if after is not before:
                published = None if event is None or after.published is None else event.published
                moves.append(_CommentMove(key, key in known, after, shown_on, author_id, published))
        return moves

    async def _fold_reviews(
        self, tx: asyncpg.Connection[Any], keys: list[ReviewKey], given: list[Any], batch: Batch
    ) -> list[_ReviewMove]:
        if not keys:
            return []
        known: dict[ReviewKey, Marker] = {}
        public: dict[ReviewKey, Counted] = {}
        for row in await tx.fetch(self.statements.load_reviews, *given):
            site, review_id, sequence, revision, withdrawn, hidden_from, *form = row
            known[site, review_id] = Marker(sequence, revision, withdrawn, hidden_from)
            if form[1] is not None:
                public[site, review_id] = Counted(*form)
        moves = []
        for key in keys:
            marker = known.get(key)
            before = after = marker or UNKNOWN
            was_public = public.get(key)
            event = batch.moderated.get(key)
            if event is not None:
                after = moderate(after, event)
            if key in batch.withdrawn and not after.withdrawn:
                after = WITHDRAWN
            if key in batch.hidden_reviews:
                after = hide(after, batch.hidden_reviews[key])
            shown = None
            is_public = was_public is not None
            if after is not before:
                # A review becomes or stays public by its newest event alone, for that one carries the content.
                if event is not None and event.published is not None and after.public_revision is not None:
                    shown = (event, event.published)
                is_public = shown is not None
            moves.append(_ReviewMove(key, marker is not None, after is not before, after, was_public, is_public, shown))
        return moves

    async def _fold_replies(
        self, tx: asyncpg.Connection[Any], given: list[Any], batch: Batch
    ) -> tuple[dict[ReviewKey, dict[int, StagedReply]], dict[ReplyKey, StagedReply]]:
        """All replies of the reviews as they now are, and those that changed."""
        staged: dict[ReviewKey, dict[int, StagedReply]] = {}
        for site, *row in await tx.fetch(self.statements.load_replies, *given) if given else []:
            loaded = StagedReply(*row)
            staged.setdefault((site, loaded.review_id), {})[loaded.slot] = loaded
        changed: dict[ReplyKey, StagedReply] = {}
        for key in {*batch.replies, *batch.hidden_replies}:
            site, review_id, slot = key
            of_review = staged.setdefault((site, review_id), {})
            before = after = of_review.get(slot) or StagedReply(review_id, slot)
            if (fact := batch.replies.get(key)) is not None:
                after = set_reply(after, fact)
            if key in batch.hidden_replies:
                after = hide_reply(after, batch.hidden_replies[key])
            if after is not before:
                changed[key] = of_review[slot] = after
        return staged, changed

    async def _changes(
        self,
        tx: asyncpg.Connection[Any],
        given: list[Any],
        reviews: list[_ReviewMove],
        comments: list[_CommentMove],
        replies: Mapping[ReviewKey, Mapping[int, StagedReply]],
        changed_replies: Iterable[ReplyKey],
    ) -> _Changes:
        """The rows to be written, with the votes that are there by now."""
        changes = _Changes()
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

    async def _write_replies(self, tx: asyncpg.Connection[Any], replies: Mapping[ReplyKey, StagedReply]) -> None:
        if replies:
            rows = [
                (site, f"{review_id}.{slot}", *reply)
                for (site, review_id, slot), reply in sorted(replies.items(), key=lambda item: item[0])
            ]
            await tx.execute(self.statements.write_replies, *columns(rows))

    async def _write_markers(
        self, tx: asyncpg.Connection[Any], reviews: list[_ReviewMove], comments: list[_CommentMove]
    ) -> None:
        new: list[tuple[Any, ...]] = []
        changed: list[tuple[Any, ...]] = []
        for move in reviews:
            if move.is_changed:
                (changed if move.is_known else new).append(move.key + move.after)
        if new:
            await tx.copy_records_to_table("reviews", schema_name=self._staging, columns=_MARKER_COLUMNS, records=new)
        if changed:
            await tx.execute(self.statements.update_markers, *numbered(changed))
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
            await tx.execute(self.statements.update_comments, *numbered([row[:-1] for row in known]), published)

    async def _delete(
        self,
        tx: asyncpg.Connection[Any],
        reviews: list[_ReviewMove],
        comments: list[_CommentMove],
        movements: Movements,
    ) -> None:
        shown = [move for move in comments if move.shown_on is not None]
        if shown:
            await tx.execute(self.statements.delete_comments, *numbered([move.key for move in shown]))
            for move in shown:
                movements.comment(move.key[0], move.author_id, -1)
            metrics.REVIEWS_CHANGED.labels("comment_deleted").inc(len(shown))
        old = [move for move in reviews if move.is_changed and move.was_public is not None]
        gone = [move.key for move in old if move.shown is None]
        if any(move.was_public is not None and move.was_public.comment_count for move in old if move.shown is None):
            for site, author_id, count in await tx.fetch(self.statements.delete_comments_of_reviews, *numbered(gone)):
                movements.comment(site, author_id, -count)
                metrics.REVIEWS_CHANGED.labels("comment_deleted").inc(count)
        if old:
            await tx.execute(self.statements.delete_reviews, *numbered([move.key for move in old]))
        # Of work done, not of work committed: a batch that is rolled back counts again.
        metrics.REVIEWS_CHANGED.labels("deleted").inc(len(gone))

    async def _insert(self, tx: asyncpg.Connection[Any], changes: _Changes) -> None:
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

    async def _update(
        self,
        tx: asyncpg.Connection[Any],
        changes: _Changes,
        votes: Mapping[ContentKey, Votes],
        movements: Movements,
    ) -> None:
        """Changes rows in place that no new revision replaces."""
        if changes.replies:
            await tx.execute(self.statements.update_replies, *columns(changes.replies))
        if changes.comment_counts:
            await tx.execute(self.statements.update_comment_counts, *numbered(changes.comment_counts))
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
            for site, entity_id, positive, negative in await tx.fetch(
                self.statements.vote_on_reviews, *numbered(of_reviews)
            ):
                movements.vote(site, entity_id, positive, negative)
            metrics.REVIEWS_CHANGED.labels("voted").inc(len(of_reviews))
        of_comments = [row for kind, row in given if kind == "comment"]
        if of_comments:
            await tx.execute(self.statements.vote_on_comments, *numbered(of_comments))
            metrics.REVIEWS_CHANGED.labels("comment_voted").inc(len(of_comments))


def _move(movements: Movements, reviews: list[_ReviewMove], comments: list[PublicComment]) -> None:
    for move in reviews:
        if move.is_changed:
            movements.move(move.key[0], move.was_public, None if move.row is None else counted(move.row))
    for comment in comments:
        movements.comment(comment.site, comment.author_id, 1)
