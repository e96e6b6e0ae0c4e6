"""What candidates in shadow say: written down beside what was decided, and without any effect."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from services.moderation.case import Ruling
from services.moderation.contents import Submitted, content_of
from services.moderation.judging.judge import PolicyFailed, verdict
from services.moderation.judging.rulebook import Ruler
from services.moderation.policy.check import POLICY_ERROR
from services.moderation.policy.facts import Facts

FAILED = "failed"
"""Instead of a status, where the candidate could not decide."""


class ShadowDecision(NamedTuple):
    policy_scope: str
    policy: str
    policy_version: int
    site: str
    review_id: int
    revision: int
    live_status: str
    live_rule: str
    status: str
    rule: str | None
    decided_at: datetime


def in_shadow(event: Submitted, candidate: Ruler, seen: Facts, live: Ruling, now: datetime) -> ShadowDecision:
    """Of the same facts. Never raises: what goes wrong with a candidate is something to know about it."""
    status, rule = FAILED, None
    with suppress(PolicyFailed):
        said = verdict(candidate, seen)
        status, rule = (FAILED, None) if said.rule == POLICY_ERROR else (said.status, said.rule)
    return ShadowDecision(
        *candidate.reference,
        site=event.site,
        review_id=content_of(event).content_id,
        revision=event.revision,
        live_status=live.status,
        live_rule=live.rule or "",
        status=status,
        rule=rule,
        decided_at=now,
    )


async def write(tx: asyncpg.Connection[Any], decisions: Sequence[ShadowDecision]) -> None:
    """In the transaction of the decisions that they stand beside, so that there is one for each of them."""
    if decisions:
        await tx.copy_records_to_table(
            "shadow_decisions", schema_name="moderation", columns=ShadowDecision._fields, records=decisions
        )
