"""Comments as their senders give them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.intake.details import Badges, Photos, Syndication, Videos, VotesBefore, numbered
from services.intake.fields import LINE, LINES, EntityId, Locale, Location, Said, StrictModel, Time, Title
from services.intake.submission import Author, Form, Sourced
from shared.events.content import MAX_SOURCE, MAX_SOURCE_ID, MAX_TEXT, CommentContent


class CommentBody(StrictModel):
    """What a revision says."""

    author: Author | None = None
    title: Title = Field(default=None, repr=False)
    text: Annotated[Annotated[str, Field(max_length=MAX_TEXT, pattern=LINES)], Said] = Field(repr=False)
    locale: Locale = None
    location: Location = Field(default=None, repr=False)
    comment_date: Time = None
    campaign_id: EntityId = None
    submission_id: EntityId = None
    badges: Badges = None
    photos: Photos = Field(default=None, repr=False)
    videos: Videos = Field(default=None, repr=False)
    syndication: Syndication | None = None
    votes_before: VotesBefore | None = None

    def to_content(self, author_id: str | None, author_name: str | None, default_locale: str) -> CommentContent:
        return CommentContent(
            author_id=author_id,
            author_name=author_name,
            author_location=self.location,
            title=self.title,
            text=self.text,
            locale=self.locale or default_locale,
            comment_date=self.comment_date,
            campaign_id=self.campaign_id,
            submission_id=self.submission_id,
            badges=tuple(badge.to_content() for badge in self.badges or ()),
            photos=numbered(self.photos or ()),
            videos=tuple(video.to_content() for video in self.videos or ()),
            syndication=self.syndication.to_content() if self.syndication is not None else None,
            votes_before=self.votes_before.to_content() if self.votes_before is not None else None,
        )


class CommentSubmission(Sourced, CommentBody):
    form: Form | None = None


class CommentEdit(CommentBody):
    """A new revision; `revision` is the one that the editor saw. The author stays where they are not given."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)]


RequiredSource = Annotated[str, Field(min_length=1, max_length=MAX_SOURCE, pattern=LINE)]
RequiredSourceId = Annotated[str, Field(min_length=1, max_length=MAX_SOURCE_ID, pattern=LINE)]


class CommentRecord(CommentSubmission):
    """Of an ingest topic; the review is named as it was sent before."""

    operation: Literal["comment"]
    review_source: RequiredSource
    review_source_id: RequiredSourceId


class CommentWithdrawal(StrictModel):
    operation: Literal["withdraw_comment"]
    source: RequiredSource
    source_id: RequiredSourceId
