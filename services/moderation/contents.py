"""What moderation judges: reviews, and comments on them. Here is all that sets the two apart on topics."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, TypeAlias

from shared.events.models import (
    CommentModerated,
    CommentSubmitted,
    CommentWithdrawn,
    ContentKind,
    Decision,
    Published,
    PublishedComment,
    ReviewModerated,
    ReviewSubmitted,
    ReviewWithdrawn,
    Status,
)
from shared.events.topics import COMMENT_MODERATED, REVIEW_MODERATED, TopicSpec

Submitted: TypeAlias = ReviewSubmitted | CommentSubmitted
Withdrawn: TypeAlias = ReviewWithdrawn | CommentWithdrawn
Moderated: TypeAlias = ReviewModerated | CommentModerated


class Content(NamedTuple):
    """Whose case it is. Reviews and comments have their numbers from one registry: an id is of one of them for ever."""

    kind: ContentKind
    content_id: int
    parent_id: int | None = None
    """The review that a comment is on; None also where that could not be read."""


class Visible(NamedTuple):
    """What the public may see, and how."""

    submission: Submitted
    since: datetime
    codes: tuple[str, ...]
    is_featured: bool
    display_order: int | None


def content_of(event: Submitted | Withdrawn) -> Content:
    # Reviews first, here and wherever every one is asked what it is: to find that something is no instance of a
    # pydantic model takes ten times as long as to find that it is one.
    if isinstance(event, ReviewSubmitted | ReviewWithdrawn):
        return Content("review", event.review_id)
    return Content("comment", event.comment_id, event.review_id)


def read_submission(kind: ContentKind, text: str) -> Submitted:
    """A submission as its case keeps it."""
    if kind == "comment":
        return CommentSubmitted.model_validate_json(text)
    return ReviewSubmitted.model_validate_json(text)


def topic_of(event: Moderated) -> TopicSpec:
    return REVIEW_MODERATED if isinstance(event, ReviewModerated) else COMMENT_MODERATED


def moderated(
    content: Content,
    *,
    site: str,
    sequence: int,
    revision: int,
    status: Status,
    previous_status: Status | None,
    decision: Decision,
    visible: Visible | None,
    first_published_at: datetime | None,
    publish_count: int,
) -> Moderated:
    """The event of the content's kind. Raises ValueError for a comment on nobody knows which review."""
    if content.kind == "comment":
        if content.parent_id is None:
            raise ValueError("a comment that was read has its review")
        return CommentModerated(
            site=site,
            sequence=sequence,
            comment_id=content.content_id,
            review_id=content.parent_id,
            revision=revision,
            status=status,
            previous_status=previous_status,
            decision=decision,
            published=None if visible is None else _published_comment(visible),
            first_published_at=first_published_at,
            publish_count=publish_count,
        )
    return ReviewModerated(
        site=site,
        sequence=sequence,
        review_id=content.content_id,
        revision=revision,
        status=status,
        previous_status=previous_status,
        decision=decision,
        published=None if visible is None else _published_review(visible),
        first_published_at=first_published_at,
        publish_count=publish_count,
    )


def _published_review(visible: Visible) -> Published:
    source = visible.submission
    if not isinstance(source, ReviewSubmitted):
        raise TypeError("a review's submission is no comment")
    return Published(
        revision=source.revision,
        slug=source.slug,
        created_at=source.created_at,
        submitted_at=source.submitted_at,
        published_at=visible.since,
        content=source.content,
        is_featured=visible.is_featured,
        display_order=visible.display_order,
        codes=visible.codes,
    )


def _published_comment(visible: Visible) -> PublishedComment:
    source = visible.submission
    if not isinstance(source, CommentSubmitted):
        raise TypeError("a comment's submission is no review")
    return PublishedComment(
        revision=source.revision,
        created_at=source.created_at,
        submitted_at=source.submitted_at,
        published_at=visible.since,
        content=source.content,
        is_featured=visible.is_featured,
        codes=visible.codes,
    )
