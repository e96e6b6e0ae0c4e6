from __future__ import annotations

from dataclasses import replace

import pytest

from services.projection.batch import TOPICS, Batch, parse_reply_key, parse_review_key, read, unreadable
from shared.events.cloudevents import Decoder
from shared.events.models import Event
from shared.kafka.consumer import Poison, Systematic
from tests.projection_world import Row, moderated, posted, record, removed, settings, submitted, tombstone, withdrawn

DECODERS = {spec.name: Decoder(spec) for spec in TOPICS}


def _read(*rows: Row) -> Batch:
    return read(rows, DECODERS)


def test_only_the_newest_of_each_key_is_kept() -> None:
    batch = _read(*map(record, (moderated(sequence=2), moderated(sequence=1), moderated(2), moderated(site="other"))))
    assert {key: event.sequence for key, event in batch.moderated.items()} == {
        ("shop", 1): 2,
        ("shop", 2): 1,
        ("other", 1): 1,
    }


def test_replies_removals_and_tombstones_are_facts_of_the_same_slot() -> None:
    batch = _read(
        record(removed(sequence=2)),
        record(posted(sequence=1)),
        tombstone(removed(slot=1, sequence=3)),
        record(posted(slot=1, sequence=2)),
    )
    assert {key: (fact.sequence, fact.posted) for key, fact in batch.replies.items()} == {
        ("shop", 1, 0): (2, None),
        ("shop", 1, 1): (3, None),
    }
    assert batch.review_keys() == [("shop", 1)]


def test_settings_are_kept_by_sequence() -> None:
    batch = _read(record(settings(2)), record(settings(1)))
    assert batch.sites["shop"].sequence == 2


def test_a_submission_is_passed_by_whatever_its_body_and_its_version() -> None:
    row = record(submitted())
    later = [(name, b"review.submitted.v7" if name == "ce_type" else value) for name, value in row.headers]
    assert not _read(row, row.corrupt(), replace(row, headers=later))


def test_a_tombstone_of_a_submission_is_a_removal() -> None:
    assert _read(tombstone(submitted())).withdrawn == {("shop", 1)}
    assert _read(record(withdrawn(2))).withdrawn == {("shop", 2)}


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (record(moderated()).corrupt(), "bad_json"),
        (record(moderated()).without("ce_site"), "bad_header"),
        (record(submitted()).without("ce_type"), "bad_header"),
        (replace(record(withdrawn()), value=b"{}"), "bad_event"),
        (replace(record(moderated()), value=b" " * 600_000), "oversize"),
        (record(posted().model_copy(update={"slot": 3})), "bad_event"),
        (record(moderated(status="rejected", public=1)), "bad_event"),
        (tombstone(settings()), "bad_event"),
    ],
)
def test_what_cannot_be_read_is_poison(row: Row, code: str) -> None:
    good = record(moderated(9))
    with pytest.raises(Poison) as caught:
        _read(good, row, good)
    assert caught.value.record is row
    assert caught.value.failure.code == code
    assert "très bien" not in caught.value.failure.reason


@pytest.mark.parametrize("ce_type", [b"review.moderated.v2", b"review.exploded.v1"])
def test_an_unknown_type_stops_everything(ce_type: bytes) -> None:
    row = record(moderated())
    headers = [(name, ce_type if name == "ce_type" else value) for name, value in row.headers]
    with pytest.raises(Systematic, match="review-moderated/0 at 0"):
        _read(replace(row, headers=headers))


@pytest.mark.parametrize(
    ("event", "hidden"),
    [
        (moderated(sequence=4), Batch(hidden_reviews={("shop", 1): 4})),
        (withdrawn(), Batch(withdrawn={("shop", 1)})),
        (submitted(sequence=4), Batch(hidden_reviews={("shop", 1): None})),
        (posted(2, 1, 5), Batch(hidden_replies={("shop", 2, 1): 5})),
        (settings(6), Batch(hidden_sites={"shop": 6})),
    ],
)
def test_what_an_unreadable_record_hides(event: Event, hidden: Batch) -> None:
    row = record(event)
    assert unreadable(row) == hidden
    assert not unreadable(replace(row, key=b"\xff"))
    assert not unreadable(replace(row, key=None))


@pytest.mark.parametrize("sequence", [b"x", b"-1", b"", b"9" * 19, b"9" * 30])
def test_a_sequence_that_is_none_counts_as_unknown(sequence: bytes) -> None:
    row = record(moderated())
    headers = [(name, sequence if name == "ce_sequence" else value) for name, value in row.headers]
    assert unreadable(replace(row, headers=headers)).hidden_reviews == {("shop", 1): None}


@pytest.mark.parametrize(
    ("key", "parsed"),
    [
        (b"shop/1", ("shop", 1)),
        (b"a/b/1", ("a/b", 1)),
        (b"shop/9007199254740991", ("shop", 2**53 - 1)),
        (b"shop/9007199254740992", None),
        (b"shop/01", None),
        ("shop/²".encode(), None),
        (b"/1", None),
        (b"1", None),
        (b"shop\0/1", None),
        (b"\xff/1", None),
    ],
)
def test_review_keys(key: bytes, parsed: tuple[str, int] | None) -> None:
    assert parse_review_key(key) == parsed


@pytest.mark.parametrize(
    ("key", "parsed"),
    [
        (b"shop/1.0", ("shop", 1, 0)),
        (b"shop/1.12", ("shop", 1, 12)),
        (b"shop/1", None),
        (b"shop/1.", None),
        (b"shop/1.2.3", None),
        (b"shop/1.99999999999", None),
    ],
)
def test_reply_keys(key: bytes, parsed: tuple[str, int, int] | None) -> None:
    assert parse_reply_key(key) == parsed
