"""Taking a review back. It is final for its id; the registry keeps a marker without content."""

from __future__ import annotations

from functools import partial

from services.intake import comments
from services.intake.decide import Registered
from services.intake.registry import Registry, load_site, lock_review
from services.intake.transaction import Connection, again_on_conflict
from shared.events.cloudevents import encode
from shared.events.models import ReviewWithdrawn
from shared.events.topics import REVIEW_SUBMITTED
from shared.kafka.outbox import append

_WITHDRAW = """
    update intake.reviews
    set state = 'withdrawn', sequence = $2, content_hash = null, updated_at = $3, event = $4::json
    where review_id = $1"""


async def withdraw(
    tx: Connection, registry: Registry, site: str, review_id: int, by: str, traceparent: str | None
) -> tuple[Registered, bool]:
    """The review as it was found, and whether this call removed it: a second one changes nothing.

    Its comments go with it, all in `tx`: nobody could read them any more, and moderators would wait for them in vain.
    Raises Refused where there is no such review. `by` is the API key's id or the ingest topic. Deadlocks with batches
    that hold what this waits for are settled by doing all of it again, within `tx`.
    """
    work = partial(_withdraw, tx, registry, site, review_id, by, traceparent)
    return await again_on_conflict(tx, registry.clock, registry.rng, work)


async def _withdraw(
    tx: Connection, registry: Registry, site: str, review_id: int, by: str, traceparent: str | None
) -> tuple[Registered, bool]:
    await load_site(tx, site)
    # From here on nobody adds a comment: for that they hold the review, too, and find it gone.
    found = await lock_review(tx, site, review_id)
    if found.state != "live":
        return found, False
    now = registry.clock.now()
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
    await comments.withdraw_all(tx, site, review_id, by, traceparent, now)
    return found, True
