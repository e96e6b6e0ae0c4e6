"""Votes and reports of abuse as their senders give them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from services.intake.fields import LINE, LINES, Email, Lines, SourceId, StrictModel, blank_is_none
from shared.events.content import MAX_REASON, MAX_SOURCE, MAX_SOURCE_ID
from shared.events.models import ContentKind, FeedbackKind, Vote
from shared.http.client_address import network_of

VOTES: dict[FeedbackKind, tuple[Vote, ...]] = {
    "helpfulness": ("positive", "negative"),
    "inappropriate": ("inappropriate",),
}


def _network(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip():
        return blank_is_none(value)
    network = network_of(value.strip())
    if network is None:
        raise PydanticCustomError("network", "is not an address or network; send one like 203.0.113.7 or 2001:db8::/64")
    return network


class Voter(StrictModel):
    """Whoever votes is somebody: by the id, else the e-mail. They go no further than the vault."""

    id: SourceId = Field(default=None, repr=False)
    email: Email = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if self.id is None and self.email is None:
            raise PydanticCustomError(
                "voter", "is missing; send your own id of the voter, or the e-mail", {"field": "id"}
            )
        return self


class VoterOrNetwork(StrictModel):
    """Or, where a public edge has neither, everybody behind one address. It goes no further than the vault's digest."""

    id: SourceId = Field(default=None, repr=False)
    email: Email = Field(default=None, repr=False)
    network: Annotated[str | None, BeforeValidator(_network)] = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if self.id is None and self.email is None and self.network is None:
            raise PydanticCustomError(
                "voter", "is missing; send your own id of the voter, the e-mail, or the network", {"field": "id"}
            )
        return self


class Word(StrictModel):
    """A vote of null takes back what was given. A reason is kept of reports only."""

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


class FeedbackBody(Word):
    voter: VoterOrNetwork = Field(repr=False)


class FeedbackRecord(Word):
    """Of an ingest topic, where addresses have no place. `source` and `source_id` name the review or comment as it was
    sent before."""

    voter: Voter = Field(repr=False)
    operation: Literal["feedback"]
    content_kind: ContentKind = "review"
    source: Annotated[str, Field(min_length=1, max_length=MAX_SOURCE, pattern=LINE)]
    source_id: Annotated[str, Field(min_length=1, max_length=MAX_SOURCE_ID, pattern=LINE)]
