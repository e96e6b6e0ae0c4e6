"""What a candidate policy would have decided on the reviews on record, beside the policy it would replace and people.

Both policies judge the same signals: those that the engine finds now, with those that only their own time could show
(duplicates, bursts, plug-ins) taken from the decision on record. People's decisions are the measure: a moderator who
rejected a review that a rule stops agrees with the rule. Moderators mostly see what was held, so precision and recall
are about reviews like those, and the report says of how many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from services.moderation.policy.verdict import Verdict
from shared.events.models import Status

SAMPLES: Final = 10
"""Reviews shown of each kind of change."""
REVIEWS_PER_HOUR: Final = 120.0
"""A moderator's pace while too few decisions on record tell: half a minute for a review."""


class Judged(NamedTuple):
    """One review on record: what both policies say of its latest revision, and what a person said, if one did."""

    review_id: int
    before: Verdict
    after: Verdict
    person: Status | None


@dataclass(slots=True)
class RuleTally:
    """How often a rule decided, and what people had decided on the same revisions."""

    outcome: Status
    reviews: int = 0
    person_approved: int = 0
    person_rejected: int = 0


@dataclass(slots=True)
class Sample:
    review_id: int
    before_rule: str
    after_rule: str
    person: Status | None


@dataclass(slots=True)
class Tally:
    """Adds up, review by review. Samples are the first of each change in the order of `add`."""

    reviews: int = 0
    changes: Counter[tuple[Status, Status]] = field(default_factory=Counter)
    samples: dict[tuple[Status, Status], list[Sample]] = field(default_factory=dict)
    rules: dict[str, RuleTally] = field(default_factory=dict)
    person_approved: int = 0
    person_rejected: int = 0

    def add(self, judged: Judged) -> None:
        before, after = judged.before, judged.after
        self.reviews += 1
        change = before.status, after.status
        self.changes[change] += 1
        if before.status != after.status:
            kept = self.samples.setdefault(change, [])
            if len(kept) < SAMPLES:
                kept.append(Sample(judged.review_id, before.rule, after.rule, judged.person))
        rule = self.rules.setdefault(after.rule, RuleTally(after.status))
        rule.reviews += 1
        approved, rejected = judged.person == "approved", judged.person == "rejected"
        rule.person_approved += approved
        rule.person_rejected += rejected
        self.person_approved += approved
        self.person_rejected += rejected

    def report(self, reviews_per_hour: float = REVIEWS_PER_HOUR) -> dict[str, Any]:
        """Plain data for JSON. Shares are None where nothing was there to be shared."""
        return {
            "reviews": self.reviews,
            "changed": sum(count for (before, after), count in self.changes.items() if before != after),
            "outcomes": {
                name: {"before": self._total(name, 0), "after": self._total(name, 1)}
                for name in ("approved", "held", "rejected")
            },
            "changes": list(self._changes()),
            "judged_by_people": {"approved": self.person_approved, "rejected": self.person_rejected},
            "rules": {name: self._rule(tally) for name, tally in sorted(self.rules.items(), key=_by_reviews)},
            "moderators": self._moderators(reviews_per_hour),
        }

    def _total(self, status: str, side: int) -> int:
        return sum(count for change, count in self.changes.items() if change[side] == status)

    def _changes(self) -> Iterator[dict[str, Any]]:
        for (before, after), count in self.changes.most_common():
            if before != after:
                sample = [
                    {
                        "review_id": one.review_id,
                        "before_rule": one.before_rule,
                        "after_rule": one.after_rule,
                        "person": one.person,
                    }
                    for one in self.samples[before, after]
                ]
                yield {"before": before, "after": after, "reviews": count, "sample": sample}

    def _rule(self, tally: RuleTally) -> dict[str, Any]:
        agreed, judged = tally.person_rejected, tally.person_approved + tally.person_rejected
        of_all = self.person_rejected
        if tally.outcome == "approved":
            agreed, of_all = tally.person_approved, self.person_approved
        return {
            "outcome": tally.outcome,
            "reviews": tally.reviews,
            "judged_by_people": judged,
            "precision": _share(agreed, judged),
            "recall": _share(agreed, of_all),
        }

    def _moderators(self, pace: float) -> dict[str, Any]:
        """`hours_per_1000` is a moderator's time for what 1,000 reviews leave in the queues."""
        sides = {}
        for side, name in enumerate(("before", "after")):
            held = self._total("held", side)
            sides[name] = {
                "held": held,
                "hours": round(held / pace, 2),
                "hours_per_1000": round(held * 1000 / self.reviews / pace, 3) if self.reviews else None,
                "reviews_per_hour_of_moderation": round(self.reviews * pace / held) if held else None,
            }
        return {"reviews_per_hour": round(pace, 1), **sides}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _by_reviews(entry: tuple[str, RuleTally]) -> tuple[int, str]:
    return -entry[1].reviews, entry[0]
