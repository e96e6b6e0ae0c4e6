"""What only some senders give with a review: checked as strictly as the rest of it, and put into the words of events.

Comments share the parts. None of them has a place for anything by which a person could be contacted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from services.intake.fields import LINE, LINES, EntityId, Line, Lines, Location, Name, RequiredUrl, StrictModel, Url
from shared.events import content
from shared.events.content import (
    MAX_BADGES,
    MAX_CAPTION,
    MAX_DIMENSION_ID,
    MAX_DIMENSION_VALUE,
    MAX_DIMENSIONS,
    MAX_ENTITY_ID,
    MAX_MEDIA,
    MAX_NAME,
    MAX_PROS,
    MAX_RECOMMENDED_PRODUCTS,
    MAX_SECONDARY_RATING,
    MAX_TAG_DIMENSIONS,
    MAX_TAG_TEXT,
    MAX_TAGS,
    NO_DETAILS,
    ReviewDetails,
)

MAX_VOTES = 1_000_000_000
"""Of one kind that came with content: with the votes given here they still fit into 32 bits."""

BadgeKind = Literal["Custom", "Merit", "Affiliation", "Rank"]
BADGE_KINDS: tuple[str, ...] = get_args(BadgeKind)
DIMENSION_ID = re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_DIMENSION_ID}}}")
_IDS = f"ids have 1 to {MAX_DIMENSION_ID} letters, digits, points, hyphens and underscores"

T = TypeVar("T")


def _given(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise PydanticCustomError("blank", "is empty; fill it in, or leave out all that it belongs to")
    return value


def _id(value: str) -> str:
    if DIMENSION_ID.fullmatch(value) is None:
        raise PydanticCustomError("dimension_id", "is no id; {ids}", {"ids": _IDS})
    return value


def _by_dimension(value: Any, most: int = MAX_DIMENSIONS) -> Any:
    """Keys are judged before their values: what is wrong with a value is told under its key, which must be an id."""
    if not isinstance(value, dict):
        return value
    if len(value) > most:
        raise PydanticCustomError("dimensions", "has more than {most} entries; send fewer", {"most": most})
    if not all(map(DIMENSION_ID.fullmatch, value)):
        raise PydanticCustomError("dimension_id", "has a key that is no id; {ids}", {"ids": _IDS})
    return value


def _tag_text(tags: Mapping[str, Sequence[str | None] | None] | None) -> Any:
    written = sum(len(value) for values in (tags or {}).values() for value in values or () if value is not None)
    if written > MAX_TAG_TEXT:
        message = "has more than {most} characters in all; send fewer or shorter ones"
        raise PydanticCustomError("tag_text", message, {"most": MAX_TAG_TEXT})
    return tags


def _distinct(parts: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    ids = [part.id for part in parts or () if part.id is not None]
    if len(ids) != len(set(ids)):
        raise PydanticCustomError("twice", "has the same id twice; every entry needs its own")
    return parts


_ByDimension = BeforeValidator(_by_dimension)
_ByTagDimension = BeforeValidator(partial(_by_dimension, most=MAX_TAG_DIMENSIONS))
_Value = Annotated[Annotated[str, Field(max_length=MAX_DIMENSION_VALUE, pattern=LINE)] | None, Line]
_Words = Annotated[Annotated[str, Field(max_length=MAX_DIMENSION_VALUE, pattern=LINES)] | None, Lines]
_Pros = Annotated[Annotated[str, Field(max_length=MAX_PROS, pattern=LINES)] | None, Lines]
# No tuple: what a validator before it saw is a list of Python's by then, and strict.
_Tags = Annotated[list[_Value], Field(max_length=MAX_TAGS)]
_SecondaryRating = Annotated[int, Field(ge=1, le=MAX_SECONDARY_RATING)]
_Votes = Annotated[int, Field(ge=0, le=MAX_VOTES)]
Caption = Annotated[Annotated[str, Field(max_length=MAX_CAPTION, pattern=LINES)] | None, Lines]


class Photo(StrictModel):
    id: Name = None
    url: RequiredUrl
    thumbnail_url: Url = None
    large_url: Url = None
    caption: Caption = None


class Video(StrictModel):
    id: Name = None
    host: Annotated[Annotated[str, Field(max_length=MAX_ENTITY_ID, pattern=LINE)] | None, Line] = None
    url: RequiredUrl
    iframe_url: Url = None
    thumbnail_url: Url = None
    caption: Caption = None

    def to_content(self) -> content.Video:
        return content.Video(**vars(self))


class Badge(StrictModel):
    id: Annotated[str, AfterValidator(_id)]
    kind: BadgeKind = "Custom"

    def to_content(self) -> content.Badge:
        return content.Badge(**vars(self))


class Syndication(StrictModel):
    name: Annotated[Annotated[str, Field(max_length=MAX_NAME, pattern=LINE)], BeforeValidator(_given)]
    logo_url: Url = None
    content_link: Url = None

    def to_content(self) -> content.SyndicationSource:
        return content.SyndicationSource(**vars(self))


class VotesBefore(StrictModel):
    positive: _Votes = 0
    negative: _Votes = 0
    inappropriate: _Votes = 0

    def to_content(self) -> content.VotesBefore | None:
        """None where nobody voted."""
        return content.VotesBefore(**vars(self)) if self.positive or self.negative or self.inappropriate else None


Photos = Annotated[Annotated[tuple[Photo, ...], Field(max_length=MAX_MEDIA)] | None, AfterValidator(_distinct)]
Videos = Annotated[tuple[Video, ...], Field(max_length=MAX_MEDIA)] | None
Badges = Annotated[Annotated[tuple[Badge, ...], Field(max_length=MAX_BADGES)] | None, AfterValidator(_distinct)]


class Details(StrictModel):
    """Of a review. What is null, blank or empty counts as not given, and details without anything as none."""

    pros: _Pros = None
    cons: _Pros = None
    is_recommended: bool | None = None
    secondary_ratings: Annotated[Mapping[str, _SecondaryRating | None] | None, _ByDimension] = None
    context_data: Annotated[Mapping[str, _Value] | None, _ByDimension] = None
    tags: Annotated[Mapping[str, _Tags | None] | None, _ByTagDimension, AfterValidator(_tag_text)] = None
    additional_fields: Annotated[Mapping[str, _Words] | None, _ByDimension] = None
    badges: Badges = None
    photos: Photos = None
    videos: Videos = None
    product_recommendation_ids: Annotated[tuple[EntityId, ...], Field(max_length=MAX_RECOMMENDED_PRODUCTS)] | None = (
        None
    )
    author_location: Location = None
    affiliation: Name = None
    campaign_id: EntityId = None
    submission_id: EntityId = None
    is_incentivized: bool | None = None
    syndication: Syndication | None = None
    votes_before: VotesBefore | None = None

    def to_content(self) -> ReviewDetails | None:
        # Without what is left at its default, for making it takes longer the more is given.
        said: dict[str, Any] = {}
        for name, given in vars(self).items():
            if given is None:
                continue
            convert = _CONVERSIONS.get(name)
            value = given if convert is None else convert(given)
            # Of all that is empty only this no says something.
            if value or (value is False and name == "is_recommended"):
                said[name] = value
        return ReviewDetails(**said) if said else None


def revised(given: Details | None, before: ReviewDetails | None) -> ReviewDetails | None:
    """An edit's details: the whole of them, but for the votes before, of which an author knows nothing."""
    details = given.to_content() if given is not None else None
    votes = before.votes_before if before is not None else None
    if votes is None or (given is not None and given.votes_before is not None):
        return details
    return (details or NO_DETAILS).model_copy(update={"votes_before": votes})


def numbered(photos: Sequence[Photo]) -> tuple[content.Photo, ...]:
    """A photo without an id gets its place in the list, or the next number that is free."""
    taken = {photo.id for photo in photos}
    made = []
    for place, photo in enumerate(photos, 1):
        name = photo.id
        if name is None:
            name = next(number for number in map(str, count(place)) if number not in taken)
            taken.add(name)
        made.append(content.Photo(**(vars(photo) | {"id": name})))
    return tuple(made)


def distinct(values: Sequence[str | None]) -> tuple[str, ...]:
    """Each value once, where it first stands."""
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _present(values: Mapping[str, T | None]) -> dict[str, T]:
    return {name: value for name, value in values.items() if value is not None}


def _tags(tags: Mapping[str, Sequence[str | None] | None]) -> dict[str, tuple[str, ...]]:
    return {name: values for name, given in tags.items() if given is not None and (values := distinct(given))}


def _each(parts: Sequence[Video | Badge]) -> tuple[object, ...]:
    return tuple(part.to_content() for part in parts)


def _one(part: Syndication | VotesBefore) -> object:
    return part.to_content()


_CONVERSIONS: Mapping[str, Callable[[Any], object]] = {
    "secondary_ratings": _present,
    "context_data": _present,
    "tags": _tags,
    "additional_fields": _present,
    "badges": _each,
    "photos": numbered,
    "videos": _each,
    "product_recommendation_ids": distinct,
    "syndication": _one,
    "votes_before": _one,
}
"""From a member of the body to that of the event, where they are not the same."""
