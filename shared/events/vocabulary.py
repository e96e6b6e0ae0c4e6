"""What answers need and reviews do not carry: labels, ranges and order of dimensions, per site and locale.

The order of every tuple is the order in which storefronts show it. Names of dynamic attributes in queries come from
here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_LOCALE = "*"
"""The vocabulary of locales without one of their own."""


class _Term(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    label: str | None = None


class SecondaryRatingTerm(_Term):
    range: int = Field(default=5, ge=1, le=100)
    display_type: Literal["NORMAL", "SLIDER"] = "NORMAL"
    min_label: str | None = None
    max_label: str | None = None
    value_labels: Mapping[str, str] = Field(default={}, description='By the value, `"1"` for instance.')
    required: bool = Field(default=False, description="Of submission forms.")


class ContextDataTerm(_Term):
    value_labels: Mapping[str, str] = Field(default={}, description="Every value that there is, in its order.")
    required: bool = Field(default=False, description="Of submission forms.")


class TagTerm(_Term):
    value_labels: Mapping[str, str] = Field(default={}, description="Suggested values; authors may add their own.")


class AdditionalFieldTerm(_Term):
    required: bool = Field(default=False, description="Of submission forms.")


class BadgeTerm(_Term):
    content_type: str = Field(default="REVIEW", description="What the badge is shown on: REVIEW or COMMENT.")


class Vocabulary(BaseModel):
    """Of one locale."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    secondary_ratings: tuple[SecondaryRatingTerm, ...] = ()
    context_data: tuple[ContextDataTerm, ...] = ()
    tags: tuple[TagTerm, ...] = ()
    additional_fields: tuple[AdditionalFieldTerm, ...] = ()
    badges: tuple[BadgeTerm, ...] = ()
