"""What senders may say in comments, and what becomes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from services.intake.comment_body import CommentEdit, CommentRecord, CommentSubmission, CommentWithdrawal
from services.intake.submission import Invalid, parse
from shared.events.content import MAX_LOCATION, MAX_MEDIA, MAX_NAME, MAX_TEXT, MAX_TITLE

FULL = {
    "author": {"id": "7", "name": "Ana", "email": "ana@example.com"},
    "title": "The lid",
    "text": "one\r\ntwo",
    "locale": "pt_BR",
    "location": "Lisbon",
    "comment_date": "2024-05-31",
    "campaign_id": "spring",
    "submission_id": "s-1",
    "badges": [{"id": "Staff", "kind": "Affiliation"}],
    "photos": [{"url": "https://shop.example/1.jpg", "caption": "It"}, {"url": "https://shop.example/2.jpg"}],
    "videos": [{"url": "https://video.example/1"}],
    "syndication": {"name": "Other shop"},
    "votes_before": {"positive": 3},
}


def accepted(**fields: Any) -> CommentSubmission:
    return parse(CommentSubmission, orjson.dumps({"text": "x", **fields}))


def refused(model: Any = CommentSubmission, **fields: Any) -> list[str | None]:
    with pytest.raises(Invalid) as caught:
        parse(model, orjson.dumps(fields))
    assert "geheim" not in str(caught.value)
    return [problem.field for problem in caught.value.problems]


def test_all_that_can_be_said_is_in_the_content_but_the_address() -> None:
    content = accepted(**FULL).to_content("a-1", "Ana", "en")
    assert (content.author_id, content.author_name, content.author_location) == ("a-1", "Ana", "Lisbon")
    assert (content.title, content.text, content.locale) == ("The lid", "one\ntwo", "pt-BR")
    assert content.comment_date == datetime(2024, 5, 31, tzinfo=UTC)
    assert (content.campaign_id, content.submission_id) == ("spring", "s-1")
    assert [(badge.id, badge.kind) for badge in content.badges] == [("Staff", "Affiliation")]
    assert [(photo.id, photo.caption) for photo in content.photos] == [("1", "It"), ("2", None)]
    assert content.videos[0].url == "https://video.example/1"
    assert content.syndication is not None
    assert content.syndication.name == "Other shop"
    assert content.votes_before is not None
    assert content.votes_before.positive == 3
    assert "example.com" not in content.model_dump_json()


def test_a_comment_of_words_alone_is_in_the_locale_of_the_site() -> None:
    content = accepted().to_content(None, None, "fr")
    assert content.model_dump(exclude_defaults=True) == {"text": "x", "locale": "fr"}


@pytest.mark.parametrize("text", [None, "", " \n", 7, "x" * (MAX_TEXT + 1), "a\0b"])
def test_a_comment_has_words(text: Any) -> None:
    assert refused(text=text) == ["text"]
    assert refused() == ["text"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "x" * (MAX_TITLE + 1)),
        ("location", "x" * (MAX_LOCATION + 1)),
        ("location", "a\nb"),
        ("locale", "not a locale"),
        ("comment_date", "geheim"),
        ("photos", [{"url": "https://e.example/1"}] * (MAX_MEDIA + 1)),
        ("source", "shop"),
    ],
)
def test_limits_are_kept_and_the_field_is_named(field: str, value: Any) -> None:
    (named,) = refused(text="x", **{field: value})
    assert named in (field, "source_id")


def test_parts_are_named_by_their_place() -> None:
    assert refused(text="x", photos=[{"url": "ftp://geheim"}]) == ["photos.0.url"]
    assert refused(text="x", author={"email": "geheim", "name": "x" * (MAX_NAME + 1)}) == [
        "author.name", "author.email",
    ]  # fmt: skip
    assert refused(text="x", source_version=3) == ["source_version"]


def test_an_edit_says_which_revision_was_seen() -> None:
    assert refused(CommentEdit, text="x") == ["revision"]
    assert parse(CommentEdit, b'{"text": "x", "revision": 2}').revision == 2


def test_a_record_names_its_review() -> None:
    assert refused(CommentRecord, operation="comment", text="x") == ["review_source", "review_source_id"]
    assert refused(CommentWithdrawal, operation="withdraw_comment", source="", source_id="1") == ["source"]
