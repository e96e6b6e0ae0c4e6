"""Votes and reports of abuse: what may be said, and what is told of it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.feedback import Feedback, Given, Place, follow
from services.intake.feedback_body import VOTES, FeedbackBody, FeedbackRecord
from services.intake.identity import Person
from services.intake.live import ContentRef
from services.intake.submission import Invalid, parse
from shared.events.content import MAX_REASON
from shared.events.models import FeedbackGiven, FeedbackRemoved

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VOTE = {"voter": {"id": "7"}, "kind": "helpfulness", "vote": "positive"}


def said(**fields: Any) -> FeedbackBody:
    return parse(FeedbackBody, orjson.dumps({**VOTE, **fields}))


def refused(body: Any, model: Any = FeedbackBody) -> list[str | None]:
    with pytest.raises(Invalid) as caught:
        parse(model, orjson.dumps(body))
    assert "geheim" not in str(caught.value)
    return [problem.field for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("kind", "vote"),
    [(kind, vote) for kind, votes in VOTES.items() for vote in (*votes, None)],
)
def test_each_kind_has_its_votes(kind: str, vote: str | None) -> None:
    assert said(kind=kind, vote=vote).vote == vote


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "helpfulness", "vote": "inappropriate"}, "vote"),
        ({"kind": "inappropriate", "vote": "positive"}, "vote"),
        ({"vote": "geheim"}, "vote"),
        ({"kind": "geheim"}, "kind"),
        ({"voter": {}}, "voter.id"),
        ({"voter": {"id": " ", "email": ""}}, "voter.id"),
        ({"voter": {"email": "geheim"}}, "voter.email"),
        ({"voter": {"network": "geheim"}}, "voter.network"),
        ({"voter": {"network": 7}}, "voter.network"),
        ({"voter": {"network": " "}}, "voter.id"),
        ({"voter": None}, "voter"),
        ({"reason": "x" * (MAX_REASON + 1)}, "reason"),
        ({"reason": "a\0b"}, "reason"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], field: str) -> None:
    assert refused({**VOTE, **fields}) == [field]


@pytest.mark.parametrize("field", ["voter", "kind", "vote"])
def test_nothing_is_assumed(field: str) -> None:
    """A vote that was forgotten is not one that is taken back."""
    assert refused({name: value for name, value in VOTE.items() if name != field}) == [field]


def test_a_record_names_its_content() -> None:
    assert refused({"operation": "feedback", **VOTE}, FeedbackRecord) == ["source", "source_id"]
    record = {"operation": "feedback", "source": "s", "source_id": "1", **VOTE}
    assert parse(FeedbackRecord, orjson.dumps(record)).content_kind == "review"
    assert refused({**record, "content_kind": "reply"}, FeedbackRecord) == ["content_kind"]


@pytest.mark.parametrize(
    ("voter", "person"),
    [
        ({"network": " 203.0.113.7 "}, Person(network="203.0.113.7/32")),
        ({"network": "2001:db8:1:2::9"}, Person(network="2001:db8:1:2::/64")),
        ({"network": "2001:db8:1:2::/64"}, Person(network="2001:db8:1:2::/64")),
        ({"id": "7", "network": ""}, Person(id="7")),
    ],
)
def test_a_voter_may_be_whoever_is_behind_a_network(voter: dict[str, str], person: Person) -> None:
    body = said(voter=voter)
    assert Feedback(ContentRef("review", 2), body).voter == person
    assert "203.0" not in repr(body)


def test_records_of_topics_name_no_network() -> None:
    record = {"operation": "feedback", "source": "s", "source_id": "1", **VOTE}
    assert refused({**record, "voter": {"network": "203.0.113.7"}}, FeedbackRecord) == ["voter.id"]
    body = parse(FeedbackRecord, orjson.dumps({**record, "voter": {"id": "7", "network": "203.0.113.7"}}))
    assert Feedback(ContentRef("review", 2), body).voter == Person(id="7")


def place(body: FeedbackBody) -> Place:
    return Place("review", 2, "v", body.kind)


def test_a_reason_is_of_a_report() -> None:
    report = said(kind="inappropriate", vote="inappropriate", reason="rude\r\n")
    event = follow("books", place(report), None, report, NOW)
    assert isinstance(event, FeedbackGiven)
    assert (event.vote, event.reason, event.sequence) == ("inappropriate", "rude\n", 1)
    again = follow("books", place(report), Given(1, "inappropriate", "rude\n"), report, NOW)
    assert again is None
    other = follow("books", place(report), Given(1, "inappropriate", None), report, NOW)
    assert isinstance(other, FeedbackGiven)
    vote = said(reason="I liked it")
    event = follow("books", place(vote), None, vote, NOW)
    assert isinstance(event, FeedbackGiven)
    assert event.reason is None
    assert follow("books", place(vote), Given(1, "positive", None), vote, NOW) is None


@given(st.lists(st.sampled_from(["positive", "negative", None]), max_size=12))
def test_the_last_word_counts_and_nothing_is_told_twice(votes: list[str | None]) -> None:
    found: Given | None = None
    told: list[str | None] = [None]
    for vote in votes:
        body = said(vote=vote)
        event = follow("books", place(body), found, body, NOW)
        if event is not None:
            assert event.sequence == len(told)
            assert (event.site, event.content_id, event.voter) == ("books", 2, "v")
            told.append(None if isinstance(event, FeedbackRemoved) else event.vote)
            found = Given(event.sequence, told[-1], None)
    assert told[-1] == ([None, *votes])[-1]
    assert all(before != after for before, after in pairwise(told))
