"""A review in the vendor's shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.query.bazaarvoice.labels import Json, Labels, Terms
from services.query.bazaarvoice.locales import vendor_locale
from services.query.bazaarvoice.render_parts import (
    badges,
    content_id,
    context_data,
    moment,
    photos,
    source,
    syndication_source,
    videos,
)
from services.query.core.answers import Row

RATING_RANGE = 5


def review(row: Row, site: str, labels: Labels, moderator_codes: bool) -> Json:
    """Most reviews have none of the mappings, and those cost nothing."""
    positive, negative = row["positive_votes"], row["negative_votes"]
    votes, replies = positive + negative, row["replies"]
    shown: Json = {
        "Id": str(row["review_id"]),
        "CID": content_id(site, row["review_id"]),
        "SourceClient": source(row, site),
        "ProductId": row["entity_id"] or None,
        "OriginalProductName": row["entity_name"],
        "AuthorId": row["author_id"],
        "UserNickname": row["author_name"],
        "UserLocation": row["author_location"],
        "Title": row["title"],
        "ReviewText": row["text"],
        "Pros": row["pros"],
        "Cons": row["cons"],
        "Rating": row["rating"],
        "RatingRange": RATING_RANGE,
        "IsRatingsOnly": row["is_ratings_only"],
        "IsRecommended": row["is_recommended"],
        "IsFeatured": row["is_featured"],
        "IsSyndicated": row["syndication"] is not None,
        "Helpfulness": positive / votes if votes else None,
        "TotalFeedbackCount": votes,
        "TotalPositiveFeedbackCount": positive,
        "TotalNegativeFeedbackCount": negative,
        "TotalInappropriateFeedbackCount": row["abuse_reports"],
        # Who reported is nobody's business in public.
        "InappropriateFeedbackList": [],
        "TotalCommentCount": row["comment_count"],
        "CommentIds": [str(one) for one in ids] if (ids := row.get("comment_ids")) else [],
        "TotalClientResponseCount": len(replies),
        "ClientResponses": [_response(reply) for reply in replies] if replies else [],
        # Nothing else is ever shown in public.
        "ModerationStatus": "APPROVED",
        "ContentLocale": vendor_locale(row["locale"]),
        "CampaignId": row["campaign_id"],
        "SubmissionId": row["submission_id"],
        "SubmissionTime": moment(row["review_date"]),
        "LastModificationTime": moment(row["submitted_at"]),
        "LastModeratedTime": moment(row["published_at"]),
        "ProductRecommendationIds": row["product_recommendation_ids"],
        "Photos": photos(found) if (found := row["photos"]) else [],
        "Videos": videos(found) if (found := row["videos"]) else [],
    }
    shown["Badges"], shown["BadgesOrder"] = badges(found, "REVIEW", labels) if (found := row["badges"]) else ({}, [])
    shown["ContextDataValues"], shown["ContextDataValuesOrder"] = (
        context_data(found, labels) if (found := row["context_data"]) else ({}, [])
    )
    shown["SecondaryRatings"], shown["SecondaryRatingsOrder"] = (
        _secondary_ratings(found, labels) if (found := row["secondary_ratings"]) else ({}, [])
    )
    shown["TagDimensions"], shown["TagDimensionsOrder"] = _tags(found, labels) if (found := row["tags"]) else ({}, [])
    shown["AdditionalFields"], shown["AdditionalFieldsOrder"] = (
        _additional_fields(found, labels) if (found := row["additional_fields"]) else ({}, [])
    )
    if row["syndication"] is not None:
        shown["SyndicationSource"] = syndication_source(row["syndication"])
    if moderator_codes:
        shown["ModeratorCodes"] = row["moderator_codes"]
    return shown


def _response(reply: dict[str, Any]) -> Json:
    return {
        "Department": reply.get("department"),
        "Response": reply["text"],
        "ResponseType": reply.get("response_type"),
        "ResponseSource": reply.get("response_source"),
        "Name": reply.get("author_name"),
        # Within the row's JSON, and so as the projection wrote it, not as Postgres writes times.
        "Date": datetime.fromisoformat(reply["posted_at"]).astimezone(UTC).isoformat(timespec="milliseconds"),
    }


def _secondary_ratings(values: dict[str, int], labels: Labels) -> tuple[Json, list[str]]:
    terms = labels.secondary_ratings
    order, kept = terms.ordered(values), terms.rendered
    return {one: kept.get((one, values[one])) or _secondary_rating(one, values[one], terms) for one in order}, order


def _secondary_rating(dimension: str, value: int, terms: Terms) -> Json:
    term = terms.of(dimension)
    label = term.values.get(str(value))
    shown: Json = {"Id": dimension, "Value": value, "ValueLabel": label, "Label": term.label, **term.fixed}
    return terms.keep(dimension, value, shown)


def _tags(values: dict[str, list[str]], labels: Labels) -> tuple[Json, list[str]]:
    order = labels.tags.ordered(values)
    return {one: {"Id": one, "Label": labels.tags.of(one).label, "Values": values[one]} for one in order}, order


def _additional_fields(values: dict[str, str], labels: Labels) -> tuple[Json, list[str]]:
    order = labels.additional_fields.ordered(values)
    shown: Json = {}
    for field in order:
        one: Json = {"Id": field, "Value": values[field]}
        if (label := labels.additional_fields.of(field).label) is not None:
            one["Label"] = label
        shown[field] = one
    return shown, order
