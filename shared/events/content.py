"""What reviews and comments say, and the limits of the core: the widest of the three vendors'."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_TEXT = 10_000
MAX_TITLE = 3_000
MAX_NAME = 100
MAX_ENTITY_ID = 255
MAX_ENTITY_NAME = 500
MAX_REPLY = 10_000
MAX_SOURCE = 100
MAX_SOURCE_ID = 255
MAX_DIMENSIONS = 50
"""Of one kind in one review: secondary ratings, context data or additional fields."""
MAX_DIMENSION_ID = 100
MAX_DIMENSION_VALUE = 500
MAX_TAG_DIMENSIONS = 20
MAX_TAGS = 20
"""Values of one tag dimension."""
MAX_TAG_TEXT = 2_000
"""Characters of all tags of a review together: each is a text by itself to whoever judges it."""
MAX_SECONDARY_RATING = 100
MAX_MEDIA = 20
"""Photos, or videos, of one review or comment."""
MAX_BADGES = 20
MAX_RECOMMENDED_PRODUCTS = 50
MAX_URL = 2_000
MAX_CAPTION = 1_000
MAX_LOCATION = 200
MAX_PROS = 3_000
MAX_REASON = 2_000

Rating = Annotated[int, Field(ge=1, le=5, strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Photo(_Part):
    id: str
    url: str
    thumbnail_url: str | None = None
    large_url: str | None = None
    caption: str | None = None


class Video(_Part):
    """`id` is the host's own, where it is known."""

    id: str | None = None
    host: str | None = Field(default=None, description="`www.youtube.com`")
    url: str
    iframe_url: str | None = None
    thumbnail_url: str | None = None
    caption: str | None = None


class Badge(_Part):
    """Given to the author or the content by the site; what else there is to say of it stands in the vocabulary."""

    id: str
    kind: str = Field(default="Custom", description="Custom, Merit, Affiliation or Rank.")


class SyndicationSource(_Part):
    """Where the content was collected; without one it is the site's own."""

    name: str
    logo_url: str | None = None
    content_link: str | None = None


class VotesBefore(_Part):
    """Votes of a source that has their counts and no voters: what votes given here are added to."""

    positive: int = Field(default=0, ge=0)
    negative: int = Field(default=0, ge=0)
    inappropriate: int = Field(default=0, ge=0)


class ReviewDetails(_Part):
    """What only some sources give. Keys of the mappings are ids of dimensions of the site's vocabulary."""

    pros: str | None = None
    cons: str | None = None
    is_recommended: bool | None = None
    secondary_ratings: Mapping[str, int] = Field(default_factory=dict)
    context_data: Mapping[str, str] = Field(default_factory=dict)
    tags: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    additional_fields: Mapping[str, str] = Field(default_factory=dict)
    badges: tuple[Badge, ...] = ()
    photos: tuple[Photo, ...] = ()
    videos: tuple[Video, ...] = ()
    product_recommendation_ids: tuple[str, ...] = ()
    author_location: str | None = None
    affiliation: str | None = None
    campaign_id: str | None = None
    submission_id: str | None = Field(default=None, description="The source's own; else one made of the review's id.")
    is_incentivized: bool = False
    syndication: SyndicationSource | None = None
    votes_before: VotesBefore | None = None


NO_DETAILS = ReviewDetails()


class ReviewContent(BaseModel):
    """One revision of a review, without anything by which its author could be contacted."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    entity_id: str | None = Field(default=None, description="What is reviewed; null is the site itself.")
    entity_name: str | None = None
    author_id: str | None = Field(default=None, description="Random id of the person within the site; null is unknown.")
    author_name: str | None = None
    author_email_masked: str | None = Field(default=None, description="`j***@example.com`, for sites that show it.")
    rating: Rating
    title: str | None = None
    text: str | None = Field(default=None, description="Plain text; null for a rating without words.")
    locale: str = Field(description="BCP 47: the submission's own, else the site's default.")
    review_date: datetime | None = Field(default=None, description="The author's own date, where the sender gave one.")
    details: ReviewDetails | None = None


class CommentContent(_Part):
    """One revision of a comment on a review, without anything by which its author could be contacted."""

    author_id: str | None = Field(default=None, description="Random id of the person within the site; null is unknown.")
    author_name: str | None = None
    author_location: str | None = None
    title: str | None = None
    text: str = Field(description="Plain text.")
    locale: str = Field(description="BCP 47: the comment's own, else the site's default.")
    comment_date: datetime | None = Field(default=None, description="The author's own date, where the sender gave one.")
    campaign_id: str | None = None
    submission_id: str | None = Field(default=None, description="The source's own; else one made of the comment's id.")
    badges: tuple[Badge, ...] = ()
    photos: tuple[Photo, ...] = ()
    videos: tuple[Video, ...] = ()
    syndication: SyndicationSource | None = None
    votes_before: VotesBefore | None = None
