"""Reviews and settings in the vendor's shapes: null where the type says null, absent where it says optional."""

from __future__ import annotations

from datetime import datetime

import orjson

from services.query.core.answers import ReviewPage, Site, Summary
from services.query.core.document import Column, Constant, Document, FirstReply, Member, Milliseconds, Plain
from services.query.lynkow.parameters import Listing

# Of other senders content may be shorter or longer than this dialect takes itself, and nameless: shown as approved.
REVIEW = Document(
    (
        Member("id", Plain(Column.REVIEW_ID)),
        Member("slug", Plain(Column.SLUG)),
        Member("status", Constant("approved")),
        Member("rating", Plain(Column.RATING)),
        Member("title", Plain(Column.TITLE)),
        Member("content", Plain(Column.TEXT, otherwise="")),
        Member("authorName", Plain(Column.AUTHOR_NAME, otherwise="Anonymous")),
        Member("authorEmail", Plain(Column.AUTHOR_EMAIL_MASKED), optional=True),
        Member("locale", Plain(Column.LOCALE)),
        Member("createdAt", Milliseconds(Column.CREATED_AT)),
        # One response here, several slots in the core.
        Member("response", FirstReply(text="content", posted_at="respondedAt"), optional=True),
    )
)


def timestamp(moment: datetime) -> str:
    """`2024-03-15T10:30:00.000+00:00`, of a moment in UTC; the same as a document's."""
    return moment.isoformat(timespec="milliseconds")


def review_list(page: ReviewPage, listing: Listing) -> bytes:
    total, per_page = page.total, listing.per_page
    return (
        f'{{"data":{page.documents},"meta":{{"total":{total},"perPage":{per_page},"currentPage":{listing.page},'
        f'"lastPage":{max(1, -(-total // per_page))}}}}}'
    ).encode()


def settings(site: Site) -> bytes:
    ours = site.settings
    fields = {
        name: {"enabled": field.enabled, "required": field.required}
        for name, field in (("email", ours.fields.email), ("title", ours.fields.title))
    }
    data = {
        "enabled": ours.enabled,
        "requireApproval": ours.require_approval,
        "allowAnonymous": ours.allow_anonymous,
        "minRating": ours.min_rating,
        "maxRating": ours.max_rating,
        "fields": fields,
    }
    return orjson.dumps({"data": data})


def summary(site: str, entity_id: str | None, found: Summary) -> bytes:
    """Neutral: the vendor has none."""
    distribution = {str(stars): count for stars, count in enumerate(found.ratings, start=1)}
    return orjson.dumps(
        {
            "site": site,
            "entity_id": entity_id,
            "count": found.review_count,
            "average": found.average,
            "distribution": distribution,
        }
    )
