"""What a review says, and the limits of the core: the widest of the three vendors'."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_TEXT = 10_000
MAX_TITLE = 3_000
MAX_NAME = 100
MAX_ENTITY_ID = 255
MAX_ENTITY_NAME = 500
MAX_REPLY = 10_000
MAX_SOURCE = 100
MAX_SOURCE_ID = 255

Rating = Annotated[int, Field(ge=1, le=5, strict=True)]


class ReviewContent(BaseModel):
    """One revision of a review, without anything by which its author could be contacted."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    entity_id: str | None = Field(default=None, description="What is reviewed; null is the site itself.")
    entity_name: str | None = None
    author_id: str | None = Field(default=None, description="Random id of the person within the site; null is unknown.")
    author_name: str | None = None
    author_email_masked: str | None = Field(default=None, description="`j***@example.com`, for sites that show it.")
    rating: Rating
    title: str | None = None
    text: str | None = Field(default=None, description="Plain text; null for a rating without words.")
    locale: str = Field(description="BCP 47: the submission's own, else the site's default.")
    review_date: datetime | None = Field(default=None, description="The author's own date, where the sender gave one.")
