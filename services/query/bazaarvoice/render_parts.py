"""Members that several kinds of content have: times, badges, photos, videos, dimensions, where they come from."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

from services.query.bazaarvoice.labels import Json, Labels, Terms
from services.query.core.answers import Row

SIZES = (("normal", "url"), ("thumbnail", "thumbnail_url"), ("large", "large_url"))
_SECONDS = 19
_PLAIN = 25


def moment(text: str) -> str:
    """`2017-01-04T05:35:00.000+00:00`, of a time in UTC as Postgres writes it."""
    if len(text) == _PLAIN:
        return text[:_SECONDS] + ".000+00:00"
    return (text[:-6] + "000")[: _SECONDS + 4] + "+00:00"


def moment_or_none(text: str | None) -> str | None:
    return None if text is None else moment(text)


@lru_cache(maxsize=1000)
def _names_of_site(site: str) -> str:
    digest = hashlib.sha256(site.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-8{digest[12:15]}-"


def content_id(site: str, number: int) -> str:
    """A UUID (version 8) of a review or comment, unique across sites; its id and no authorisation."""
    low = f"{0x8000_0000_0000_0000 | number:016x}"
    return f"{_names_of_site(site)}{low[:4]}-{low[4:]}"


def source(row: Row, site: str) -> str:
    syndication = row["syndication"]
    return site if syndication is None else str(syndication["name"])


def syndication_source(syndication: dict[str, Any]) -> Json:
    return {
        "Name": syndication["name"],
        "LogoImageUrl": syndication.get("logo_url"),
        "ContentLink": syndication.get("content_link"),
    }


def badges(found: list[dict[str, Any]], shown_on: str, labels: Labels) -> tuple[Json, list[str]]:
    """`shown_on` is their content type, but of those whose vocabulary says another."""
    kinds = {badge["id"]: badge.get("kind") or "Custom" for badge in found}
    terms = labels.badges
    order = terms.ordered(kinds)
    return {
        one: {"Id": one, "BadgeType": kinds[one], "ContentType": terms.of(one).content_type or shown_on}
        for one in order
    }, order


def photos(found: list[dict[str, Any]]) -> list[Json]:
    return [_photo(photo) for photo in found]


def _photo(photo: dict[str, Any]) -> Json:
    # Every photo of the vendor's has a thumbnail, and pages read its address without asking whether there is one.
    shown = {**photo, "thumbnail_url": photo.get("thumbnail_url") or photo["url"]}
    sizes = {name: {"Id": name, "Url": shown[key]} for name, key in SIZES if shown.get(key) is not None}
    return {"Id": photo["id"], "Caption": photo.get("caption"), "Sizes": sizes, "SizesOrder": list(sizes)}


def videos(found: list[dict[str, Any]]) -> list[Json]:
    return [
        {
            "VideoId": video.get("id"),
            "VideoHost": video.get("host"),
            "VideoUrl": video["url"],
            "VideoIframeUrl": video.get("iframe_url"),
            "VideoThumbnailUrl": video.get("thumbnail_url"),
            "Caption": video.get("caption"),
        }
        for video in found
    ]


def context_data(values: dict[str, str], labels: Labels) -> tuple[Json, list[str]]:
    terms = labels.context_data
    order, kept = terms.ordered(values), terms.rendered
    return {one: kept.get((one, values[one])) or _context_value(one, values[one], terms) for one in order}, order


def _context_value(dimension: str, value: str, terms: Terms) -> Json:
    term = terms.of(dimension)
    shown: Json = {"Id": dimension, "Value": value}
    if (label := term.values.get(value)) is not None:
        shown["ValueLabel"] = label
    if term.label is not None:
        shown["DimensionLabel"] = term.label
    return terms.keep(dimension, value, shown)
