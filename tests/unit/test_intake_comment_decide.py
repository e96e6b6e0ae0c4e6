"""What becomes of a comment, given what the registry knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from services.intake.comment_body import CommentEdit
from services.intake.comment_decide import Comment, decide, decide_edit, digest, revised
from services.intake.decide import Create, Decision, Keep, Revise
from services.intake.refusal import Refused
from services.intake.submission import Author
from shared.events.content import CommentContent, Photo, VotesBefore
from shared.events.ids import CommentId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONTENT = CommentContent(author_id="a", author_name="Ana", text="x", locale="en", votes_before=VotesBefore(positive=3))
HASH = digest(CONTENT, None)
OTHER = b"other"
KNOWN = Comment(CommentId(5), 2, "live", 3, 4, "a", "shop", "c-1", 7, HASH, NOW, NOW)


@pytest.mark.parametrize(
    ("known", "version", "hashed", "expected"),
    [
        (None, None, HASH, Create()),
        (None, 3, HASH, Create()),
        (KNOWN, None, HASH, Keep(7)),
        (KNOWN, 7, HASH, Keep(7)),
        (KNOWN, 8, HASH, Keep(8)),
        (KNOWN, None, OTHER, Revise(7)),
        (KNOWN, 8, OTHER, Revise(8)),
        (replace(KNOWN, source_version=None), 1, OTHER, Revise(1)),
        (KNOWN, 6, HASH, "STALE"),
        (KNOWN, 7, OTHER, "STALE"),
        (replace(KNOWN, state="withdrawn", content_hash=None), 8, HASH, "REMOVED"),
        (replace(KNOWN, state="erased", content_hash=None), None, OTHER, "REMOVED"),
        (replace(KNOWN, review_id=4), 8, HASH, "CONFLICT"),
    ],
)
def test_by_source(known: Comment | None, version: int | None, hashed: bytes, expected: Decision | str) -> None:
    if not isinstance(expected, str):
        assert decide(2, version, hashed, known) == expected
        return
    with pytest.raises(Refused, match=expected) as caught:
        decide(2, version, hashed, known)
    assert caught.value.comment_id == 5


@pytest.mark.parametrize(
    ("known", "seen", "hashed", "expected"),
    [
        (KNOWN, 3, HASH, Keep(7)),
        (KNOWN, 3, OTHER, Revise(7)),
        (KNOWN, 2, OTHER, "REVISION_CONFLICT"),
        (KNOWN, 4, HASH, "REVISION_CONFLICT"),
        (replace(KNOWN, state="withdrawn", content_hash=None), 3, OTHER, "REMOVED"),
    ],
)
def test_by_id(known: Comment, seen: int, hashed: bytes, expected: Decision | str) -> None:
    if not isinstance(expected, str):
        assert decide_edit(seen, hashed, known) == expected
        return
    with pytest.raises(Refused, match=expected) as caught:
        decide_edit(seen, hashed, known)
    assert (caught.value.comment_id, caught.value.revision) == (5, 3)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", "y"),
        ("title", "t"),
        ("author_id", "b"),
        ("author_location", "L"),
        ("campaign_id", "c"),
        ("votes_before", None),
    ],
)
def test_everything_that_is_said_makes_another_digest(field: str, value: Any) -> None:
    assert digest(CONTENT.model_copy(update={field: value}), None) != HASH


def test_a_site_that_changes_its_locale_makes_no_revision() -> None:
    assert digest(CONTENT.model_copy(update={"locale": "fr"}), None) == HASH
    assert digest(CONTENT, "en") != HASH, "what is named is not what is assumed"


def test_digests_stay_as_they_are() -> None:
    """Registries keep them: another one would make a revision of every record that is sent again."""
    said = CommentContent(text="x", locale="en", comment_date=NOW, photos=(Photo(id="1", url="https://a.example/1"),))
    assert digest(said, None).hex() == "0ffcfb7b781b7a3a7fdb66fb2ca2a432"
    assert digest(CONTENT, "en").hex() == "eaab56055463dc66eb5514c7871a3ea6"


def edit(**fields: Any) -> CommentEdit:
    return CommentEdit(text="y", revision=1, **fields)


def test_an_edit_keeps_the_author_and_the_votes_before() -> None:
    assert revised(edit(), CONTENT, None, "en") == CONTENT.model_copy(update={"text": "y"})
    renamed = revised(edit(author=Author(name="Anna")), CONTENT, None, "en")
    assert (renamed.author_id, renamed.author_name) == ("a", "Anna")
    other = revised(edit(author=Author(id="9")), CONTENT, "b", "en")
    assert (other.author_id, other.author_name) == ("b", None)


def test_an_edit_may_say_other_votes_before() -> None:
    said = CommentEdit.model_validate_json('{"text": "y", "revision": 1, "votes_before": {"negative": 2}}')
    assert revised(said, CONTENT, None, "en").votes_before == VotesBefore(negative=2)
    none = CommentEdit.model_validate_json('{"text": "y", "revision": 1, "votes_before": {}}')
    assert revised(none, CONTENT, None, "en").votes_before is None
