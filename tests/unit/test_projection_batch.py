from __future__ import annotations

from dataclasses import replace

import pytest

from services.projection.batch import TOPICS, Batch, read, unreadable
from services.projection.keys import (
    EntryKey,
    FeedbackKey,
    parse_catalog_key,
    parse_feedback_key,
    parse_reply_key,
    parse_review_key,
)
from shared.events.cloudevents import Decoder
from shared.events.models import Event
from shared.kafka.consumer import Poison, Systematic
from tests.projection_world import (
    Row,
    brand,
    category,
    comment,
    comment_submitted,
    comment_withdrawn,
    entry_removed,
    feedback,
    feedback_removed,
    moderated,
    posted,
    product,
    record,
    removed,
    settings,
    submitted,
    tombstone,
    vocabulary,
    withdrawn,
)

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
    assert batch.review_keys() == {("shop", 1)}


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
        (record(comment(status="rejected", public=1)), "bad_event"),
        (record(feedback().model_copy(update={"vote": "inappropriate"})), "bad_event"),
        (record(comment_withdrawn()).corrupt(), "bad_json"),
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
        (comment(sequence=4), Batch(hidden_comments={("shop", 101): 4})),
        (comment_withdrawn(), Batch(withdrawn_comments={("shop", 101)})),
        (comment_submitted(sequence=4), Batch(hidden_comments={("shop", 101): None})),
        (
            feedback(sequence=3, content_kind="comment"),
            Batch(hidden_feedback={FeedbackKey("shop", "comment", 1, "anna", "helpfulness"): 3}),
        ),
        (category("a/b", sequence=2), Batch(hidden_catalog={EntryKey("shop", "category", "a/b"): 2})),
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


def test_comments_are_read_as_reviews_are() -> None:
    batch = _read(
        record(comment_submitted()).corrupt(),
        record(comment(sequence=2)),
        record(comment(sequence=1)),
        record(comment_withdrawn(102)),
        tombstone(comment_withdrawn(103)),
    )
    assert {key: event.sequence for key, event in batch.comments.items()} == {("shop", 101): 2}
    assert batch.withdrawn_comments == {("shop", 102), ("shop", 103)}
    assert batch.comment_keys() == {("shop", 101), ("shop", 102), ("shop", 103)}
    assert batch.review_keys() == set()


def test_of_feedback_the_newest_word_counts() -> None:
    given = feedback(sequence=1)
    batch = _read(
        record(feedback_removed(given, 3)),
        record(feedback(vote="negative", sequence=2)),
        record(feedback(vote="inappropriate")),
        tombstone(feedback_removed(feedback(voter="ben"), 4)),
    )
    assert {(key.voter, key.kind): tuple(fact) for key, fact in batch.feedback.items()} == {
        ("anna", "helpfulness"): (3, None),
        ("anna", "inappropriate"): (1, "inappropriate"),
        ("ben", "helpfulness"): (4, None),
    }


def test_entries_of_the_catalog_by_kind_and_id() -> None:
    events = (product("p/1"), category("p/1"), brand("p/1"), vocabulary("de_DE"))
    batch = _read(*map(record, events), record(entry_removed("brand", "p/1")), tombstone(product("p/1", 3)))
    assert {(key.kind, key.entry_id): fact.sequence for key, fact in batch.catalog.items()} == {
        ("product", "p/1"): 3,
        ("category", "p/1"): 1,
        ("brand", "p/1"): 2,
        ("vocabulary", "de_DE"): 1,
    }
    assert [key.kind for key, fact in batch.catalog.items() if fact.event is None] == ["product", "brand"]


@pytest.mark.parametrize(
    ("key", "parsed"),
    [
        (b"shop/review/7/anna/helpfulness", FeedbackKey("shop", "review", 7, "anna", "helpfulness")),
        (b"shop/comment/7/anna/inappropriate", FeedbackKey("shop", "comment", 7, "anna", "inappropriate")),
        (b"shop/product/7/anna/helpfulness", None),
        (b"shop/review/07/anna/helpfulness", None),
        (b"shop/review/7/anna/joy", None),
        (b"shop/review/7//helpfulness", None),
        (b"review/7/anna/helpfulness", None),
    ],
)
def test_feedback_keys(key: bytes, parsed: FeedbackKey | None) -> None:
    assert parse_feedback_key(key) == parsed


@pytest.mark.parametrize(
    ("key", "parsed"),
    [
        (b"shop/product/a/b", EntryKey("shop", "product", "a/b")),
        (b"shop/vocabulary/*", EntryKey("shop", "vocabulary", "*")),
        (b"shop/shelf/a", None),
        (b"shop/product/", None),
        (b"/product/a", None),
    ],
)
def test_catalog_keys(key: bytes, parsed: EntryKey | None) -> None:
    assert parse_catalog_key(key) == parsed
