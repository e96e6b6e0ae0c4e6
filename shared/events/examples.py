"""One example of every event: shown in the contracts, and held against the schemas by tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from shared.events.content import ReviewContent
from shared.events.models import (
    Decision,
    Event,
    Published,
    ReplyPosted,
    ReplyRemoved,
    ReviewModerated,
    ReviewSubmitted,
    ReviewWithdrawn,
    SignalSummary,
    SiteSettingsChanged,
)
from shared.events.settings import FieldSettings, FormFields, SiteSettings

_SITE = "shop"
_REVIEW = 4_503_599_627_370_497
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
)

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
)

EXAMPLES: Mapping[type[Event], Event] = {type(event): event for event in _ALL}
