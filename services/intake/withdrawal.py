"""Taking a review back. It is final for its id; the registry keeps a marker without content."""

from __future__ import annotations

from services.intake.decide import Registered
from services.intake.registry import load_site, lock_review
from services.intake.transaction import Connection
from shared.clock import Clock
from shared.events.cloudevents import encode
from shared.events.models import ReviewWithdrawn
from shared.events.topics import REVIEW_SUBMITTED
from shared.kafka.outbox import append

_WITHDRAW = """
    update intake.reviews
    set state = 'withdrawn', sequence = $2, content_hash = null, updated_at = $3, event = $4::json
    where review_id = $1"""


async def withdraw(
    tx: Connection, clock: Clock, site: str, review_id: int, by: str, traceparent: str | None
) -> tuple[Registered, bool]:
    """The review as it was found, and whether this call removed it: a second one changes nothing.

    Raises Refused where there is no such review. `by` is the API key's id or the ingest topic.
    """
    await load_site(tx, site)
    found = await lock_review(tx, site, review_id)
    if found.state != "live":
        return found, False
    now = clock.now()
    event = ReviewWithdrawn(
        site=site,
        sequence=found.sequence + 1,
        review_id=review_id,
        revision=found.revision,
        reason="withdrawn",
        withdrawn_at=now,
        withdrawn_by=by,
    )
    encoded = encode(REVIEW_SUBMITTED, event, traceparent)
    assert encoded.value is not None
    await tx.execute(_WITHDRAW, review_id, event.sequence, now, encoded.value.decode())
    await append(tx, "intake", [encoded])
    return found, True
