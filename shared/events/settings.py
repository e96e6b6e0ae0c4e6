"""Settings of a site, as intake owns them and every reader sees them."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Stars = Annotated[int, Field(ge=1, le=5)]


class FieldSettings(BaseModel):
    """Whether a public form shows a field, and whether it must be filled."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    enabled: bool = True
    required: bool = False


class FormFields(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    email: FieldSettings = FieldSettings()
    title: FieldSettings = FieldSettings()


class SiteSettings(BaseModel):
    """`enabled` acts on reads at once; everything else is stamped into later submissions."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    enabled: bool = True
    require_approval: bool = False
    allow_anonymous: bool = Field(default=True, description="False: a public form must carry the e-mail.")
    min_rating: Stars = 1
    max_rating: Stars = 5
    default_locale: str = "en"
    show_masked_email: bool = False
    fields: FormFields = FormFields()

    @model_validator(mode="after")
    def _ratings_in_order(self) -> Self:
        if self.min_rating > self.max_rating:
            raise ValueError("min_rating must not be above max_rating")
        return self
