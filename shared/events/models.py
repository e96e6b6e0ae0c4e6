"""Every event that Plaudit writes, one model per type and version.

Events carry state: a reader keeps, per key, the event with the highest `sequence` and needs nothing else. Readers
ignore fields that they do not know, so that a newer writer may run beside an older reader.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.events.catalog import Brand, CatalogKind, Category, Product
from shared.events.content import CommentContent, ReviewContent
from shared.events.ids import catalog_key, comment_key, feedback_key, reply_key, review_key, site_key
from shared.events.settings import SiteSettings
from shared.events.vocabulary import Vocabulary

Status = Literal["approved", "held", "rejected", "withdrawn"]
ActorKind = Literal["policy", "person", "system"]
Channel = Literal["api", "form", "ingest", "import"]
ContentKind = Literal["review", "comment"]
FeedbackKind = Literal["helpfulness", "inappropriate"]
Vote = Literal["positive", "negative", "inappropriate"]


class Event(BaseModel):
    """What all events have; `TYPE` without its version names the stream of facts, `VERSION` the shape."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]
    VERSION: ClassVar[int]

    site: str
    sequence: int = Field(ge=1, description="Grows strictly per key.")

    @property
    @abstractmethod
    def key(self) -> bytes:
        """Of the record on Kafka."""

    @property
    @abstractmethod
    def time(self) -> datetime:
        """When the fact became true; becomes `ce_time`."""


class ReviewEvent(Event):
    """About one review: all of them have its key."""

    review_id: int

    @property
    def key(self) -> bytes:
        return review_key(self.site, self.review_id)


class ReviewSubmitted(ReviewEvent):
    """A revision of a review as its author gave it. Not public by itself."""

    TYPE: ClassVar[str] = "review.submitted"
    VERSION: ClassVar[int] = 1

    revision: int = Field(ge=1)
    slug: str
    created_at: datetime = Field(description="When the review's first revision was accepted.")
    submitted_at: datetime = Field(description="When this revision was accepted.")
    content: ReviewContent
    channel: Channel
    source: str | None = None
    source_id: str | None = None
    source_version: int | None = None
    settings_version: int = Field(description="Settings of the site in force when the revision was accepted.")
    require_approval: bool

    @property
    def time(self) -> datetime:
        return self.submitted_at


class ReviewWithdrawn(ReviewEvent):
    """The review is gone for ever; nothing is published under its id again."""

    TYPE: ClassVar[str] = "review.withdrawn"
    VERSION: ClassVar[int] = 1

    revision: int = Field(ge=1, description="The last revision that there was.")
    reason: Literal["withdrawn", "erased"]
    withdrawn_at: datetime
    withdrawn_by: str = Field(description="The API key's id, or the ingest topic.")

    @property
    def time(self) -> datetime:
        return self.withdrawn_at


class SignalSummary(BaseModel):
    """What a detector saw, without the matched words: those stand in the case only."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    detector: str
    category: str
    severity: str | None = None
    field: str
    start: int = Field(description="Code points from the start of the field.")
    end: int


class Decision(BaseModel):
    """Who decided, by which rule, from which signals."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = Field(ge=1, description="Counts the decisions of this review, from 1.")
    actor_kind: ActorKind
    actor: str
    policy: str | None = None
    policy_version: int | None = None
    rule: str | None = None
    codes: tuple[str, ...] = ()
    signals: tuple[SignalSummary, ...] = ()
    decided_at: datetime


class Published(BaseModel):
    """All of a review that the public may see."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    revision: int = Field(ge=1)
    slug: str
    created_at: datetime
    submitted_at: datetime
    published_at: datetime
    content: ReviewContent
    is_featured: bool = False
    display_order: int | None = None
    codes: tuple[str, ...] = Field(default=(), description="Moderator codes of all decisions on this revision.")


class ReviewModerated(ReviewEvent):
    """The newest decision on a review, and what is public because of all of them."""

    TYPE: ClassVar[str] = "review.moderated"
    VERSION: ClassVar[int] = 1

    revision: int = Field(ge=1, description="The revision that was judged.")
    status: Status
    previous_status: Status | None = None
    decision: Decision
    published: Published | None = Field(description="The whole content that is public now, or null.")
    first_published_at: datetime | None = None
    publish_count: int = 0

    @property
    def time(self) -> datetime:
        return self.decision.decided_at


class ReplyPosted(Event):
    """A reply of the site's owner; it counts as approved by the key that posted it."""

    TYPE: ClassVar[str] = "reply.posted"
    VERSION: ClassVar[int] = 1

    reply_id: str
    review_id: int
    slot: int = Field(ge=0)
    text: str
    author_name: str | None = None
    posted_at: datetime = Field(description="When a reply was first set in this slot.")
    updated_at: datetime
    approved_by: str = Field(description="Id of the API key that posted it.")
    department: str | None = Field(default=None, description="Of the shop, as the reply is signed.")
    response_type: str | None = None
    response_source: str | None = None

    @property
    def key(self) -> bytes:
        return reply_key(self.site, self.reply_id)

    @property
    def time(self) -> datetime:
        return self.updated_at


class ReplyRemoved(Event):
    """The slot is empty; a later `reply.posted` may fill it again."""

    TYPE: ClassVar[str] = "reply.removed"
    VERSION: ClassVar[int] = 1

    reply_id: str
    review_id: int
    slot: int = Field(ge=0)
    removed_at: datetime
    removed_by: str

    @property
    def key(self) -> bytes:
        return reply_key(self.site, self.reply_id)

    @property
    def time(self) -> datetime:
        return self.removed_at


class SiteSettingsChanged(Event):
    """All settings of a site as they now are."""

    TYPE: ClassVar[str] = "site-settings.changed"
    VERSION: ClassVar[int] = 1

    name: str
    settings: SiteSettings
    changed_at: datetime
    changed_by: str

    @property
    def key(self) -> bytes:
        return site_key(self.site)

    @property
    def time(self) -> datetime:
        return self.changed_at


class CommentEvent(Event):
    """About one comment: all of them have its key."""

    comment_id: int
    review_id: int

    @property
    def key(self) -> bytes:
        return comment_key(self.site, self.comment_id)


class CommentSubmitted(CommentEvent):
    """A revision of a comment as its author gave it. Not public by itself."""

    TYPE: ClassVar[str] = "comment.submitted"
    VERSION: ClassVar[int] = 1

    revision: int = Field(ge=1)
    created_at: datetime = Field(description="When the comment's first revision was accepted.")
    submitted_at: datetime = Field(description="When this revision was accepted.")
    content: CommentContent
    channel: Channel
    source: str | None = None
    source_id: str | None = None
    source_version: int | None = None
    settings_version: int = Field(description="Settings of the site in force when the revision was accepted.")
    require_approval: bool

    @property
    def time(self) -> datetime:
        return self.submitted_at


class CommentWithdrawn(CommentEvent):
    """The comment is gone for ever; nothing is published under its id again."""

    TYPE: ClassVar[str] = "comment.withdrawn"
    VERSION: ClassVar[int] = 1

    revision: int = Field(ge=1, description="The last revision that there was.")
    reason: Literal["withdrawn", "erased"]
    withdrawn_at: datetime
    withdrawn_by: str = Field(description="The API key's id, or the ingest topic.")

    @property
    def time(self) -> datetime:
        return self.withdrawn_at


class PublishedComment(BaseModel):
    """All of a comment that the public may see, while its review is public."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    revision: int = Field(ge=1)
    created_at: datetime
    submitted_at: datetime
    published_at: datetime
    content: CommentContent
    is_featured: bool = False
    codes: tuple[str, ...] = Field(default=(), description="Moderator codes of all decisions on this revision.")


class CommentModerated(CommentEvent):
    """The newest decision on a comment, and what is public because of all of them."""

    TYPE: ClassVar[str] = "comment.moderated"
    VERSION: ClassVar[int] = 1

    revision: int = Field(ge=1, description="The revision that was judged.")
    status: Status
    previous_status: Status | None = None
    decision: Decision
    published: PublishedComment | None = Field(description="The whole content that is public now, or null.")
    first_published_at: datetime | None = None
    publish_count: int = 0

    @property
    def time(self) -> datetime:
        return self.decision.decided_at


class FeedbackGiven(Event):
    """One person's word on a review or comment: one per voter and kind, and the newest counts."""

    TYPE: ClassVar[str] = "feedback.given"
    VERSION: ClassVar[int] = 1

    content_kind: ContentKind
    content_id: int
    voter: str = Field(
        description="Random id within the site: of the person, or of the network where nobody says who they are."
    )
    kind: FeedbackKind
    vote: Vote = Field(description="`inappropriate` for that kind, else one of the other two.")
    reason: str | None = Field(default=None, description="Of a report, in the reporter's words.")
    given_at: datetime

    @property
    def key(self) -> bytes:
        return feedback_key(self.site, self.content_kind, self.content_id, self.voter, self.kind)

    @property
    def time(self) -> datetime:
        return self.given_at


class FeedbackRemoved(Event):
    """Taken back; a later `feedback.given` may give it again."""

    TYPE: ClassVar[str] = "feedback.removed"
    VERSION: ClassVar[int] = 1

    content_kind: ContentKind
    content_id: int
    voter: str
    kind: FeedbackKind
    removed_at: datetime

    @property
    def key(self) -> bytes:
        return feedback_key(self.site, self.content_kind, self.content_id, self.voter, self.kind)

    @property
    def time(self) -> datetime:
        return self.removed_at


class ProductUpdated(Event):
    """A product as it now is."""

    TYPE: ClassVar[str] = "product.updated"
    VERSION: ClassVar[int] = 1

    product: Product
    updated_at: datetime

    @property
    def key(self) -> bytes:
        return catalog_key(self.site, "product", self.product.id)

    @property
    def time(self) -> datetime:
        return self.updated_at


class CategoryUpdated(Event):
    """A category as it now is. Its parent may come later, or never."""

    TYPE: ClassVar[str] = "category.updated"
    VERSION: ClassVar[int] = 1

    category: Category
    updated_at: datetime

    @property
    def key(self) -> bytes:
        return catalog_key(self.site, "category", self.category.id)

    @property
    def time(self) -> datetime:
        return self.updated_at


class BrandUpdated(Event):
    """A brand as it now is."""

    TYPE: ClassVar[str] = "brand.updated"
    VERSION: ClassVar[int] = 1

    brand: Brand
    updated_at: datetime

    @property
    def key(self) -> bytes:
        return catalog_key(self.site, "brand", self.brand.id)

    @property
    def time(self) -> datetime:
        return self.updated_at


class CatalogEntryRemoved(Event):
    """The entry is out of the catalog; reviews of a removed product stay. A later update may bring it back.

    Of the kind `vocabulary` the entry is a locale, which has no vocabulary of its own any more.
    """

    TYPE: ClassVar[str] = "catalog-entry.removed"
    VERSION: ClassVar[int] = 1

    kind: Literal[CatalogKind, "vocabulary"]
    entry_id: str
    removed_at: datetime

    @property
    def key(self) -> bytes:
        return catalog_key(self.site, self.kind, self.entry_id)

    @property
    def time(self) -> datetime:
        return self.removed_at


class VocabularyUpdated(Event):
    """The vocabulary of one locale as it now is, or of all locales without one of their own (`*`)."""

    TYPE: ClassVar[str] = "vocabulary.updated"
    VERSION: ClassVar[int] = 1

    locale: str = Field(description="As in `en_US`, or `*`.")
    vocabulary: Vocabulary
    updated_at: datetime

    @property
    def key(self) -> bytes:
        return catalog_key(self.site, "vocabulary", self.locale)

    @property
    def time(self) -> datetime:
        return self.updated_at


EVENTS: tuple[type[Event], ...] = (
    ReviewSubmitted,
    ReviewWithdrawn,
    ReviewModerated,
    ReplyPosted,
    ReplyRemoved,
    SiteSettingsChanged,
    CommentSubmitted,
    CommentWithdrawn,
    CommentModerated,
    FeedbackGiven,
    FeedbackRemoved,
    ProductUpdated,
    CategoryUpdated,
    BrandUpdated,
    CatalogEntryRemoved,
    VocabularyUpdated,
)
