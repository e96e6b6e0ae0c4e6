"""Rows of published.reviews and published.comments: what the newest event says, and nothing of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson

from services.projection.feedback import NO_VOTES, Votes
from shared.events.content import VotesBefore
from shared.events.models import Published, PublishedComment, ReviewModerated

Codes = tuple[str, ...]


class PublicReview(NamedTuple):
    """Its fields in the order in which columns are written."""

    site: str
    review_id: int
    revision: int
    slug: str
    entity_id: str
    entity_name: str | None
    rating: int
    title: str | None
    text: str | None
    author_id: str | None
    author_name: str | None
    author_email_masked: str | None
    locale: str
    created_at: datetime
    submitted_at: datetime
    review_date: datetime
    published_at: datetime
    first_published_at: datetime
    publish_count: int
    is_featured: bool
    display_order: int | None
    replies: str
    submission_id: str
    # From here on a plain review has nothing but what the columns' defaults say.
    moderator_codes: Codes = ()
    positive_votes: int = 0
    negative_votes: int = 0
    abuse_reports: int = 0
    comment_count: int = 0
    pros: str | None = None
    cons: str | None = None
    is_recommended: bool | None = None
    secondary_ratings: str | None = None
    context_data: str | None = None
    tags: str | None = None
    additional_fields: str | None = None
    badges: str | None = None
    photos: str | None = None
    videos: str | None = None
    product_recommendation_ids: Codes = ()
    author_location: str | None = None
    affiliation: str | None = None
    campaign_id: str | None = None
    is_incentivized: bool = False
    syndication: str | None = None
    votes_before: str | None = None


PLAIN = PublicReview._fields.index("moderator_codes")
"""How many columns a plain review needs."""
DEFAULTS = tuple(PublicReview._field_defaults.values())


def public_review(
    event: ReviewModerated, published: Published, replies: str, votes: Votes = NO_VOTES, comments: int = 0
) -> PublicReview:
    """The row while `published` of `event` is public; the event must be the newest of its key."""
    content = published.content
    review_id = event.review_id
    plain = (
        event.site,
        review_id,
        published.revision,
        published.slug,
        content.entity_id or "",
        content.entity_name,
        content.rating,
        content.title,
        content.text,
        content.author_id,
        content.author_name,
        content.author_email_masked,
        content.locale,
        published.created_at,
        published.submitted_at,
        content.review_date or published.created_at,
        published.published_at,
        event.first_published_at or published.published_at,
        event.publish_count,
        published.is_featured,
        published.display_order,
        replies,
    )
    details = content.details
    if details is None:
        return PublicReview(*plain, f"r{review_id}", published.codes, *votes, comments)
    return PublicReview(
        *plain,
        details.submission_id or f"r{review_id}",
        published.codes,
        *votes.plus(votes_before(details.votes_before)),
        comments,
        details.pros,
        details.cons,
        details.is_recommended,
        _json(details.secondary_ratings),
        _json(details.context_data),
        _json(details.tags),
        _json(details.additional_fields),
        _json(details.badges),
        _json(details.photos),
        _json(details.videos),
        details.product_recommendation_ids,
        details.author_location,
        details.affiliation,
        details.campaign_id,
        details.is_incentivized,
        _json(details.syndication),
        _json(details.votes_before),
    )


class PublicComment(NamedTuple):
    """Its fields in the order in which columns are written."""

    site: str
    comment_id: int
    review_id: int
    revision: int
    title: str | None
    text: str
    author_id: str | None
    author_name: str | None
    author_location: str | None
    locale: str
    comment_date: datetime
    submitted_at: datetime
    published_at: datetime
    submission_id: str
    campaign_id: str | None
    is_featured: bool
    syndication: str | None
    badges: str | None
    photos: str | None
    videos: str | None
    moderator_codes: Codes
    positive_votes: int
    negative_votes: int
    abuse_reports: int


def public_comment(
    site: str, comment_id: int, review_id: int, published: PublishedComment, votes: Votes
) -> PublicComment:
    content = published.content
    return PublicComment(
        site,
        comment_id,
        review_id,
        published.revision,
        content.title,
        content.text,
        content.author_id,
        content.author_name,
        content.author_location,
        content.locale,
        content.comment_date or published.created_at,
        published.submitted_at,
        published.published_at,
        content.submission_id or f"c{comment_id}",
        content.campaign_id,
        published.is_featured,
        _json(content.syndication),
        _json(content.badges),
        _json(content.photos),
        _json(content.videos),
        published.codes,
        *votes.plus(votes_before(content.votes_before)),
    )


def votes_before(before: VotesBefore | None) -> Votes:
    """Those of the content's source, which has their counts and no voters."""
    return NO_VOTES if before is None else Votes(before.positive, before.negative, before.inappropriate)


def _json(value: object | Mapping[str, object] | Sequence[object] | None) -> str | None:
    """Null where there is nothing."""
    return orjson.dumps(value, default=vars).decode() if value else None
