"""Every operation of ingest topics, by the name that records give it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.intake import catalog_operations, replies, withdrawal
from services.intake.comment_operations import COMMENT_OPERATIONS
from services.intake.named import require_named
from services.intake.operation import Asked, Operation, one_by_one
from services.intake.refusal import Refusal
from services.intake.registry import Incoming, Registry
from services.intake.submission import Reference, Submission
from services.intake.transaction import Connection

SUBMIT = "submit"
"""What a record asks for that names no operation."""


async def _submit(
    tx: Connection, registry: Registry, site: str, asked: Sequence[Asked[Submission]]
) -> Sequence[Refusal | None]:
    """A submission without a source gets the record's own place for one, so that a redelivery is recognised."""
    incoming = []
    for one in asked:
        submission = one.body
        if submission.source is None:
            submission = submission.model_copy(update=one.place._asdict())
        incoming.append(Incoming(submission, "form" if submission.form is not None else "ingest", one.traceparent))
    return [result.refusal for result in await registry.submit(tx, site, incoming)]


async def _withdraw(tx: Connection, registry: Registry, site: str, asked: Asked[Reference]) -> None:
    review_id = await _review(tx, site, asked.body)
    await withdrawal.withdraw(tx, registry, site, review_id, asked.by, asked.traceparent)


async def _set_reply(tx: Connection, registry: Registry, site: str, asked: Asked[Reference]) -> None:
    review_id = await _review(tx, site, asked.body)
    slot, reply = asked.body.slot, asked.body.reply
    assert reply is not None
    await replies.set_reply(tx, registry.clock, site, review_id, slot, reply, asked.by, asked.traceparent)


async def _remove_reply(tx: Connection, registry: Registry, site: str, asked: Asked[Reference]) -> None:
    review_id = await _review(tx, site, asked.body)
    await replies.remove_reply(tx, registry.clock, site, review_id, asked.body.slot, asked.by, asked.traceparent)


async def _review(tx: Connection, site: str, reference: Reference) -> int:
    assert reference.source is not None
    assert reference.source_id is not None
    return await require_named(tx, site, "review", (reference.source, reference.source_id))


OPERATIONS: Mapping[str, Operation[Any]] = {
    SUBMIT: Operation(Submission, _submit),
    "withdraw": Operation(Reference, one_by_one(_withdraw)),
    "set_reply": Operation(Reference, one_by_one(_set_reply)),
    "remove_reply": Operation(Reference, one_by_one(_remove_reply)),
    **catalog_operations.OPERATIONS,
    **COMMENT_OPERATIONS,
}
