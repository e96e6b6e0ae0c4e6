"""What tests of the moderation worker share: submissions as records, policies as texts, and batches on a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import asyncpg

from services.moderation.engine.context import Context
from services.moderation.engine.signal import Category, Severity, Signal
from services.moderation.judging.judge import Judge
from services.moderation.policies import activation, versions
from services.moderation.policies.reference import EVERY_SITE, By
from services.moderation.processor import ModerationProcessor
from shared.clock import SystemClock
from shared.events.cloudevents import Encoded, encode
from shared.events.content import CommentContent, ReviewContent
from shared.events.models import (
    CommentSubmitted,
    CommentWithdrawn,
    ContentKind,
    FeedbackGiven,
    FeedbackRemoved,
    ReviewSubmitted,
    ReviewWithdrawn,
)
from shared.events.topics import COMMENT_SUBMITTED, REVIEW_FEEDBACK, REVIEW_SUBMITTED

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BY = By("operator", "Ada", "because")

APPROVE_ALL = """\
name: {name}
description: {description}
rules:
  - name: by-hand
    when: review.require_approval
    outcome: hold
    queue: approval
    note: By hand.
default: {{outcome: approve, note: Fine.}}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A record as the consumer loop hands it over."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    topic: str = REVIEW_SUBMITTED.name
    partition: int = 0


class Spotter:
    """Instead of the engine: finds the word BAD, and what a site calls its competitors."""

    def analyse(self, fields: Mapping[str, str], context: Context) -> tuple[Signal, ...]:
        return tuple(
            Signal("lexicon", Category.PROFANITY, Severity.STRONG, field, at, at + 3, "BAD")
            for field, text in fields.items()
            if (at := text.find("BAD")) >= 0
        )


def approving(name: str = "easy", description: str = "Approves nearly everything.") -> str:
    """A policy; another description is another version of it."""
    return APPROVE_ALL.format(name=name, description=description)


def holding(name: str = "strict", word: str = "boots", queue: str = "words") -> str:
    """A policy that holds reviews with the word, and approves all others."""
    return f"""\
name: {name}
rules:
  - name: has-word
    when: review.text.contains("{word}")
    outcome: hold
    queue: {queue}
    note: Has the word.
default: {{outcome: approve, note: Fine.}}
"""


def submission(review_id: int, text: str = "Very good boots.", site: str = "shop", revision: int = 1) -> Encoded:
    event = ReviewSubmitted(
        site=site,
        sequence=revision,
        review_id=review_id,
        revision=revision,
        slug=f"boots-{review_id}",
        created_at=NOW,
        submitted_at=NOW,
        content=ReviewContent(entity_id=f"e-{review_id}", rating=4, text=text, locale="en"),
        channel="import",
        settings_version=1,
        require_approval=False,
    )
    return encode(REVIEW_SUBMITTED, event)


def withdrawal(review_id: int, sequence: int = 2, site: str = "shop") -> Encoded:
    event = ReviewWithdrawn(
        site=site,
        sequence=sequence,
        review_id=review_id,
        revision=sequence - 1,
        reason="withdrawn",
        withdrawn_at=NOW,
        withdrawn_by="key",
    )
    return encode(REVIEW_SUBMITTED, event)


def comment(
    comment_id: int, text: str = "Mine too.", review_id: int = 1, site: str = "shop", revision: int = 1
) -> Encoded:
    event = CommentSubmitted(
        site=site,
        sequence=revision,
        comment_id=comment_id,
        review_id=review_id,
        revision=revision,
        created_at=NOW,
        submitted_at=NOW,
        content=CommentContent(text=text, locale="en"),
        channel="import",
        settings_version=1,
        require_approval=False,
    )
    return encode(COMMENT_SUBMITTED, event)


def comment_withdrawal(comment_id: int, review_id: int = 1, sequence: int = 2, site: str = "shop") -> Encoded:
    event = CommentWithdrawn(
        site=site,
        sequence=sequence,
        comment_id=comment_id,
        review_id=review_id,
        revision=sequence - 1,
        reason="withdrawn",
        withdrawn_at=NOW,
        withdrawn_by="key",
    )
    return encode(COMMENT_SUBMITTED, event)


def report(
    content_id: int,
    voter: str,
    *,
    at: datetime = NOW,
    sequence: int = 1,
    kind: ContentKind = "review",
    site: str = "shop",
    reason: str | None = None,
) -> Encoded:
    """What a reader says to be inappropriate."""
    return encode(REVIEW_FEEDBACK, reporting(content_id, voter, at, sequence, kind, site, reason))


def reporting(
    content_id: int, voter: str, at: datetime, sequence: int, kind: ContentKind, site: str, reason: str | None
) -> FeedbackGiven:
    return FeedbackGiven(
        site=site,
        sequence=sequence,
        content_kind=kind,
        content_id=content_id,
        voter=voter,
        kind="inappropriate",
        vote="inappropriate",
        reason=reason,
        given_at=at,
    )


def taken_back(content_id: int, voter: str, *, sequence: int = 2, site: str = "shop") -> Encoded:
    event = FeedbackRemoved(
        site=site,
        sequence=sequence,
        content_kind="review",
        content_id=content_id,
        voter=voter,
        kind="inappropriate",
        removed_at=NOW,
    )
    return encode(REVIEW_FEEDBACK, event)


def rows(*events: Encoded) -> list[Row]:
    return [Row(at, event.key, event.value, event.headers, event.topic) for at, event in enumerate(events)]


def worker(**parts: Any) -> ModerationProcessor:
    return ModerationProcessor(parts.pop("judge", None) or Judge(Spotter()), SystemClock(), **parts)


async def process(pool: asyncpg.Pool[Any], processor: ModerationProcessor, *events: Encoded) -> None:
    """One batch, as the consumer loop does it."""
    records = rows(*events)
    await processor.prepare(records)
    async with pool.acquire() as connection, connection.transaction():
        await processor.process(cast("asyncpg.Connection[Any]", connection), records)


async def save(pool: asyncpg.Pool[Any], source: str, scope: str = EVERY_SITE) -> tuple[str, int]:
    """Name and version."""
    async with pool.acquire() as connection, connection.transaction():
        saved = await versions.save(cast("asyncpg.Connection[Any]", connection), scope, source, BY, NOW)
    return saved.version.name, saved.version.version


async def activate(pool: asyncpg.Pool[Any], source: str, scope: str = EVERY_SITE, by: By = BY) -> tuple[str, int]:
    """Saved where it was not, and active from now on."""
    name, version = await save(pool, source, scope)
    async with pool.acquire() as connection, connection.transaction():
        await activation.activate(cast("asyncpg.Connection[Any]", connection), scope, name, version, by, NOW)
    return name, version


async def decision(pool: asyncpg.Pool[Any], review_id: int) -> dict[str, Any]:
    """The newest on a review."""
    row = await pool.fetchrow(
        "select * from moderation.decisions where review_id = $1 order by version desc limit 1", review_id
    )
    assert row is not None
    return dict(row)
