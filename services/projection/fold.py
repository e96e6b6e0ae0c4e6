"""What the newest events of a key make public. Pure: no clock, no arrival order, no counting of events.

Sequences are compared within one key of one topic only. Folding the events of several topics in any interleaving, some
of them twice, or only the newest of each key, gives the same state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from shared.events.models import Published, ReplyPosted, ReviewModerated


class StagedReview(NamedTuple):
    """The marker of a review, its fields in the order of the columns; it never holds content, and stays for ever."""

    moderated_sequence: int = 0
    approved_revision: int | None = None
    withdrawn: bool = False
    hidden_from: int | None = None
    """Set while a record of this key cannot be read: only an event from this sequence on can show the review again."""

    @property
    def public_revision(self) -> int | None:
        return None if self.withdrawn or self.hidden_from is not None else self.approved_revision


UNKNOWN_REVIEW = StagedReview()
WITHDRAWN_REVIEW = StagedReview(withdrawn=True)
"""Final. All withdrawn reviews look the same, whatever was known of them before."""


class PublicReview(NamedTuple):
    """A row of published.reviews, its fields in the order of the columns that are written."""

    site: str
    review_id: int
    revision: int
    slug: str
    entity_id: str
    entity_name: str | None
    rating: int
    title: str | None
    text: str | None
    author_id: str | None
    author_name: str | None
    author_email_masked: str | None
    locale: str
    created_at: datetime
    submitted_at: datetime
    review_date: datetime
    published_at: datetime
    first_published_at: datetime
    publish_count: int
    is_featured: bool
    display_order: int | None
    replies: str


NO_REPLIES = "[]"


def moderate(state: StagedReview, event: ReviewModerated) -> StagedReview:
    """The same object when the event changes nothing."""
    if state.withdrawn or event.sequence <= state.moderated_sequence:
        return state
    if event.status == "withdrawn":
        return WITHDRAWN_REVIEW
    hidden_from = state.hidden_from
    if hidden_from is not None and event.sequence >= hidden_from:
        hidden_from = None
    published = event.published
    return StagedReview(event.sequence, None if published is None else published.revision, False, hidden_from)


def hide(state: StagedReview, sequence: int | None) -> StagedReview:
    """A record with this sequence cannot be read; None when not even that is known of it."""
    if state.withdrawn or (sequence is not None and sequence <= state.moderated_sequence):
        return state
    hidden_from = _hidden_from(state.moderated_sequence, state.hidden_from, sequence)
    return state if hidden_from == state.hidden_from else state._replace(hidden_from=hidden_from)


def public_review(event: ReviewModerated, published: Published, replies: str) -> PublicReview:
    """The row while `published` of `event` is public; the event must be the newest of its key."""
    content = published.content
    return PublicReview(
        event.site,
        event.review_id,
        published.revision,
        published.slug,
        content.entity_id or "",
        content.entity_name,
        content.rating,
        content.title,
        content.text,
        content.author_id,
        content.author_name,
        content.author_email_masked,
        content.locale,
        published.created_at,
        published.submitted_at,
        content.review_date or published.created_at,
        published.published_at,
        event.first_published_at or published.published_at,
        event.publish_count,
        published.is_featured,
        published.display_order,
        replies,
    )


@dataclass(frozen=True, slots=True)
class StagedReply:
    """The newest content of a reply's slot, waiting here until its review is public."""

    review_id: int
    slot: int
    sequence: int = 0
    removed: bool = True
    hidden_from: int | None = None
    text: str | None = None
    author_name: str | None = None
    posted_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_public(self) -> bool:
        return not self.removed and self.hidden_from is None


class ReplyFact(NamedTuple):
    """What an event, or a tombstone, says of a reply: `posted` is None when the slot is empty."""

    site: str
    review_id: int
    slot: int
    sequence: int
    posted: ReplyPosted | None


def set_reply(state: StagedReply, fact: ReplyFact) -> StagedReply:
    """The same object when the fact changes nothing."""
    if fact.sequence <= state.sequence:
        return state
    hidden_from = state.hidden_from
    if hidden_from is not None and fact.sequence >= hidden_from:
        hidden_from = None
    posted = fact.posted
    if posted is None:
        return StagedReply(state.review_id, state.slot, fact.sequence, True, hidden_from)
    return StagedReply(
        state.review_id,
        state.slot,
        fact.sequence,
        False,
        hidden_from,
        posted.text,
        posted.author_name,
        posted.posted_at,
        posted.updated_at,
    )


def hide_reply(state: StagedReply, sequence: int | None) -> StagedReply:
    if sequence is not None and sequence <= state.sequence:
        return state
    hidden_from = _hidden_from(state.sequence, state.hidden_from, sequence)
    return state if hidden_from == state.hidden_from else replace(state, hidden_from=hidden_from)


def public_replies(replies: Iterable[StagedReply]) -> str:
    """The JSON of published.reviews.replies, by slot."""
    shown = sorted((reply for reply in replies if reply.is_public), key=lambda reply: reply.slot)
    if not shown:
        return NO_REPLIES
    return orjson.dumps(
        [
            {
                "slot": reply.slot,
                "text": reply.text,
                "author_name": reply.author_name,
                # In UTC whatever the session's time zone, so that a rebuilt row is the same to the byte.
                "posted_at": _utc(reply.posted_at),
                "updated_at": _utc(reply.updated_at),
            }
            for reply in shown
        ],
        option=orjson.OPT_UTC_Z,
    ).decode()


@dataclass(frozen=True, slots=True)
class StagedSite:
    sequence: int = 0
    hidden_from: int | None = None


def set_site(state: StagedSite, sequence: int) -> StagedSite:
    """The same object when settings of this sequence change nothing."""
    if sequence <= state.sequence:
        return state
    hidden_from = state.hidden_from
    if hidden_from is not None and sequence >= hidden_from:
        hidden_from = None
    return StagedSite(sequence, hidden_from)


def hide_site(state: StagedSite, sequence: int | None) -> StagedSite:
    if sequence is not None and sequence <= state.sequence:
        return state
    hidden_from = _hidden_from(state.sequence, state.hidden_from, sequence)
    return state if hidden_from == state.hidden_from else StagedSite(state.sequence, hidden_from)


def _hidden_from(current: int, hidden_from: int | None, sequence: int | None) -> int:
    """An unreadable record comes after the current one at least; of several, the newest one hides."""
    return max(hidden_from or 0, current + 1 if sequence is None else sequence)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
