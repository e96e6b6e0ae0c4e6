"""One example of every event: shown in the contracts, and held against the schemas by tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from shared.events.catalog import Brand, CatalogAttribute, Category, Localized, Product
from shared.events.content import Badge, CommentContent, Photo, ReviewContent, ReviewDetails, VotesBefore
from shared.events.models import (
    BrandUpdated,
    CatalogEntryRemoved,
    CategoryUpdated,
    CommentModerated,
    CommentSubmitted,
    CommentWithdrawn,
    Decision,
    Event,
    FeedbackGiven,
    FeedbackRemoved,
    ProductUpdated,
    Published,
    PublishedComment,
    ReplyPosted,
    ReplyRemoved,
    ReviewModerated,
    ReviewSubmitted,
    ReviewWithdrawn,
    SignalSummary,
    SiteSettingsChanged,
    VocabularyUpdated,
)
from shared.events.settings import FieldSettings, FormFields, SiteSettings
from shared.events.vocabulary import ContextDataTerm, SecondaryRatingTerm, TagTerm, Vocabulary

_SITE = "shop"
_REVIEW = 4_503_599_627_370_497
_COMMENT = 4_503_599_627_374_593
_SUBMITTED = datetime(2026, 3, 14, 9, 26, 53, 589_793, tzinfo=UTC)
_DECIDED = datetime(2026, 3, 14, 9, 26, 53, 612_000, tzinfo=UTC)
_LATER = datetime(2026, 3, 20, 17, 0, tzinfo=UTC)

_CONTENT = ReviewContent(
    entity_id="kettle-2l",
    entity_name="Kettle, 2 litres",
    author_id="9f2c1a7be0d34c55",
    author_name="Zoë",
    author_email_masked="z***@example.com",
    rating=4,
    title="BOILS FAST",
    text="Quiet, and quick. The lid is stiff at first.",
    locale="en",
    review_date=datetime(2026, 3, 13, tzinfo=UTC),
    details=ReviewDetails(
        pros="Quick",
        cons="Stiff lid",
        is_recommended=True,
        secondary_ratings={"Quality": 5},
        context_data={"Age": "25to34"},
        tags={"Pro": ("Quiet", "Quick")},
        additional_fields={"Kitchen": "Small"},
        badges=(Badge(id="Staff", kind="Affiliation"),),
        photos=(Photo(id="1", url="https://shop.example/photos/1.jpg", caption="The kettle"),),
        author_location="Lisbon",
        votes_before=VotesBefore(positive=3, negative=1),
    ),
)
_COMMENT_CONTENT = CommentContent(
    author_id="51b0c7f2a9d84e06",
    author_name="Ana",
    title="The lid",
    text="Mine was stiff too, for a week.",
    locale="en",
)
_DECISION = Decision(
    version=1, actor_kind="policy", actor="default", policy="default", policy_version=1, rule="approve",
    decided_at=_DECIDED,
)  # fmt: skip

_ALL = (
    ReviewSubmitted(
        site=_SITE,
        sequence=1,
        review_id=_REVIEW,
        revision=1,
        slug="boils-fast-k7q2",
        created_at=_SUBMITTED,
        submitted_at=_SUBMITTED,
        content=_CONTENT,
        channel="ingest",
        source="old-shop",
        source_id="r-1001",
        source_version=3,
        settings_version=2,
        require_approval=False,
    ),
    ReviewWithdrawn(
        site=_SITE,
        sequence=2,
        review_id=_REVIEW,
        revision=1,
        reason="withdrawn",
        withdrawn_at=_LATER,
        withdrawn_by="k3y0fth3sh0p",
    ),
    ReviewModerated(
        site=_SITE,
        sequence=1,
        review_id=_REVIEW,
        revision=1,
        status="approved",
        previous_status=None,
        decision=Decision(
            version=1,
            actor_kind="policy",
            actor="default",
            policy="default",
            policy_version=1,
            rule="approve",
            codes=(),
            signals=(
                SignalSummary(detector="style", category="shouting", severity="low", field="title", start=0, end=10),
            ),
            decided_at=_DECIDED,
        ),
        published=Published(
            revision=1,
            slug="boils-fast-k7q2",
            created_at=_SUBMITTED,
            submitted_at=_SUBMITTED,
            published_at=_DECIDED,
            content=_CONTENT,
        ),
        first_published_at=_DECIDED,
        publish_count=1,
    ),
    ReplyPosted(
        site=_SITE,
        sequence=1,
        reply_id=f"{_REVIEW}.0",
        review_id=_REVIEW,
        slot=0,
        text="Thank you! A drop of oil helps the lid.",
        author_name="The shop",
        posted_at=_LATER,
        updated_at=_LATER,
        approved_by="k3y0fth3sh0p",
    ),
    ReplyRemoved(
        site=_SITE,
        sequence=2,
        reply_id=f"{_REVIEW}.0",
        review_id=_REVIEW,
        slot=0,
        removed_at=_LATER,
        removed_by="k3y0fth3sh0p",
    ),
    SiteSettingsChanged(
        site=_SITE,
        sequence=2,
        name="The shop",
        settings=SiteSettings(require_approval=True, fields=FormFields(title=FieldSettings(required=True))),
        changed_at=_LATER,
        changed_by="k3y0fth3sh0p",
    ),
    CommentSubmitted(
        site=_SITE,
        sequence=1,
        comment_id=_COMMENT,
        review_id=_REVIEW,
        revision=1,
        created_at=_SUBMITTED,
        submitted_at=_SUBMITTED,
        content=_COMMENT_CONTENT,
        channel="api",
        settings_version=2,
        require_approval=False,
    ),
    CommentWithdrawn(
        site=_SITE,
        sequence=2,
        comment_id=_COMMENT,
        review_id=_REVIEW,
        revision=1,
        reason="withdrawn",
        withdrawn_at=_LATER,
        withdrawn_by="k3y0fth3sh0p",
    ),
    CommentModerated(
        site=_SITE,
        sequence=1,
        comment_id=_COMMENT,
        review_id=_REVIEW,
        revision=1,
        status="approved",
        decision=_DECISION,
        published=PublishedComment(
            revision=1,
            created_at=_SUBMITTED,
            submitted_at=_SUBMITTED,
            published_at=_DECIDED,
            content=_COMMENT_CONTENT,
        ),
        first_published_at=_DECIDED,
        publish_count=1,
    ),
    FeedbackGiven(
        site=_SITE,
        sequence=1,
        content_kind="review",
        content_id=_REVIEW,
        voter="51b0c7f2a9d84e06",
        kind="helpfulness",
        vote="positive",
        given_at=_LATER,
    ),
    FeedbackRemoved(
        site=_SITE,
        sequence=2,
        content_kind="review",
        content_id=_REVIEW,
        voter="51b0c7f2a9d84e06",
        kind="helpfulness",
        removed_at=_LATER,
    ),
    ProductUpdated(
        site=_SITE,
        sequence=1,
        product=Product(
            id="kettle-2l",
            name="Kettle, 2 litres",
            category_id="Kitchen/Kettles",
            brand_id="boily",
            family_ids=("kettles-2026",),
            attributes={"colour": CatalogAttribute(label="Colour", values=("red", "white"))},
            eans=("4006381333931",),
            localized={"de_DE": Localized(name="Wasserkocher, 2 Liter")},
        ),
        updated_at=_LATER,
    ),
    CategoryUpdated(
        site=_SITE,
        sequence=1,
        category=Category(id="Kitchen/Kettles", name="Kettles", parent_id="Kitchen"),
        updated_at=_LATER,
    ),
    BrandUpdated(site=_SITE, sequence=1, brand=Brand(id="boily", name="Boily"), updated_at=_LATER),
    CatalogEntryRemoved(site=_SITE, sequence=2, kind="brand", entry_id="boily", removed_at=_LATER),
    VocabularyUpdated(
        site=_SITE,
        sequence=1,
        locale="en_GB",
        vocabulary=Vocabulary(
            secondary_ratings=(SecondaryRatingTerm(id="Quality", label="Quality of the product"),),
            context_data=(ContextDataTerm(id="Age", label="Your age", value_labels={"25to34": "25 to 34"}),),
            tags=(TagTerm(id="Pro", label="Pros"),),
        ),
        updated_at=_LATER,
    ),
)

EXAMPLES: Mapping[type[Event], Event] = {type(event): event for event in _ALL}
