"""What became of each review, as the moderation API tells it, and whether the public sees exactly that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A signal: which detector, where, and the words that it saw."""

    detector: str
    field: str
    start: int
    end: int
    matched: str


@dataclass(frozen=True)
class Content:
    """The part of a revision that summaries count."""

    entity_id: str
    rating: int


@dataclass(frozen=True)
class Outcome:
    """A case. `policy` is the name and version that decided last of all policies; `public` is what of it is public now,
    None for nothing.
    """

    review_id: int
    source_id: str | None
    submitted_at: str
    status: str
    version: int
    revision: int
    policy: str
    rule: str
    codes: tuple[str, ...]
    seen: tuple[Seen, ...]
    rating: int
    title: str | None
    text: str | None
    entity_id: str
    entity_name: str | None
    public: Content | None


@dataclass(frozen=True)
class Summary:
    """Reviews of an entity: how many, the sum of their stars, and how many have 1, 2, 3, 4 and 5."""

    count: int
    total: int
    distribution: tuple[int, ...]

    @property
    def average(self) -> float | None:
        return self.total / self.count if self.count else None


def outcome_of(case: Mapping[str, Any]) -> Outcome:
    """Of a case with its history. Raises KeyError when it lacks what every case that was never withdrawn has."""
    submission, decisions, public = case["submission"], case["decisions"], case["public"]
    content, newest = submission["content"], decisions[-1]
    by_policy = next((decision for decision in reversed(decisions) if decision["policy"]), None)
    signals: list[dict[str, Any]] = by_policy["signals"] if by_policy else []
    return Outcome(
        review_id=case["review_id"],
        source_id=submission.get("source_id"),
        submitted_at=submission["submitted_at"],
        status=case["status"],
        version=case["version"],
        revision=case["revision"],
        policy=f"{by_policy['policy']['name']}@{by_policy['policy']['version']}" if by_policy else "",
        rule=newest["rule"] or f"by a {newest['decided_by']['kind']}",
        codes=tuple(newest["codes"]),
        seen=tuple(Seen(s["detector"], s["field"], s["start"], s["end"], s["matched"]) for s in signals),
        rating=content["rating"],
        title=content.get("title"),
        text=content.get("text"),
        entity_id=content.get("entity_id") or "",
        entity_name=content.get("entity_name"),
        public=None if public is None else _content(public["submission"]["content"]),
    )


def differences(outcomes: Iterable[Outcome], public_ids: Sequence[int]) -> list[str]:
    """What is wrong with a public answer: nothing but approved content may be there, all of it, and once."""
    approved = {outcome.review_id: outcome for outcome in outcomes if outcome.public is not None}
    shown = set(public_ids)
    problems = [f"review {review_id} is public without being approved" for review_id in sorted(shown - set(approved))]
    problems += [f"review {review_id} is approved and not public" for review_id in sorted(set(approved) - shown)]
    if len(public_ids) != len(shown):
        problems.append(f"{len(public_ids) - len(shown)} reviews were listed twice")
    return problems


def policies(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many reviews each version of a policy has decided on, the busiest first; "" is none at all."""
    return dict(Counter(outcome.policy for outcome in outcomes).most_common())


def summaries(outcomes: Collection[Outcome]) -> dict[str, Summary]:
    """By entity, counted from the cases; "" is the site itself."""
    found: dict[str, list[int]] = {}
    for outcome in outcomes:
        if outcome.public is not None:
            found.setdefault(outcome.public.entity_id, []).append(outcome.public.rating)
    return {
        entity: Summary(len(ratings), sum(ratings), tuple(ratings.count(stars) for stars in range(1, 6)))
        for entity, ratings in found.items()
    }


def summary_differs(ours: Summary, answered: Mapping[str, Any]) -> bool:
    """Whether query's summary says something else than the cases do; its average is rounded."""
    distribution = tuple(answered["distribution"][str(stars)] for stars in range(1, 6))
    if (answered["count"], distribution) != (ours.count, ours.distribution):
        return True
    theirs: float | None = answered["average"]
    if ours.average is None or theirs is None:
        return theirs is not ours.average
    return abs(theirs - ours.average) > 0.005


def _content(content: Mapping[str, Any]) -> Content:
    return Content(content.get("entity_id") or "", content["rating"])
