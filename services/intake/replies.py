"""Replies of a site's owner: one per review and slot, approved by whoever may set them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import orjson

from services.intake.refusal import removed
from services.intake.registry import load_site, lock_review
from services.intake.submission import Reply
from services.intake.transaction import Connection
from shared.clock import Clock
from shared.events.cloudevents import encode
from shared.events.ids import reply_id
from shared.events.models import Event, ReplyPosted, ReplyRemoved
from shared.events.topics import REPLY_POSTED
from shared.kafka.outbox import append

_FIND = """
    select sequence, removed, posted_at, event
    from intake.replies where site = $1 and reply_id = $2"""
_STORE = """
    insert into intake.replies (site, reply_id, review_id, slot, sequence, removed, posted_at, updated_at, event)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9::json)
    on conflict (site, reply_id) do update set sequence = excluded.sequence, removed = excluded.removed,
        posted_at = excluded.posted_at, updated_at = excluded.updated_at, event = excluded.event"""


@dataclass(frozen=True, slots=True)
class ReplyResult:
    reply_id: str
    outcome: Literal["set", "removed", "unchanged"]


async def set_reply(
    tx: Connection, clock: Clock, site: str, review_id: int, slot: int, reply: Reply, by: str, traceparent: str | None
) -> ReplyResult:
    """The same reply again changes nothing. Raises Refused where there is no such review, or it was removed."""
    await load_site(tx, site)
    # The lock of the review guards its replies too: a slot that was never filled has no row to lock.
    review = await lock_review(tx, site, review_id)
    if review.state != "live":
        raise removed(review_id, review.revision)
    key = reply_id(review_id, slot)
    now = clock.now()
    found = await tx.fetchrow(_FIND, site, key)
    if found is not None and not found["removed"]:
        said = orjson.loads(found["event"])
        # An event from before a field was there does not have it.
        if all(said.get(field) == value for field, value in reply.model_dump().items()):
            return ReplyResult(key, "unchanged")
    posted_at = now if found is None or found["removed"] else found["posted_at"]
    event = ReplyPosted(
        site=site,
        sequence=found["sequence"] + 1 if found is not None else 1,
        reply_id=key,
        review_id=review_id,
        slot=slot,
        text=reply.text,
        author_name=reply.author_name,
        department=reply.department,
        response_type=reply.response_type,
        response_source=reply.response_source,
        posted_at=posted_at,
        updated_at=now,
        approved_by=by,
    )
    await _store(tx, event, key, review_id, slot, posted_at, traceparent)
    return ReplyResult(key, "set")


async def remove_reply(
    tx: Connection, clock: Clock, site: str, review_id: int, slot: int, by: str, traceparent: str | None
) -> ReplyResult:
    """An empty slot stays empty. Raises Refused where there is no such review; a removed one will do."""
    await load_site(tx, site)
    await lock_review(tx, site, review_id)
    key = reply_id(review_id, slot)
    found = await tx.fetchrow(_FIND, site, key)
    if found is None or found["removed"]:
        return ReplyResult(key, "unchanged")
    event = ReplyRemoved(
        site=site,
        sequence=found["sequence"] + 1,
        reply_id=key,
        review_id=review_id,
        slot=slot,
        removed_at=clock.now(),
        removed_by=by,
    )
    await _store(tx, event, key, review_id, slot, found["posted_at"], traceparent)
    return ReplyResult(key, "removed")


async def _store(
    tx: Connection, event: Event, key: str, review_id: int, slot: int, posted_at: datetime, traceparent: str | None
) -> None:
    encoded = encode(REPLY_POSTED, event, traceparent)
    assert encoded.value is not None
    gone = isinstance(event, ReplyRemoved)
    values = (review_id, slot, event.sequence, gone, posted_at, event.time, encoded.value.decode())
    await tx.execute(_STORE, event.site, key, *values)
    await append(tx, "intake", [encoded])
