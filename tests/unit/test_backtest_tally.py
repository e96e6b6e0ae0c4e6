"""What a backtest's report says of what it was told."""

from __future__ import annotations

import pytest

from services.moderation.backtest.tally import SAMPLES, Judged, Tally
from services.moderation.policy.verdict import Status as Outcome
from services.moderation.policy.verdict import Verdict
from shared.events.models import Status


def verdict(status: Outcome, rule: str) -> Verdict:
    return Verdict(status, "any", 1, rule, (), "queue" if status == "held" else None, "")


APPROVED, HELD, REJECTED = verdict("approved", "default"), verdict("held", "links"), verdict("rejected", "words")


def tally(*judged: tuple[Verdict, Verdict, Status | None]) -> Tally:
    made = Tally()
    for review_id, one in enumerate(judged, 1):
        made.add(Judged(review_id, *one))
    return made


def test_changes_are_counted_by_their_direction() -> None:
    report = tally(
        (APPROVED, APPROVED, None), (APPROVED, HELD, None), (APPROVED, HELD, None), (HELD, REJECTED, None)
    ).report()
    assert (report["reviews"], report["changed"]) == (4, 3)
    assert [(one["before"], one["after"], one["reviews"]) for one in report["changes"]] == [
        ("approved", "held", 2),
        ("held", "rejected", 1),
    ]
    assert report["outcomes"] == {
        "approved": {"before": 3, "after": 1},
        "held": {"before": 1, "after": 2},
        "rejected": {"before": 0, "after": 1},
    }


def test_another_rule_with_the_same_outcome_is_no_change() -> None:
    report = tally((HELD, verdict("held", "other"), None)).report()
    assert report["changed"] == 0
    assert report["changes"] == []
    assert list(report["rules"]) == ["other"]


def test_the_sample_names_reviews_and_both_rules_and_is_bounded() -> None:
    judged: tuple[Verdict, Verdict, Status] = (APPROVED, HELD, "rejected")
    report = tally(*[judged] * (SAMPLES + 5)).report()
    sample = report["changes"][0]["sample"]
    assert len(sample) == SAMPLES
    assert sample[0] == {"review_id": 1, "before_rule": "default", "after_rule": "links", "person": "rejected"}


def test_precision_and_recall_of_a_stopping_rule_are_by_what_people_rejected() -> None:
    report = tally(
        (HELD, HELD, "rejected"),
        (HELD, HELD, "rejected"),
        (HELD, HELD, "approved"),
        (HELD, HELD, None),
        (APPROVED, REJECTED, "rejected"),
        (APPROVED, APPROVED, "rejected"),
    ).report()
    assert report["judged_by_people"] == {"approved": 1, "rejected": 4}
    assert report["rules"]["links"] == {
        "outcome": "held",
        "reviews": 4,
        "judged_by_people": 3,
        "precision": round(2 / 3, 4),
        "recall": 0.5,
    }
    assert report["rules"]["words"]["precision"] == 1.0
    assert report["rules"]["words"]["recall"] == 0.25


def test_an_approving_rule_is_right_where_people_approved() -> None:
    report = tally(
        (APPROVED, APPROVED, "approved"), (APPROVED, APPROVED, "rejected"), (HELD, HELD, "approved")
    ).report()
    assert (report["rules"]["default"]["precision"], report["rules"]["default"]["recall"]) == (0.5, 0.5)


def test_without_people_there_is_no_precision() -> None:
    rule = tally((APPROVED, HELD, None)).report()["rules"]["links"]
    assert (rule["precision"], rule["recall"]) == (None, None)


@pytest.mark.parametrize(("pace", "hours"), [(120.0, 0.5), (30.0, 2.0)])
def test_what_is_held_costs_moderators_time(pace: float, hours: float) -> None:
    report = tally(*[(APPROVED, HELD, None)] * 60, *[(APPROVED, APPROVED, None)] * 540).report(pace)
    after = report["moderators"]["after"]
    assert after["hours"] == hours
    assert after["reviews_per_hour_of_moderation"] == 600 / hours
    assert report["moderators"]["before"] == {
        "held": 0,
        "hours": 0.0,
        "hours_per_1000": 0.0,
        "reviews_per_hour_of_moderation": None,
    }


def test_nothing_on_record_is_a_report_too() -> None:
    report = Tally().report()
    assert (report["reviews"], report["changed"], report["changes"]) == (0, 0, [])
    assert report["moderators"]["after"]["hours_per_1000"] is None
