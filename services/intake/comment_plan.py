"""A batch of comments decided one after the other, and the rows and events that follow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.intake.comment_decide import Comment, Decision
from services.intake.decide import Create, Keep
from services.intake.plan import Site, Stamp
from shared.events.cloudevents import Encoded, encode
from shared.events.content import CommentContent
from shared.events.ids import CommentId
from shared.events.models import CommentSubmitted
from shared.events.topics import COMMENT_SUBMITTED


@dataclass(frozen=True, slots=True)
class CommentResult:
    """What became of a comment. Says nothing of what it says."""

    outcome: Literal["created", "edited", "unchanged"]
    comment_id: int
    review_id: int
    revision: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """Content that was checked, with the digest of what was given."""

    review_id: int
    content: CommentContent
    hashed: bytes
    source: str | None = None
    source_id: str | None = None
    source_version: int | None = None


class CommentPlan:
    """The registry's rows as they were found, and what a batch makes of them."""

    def __init__(self, site: Site, now: datetime, found: Iterable[Comment], new_ids: Iterator[CommentId]) -> None:
        self.events: list[Encoded] = []
        self.created: dict[int, Comment] = {}
        self.changed: dict[int, Comment] = {}
        self.last_event: dict[int, str] = {}
        self._site = site
        self._now = now
        self._new_ids = new_ids
        self._by_source: dict[tuple[str, str], Comment] = {}
        for row in found:
            self._remember(row)

    def known(self, candidate: Candidate) -> Comment | None:
        """The comment of the same source record."""
        if candidate.source is None or candidate.source_id is None:
            return None
        return self._by_source.get((candidate.source, candidate.source_id))

    def follow(self, decision: Decision, candidate: Candidate, known: Comment | None, stamp: Stamp) -> CommentResult:
        if known is None or isinstance(decision, Create):
            row = self._create(candidate)
            self._emit(row, candidate.content, stamp)
            return CommentResult("created", row.comment_id, row.review_id, row.revision)
        if isinstance(decision, Keep):
            if decision.source_version != known.source_version:
                self._change(replace(known, source_version=decision.source_version))
            return CommentResult("unchanged", known.comment_id, known.review_id, known.revision)
        row = replace(
            known,
            revision=known.revision + 1,
            sequence=known.sequence + 1,
            author_id=candidate.content.author_id,
            source_version=decision.source_version,
            content_hash=candidate.hashed,
            updated_at=self._now,
        )
        self._change(row)
        self._emit(row, candidate.content, stamp)
        return CommentResult("edited", row.comment_id, row.review_id, row.revision)

    def _create(self, candidate: Candidate) -> Comment:
        row = Comment(
            comment_id=next(self._new_ids),
            review_id=candidate.review_id,
            state="live",
            revision=1,
            sequence=1,
            author_id=candidate.content.author_id,
            source=candidate.source,
            source_id=candidate.source_id,
            source_version=candidate.source_version,
            content_hash=candidate.hashed,
            created_at=self._now,
            updated_at=self._now,
        )
        self.created[row.comment_id] = row
        self._remember(row)
        return row

    def _change(self, row: Comment) -> None:
        self._remember(row)
        (self.created if row.comment_id in self.created else self.changed)[row.comment_id] = row

    def _remember(self, row: Comment) -> None:
        if row.source is not None and row.source_id is not None:
            self._by_source[row.source, row.source_id] = row

    def _emit(self, row: Comment, content: CommentContent, stamp: Stamp) -> None:
        event = CommentSubmitted(
            site=self._site.site,
            sequence=row.sequence,
            comment_id=row.comment_id,
            review_id=row.review_id,
            revision=row.revision,
            created_at=row.created_at,
            submitted_at=self._now,
            content=content,
            channel=stamp.channel,
            source=row.source,
            source_id=row.source_id,
            source_version=row.source_version,
            settings_version=self._site.settings_version,
            require_approval=self._site.settings.require_approval,
        )
        encoded = encode(COMMENT_SUBMITTED, event, stamp.traceparent)
        assert encoded.value is not None
        self.events.append(encoded)
        self.last_event[row.comment_id] = encoded.value.decode()
