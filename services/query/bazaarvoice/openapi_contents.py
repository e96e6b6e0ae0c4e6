"""Schemas of what display answers show: every member that there may be of contents and their parts, and no other."""

from __future__ import annotations

from services.query.bazaarvoice.openapi_schemas import (
    AVERAGE,
    COUNT,
    FLAG,
    ID,
    MAYBE,
    MAYBE_FLAG,
    MAYBE_TIME,
    MODERATED,
    NONE,
    NOTHING,
    RANGE,
    TEXT,
    TIME,
    Schema,
    by_id,
    list_of,
    members,
    ordered,
    ref,
)

_RANGE: dict[str, Schema] = {
    "ValueRange": {"type": "integer"},
    "MinLabel": MAYBE,
    "MaxLabel": MAYBE,
    "DisplayType": TEXT,
}


def schemas() -> dict[str, Schema]:
    return {**_parts(), **_content()}


def _parts() -> dict[str, Schema]:
    counted = {"Value": TEXT, "Count": COUNT}
    labelled = members(counted, {"ValueLabel": TEXT})
    averages = members({"Id": TEXT, "AverageRating": {"type": "number"}, **_RANGE}, {"Label": TEXT})
    statistics: dict[str, Schema] = {
        "TotalReviewCount": COUNT,
        "RatingsOnlyReviewCount": COUNT,
        "FeaturedReviewCount": COUNT,
        "RecommendedCount": COUNT,
        "NotRecommendedCount": COUNT,
        "HelpfulVoteCount": COUNT,
        "NotHelpfulVoteCount": COUNT,
        "AverageOverallRating": AVERAGE,
        "OverallRatingRange": RANGE,
        "RatingDistribution": list_of(
            members({"RatingValue": {"type": "integer", "minimum": 1, "maximum": 5}, "Count": COUNT})
        ),
        "FirstSubmissionTime": MAYBE_TIME,
        "LastSubmissionTime": MAYBE_TIME,
        **ordered("SecondaryRatingsAverages", averages),
        **ordered("ContextDataDistribution", members({"Id": TEXT, "Values": list_of(labelled)}, {"Label": TEXT})),
        **ordered("TagDistribution", members({"Id": TEXT, "Values": list_of(members(counted))}, {"Label": TEXT})),
    }
    summary: dict[str, Schema] = {
        "AverageOverallRating": AVERAGE,
        "TotalReviewCount": COUNT,
        "OverallRatingRange": RANGE,
    }
    incentivized = {"IncentivizedReviewCount": COUNT}
    one_size = members({"Id": TEXT, "Url": TEXT})
    video = ("VideoId", "VideoHost", "VideoIframeUrl", "VideoThumbnailUrl", "Caption")
    response = ("Department", "ResponseType", "ResponseSource", "Name")
    return {
        "ReviewStatistics": members(statistics, incentivized),
        "ReviewSummary": members(summary, incentivized),
        "Badge": members({"Id": TEXT, "BadgeType": TEXT, "ContentType": TEXT}),
        "Photo": members(
            {"Id": MAYBE, "Caption": MAYBE, "Sizes": by_id(one_size), "SizesOrder": list_of(TEXT)},
        ),
        "Video": members({"VideoUrl": TEXT, **dict.fromkeys(video, MAYBE)}),
        "SyndicationSource": members({"Name": TEXT, "LogoImageUrl": MAYBE, "ContentLink": MAYBE}),
        "ClientResponse": members({"Response": TEXT, "Date": TIME, **dict.fromkeys(response, MAYBE)}),
        "ContextDataValue": members({"Id": TEXT, "Value": TEXT}, {"ValueLabel": TEXT, "DimensionLabel": TEXT}),
        "SecondaryRating": members(
            {"Id": TEXT, "Value": {"type": "integer"}, "ValueLabel": MAYBE, "Label": MAYBE, **_RANGE}
        ),
        "TagDimension": members({"Id": TEXT, "Label": MAYBE, "Values": list_of(TEXT)}),
        "AdditionalField": members({"Id": TEXT, "Value": TEXT}, {"Label": TEXT}),
        "Attribute": members(
            {"Id": TEXT, "Values": list_of(members({"Value": TEXT, "Locale": MAYBE}))}, {"Label": TEXT}
        ),
    }


def _content() -> dict[str, Schema]:
    votes: dict[str, Schema] = dict.fromkeys(
        ("TotalFeedbackCount", "TotalPositiveFeedbackCount", "TotalNegativeFeedbackCount"), COUNT
    )
    shared: dict[str, Schema] = {
        "Id": ID,
        "CID": TEXT,
        "SourceClient": TEXT,
        "AuthorId": TEXT,
        **dict.fromkeys(("UserNickname", "UserLocation", "Title", "CampaignId"), MAYBE),
        **dict.fromkeys(("SubmissionTime", "LastModificationTime", "LastModeratedTime"), TIME),
        "IsFeatured": FLAG,
        "IsSyndicated": FLAG,
        **votes,
        "ModerationStatus": MODERATED,
        "ContentLocale": TEXT,
        "SubmissionId": TEXT,
        "ProductRecommendationIds": list_of(TEXT),
        "Photos": list_of(ref("Photo")),
        "Videos": list_of(ref("Video")),
        **ordered("Badges", ref("Badge")),
    }
    sometimes: dict[str, Schema] = {"SyndicationSource": ref("SyndicationSource"), "ModeratorCodes": list_of(TEXT)}
    statistics: dict[str, Schema] = dict.fromkeys(
        ("ReviewStatistics", "FilteredReviewStatistics"), ref("ReviewStatistics")
    )
    statistics["TotalReviewCount"] = COUNT
    review: dict[str, Schema] = {
        **shared,
        **dict.fromkeys(("ProductId", "OriginalProductName", "ReviewText", "Pros", "Cons"), MAYBE),
        "Rating": {"type": "integer", "minimum": 1, "maximum": 5},
        "RatingRange": RANGE,
        "IsRatingsOnly": FLAG,
        "IsRecommended": MAYBE_FLAG,
        "Helpfulness": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "TotalInappropriateFeedbackCount": COUNT,
        "InappropriateFeedbackList": NONE,
        "TotalCommentCount": COUNT,
        "CommentIds": list_of(ID),
        "TotalClientResponseCount": COUNT,
        "ClientResponses": list_of(ref("ClientResponse")),
        **ordered("ContextDataValues", ref("ContextDataValue")),
        **ordered("SecondaryRatings", ref("SecondaryRating")),
        **ordered("TagDimensions", ref("TagDimension")),
        **ordered("AdditionalFields", ref("AdditionalField")),
    }
    comment: dict[str, Schema] = {**shared, "ReviewId": ID, "StoryId": {"type": "null"}, "CommentText": TEXT}
    words = ("Name", "Description", "ImageUrl", "ProductPageUrl", "CategoryId", "BrandExternalId")
    identifiers = ("FamilyIds", "EANs", "UPCs", "ISBNs", "ModelNumbers", "ManufacturerPartNumbers")
    product: dict[str, Schema] = {
        "Id": TEXT,
        **dict.fromkeys(words, MAYBE),
        "Brand": {"oneOf": [members({"Id": TEXT, "Name": MAYBE}), NOTHING]},
        "Active": FLAG,
        "Disabled": FLAG,
        **dict.fromkeys(identifiers, list_of(TEXT)),
        **ordered("Attributes", ref("Attribute")),
        "ReviewIds": list_of(ID),
        "QuestionIds": NONE,
        "StoryIds": NONE,
    }
    category: dict[str, Schema] = {
        "Id": TEXT,
        **dict.fromkeys(("Name", "ParentId", "ImageUrl", "CategoryPageUrl"), MAYBE),
        "ProductIds": list_of(TEXT),
        "QuestionIds": NONE,
        "StoryIds": NONE,
        **ordered("Attributes", ref("Attribute")),
    }
    empty = ("QuestionIds", "AnswerIds", "StoryIds", "ThirdPartyIds", "ProductRecommendationIds", "Photos", "Videos")
    author: dict[str, Schema] = {
        "Id": TEXT,
        **dict.fromkeys(("UserNickname", "Location", "SubmissionId"), MAYBE),
        "ContributorRank": TEXT,
        "ModerationStatus": MODERATED,
        "SubmissionTime": TIME,
        "LastModeratedTime": TIME,
        "ReviewIds": list_of(ID),
        "CommentIds": list_of(ID),
        **dict.fromkeys(empty, NONE),
        "Avatar": NOTHING,
        **dict.fromkeys(("SecondaryRatings", "AdditionalFields"), NOTHING),
        **dict.fromkeys(("SecondaryRatingsOrder", "AdditionalFieldsOrder"), NONE),
        **ordered("Badges", ref("Badge")),
        **ordered("ContextDataValues", ref("ContextDataValue")),
    }
    summaries: dict[str, Schema] = dict.fromkeys(("ReviewStatistics", "NativeReviewStatistics"), ref("ReviewSummary"))
    return {
        "Review": members(review, sometimes),
        "Comment": members(comment, sometimes),
        "Product": members(product, statistics),
        "Category": members(category),
        "Author": members(author, statistics),
        "ProductStatistics": members({"ProductStatistics": members({"ProductId": TEXT}, summaries)}),
    }
