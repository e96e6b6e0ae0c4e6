"""Which details a mapping may name, and what their columns hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import pairwise


class Kind(Enum):
    TEXT = "one line"
    WORDS = "text as it is written"
    FLAG = "yes or no"
    WHOLE = "whole number"
    LIST = "texts with a separator between them"
    LINKS = "addresses with a separator between them"


SINGLE: Mapping[str, Kind] = {
    "pros": Kind.WORDS,
    "cons": Kind.WORDS,
    "is_recommended": Kind.FLAG,
    "is_incentivized": Kind.FLAG,
    "photos": Kind.LINKS,
    "videos": Kind.LINKS,
    "product_recommendation_ids": Kind.LIST,
    "author_location": Kind.TEXT,
    "affiliation": Kind.TEXT,
    "campaign_id": Kind.TEXT,
    "submission_id": Kind.TEXT,
}
BY_ID: Mapping[str, Kind] = {
    "context_data": Kind.TEXT,
    "secondary_ratings": Kind.WHOLE,
    "tags": Kind.LIST,
    "additional_fields": Kind.WORDS,
    "badges": Kind.FLAG,
}
"""Their members are ids that the mapping makes up: those of the site's vocabulary."""
PARTS: Mapping[str, Mapping[str, Kind]] = {
    "syndication": dict.fromkeys(("name", "logo_url", "content_link"), Kind.TEXT),
    "votes_before": dict.fromkeys(("positive", "negative", "inappropriate"), Kind.WHOLE),
}
NAMES = frozenset({*SINGLE, *BY_ID, *PARTS})


def kind_of(path: Sequence[str]) -> Kind:
    """Of `("pros",)` or `("context_data", "Age")`; the path must be one that a mapping may name."""
    name = path[0]
    if name in SINGLE:
        return SINGLE[name]
    return BY_ID[name] if name in BY_ID else PARTS[name][path[1]]


def option_of(path: Sequence[str]) -> str | None:
    """What may be said of such a column beside its name."""
    if path[0] == "context_data":
        return "bands"
    if path[0] == "badges":
        return "kind"
    return "separator" if kind_of(path) in (Kind.LIST, Kind.LINKS) else None


def band_names(bounds: Sequence[int]) -> tuple[str, ...]:
    """`under18`, `18to24`, …, `65plus`: each begins at its bound and ends below the next."""
    between = (f"{low}to{high - 1}" for low, high in pairwise(bounds))
    return f"under{bounds[0]}", *between, f"{bounds[-1]}plus"
