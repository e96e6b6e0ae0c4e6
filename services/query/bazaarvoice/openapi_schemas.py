"""Schemas of the answers for the OpenAPI description: every member that an answer may have, and no other."""

from __future__ import annotations

from collections.abc import Mapping

from services.query.bazaarvoice.errors import Code
from services.query.bazaarvoice.form_errors import FormCode
from services.query.bazaarvoice.jsonp import MAX_CALLBACK
from services.query.bazaarvoice.paging import MAX_LIMIT, MAX_OFFSET
from services.query.core.query import Subject

Schema = dict[str, object]

NAMES = {
    Subject.REVIEWS: "Review",
    Subject.PRODUCTS: "Product",
    Subject.AUTHORS: "Author",
    Subject.CATEGORIES: "Category",
    Subject.COMMENTS: "Comment",
}
INCLUDED = {
    Subject.REVIEWS: "Reviews",
    Subject.PRODUCTS: "Products",
    Subject.AUTHORS: "Authors",
    Subject.CATEGORIES: "Categories",
    Subject.COMMENTS: "Comments",
}

TEXT: Schema = {"type": "string"}
MAYBE: Schema = {"type": ["string", "null"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
MAYBE_FLAG: Schema = {"type": ["boolean", "null"]}
ID: Schema = {"type": "string", "pattern": "^[0-9]+$"}
TIME: Schema = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}\+00:00$"}
MAYBE_TIME: Schema = {**TIME, "type": ["string", "null"]}
MODERATED: Schema = {"const": "APPROVED"}
AVERAGE: Schema = {"type": ["number", "null"], "minimum": 0, "maximum": 5}
RANGE: Schema = {"const": 5}
NOTHING: Schema = {"type": "object", "maxProperties": 0}
NONE: Schema = {"type": "array", "maxItems": 0}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def by_id(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema}


def members(always: Mapping[str, Schema], sometimes: Mapping[str, Schema] | None = None) -> Schema:
    """An object with all of `always`, any of `sometimes` and nothing else."""
    return {
        "type": "object",
        "required": sorted(always),
        "properties": {**always, **(sometimes or {})},
        "additionalProperties": False,
    }


def ordered(name: str, schema: Schema) -> dict[str, Schema]:
    """The pair of members in which the vendor puts what has an id and an order."""
    return {name: by_id(schema), f"{name}Order": list_of(TEXT)}


def schemas() -> dict[str, Schema]:
    """By name, for `components`."""
    return {**_parts(), **_content(), **_envelopes(), **_submission(), **_responses()}


def page_of(subject: Subject) -> str:
    return f"{NAMES[subject]}Page"


def callback() -> Schema:
    return {"type": "string", "pattern": r"^[A-Za-z0-9_.]+$", "maxLength": MAX_CALLBACK}


_RANGE: dict[str, Schema] = {
    "ValueRange": {"type": "integer"},
    "MinLabel": MAYBE,
    "MaxLabel": MAYBE,
    "DisplayType": TEXT,
}


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
        **dict.fromkeys(("AuthorId", "UserNickname", "UserLocation", "Title", "CampaignId"), MAYBE),
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


def _envelopes() -> dict[str, Schema]:
    included: dict[str, Schema] = {}
    for subject, name in INCLUDED.items():
        included |= ordered(name, ref(NAMES[subject]))
    none_or_zero: Schema = {"enum": [0, None]}
    found = {page_of(subject): _page(ref(name), members({}, included)) for subject, name in NAMES.items()}
    return found | {
        "StatisticsPage": _page(ref("ProductStatistics"), NOTHING),
        "Error": members({"Message": TEXT, "Code": {"enum": [code.value for code in Code]}}),
        "Failure": members(
            {
                **dict.fromkeys(("Limit", "Offset", "TotalResults"), none_or_zero),
                "Locale": MAYBE,
                "Results": NONE,
                "Includes": NOTHING,
                "HasErrors": {"const": True},
                "Errors": {**list_of(ref("Error")), "minItems": 1},
            }
        ),
    }


def _page(result: Schema, included: Schema) -> Schema:
    return members(
        {
            "Limit": {**COUNT, "maximum": MAX_LIMIT},
            "Offset": {**COUNT, "maximum": MAX_OFFSET},
            "TotalResults": COUNT,
            "Locale": TEXT,
            "Results": {**list_of(result), "maxItems": MAX_LIMIT},
            "Includes": included,
            "HasErrors": {"const": False},
            "Errors": NONE,
        }
    )


def _submission() -> dict[str, Schema]:
    """`Review`, `Comment` and `Feedback` say back what was just sent, and are not those of display."""
    field_error = members({"Field": TEXT, "Message": TEXT, "Code": {"enum": [code.value for code in FormCode]}})
    form_errors = members({**ordered("FieldErrors", field_error), "GroupErrors": NOTHING, "GroupErrorsOrder": NONE})
    named = members({"Type": {"enum": ["Field", "Group"]}, "Id": TEXT})
    length: Schema = {"type": ["integer", "null"], "minimum": 0}
    form_field = members(
        {
            "Options": list_of(members({"Label": MAYBE, "Value": TEXT, "Selected": FLAG})),
            **dict.fromkeys(("Type", "Id"), TEXT),
            "Required": FLAG,
            **dict.fromkeys(("Label", "Value", "Default"), MAYBE),
            **dict.fromkeys(("MinLength", "MaxLength"), length),
        }
    )
    group = members(
        {
            "Type": {"const": "InputGroup"},
            "SubElements": list_of(named),
            "Required": FLAG,
            "Label": MAYBE,
            "Id": TEXT,
        }
    )
    said: dict[str, Schema] = {
        "SubmissionTime": TIME,
        "SubmissionId": {"type": "null"},
        "Title": MAYBE,
        "TypicalHoursToPost": {"type": "null"},
        "SendEmailAlertWhenPublished": {"const": False},
    }
    review: dict[str, Schema] = {
        **said,
        "Id": {"type": "null"},
        "SendEmailAlertWhenCommented": {"const": False},
        "Rating": {"type": "integer"},
        "ReviewText": MAYBE,
        "IsRecommended": MAYBE_FLAG,
    }
    comment: dict[str, Schema] = {**said, "Id": MAYBE, "CommentText": MAYBE}
    helpful = members({"Helpfulness": members({"Vote": {"enum": ["POSITIVE", "NEGATIVE"]}, "AuthorId": TEXT})})
    reported = members({"Inappropriate": members({"ReasonText": MAYBE, "AuthorId": TEXT})})
    answer: dict[str, Schema] = {
        "Locale": MAYBE,
        "Errors": list_of(ref("Error")),
        "Form": list_of(named),
        "FormErrors": {"oneOf": [form_errors, NOTHING]},
        "SubmissionId": MAYBE,
        "TypicalHoursToPost": {"type": ["integer", "null"]},
        "Data": {"oneOf": [members({**ordered("Fields", ref("FormField")), **ordered("Groups", group)}), NOTHING]},
        "HasErrors": FLAG,
    }
    token: dict[str, Schema] = {"AuthorSubmissionToken": {"type": "null"}}
    return {
        "FormField": form_field,
        "SubmissionAnswer": members(
            answer,
            {
                **token,
                "Review": members(review),
                "Comment": members(comment),
                "Feedback": {"oneOf": [helpful, reported]},
            },
        ),
    }


def _responses() -> dict[str, Schema]:
    """Of the response API, which has an envelope of its own."""
    attributes = ("responseBy", "department", "responseType", "responseSource")
    response = members(
        {
            "type": {"const": "clientResponse"},
            "id": {"type": "string", "format": "uuid"},
            "attributes": members(
                {"response": TEXT, "created": TEXT, "updated": TEXT, **dict.fromkeys(attributes, MAYBE)}
            ),
            "relationships": members(
                {"review": members({"data": members({"type": {"const": "review"}, "id": ID, "clientName": TEXT})})}
            ),
        }
    )
    problem = members({"status": TEXT, "title": TEXT, "detail": TEXT}, {"source": members({"pointer": TEXT})})
    return {
        "WrittenResponse": response,
        "Problems": members({"errors": {**list_of(problem), "minItems": 1}}),
    }
