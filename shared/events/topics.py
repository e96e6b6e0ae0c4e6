"""Every topic, who writes it and how Kafka keeps it. `plaudit topics` creates and checks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.events.models import (
    BrandUpdated,
    CatalogEntryRemoved,
    CategoryUpdated,
    CommentModerated,
    CommentSubmitted,
    CommentWithdrawn,
    Event,
    FeedbackGiven,
    FeedbackRemoved,
    ProductUpdated,
    ReplyPosted,
    ReplyRemoved,
    ReviewModerated,
    ReviewSubmitted,
    ReviewWithdrawn,
    SiteSettingsChanged,
    VocabularyUpdated,
)

DAY_MS = 24 * 3600 * 1000
PARTITIONS = 12
"""Fixed for life: growing a compacted topic sends a key's newest record to another partition than its older ones."""

COMPACTED: Mapping[str, str] = {
    "cleanup.policy": "compact",
    # Followers a few days behind still see every transition.
    "min.compaction.lag.ms": str(7 * DAY_MS),
    "max.compaction.lag.ms": str(14 * DAY_MS),
    "delete.retention.ms": str(30 * DAY_MS),
}
INGEST: Mapping[str, str] = {"cleanup.policy": "delete", "retention.ms": str(7 * DAY_MS)}


@dataclass(frozen=True)
class TopicSpec:
    name: str
    written_by: str
    key: str
    purpose: str
    events: tuple[type[Event], ...] = ()
    partitions: int = PARTITIONS
    config: Mapping[str, str] = field(default_factory=lambda: COMPACTED)
    tombstones: bool = False


REVIEW_SUBMITTED = TopicSpec(
    "review-submitted",
    "intake",
    "site/review",
    "Every accepted revision and every withdrawal.",
    (ReviewSubmitted, ReviewWithdrawn),
    tombstones=True,
)
REVIEW_MODERATED = TopicSpec(
    "review-moderated",
    "moderation",
    "site/review",
    "Every decision, and what is public because of it.",
    (ReviewModerated,),
    tombstones=True,
)
REPLY_POSTED = TopicSpec(
    "reply-posted",
    "intake",
    "site/reply",
    "Replies of site owners, set and removed.",
    (ReplyPosted, ReplyRemoved),
    tombstones=True,
)
SITE_SETTINGS_CHANGED = TopicSpec(
    "site-settings-changed", "intake", "site", "All settings of a site, at each change.", (SiteSettingsChanged,)
)
COMMENT_SUBMITTED = TopicSpec(
    "comment-submitted",
    "intake",
    "site/comment",
    "Every accepted revision of a comment and every withdrawal.",
    (CommentSubmitted, CommentWithdrawn),
    tombstones=True,
)
COMMENT_MODERATED = TopicSpec(
    "comment-moderated",
    "moderation",
    "site/comment",
    "Every decision on a comment, and what is public because of it.",
    (CommentModerated,),
    tombstones=True,
)
REVIEW_FEEDBACK = TopicSpec(
    "review-feedback",
    "intake",
    "site/content-kind/content/voter/feedback-kind",
    "Votes on reviews and comments, and reports of abuse.",
    (FeedbackGiven, FeedbackRemoved),
    tombstones=True,
)
CATALOG_UPDATED = TopicSpec(
    "catalog-updated",
    "intake",
    "site/kind/id",
    "Products, categories and brands as they are, and the vocabularies.",
    (ProductUpdated, CategoryUpdated, BrandUpdated, CatalogEntryRemoved, VocabularyUpdated),
    tombstones=True,
)

TOPICS: tuple[TopicSpec, ...] = (
    REVIEW_SUBMITTED,
    REVIEW_MODERATED,
    REPLY_POSTED,
    SITE_SETTINGS_CHANGED,
    COMMENT_SUBMITTED,
    COMMENT_MODERATED,
    REVIEW_FEEDBACK,
    CATALOG_UPDATED,
)


def ingest_topic(name: str) -> TopicSpec:
    """A topic on which another system sends submissions; which site it belongs to is intake's to know."""
    return TopicSpec(name, "other systems", "any", "Submissions of another system (untrusted).", config=INGEST)
