"""Votes and reports of abuse as their senders give them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from services.intake.fields import LINE, LINES, Email, Lines, SourceId, StrictModel
from shared.events.content import MAX_REASON, MAX_SOURCE, MAX_SOURCE_ID
from shared.events.models import ContentKind, FeedbackKind, Vote

VOTES: dict[FeedbackKind, tuple[Vote, ...]] = {
    "helpfulness": ("positive", "negative"),
    "inappropriate": ("inappropriate",),
}


class Voter(StrictModel):
    """Whoever votes is somebody: one of the two must be given. They go no further than the vault."""

    id: SourceId = Field(default=None, repr=False)
    email: Email = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if self.id is None and self.email is None:
            raise PydanticCustomError(
                "voter", "is missing; send your own id of the voter, or the e-mail", {"field": "id"}
            )
        return self


class FeedbackBody(StrictModel):
    """A vote of null takes back what was given. A reason is kept of reports only."""

    voter: Voter = Field(repr=False)
    kind: FeedbackKind
    vote: Vote | None
    reason: Annotated[Annotated[str, Field(max_length=MAX_REASON, pattern=LINES)] | None, Lines] = Field(
        default=None, repr=False
    )

    @model_validator(mode="after")
    def _vote_is_of_the_kind(self) -> Self:
        if self.vote is not None and self.vote not in VOTES[self.kind]:
            allowed = " or ".join(VOTES[self.kind])
            message = "must be {allowed} for the kind {kind}; null takes it back"
            raise PydanticCustomError("vote", message, {"field": "vote", "allowed": allowed, "kind": self.kind})
        return self


class FeedbackRecord(FeedbackBody):
    """Of an ingest topic; `source` and `source_id` name the review or comment as it was sent before."""

    operation: Literal["feedback"]
    content_kind: ContentKind = "review"
    source: Annotated[str, Field(min_length=1, max_length=MAX_SOURCE, pattern=LINE)]
    source_id: Annotated[str, Field(min_length=1, max_length=MAX_SOURCE_ID, pattern=LINE)]
