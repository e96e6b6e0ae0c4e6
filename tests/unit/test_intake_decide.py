"""What becomes of a submission: every rule, without a database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from services.intake.decide import Candidate, Create, Decision, Keep, Refuse, Registered, Revise, decide, decide_edit
from services.intake.plan import Plan, Site, Stamp
from shared.events.cloudevents import Decoder
from shared.events.content import ReviewDetails
from shared.events.ids import ReviewId
from shared.events.models import ReviewSubmitted
from shared.events.settings import SiteSettings
from shared.events.topics import REVIEW_SUBMITTED

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def candidate(**fields: Any) -> Candidate:
    nothing: dict[str, Any] = dict.fromkeys(
        (
            "entity_id",
            "entity_name",
            "author_id",
            "author_name",
            "email_masked",
            "title",
            "text",
            "locale",
            "review_date",
        )
    )
    return Candidate(**{**nothing, "rating": 5, **fields})


SAID = candidate(text="fine", source="shop", source_id="1", author_id="jane")
KNOWN = Registered(ReviewId(7), "live", 3, 4, "", "jane", "shop", "1", None, SAID.digest, NOW, NOW)
OTHER = replace(SAID, text="broken")


def decided(said: Candidate, known: Registered | None = KNOWN, rival: int | None = 7) -> Decision:
    return decide(said, said.digest, known, rival)


def code(decision: Decision) -> str:
    assert isinstance(decision, Refuse)
    return decision.refusal.code.value


def test_what_is_not_known_is_created() -> None:
    assert decided(SAID, None, None) == Create()


def test_a_second_review_by_the_same_author_names_the_first() -> None:
    refused = decided(SAID, None, 99)
    assert code(refused) == "ALREADY_REVIEWED"
    assert isinstance(refused, Refuse)
    assert refused.review_id == 99


@pytest.mark.parametrize(
    ("known_version", "version", "same_content", "outcome"),
    [
        (None, None, True, Keep(None)),
        (None, None, False, Revise(None)),
        (None, 1, True, Keep(1)),
        (None, 1, False, Revise(1)),
        (5, 6, False, Revise(6)),
        (5, 6, True, Keep(6)),
        (5, 5, True, Keep(5)),
        (5, 5, False, "STALE"),
        (5, 4, False, "STALE"),
        (5, 4, True, "STALE"),
        (5, None, False, Revise(5)),
        (5, None, True, Keep(5)),
    ],
)
def test_versions(known_version: int | None, version: int | None, same_content: bool, outcome: Decision | str) -> None:
    said = replace(SAID if same_content else OTHER, source_version=version)
    result = decided(said, replace(KNOWN, source_version=known_version))
    assert (code(result) if isinstance(outcome, str) else result) == outcome


@pytest.mark.parametrize("state", ["withdrawn", "erased"])
def test_nothing_comes_back_after_a_removal(state: Any) -> None:
    gone = replace(KNOWN, state=state, content_hash=None)
    assert code(decided(SAID, gone, None)) == "REMOVED"
    assert code(decided(replace(OTHER, source_version=9), gone, None)) == "REMOVED"
    assert code(decide_edit(OTHER.digest, gone, 3, None)) == "REMOVED"


def test_an_edit_may_not_take_the_place_of_another_review() -> None:
    assert code(decided(OTHER, KNOWN, 99)) == "ALREADY_REVIEWED"
    assert code(decide_edit(OTHER.digest, KNOWN, 3, 99)) == "ALREADY_REVIEWED"


def test_an_edit_of_another_revision_is_a_conflict_that_says_which_there_is() -> None:
    refused = decide_edit(OTHER.digest, KNOWN, 2, 7)
    assert isinstance(refused, Refuse)
    assert (code(refused), refused.revision) == ("REVISION_CONFLICT", 3)
    assert decide_edit(OTHER.digest, KNOWN, 3, 7) == Revise(None)
    assert decide_edit(SAID.digest, KNOWN, 3, 7) == Keep(None)


@pytest.mark.parametrize(
    "change",
    [
        {"rating": 4}, {"title": "x"}, {"text": None}, {"entity_id": "e"}, {"entity_name": "E"}, {"author_id": "joe"},
        {"author_name": "Jo"}, {"locale": "de"}, {"review_date": NOW},
    ],
)  # fmt: skip
def test_every_part_of_the_content_counts(change: dict[str, Any]) -> None:
    assert replace(SAID, **change).digest != SAID.digest


def test_a_review_without_details_has_the_digest_that_it_always_had() -> None:
    """Registries keep digests: another one would make a revision of every record that is sent again."""
    said = candidate(
        entity_id="kettle", entity_name="Kettle, 2 l", author_id="9f2c1a7be0d34c55", author_name="Zoë",
        email_masked="z***@example.com", rating=4, title="BOILS FAST", text="Quiet.\nAnd quick.", locale="en",
        review_date=datetime(2026, 3, 13, tzinfo=UTC), source="shop", source_id="1",
    )  # fmt: skip
    assert said.digest.hex() == "a1a183c26df5f6fdacb1f95e2889128b"
    assert candidate().digest.hex() == "63a65b93cc19f4a13415000d9659f8d0"


DETAILS: dict[str, Any] = {
    "pros": "a", "cons": "a", "is_recommended": False, "secondary_ratings": {"Fit": 1}, "context_data": {"Age": "a"},
    "tags": {"Pro": ("a",)}, "additional_fields": {"Size": "a"}, "badges": ({"id": "a"},),
    "photos": ({"id": "1", "url": "http://a"},), "videos": ({"url": "http://a"},), "product_recommendation_ids": ("a",),
    "author_location": "a", "affiliation": "a", "campaign_id": "a", "submission_id": "a", "is_incentivized": True,
    "syndication": {"name": "a"}, "votes_before": {"positive": 1},
}  # fmt: skip


def detailed(**details: Any) -> Candidate:
    return candidate(details=ReviewDetails.model_validate(details))


def test_every_detail_counts() -> None:
    assert set(DETAILS) == set(ReviewDetails.model_fields), "a new detail must be here, and in digests"
    digests = {detailed(**{name: value}).digest for name, value in DETAILS.items()}
    assert len(digests | {candidate().digest}) == len(DETAILS) + 1


def test_digests_of_details_stay_as_they_are() -> None:
    assert detailed(pros="Quick", tags={"Pro": ("Quiet",)}).digest.hex() == "b52902dc9b6a14258b6dad732712d9ee"


def test_the_order_of_dimensions_is_of_no_account_and_that_of_tags_is() -> None:
    assert detailed(context_data={"A": "1", "B": "2"}).digest == detailed(context_data={"B": "2", "A": "1"}).digest
    assert detailed(tags={"Pro": ("a", "b")}).digest != detailed(tags={"Pro": ("b", "a")}).digest
    assert detailed(context_data={"A": "1"}).digest != detailed(additional_fields={"A": "1"}).digest


def test_fields_do_not_run_into_each_other() -> None:
    assert candidate(title="ab").digest != candidate(text="ab").digest != candidate(entity_id="ab").digest


def plan(*found: Registered) -> Plan:
    ids: Iterator[ReviewId] = (ReviewId(number) for number in count(1000))
    return Plan(Site("books", "Books", SiteSettings(), 9, b""), NOW, found, ids)


def test_duplicates_in_a_batch_behave_as_if_sent_one_after_the_other() -> None:
    batch, stamp = plan(), Stamp("ingest", None)
    sent = [
        SAID,
        SAID,
        OTHER,
        replace(OTHER, source_id="2"),
        replace(SAID, source_version=2),
        replace(OTHER, source_version=1),
    ]
    results = [batch.submit(one, stamp) for one in sent]
    assert [(result.outcome, result.review_id, result.revision) for result in results] == [
        ("created", 1000, 1),
        ("unchanged", 1000, 1),
        ("edited", 1000, 2),
        ("refused", 1000, None),
        ("edited", 1000, 3),
        ("refused", 1000, 3),
    ]
    decoder = Decoder(REVIEW_SUBMITTED)
    events = [decoder.decode(event.key, event.value, event.headers).event for event in batch.events]
    assert [(event.sequence, event.revision) for event in events if isinstance(event, ReviewSubmitted)] == [
        (1, 1),
        (2, 2),
        (3, 3),
    ]
    assert (list(batch.created), batch.changed) == ([1000], {})
    assert batch.last_event[1000] is batch.events[-1]


def test_an_author_who_moves_to_another_entity_frees_the_first() -> None:
    batch, stamp = plan(KNOWN), Stamp("api", None)
    moved = batch.submit(replace(SAID, entity_id="shirt"), stamp)
    again = batch.submit(replace(SAID, source_id="2"), stamp)
    assert (moved.outcome, again.outcome) == ("edited", "created")
