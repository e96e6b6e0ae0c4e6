"""A comment on a review in the vendor's shape."""

from __future__ import annotations

from services.query.bazaarvoice.labels import Json, Labels
from services.query.bazaarvoice.locales import vendor_locale
from services.query.bazaarvoice.render_parts import (
    badges,
    content_id,
    moment,
    photos,
    source,
    syndication_source,
    videos,
)
from services.query.core.answers import Row


def comment(row: Row, site: str, labels: Labels, moderator_codes: bool) -> Json:
    positive, negative = row["positive_votes"], row["negative_votes"]
    shown: Json = {
        "Id": str(row["comment_id"]),
        "CID": content_id(site, row["comment_id"]),
        "SourceClient": source(row, site),
        "ReviewId": str(row["review_id"]),
        "StoryId": None,
        "AuthorId": row["author_id"],
        "UserNickname": row["author_name"],
        "UserLocation": row["author_location"],
        "Title": row["title"],
        "CommentText": row["text"],
        "IsFeatured": row["is_featured"],
        "IsSyndicated": row["syndication"] is not None,
        "TotalFeedbackCount": positive + negative,
        "TotalPositiveFeedbackCount": positive,
        "TotalNegativeFeedbackCount": negative,
        "ModerationStatus": "APPROVED",
        "ContentLocale": vendor_locale(row["locale"]),
        "CampaignId": row["campaign_id"],
        "SubmissionId": row["submission_id"],
        "SubmissionTime": moment(row["comment_date"]),
        "LastModificationTime": moment(row["submitted_at"]),
        "LastModeratedTime": moment(row["published_at"]),
        "ProductRecommendationIds": [],
        "Photos": photos(found) if (found := row["photos"]) else [],
        "Videos": videos(found) if (found := row["videos"]) else [],
    }
    shown["Badges"], shown["BadgesOrder"] = badges(found, "COMMENT", labels) if (found := row["badges"]) else ({}, [])
    if row["syndication"] is not None:
        shown["SyndicationSource"] = syndication_source(row["syndication"])
    if moderator_codes:
        shown["ModeratorCodes"] = row["moderator_codes"]
    return shown
