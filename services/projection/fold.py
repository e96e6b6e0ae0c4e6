"""What the newest events of a review or a comment make public. Pure: no clock, no arrival order, no counting of events.

Folding the events of several topics in any interleaving, some of them twice, or only the newest of each key, gives the
same state.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from services.projection.hiding import hide_from, shown_by
from shared.events.models import CommentModerated, PublishedComment, ReviewModerated


class Marker(NamedTuple):
    """Of a review or comment, its fields in the order of the columns; it never holds content, and stays for ever."""

    moderated_sequence: int = 0
    approved_revision: int | None = None
    withdrawn: bool = False
    hidden_from: int | None = None
    """Set while a record of this key cannot be read: only an event from this sequence on can show it again."""

    @property
    def public_revision(self) -> int | None:
        return None if self.withdrawn or self.hidden_from is not None else self.approved_revision


UNKNOWN = Marker()
WITHDRAWN = Marker(withdrawn=True)
"""Final. All that is withdrawn looks the same, whatever was known of it before."""


def moderate(state: Marker, event: ReviewModerated | CommentModerated) -> Marker:
    """The same object when the event changes nothing."""
    if state.withdrawn or event.sequence <= state.moderated_sequence:
        return state
    if event.status == "withdrawn":
        return WITHDRAWN
    published = event.published
    return Marker(
        event.sequence,
        None if published is None else published.revision,
        False,
        shown_by(state.hidden_from, event.sequence),
    )


def hide(state: Marker, sequence: int | None) -> Marker:
    """A record with this sequence cannot be read; None when not even that is known of it."""
    if state.withdrawn:
        return state
    hidden_from = hide_from(state.moderated_sequence, state.hidden_from, sequence)
    return state if hidden_from == state.hidden_from else state._replace(hidden_from=hidden_from)


class StagedComment(NamedTuple):
    """A comment's marker, and what of it is public as soon as its review is."""

    review_id: int | None
    marker: Marker
    published: str | None
    """The JSON of a PublishedComment: there exactly while the marker has a public revision."""

    def content(self) -> PublishedComment | None:
        return None if self.published is None else PublishedComment.model_validate_json(self.published)


UNKNOWN_COMMENT = StagedComment(None, UNKNOWN, None)
WITHDRAWN_COMMENT = StagedComment(None, WITHDRAWN, None)


def moderate_comment(state: StagedComment, event: CommentModerated) -> StagedComment:
    marker = moderate(state.marker, event)
    if marker is state.marker:
        return state
    if marker.withdrawn:
        return WITHDRAWN_COMMENT
    shown = event.published if marker.public_revision is not None else None
    published = None if shown is None else orjson.dumps(shown, default=vars, option=orjson.OPT_UTC_Z).decode()
    return StagedComment(event.review_id, marker, published)


def hide_comment(state: StagedComment, sequence: int | None) -> StagedComment:
    marker = hide(state.marker, sequence)
    return state if marker is state.marker else StagedComment(state.review_id, marker, None)
