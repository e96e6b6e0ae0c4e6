"""Generated reviews of a large shop as they stand on the topics: the same for the same numbers, however many there are.

Products' shares of the reviews fall with the 0.8th power of their rank, so of a million reviews the first product has
some 37,000 and the middle one 62. Every 20th product is in a family of two. One review in three comes with details.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from shared.events.catalog import Brand, Category, Product
from shared.events.cloudevents import Encoded, encode
from shared.events.content import CommentContent, Photo, ReviewContent, ReviewDetails, SyndicationSource
from shared.events.models import (
    BrandUpdated,
    CategoryUpdated,
    CommentModerated,
    Decision,
    Event,
    FeedbackGiven,
    ProductUpdated,
    Published,
    PublishedComment,
    ReviewModerated,
    ReviewSubmitted,
    SiteSettingsChanged,
    VocabularyUpdated,
)
from shared.events.settings import SiteSettings
from shared.events.topics import (
    CATALOG_UPDATED,
    COMMENT_MODERATED,
    REVIEW_FEEDBACK,
    REVIEW_MODERATED,
    REVIEW_SUBMITTED,
    SITE_SETTINGS_CHANGED,
)
from shared.events.vocabulary import ContextDataTerm, SecondaryRatingTerm, TagTerm, Vocabulary

SITE = "bench"
PRODUCTS = 10_000
_SKEW = 0.8
_START = datetime(2016, 1, 1, tzinfo=UTC)
_SECONDS = 10 * 365 * 24 * 3600
_AGES = ("under18", "18to24", "25to34", "35to44", "45to54", "55to64", "65plus")
_TAGS = ("Quality", "Fit", "Colour", "Price", "Comfort", "Easy to wash")
_WORDS = (
    "I ordered this in my usual size and it fits as expected, the fabric is soft and the colour is exactly as shown. "
    "Washed it twice already without any change. Shipping took a little longer than promised, but the shop answered at "
    "once. I would buy it again and have told two friends of it already. "
) * 3
_STARS = (5, 5, 5, 5, 5, 4, 4, 4, 3, 3, 2, 1)
_CUMULATED = list(accumulate(rank**-_SKEW for rank in range(1, PRODUCTS + 1)))


def product_id(rank: int) -> str:
    return f"product-{rank}"


def random_product(rng: random.Random) -> int:
    """A rank from 0, as often as reviews are of it: readers look where writers wrote."""
    return bisect(_CUMULATED, rng.random() * _CUMULATED[-1])


def shop() -> Iterator[Encoded]:
    """The site, its catalog and its vocabulary."""
    settings = SiteSettings()
    yield encode(
        SITE_SETTINGS_CHANGED,
        SiteSettingsChanged(site=SITE, sequence=1, name="Bench", settings=settings, changed_at=_START, changed_by="b"),
    )
    for branch in range(20):
        for leaf in range(10):
            parent = None if leaf == 0 else f"department-{branch}"
            entry = Category(id=_category(branch, leaf), name=f"Category {branch}.{leaf}", parent_id=parent)
            yield encode(CATALOG_UPDATED, CategoryUpdated(site=SITE, sequence=1, category=entry, updated_at=_START))
    for number in range(100):
        brand = Brand(id=f"brand-{number}", name=f"Brand {number}")
        yield encode(CATALOG_UPDATED, BrandUpdated(site=SITE, sequence=1, brand=brand, updated_at=_START))
    for rank in range(PRODUCTS):
        product = Product(
            id=product_id(rank),
            name=f"Linen shirt number {rank}",
            description="With long sleeves.",
            image_url=f"https://shop.example/images/{rank}.jpg",
            page_url=f"https://shop.example/products/{rank}",
            category_id=_category(rank % 20, 1 + rank % 9),
            brand_id=f"brand-{rank % 100}",
            family_ids=(f"family-{rank // 40}",) if rank % 20 == 0 else (),
            eans=(f"{4_000_000_000_000 + rank}",),
        )
        yield encode(CATALOG_UPDATED, ProductUpdated(site=SITE, sequence=1, product=product, updated_at=_START))
    vocabulary = Vocabulary(
        secondary_ratings=(SecondaryRatingTerm(id="Quality", label="Quality"), SecondaryRatingTerm(id="Fit")),
        context_data=(ContextDataTerm(id="Age", label="Age", value_labels={age: age for age in _AGES}),),
        tags=(TagTerm(id="Pro", label="Pros"),),
    )
    event = VocabularyUpdated(site=SITE, sequence=1, locale="*", vocabulary=vocabulary, updated_at=_START)
    yield encode(CATALOG_UPDATED, event)


def reviews(first: int, last: int) -> Iterator[Encoded]:
    """Of the numbers from `first` to before `last`: submission and decision, and what others said of the review."""
    for number in range(first, last):
        rng = random.Random(number)
        at = _START + timedelta(seconds=rng.randrange(_SECONDS))
        content = _content(number, rng, at)
        submitted = ReviewSubmitted(
            site=SITE, sequence=1, review_id=number, revision=1, slug=f"fits-well-{number}", created_at=at,
            submitted_at=at, content=content, channel="import", source="bench", source_id=str(number),
            settings_version=1, require_approval=False,
        )  # fmt: skip
        decided = at + timedelta(seconds=1)
        decision = Decision(
            version=1, actor_kind="policy", actor="default", policy="default", policy_version=1, rule="approve",
            decided_at=decided,
        )  # fmt: skip
        published = Published(
            revision=1, slug=submitted.slug, created_at=at, submitted_at=at, published_at=decided, content=content,
            is_featured=rng.random() < 0.001,
        )  # fmt: skip
        moderated = ReviewModerated(
            site=SITE, sequence=1, review_id=number, revision=1, status="approved", decision=decision,
            published=published, first_published_at=decided, publish_count=1,
        )  # fmt: skip
        yield encode(REVIEW_SUBMITTED, submitted)
        yield encode(REVIEW_MODERATED, moderated)
        if rng.random() < 0.1:
            yield encode(REVIEW_FEEDBACK, _vote(number, rng, at))
        if rng.random() < 0.02:
            yield encode(COMMENT_MODERATED, _comment(number, at, decision))


def _content(number: int, rng: random.Random, at: datetime) -> ReviewContent:
    rank = random_product(rng)
    return ReviewContent(
        entity_id=product_id(rank),
        entity_name=f"Linen shirt number {rank}",
        author_id=f"author-{rng.randrange(400_000)}" if rng.random() < 0.8 else None,
        author_name="Jane D.",
        rating=rng.choice(_STARS),
        title="Fits well, washes well",
        text=_WORDS[: rng.randrange(80, 500)],
        locale=rng.choice(("en-US", "en-US", "en-GB", "de-DE", "fr-FR")),
        review_date=at,
        details=_details(number, rng) if rng.random() < 1 / 3 else None,
    )


def _details(number: int, rng: random.Random) -> ReviewDetails:
    photo = Photo(id="1", url=f"https://shop.example/photos/{number}.jpg")
    return ReviewDetails(
        is_recommended=rng.random() < 0.8,
        context_data={"Age": rng.choice(_AGES)},
        secondary_ratings={"Quality": rng.randint(1, 5), "Fit": rng.randint(1, 5)},
        tags={"Pro": (rng.choice(_TAGS),)} if rng.random() < 0.3 else {},
        photos=(photo,) if rng.random() < 0.1 else (),
        author_location="Lisbon" if rng.random() < 0.5 else None,
        is_incentivized=rng.random() < 0.05,
        syndication=SyndicationSource(name="Another shop") if rng.random() < 0.05 else None,
    )


def _vote(number: int, rng: random.Random, at: datetime) -> Event:
    return FeedbackGiven(
        site=SITE, sequence=1, content_kind="review", content_id=number, voter=f"voter-{rng.randrange(100_000)}",
        kind="helpfulness", vote=rng.choice(("positive", "positive", "negative")), given_at=at,
    )  # fmt: skip


def _comment(number: int, at: datetime, decision: Decision) -> Event:
    content = CommentContent(author_name="Ana", text="Thank you, that helped me to choose.", locale="en-US")
    published = PublishedComment(revision=1, created_at=at, submitted_at=at, published_at=at, content=content)
    return CommentModerated(
        site=SITE, sequence=1, comment_id=2**40 + number, review_id=number, revision=1, status="approved",
        decision=decision, published=published, first_published_at=at, publish_count=1,
    )  # fmt: skip


def _category(branch: int, leaf: int) -> str:
    return f"department-{branch}" if leaf == 0 else f"department-{branch}/category-{leaf}"
