"""What records of ingest topics may ask for about comments, votes and reports of abuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.intake import comments, feedback
from services.intake.comment_body import CommentRecord, CommentWithdrawal
from services.intake.comments import IncomingComment
from services.intake.feedback import Feedback
from services.intake.feedback_body import FeedbackRecord
from services.intake.live import ContentRef
from services.intake.named import find_named, require_named, unknown_named
from services.intake.operation import Asked, Operation, one_by_one
from services.intake.refusal import Refusal, Refused
from services.intake.registry import Registry
from services.intake.transaction import Connection
from shared.events.models import ContentKind


async def _comment(
    tx: Connection, registry: Registry, site: str, asked: Sequence[Asked[CommentRecord]]
) -> Sequence[Refusal | None]:
    """A comment without a source gets the record's own place for one, so that a redelivery is recognised."""
    names = [(one.body.review_source, one.body.review_source_id) for one in asked]
    found = await find_named(tx, site, "review", set(names))
    incoming = []
    for one, name in zip(asked, names, strict=True):
        record = one.body
        if record.source is None:
            record = record.model_copy(update=one.place._asdict())
        if name in found:
            incoming.append(IncomingComment(found[name], record, "ingest", one.traceparent))
    results = iter(await comments.submit(tx, registry, site, incoming))
    unknown = unknown_named("review")
    return [_refusal(next(results) if name in found else unknown) for name in names]


async def _withdraw_comment(tx: Connection, registry: Registry, site: str, asked: Asked[CommentWithdrawal]) -> None:
    comment_id = await require_named(tx, site, "comment", (asked.body.source, asked.body.source_id))
    await comments.withdraw(tx, registry, site, comment_id, asked.by, asked.traceparent)


async def _feedback(
    tx: Connection, registry: Registry, site: str, asked: Sequence[Asked[FeedbackRecord]]
) -> Sequence[Refusal | None]:
    contents = await _contents(tx, site, [one.body for one in asked])
    given = [
        Feedback(content, one.body, one.traceparent)
        for one, content in zip(asked, contents, strict=True)
        if content is not None
    ]
    results = iter(await feedback.give(tx, registry, site, given))
    return [
        _refusal(next(results) if content is not None else unknown_named(one.body.content_kind))
        for one, content in zip(asked, contents, strict=True)
    ]


async def _contents(tx: Connection, site: str, records: Sequence[FeedbackRecord]) -> list[ContentRef | None]:
    kinds: tuple[ContentKind, ...] = ("review", "comment")
    found = {
        kind: await find_named(
            tx, site, kind, {(one.source, one.source_id) for one in records if one.content_kind == kind}
        )
        for kind in kinds
    }
    ids = [found[one.content_kind].get((one.source, one.source_id)) for one in records]
    return [
        ContentRef(one.content_kind, content_id) if content_id is not None else None
        for one, content_id in zip(records, ids, strict=True)
    ]


def _refusal(result: object) -> Refusal | None:
    return result.refusal if isinstance(result, Refused) else None


COMMENT_OPERATIONS: Mapping[str, Operation[Any]] = {
    "comment": Operation(CommentRecord, _comment),
    "withdraw_comment": Operation(CommentWithdrawal, one_by_one(_withdraw_comment)),
    "feedback": Operation(FeedbackRecord, _feedback),
}
