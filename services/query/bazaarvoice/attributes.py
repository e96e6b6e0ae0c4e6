"""The vendor's names of what can be filtered and sorted by, as attributes of the core."""

from __future__ import annotations

from collections.abc import Mapping

from services.query.core.query import Attribute, Dimension, Field, Subject, has_attribute
from services.query.core.vocabulary import Vocabularies

_CONTENT = {
    "AuthorId": Field.AUTHOR_ID,
    "CampaignId": Field.CAMPAIGN_ID,
    "ContentLocale": Field.LOCALE,
    "IsFeatured": Field.IS_FEATURED,
    "LastModeratedTime": Field.PUBLISHED_AT,
    "LastModificationTime": Field.SUBMITTED_AT,
    "ProductId": Field.ENTITY_ID,
    "SubmissionId": Field.SUBMISSION_ID,
    "TotalFeedbackCount": Field.VOTES,
    "TotalNegativeFeedbackCount": Field.NEGATIVE_VOTES,
    "TotalPositiveFeedbackCount": Field.POSITIVE_VOTES,
    "UserLocation": Field.AUTHOR_LOCATION,
}
_REVIEW = _CONTENT | {
    "HasComments": Field.HAS_COMMENTS,
    "HasPhotos": Field.HAS_PHOTOS,
    "HasTags": Field.HAS_TAGS,
    "HasVideos": Field.HAS_VIDEOS,
    "Id": Field.REVIEW_ID,
    "IsRatingsOnly": Field.IS_RATINGS_ONLY,
    "IsRecommended": Field.IS_RECOMMENDED,
    "IsSubjectActive": Field.IS_SUBJECT_ACTIVE,
    "IsSyndicated": Field.IS_SYNDICATED,
    "Rating": Field.RATING,
    "SubmissionTime": Field.REVIEW_DATE,
    "TotalCommentCount": Field.TOTAL_COMMENTS,
}
_COMMENT = _CONTENT | {
    "Id": Field.COMMENT_ID,
    "ReviewId": Field.REVIEW_ID,
    "SubmissionTime": Field.COMMENT_DATE,
}
_PRODUCT = {
    "AverageOverallRating": Field.AVERAGE_RATING,
    "CategoryId": Field.CATEGORY_ID,
    "Id": Field.PRODUCT_ID,
    "IsActive": Field.IS_ACTIVE,
    "IsDisabled": Field.IS_DISABLED,
    "LastReviewTime": Field.LAST_REVIEW_DATE,
    "Name": Field.NAME,
    "RatingsOnlyReviewCount": Field.RATINGS_ONLY_COUNT,
    "TotalReviewCount": Field.REVIEW_COUNT,
}
_CATEGORY = {
    "Id": Field.CATEGORY_ID,
    "Name": Field.NAME,
    "ParentId": Field.PARENT_ID,
}
_AUTHOR = {
    "Id": Field.AUTHOR_ID,
    "LastModeratedTime": Field.PUBLISHED_AT,
    "SubmissionTime": Field.CONTENT_DATE,
    "TotalCommentCount": Field.TOTAL_COMMENTS,
    "TotalReviewCount": Field.REVIEW_COUNT,
    "UserLocation": Field.AUTHOR_LOCATION,
    "UserNickname": Field.AUTHOR_NAME,
}
_ANCESTOR = {"CategoryAncestorId": Field.CATEGORY_ANCESTOR_ID}
_CODE = {"ModeratorCode": Field.MODERATOR_CODE}

FILTERS: Mapping[Subject, Mapping[str, Field]] = {
    Subject.REVIEWS: _REVIEW | _ANCESTOR | _CODE | {"Affiliation": Field.AFFILIATION, "ProductBrandId": Field.BRAND_ID},
    Subject.COMMENTS: _COMMENT | _ANCESTOR | _CODE,
    Subject.PRODUCTS: _PRODUCT | _ANCESTOR,
    Subject.CATEGORIES: _CATEGORY | _ANCESTOR,
    Subject.AUTHORS: _AUTHOR,
}
SORTS: Mapping[Subject, Mapping[str, Field]] = {
    Subject.REVIEWS: _REVIEW | {"Helpfulness": Field.HELPFULNESS},
    Subject.COMMENTS: _COMMENT,
    Subject.PRODUCTS: _PRODUCT | {"Rating": Field.AVERAGE_RATING},
    Subject.CATEGORIES: _CATEGORY,
    Subject.AUTHORS: _AUTHOR,
}
DYNAMIC: Mapping[str, Dimension] = {
    "AdditionalField_": Dimension.ADDITIONAL_FIELD,
    "ContextDataValue_": Dimension.CONTEXT_DATA,
    "SecondaryRating_": Dimension.SECONDARY_RATING,
    "Tag_": Dimension.TAG,
}
"""Prefixes; the rest of such a name is an id of the site's vocabularies, in any case. Nothing is sorted by tags."""

_FILTERS = {subject: {name.lower(): field for name, field in names.items()} for subject, names in FILTERS.items()}
_SORTS = {subject: {name.lower(): field for name, field in names.items()} for subject, names in SORTS.items()}
_DYNAMIC = {prefix.lower(): dimension for prefix, dimension in DYNAMIC.items()}


def find_filter(subject: Subject, name: str, vocabularies: Vocabularies) -> Attribute | None:
    """None for a name that the subject has nothing of."""
    return _FILTERS[subject].get(name.lower()) or _dynamic(subject, name, vocabularies)


def find_sort(subject: Subject, name: str, vocabularies: Vocabularies) -> Attribute | None:
    found = _SORTS[subject].get(name.lower())
    if found is not None or name.lower().startswith("tag_"):
        return found
    return _dynamic(subject, name, vocabularies)


def _dynamic(subject: Subject, name: str, vocabularies: Vocabularies) -> Attribute | None:
    kind, underscore, rest = name.partition("_")
    dimension = _DYNAMIC.get((kind + underscore).lower())
    if dimension is None:
        return None
    attribute = vocabularies.resolve(dimension, rest)
    return attribute if attribute is not None and has_attribute(subject, attribute) else None
