"""What a candidate in shadow would have changed: outcome against outcome, rule by rule, and the newest cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from services.moderation.policies.reference import Reference

MOST_SAMPLES = 100

_COUNTS = """
    select live_status, live_rule, status, rule, count(*) as reviews, min(decided_at) as first, max(decided_at) as last
    from moderation.shadow_decisions
    where policy_scope = $1 and policy = $2 and policy_version = $3 and ($4 = '*' or site = $4)
    group by 1, 2, 3, 4"""
_SAMPLE = """
    select site, review_id, revision, live_status, live_rule, status, rule, decided_at
    from moderation.shadow_decisions
    where policy_scope = $1 and policy = $2 and policy_version = $3 and ($4 = '*' or site = $4)
        and status <> live_status
    order by id desc limit $5"""


@dataclass(frozen=True, slots=True)
class Tally:
    """Reviews by what was decided and by what the candidate says."""

    live: str
    shadow: str
    reviews: int


@dataclass(frozen=True, slots=True)
class RuleTally:
    """Reviews that a rule of the candidate decided, and how many of them were decided otherwise.

    `rule` is None where the candidate failed to decide.
    """

    rule: str | None
    reviews: int
    changed: int


@dataclass(frozen=True, slots=True)
class Summary:
    policy: Reference
    reviews: int
    changed: int
    failed: int
    since: datetime | None
    until: datetime | None
    outcomes: tuple[Tally, ...]
    rules: tuple[RuleTally, ...]
    """Of the candidate, busiest first."""
    changes: tuple[dict[str, Any], ...]
    """The newest reviews that it would have decided otherwise; ids and rules, no text."""


async def summarise(connection: asyncpg.Connection[Any], scope: str, policy: Reference, samples: int = 20) -> Summary:
    """Over the reviews of the scope's site, or of every site."""
    counts = await connection.fetch(_COUNTS, *policy, scope)
    changes = await connection.fetch(_SAMPLE, *policy, scope, min(samples, MOST_SAMPLES))
    outcomes: dict[tuple[str, str], int] = {}
    rules: dict[str | None, list[int]] = {}
    for row in counts:
        live, shadow, reviews = row["live_status"], row["status"], row["reviews"]
        outcomes[live, shadow] = outcomes.get((live, shadow), 0) + reviews
        tally = rules.setdefault(row["rule"], [0, 0])
        tally[0] += reviews
        tally[1] += reviews if live != shadow else 0
    return Summary(
        policy=policy,
        reviews=sum(outcomes.values()),
        changed=sum(reviews for (live, shadow), reviews in outcomes.items() if live != shadow and shadow != "failed"),
        failed=sum(reviews for (_, shadow), reviews in outcomes.items() if shadow == "failed"),
        since=min((row["first"] for row in counts), default=None),
        until=max((row["last"] for row in counts), default=None),
        outcomes=tuple(Tally(live, shadow, reviews) for (live, shadow), reviews in sorted(outcomes.items())),
        rules=tuple(
            RuleTally(rule, reviews, changed)
            for rule, (reviews, changed) in sorted(rules.items(), key=lambda item: (-item[1][0], item[0] or ""))
        ),
        changes=tuple(dict(row) for row in changes),
    )
