"""What a batch makes of reviews, comments and replies, given what is staged. Pure: the folds, key by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from services.projection.batch import Batch
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
from services.projection.keys import CommentKey, ReplyKey, ReviewKey
from services.projection.replies import StagedReply, hide_reply, set_reply
from services.projection.rows import PublicReview
from services.projection.summaries import Counted
from shared.events.models import Published, PublishedComment, ReviewModerated

KnownComment: TypeAlias = tuple[StagedComment, int | None, str | None]
"""As it is staged; the review on which it is public and its author there."""


@dataclass(slots=True)
class ReviewMove:
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


class CommentMove(NamedTuple):
    """A comment of the batch that changes. `shown_on` is the review on which it was public."""

    key: CommentKey
    is_known: bool
    after: StagedComment
    shown_on: int | None
    author_id: str | None
    published: PublishedComment | None


def move_comments(
    keys: Iterable[CommentKey], known: Mapping[CommentKey, KnownComment], batch: Batch
) -> list[CommentMove]:
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
            moves.append(CommentMove(key, key in known, after, shown_on, author_id, published))
    return moves


def move_reviews(
    keys: Iterable[ReviewKey], known: Mapping[ReviewKey, Marker], public: Mapping[ReviewKey, Counted], batch: Batch
) -> list[ReviewMove]:
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
        moves.append(ReviewMove(key, marker is not None, after is not before, after, was_public, is_public, shown))
    return moves


def move_replies(staged: Mapping[ReviewKey, Mapping[int, StagedReply]], batch: Batch) -> dict[ReplyKey, StagedReply]:
    """Replies that change, as they are then."""
    changed: dict[ReplyKey, StagedReply] = {}
    for key in {*batch.replies, *batch.hidden_replies}:
        site, review_id, slot = key
        before = after = staged.get((site, review_id), {}).get(slot) or StagedReply(review_id, slot)
        if (fact := batch.replies.get(key)) is not None:
            after = set_reply(after, fact)
        if key in batch.hidden_replies:
            after = hide_reply(after, batch.hidden_replies[key])
        if after is not before:
            changed[key] = after
    return changed
