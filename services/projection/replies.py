"""Replies of a site's owner: the newest word of each slot, and what of it stands beside the review."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import orjson

from services.projection.hiding import hide_from, shown_by
from shared.events.models import ReplyPosted

NO_REPLIES = "[]"
_SIGNATURE = ("department", "response_type", "response_source")


class StagedReply(NamedTuple):
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
    department: str | None = None
    response_type: str | None = None
    response_source: str | None = None

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
    hidden_from = shown_by(state.hidden_from, fact.sequence)
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
        posted.department,
        posted.response_type,
        posted.response_source,
    )


def hide_reply(state: StagedReply, sequence: int | None) -> StagedReply:
    hidden_from = hide_from(state.sequence, state.hidden_from, sequence)
    return state if hidden_from == state.hidden_from else state._replace(hidden_from=hidden_from)


def public_replies(replies: Iterable[StagedReply]) -> str:
    """The JSON of published.reviews.replies, by slot."""
    shown = sorted((reply for reply in replies if reply.is_public), key=lambda reply: reply.slot)
    if not shown:
        return NO_REPLIES
    return orjson.dumps([_public(reply) for reply in shown], option=orjson.OPT_UTC_Z).decode()


def _public(reply: StagedReply) -> dict[str, object]:
    shown: dict[str, object] = {
        "slot": reply.slot,
        "text": reply.text,
        "author_name": reply.author_name,
        # In UTC whatever the session's time zone, so that a rebuilt row is the same to the byte.
        "posted_at": _utc(reply.posted_at),
        "updated_at": _utc(reply.updated_at),
    }
    # Only where they are given: rows of replies that say nothing of it are as they were before there was such a thing.
    shown.update((name, value) for name in _SIGNATURE if (value := getattr(reply, name)) is not None)
    return shown


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
