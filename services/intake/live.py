"""Whether reviews and comments are there to be commented on, voted for and reported."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from services.intake.refusal import Refused, removed, removed_comment, unknown_comment, unknown_review
from services.intake.transaction import Connection
from shared.events.models import ContentKind

# Shared: those who vote for one review at once need not wait for each other, only whoever withdraws it for them.
_REVIEWS = """
    select review_id, state, revision from intake.reviews
    where site = $1 and review_id = any($2::bigint[]) order by review_id for share"""
_REVIEWS_OF = "select review_id from intake.comments where site = $1 and comment_id = any($2::bigint[])"
_COMMENTS = """
    select comment_id, state, revision, review_id from intake.comments
    where site = $1 and comment_id = any($2::bigint[]) order by comment_id for share"""


class ContentRef(NamedTuple):
    kind: ContentKind
    content_id: int


class _Review(NamedTuple):
    state: str
    revision: int


class _Comment(NamedTuple):
    state: str
    revision: int
    review_id: int


@dataclass(frozen=True, slots=True)
class Contents:
    """As they are until the transaction ends."""

    _reviews: Mapping[int, _Review]
    _comments: Mapping[int, _Comment]

    def refuse(self, content: ContentRef) -> Refused | None:
        """What is not of the site, or was removed; a comment on a removed review is no more than this."""
        if content.kind == "review":
            return self._refuse_review(content.content_id)
        comment = self._comments.get(content.content_id)
        if comment is None:
            return unknown_comment()
        if comment.state != "live":
            return removed_comment(content.content_id, comment.revision)
        return self._refuse_review(comment.review_id)

    def _refuse_review(self, review_id: int) -> Refused | None:
        review = self._reviews.get(review_id)
        if review is None:
            return unknown_review()
        return removed(review_id, review.revision) if review.state != "live" else None


async def lock_contents(tx: Connection, site: str, wanted: Collection[ContentRef]) -> Contents:
    """Reviews, also those of comments, before comments, and each by id: whoever locks several does it in this order."""
    comment_ids = [content.content_id for content in wanted if content.kind == "comment"]
    review_ids = [content.content_id for content in wanted if content.kind == "review"]
    if comment_ids:
        review_ids += [row[0] for row in await tx.fetch(_REVIEWS_OF, site, comment_ids)]
    reviews = await tx.fetch(_REVIEWS, site, review_ids)
    comments = await tx.fetch(_COMMENTS, site, comment_ids) if comment_ids else []
    return Contents(
        {row[0]: _Review(*list(row)[1:]) for row in reviews},
        {row[0]: _Comment(*list(row)[1:]) for row in comments},
    )


async def require_live_review(tx: Connection, site: str, review_id: int) -> None:
    """It stays live until the transaction ends. Raises Refused."""
    review = ContentRef("review", review_id)
    refused = (await lock_contents(tx, site, [review])).refuse(review)
    if refused is not None:
        raise refused
