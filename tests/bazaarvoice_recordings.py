"""The vendor's recorded answers as rows of the core, so that ours of the same content can be held against them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from services.query.core.answers import Row, Statistics
from services.query.core.vocabulary import Vocabularies
from shared.events.vocabulary import ContextDataTerm, SecondaryRatingTerm, TagTerm, Vocabulary
from tests.bazaarvoice_examples import author_row, comment_row, product_row, review_row, statistics

FOLDER = Path(__file__).parents[2] / "shared" / "fixtures" / "bazaarvoice"
"""Beside the checkout, where there is one."""

Recorded = Mapping[str, Any]


def recorded(name: str) -> Any:
    return orjson.loads((FOLDER / name).read_bytes())


def review_of(one: Recorded) -> Row:
    return review_row(
        **_content(one),
        review_id=int(one["Id"]),
        entity_id=one["ProductId"],
        text=one["ReviewText"],
        pros=one["Pros"],
        cons=one["Cons"],
        rating=one["Rating"],
        is_ratings_only=one["IsRatingsOnly"],
        is_recommended=one["IsRecommended"],
        review_date=_time(one["SubmissionTime"]),
        abuse_reports=one.get("TotalInappropriateFeedbackCount", 0),
        comment_count=one["TotalCommentCount"],
        comment_ids=[int(comment) for comment in one["CommentIds"]],
        product_recommendation_ids=one["ProductRecommendationIds"],
        secondary_ratings=_values(one["SecondaryRatings"]),
        context_data=_values(one["ContextDataValues"]),
        tags={key: tag["Values"] for key, tag in one["TagDimensions"].items()} or None,
        additional_fields=_values(one["AdditionalFields"]),
    )


def comment_of(one: Recorded) -> Row:
    return comment_row(
        **_content(one),
        comment_id=int(one["Id"]),
        review_id=int(one["ReviewId"]),
        text=one["CommentText"],
        comment_date=_time(one["SubmissionTime"]),
    )


def _content(one: Recorded) -> dict[str, Any]:
    source = one.get("SyndicationSource")
    return {
        "title": one["Title"],
        "author_id": one["AuthorId"],
        "author_name": one["UserNickname"],
        "author_location": one["UserLocation"],
        "locale": one["ContentLocale"].replace("_", "-"),
        "submitted_at": _time(one["LastModificationTime"]),
        "published_at": _time(one["LastModeratedTime"]),
        "is_featured": one["IsFeatured"],
        "badges": _badges(one["Badges"]),
        "photos": [_photo(photo) for photo in one["Photos"]] or None,
        "videos": [_video(video) for video in one["Videos"]] or None,
        "campaign_id": one["CampaignId"],
        "submission_id": one["SubmissionId"],
        "positive_votes": one["TotalPositiveFeedbackCount"],
        "negative_votes": one["TotalNegativeFeedbackCount"],
        "syndication": source
        and {"name": source["Name"], "logo_url": source["LogoImageUrl"], "content_link": source["ContentLink"]},
    }


def product_of(one: Recorded) -> Row:
    brand = one["Brand"]
    return product_row(
        product_id=one["Id"],
        name=one["Name"],
        description=one["Description"],
        image_url=one["ImageUrl"],
        page_url=one["ProductPageUrl"],
        category_id=one["CategoryId"],
        brand_id=one["BrandExternalId"],
        brand={"brand_id": brand["Id"], "name": brand["Name"], "localized": {}} if brand else None,
        family_ids=one["FamilyIds"],
        is_active=one.get("Active", True),
        is_disabled=one.get("Disabled", False),
        attributes={},
        identifiers={"model_numbers": one["ModelNumbers"]},
        localized={},
        **_statistics(one),
    )


def author_of(one: Recorded) -> Row:
    return author_row(
        author_id=one["Id"],
        author_name=one["UserNickname"],
        author_location=one["Location"],
        badges=_badges(one["Badges"]),
        context_data=_values(one["ContextDataValues"]),
        content_date=_time(one["SubmissionTime"]),
        published_at=_time(one["LastModeratedTime"]),
        **_statistics(one),
    )


def _statistics(one: Recorded) -> dict[str, Statistics]:
    names = (("statistics", "ReviewStatistics"), ("filtered_statistics", "FilteredReviewStatistics"))
    return {ours: statistics_of(one[theirs]) for ours, theirs in names if theirs in one}


def statistics_of(one: Recorded) -> Statistics:
    counts = {entry["RatingValue"]: entry["Count"] for entry in one["RatingDistribution"]}
    ratings = [counts.get(rating, 0) for rating in range(1, 6)]
    return statistics(
        review_count=sum(ratings),
        rating_sum=sum(rating * count for rating, count in counts.items()),
        ratings=ratings,
        recommended_count=one["RecommendedCount"],
        not_recommended_count=one["NotRecommendedCount"],
        positive_votes=one["HelpfulVoteCount"],
        negative_votes=one["NotHelpfulVoteCount"],
        featured_count=one["FeaturedReviewCount"],
        ratings_only_count=one["RatingsOnlyReviewCount"],
        incentivized_count=one.get("IncentivizedReviewCount", 0),
        first_date=one["FirstSubmissionTime"] and _time(one["FirstSubmissionTime"]),
        last_date=one["LastSubmissionTime"] and _time(one["LastSubmissionTime"]),
        secondary_ratings={key: {"4": 1} for key in one["SecondaryRatingsAverages"]},
        context_data=_counts(one["ContextDataDistribution"]),
        tags=_counts(one["TagDistribution"]),
    )


def vocabularies_of(envelope: Recorded) -> Vocabularies:
    """The labels that an answer shows, dimensions in the order of their first list."""
    orders: dict[str, dict[str, None]] = {"SecondaryRatings": {}, "ContextDataValues": {}, "TagDimensions": {}}
    said: dict[tuple[str, str], dict[str, Any]] = {}
    values: dict[tuple[str, str], dict[str, str]] = {}
    for one in _objects(envelope):
        for kind, order in orders.items():
            order.update(dict.fromkeys(one.get(f"{kind}Order", ())))
            for key, member in one.get(kind, {}).items():
                said.setdefault((kind, key), member)
                if member.get("ValueLabel") is not None:
                    values.setdefault((kind, key), {})[str(member["Value"])] = member["ValueLabel"]
        for name in ("ReviewStatistics", "FilteredReviewStatistics"):
            for kind, part in zip(
                orders, ("SecondaryRatingsAverages", "ContextDataDistribution", "TagDistribution"), strict=True
            ):
                for key, member in one.get(name, {}).get(part, {}).items():
                    orders[kind].setdefault(key)
                    said.setdefault((kind, key), member)
                    for value in member.get("Values", ()):
                        if "ValueLabel" in value:
                            values.setdefault((kind, key), {})[value["Value"]] = value["ValueLabel"]
    secondary = [
        SecondaryRatingTerm(
            id=key,
            label=said["SecondaryRatings", key].get("Label"),
            display_type=said["SecondaryRatings", key].get("DisplayType", "NORMAL"),
            min_label=said["SecondaryRatings", key].get("MinLabel"),
            max_label=said["SecondaryRatings", key].get("MaxLabel"),
            value_labels=values.get(("SecondaryRatings", key), {}),
        )
        for key in orders["SecondaryRatings"]
    ]
    context = [
        ContextDataTerm(
            id=key,
            label=said["ContextDataValues", key].get("DimensionLabel") or said["ContextDataValues", key].get("Label"),
            value_labels=values.get(("ContextDataValues", key), {}),
        )
        for key in orders["ContextDataValues"]
    ]
    tags = [TagTerm(id=key, label=said["TagDimensions", key].get("Label")) for key in orders["TagDimensions"]]
    return Vocabularies(
        {"*": Vocabulary(secondary_ratings=tuple(secondary), context_data=tuple(context), tags=tuple(tags))}
    )


def _objects(envelope: Recorded) -> Iterator[Recorded]:
    yield from envelope["Results"]
    for name, included in envelope["Includes"].items():
        if not name.endswith("Order"):
            yield from included.values()


def _time(text: str) -> str:
    return text.replace(".000+", "+")


def _values(members: Recorded) -> dict[str, Any] | None:
    return {key: member["Value"] for key, member in members.items()} or None


def _counts(members: Recorded) -> dict[str, dict[str, int]]:
    return {key: {one["Value"]: one["Count"] for one in member["Values"]} for key, member in members.items()}


def _badges(members: Recorded) -> list[dict[str, str]] | None:
    return [{"id": key, "kind": member["BadgeType"]} for key, member in members.items()] or None


def _photo(photo: Recorded) -> dict[str, Any]:
    sizes = photo["Sizes"]
    return {
        "id": photo["Id"],
        "url": sizes["normal"]["Url"],
        "thumbnail_url": sizes["thumbnail"]["Url"],
        "large_url": sizes["large"]["Url"] if "large" in sizes else None,
        "caption": photo["Caption"],
    }


def _video(video: Recorded) -> dict[str, Any]:
    return {
        "id": video["VideoId"],
        "host": video["VideoHost"],
        "url": video["VideoUrl"],
        "iframe_url": video["VideoIframeUrl"],
        "thumbnail_url": video["VideoThumbnailUrl"],
        "caption": video["Caption"],
    }


def shape(value: object, place: str) -> Iterator[tuple[str, str]]:
    """Every member with its JSON type. Members of mappings keep their names, of lists only what they are."""
    yield place, _type(value)
    if isinstance(value, dict):
        for name, member in value.items():
            yield from shape(member, f"{place}.{name}")
    elif isinstance(value, list):
        for member in value:
            yield from shape(member, f"{place}[]")


def differences(theirs: object, ours: object, place: str) -> set[tuple[str, str]]:
    """What only one of the two has (`added` by us, `missing` with us), and what has another JSON type."""
    found: set[tuple[str, str]] = set()
    known, shown = _places(shape(theirs, place)), _places(shape(ours, place))
    for name in known.keys() | shown.keys():
        if name not in shown:
            found.add((name, "missing"))
        elif name not in known:
            found.add((name, "added"))
        elif known[name] != shown[name]:
            found.add((name, f"{'/'.join(sorted(known[name]))} is {'/'.join(sorted(shown[name]))}"))
    # Of something that is not there nobody misses the parts.
    gone = {name for name, what in found if what in ("missing", "added")}
    return {one for one in found if not any(parent in gone for parent in _above(one[0]))}


def _above(place: str) -> Iterable[str]:
    parts = place.replace("[]", ".[]").split(".")
    return {".".join(parts[:length]).replace(".[]", "[]") for length in range(1, len(parts))}


def _places(members: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for place, kind in members:
        found.setdefault(place, set()).add(kind)
    return found


def _type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"
