"""What senders may say, and how they are told what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from services.intake.fields import parse_time
from services.intake.submission import Edit, Invalid, Reference, Submission, parse, parse_submission
from shared.events.content import MAX_TEXT


def refused(body: Any) -> list[tuple[str, str | None]]:
    with pytest.raises(Invalid) as caught:
        parse_submission(body if isinstance(body, bytes) else orjson.dumps(body))
    return [(problem.code.value, problem.field) for problem in caught.value.problems]


def accepted(**fields: Any) -> Submission:
    return parse_submission(orjson.dumps({"rating": 5, **fields}))


@pytest.mark.parametrize("rating", ["5", True, 5.0, 0, 6, -1, None, [5], 10**30])
def test_a_rating_is_a_whole_number_from_1_to_5_and_nothing_that_looks_like_one(rating: Any) -> None:
    if isinstance(rating, int) and rating > 2**63:
        assert refused(f'{{"rating": {rating}}}'.encode()) == [("VALIDATION_ERROR", "rating")]
    else:
        assert refused({"rating": rating}) == [("VALIDATION_ERROR", "rating")]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"7", b'{"rating": 5, "text": "\xff"}', b'{"rating":5}{}'])
def test_what_is_not_one_json_object_is_a_bad_request(body: bytes) -> None:
    assert refused(body) == [("BAD_REQUEST", None)]


def test_half_a_surrogate_pair_is_not_text() -> None:
    assert refused(b'{"rating": 5, "text": "\\ud83d"}') == [("BAD_REQUEST", None)]


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f", "\x85"])
@pytest.mark.parametrize("field", ["title", "text", "entity_id", "source"])
def test_control_characters_are_refused(field: str, character: str) -> None:
    body = {"rating": 5, "source": "a", "source_id": "b", field: f"a{character}b"}
    assert refused(body) == [("VALIDATION_ERROR", field)]


def test_text_is_kept_as_given_but_for_line_ends() -> None:
    said = accepted(title=" <b>Great</b> & cheap ", text="one\r\ntwo\rthree\n\tfour 👍🏽")
    assert (said.title, said.text) == (" <b>Great</b> & cheap ", "one\ntwo\nthree\n\tfour 👍🏽")


def test_what_is_blank_counts_as_not_given() -> None:
    said = accepted(title=" ", text="\n", entity_id="", locale=" ", review_date="", author={"id": "", "email": " "})
    assert (said.title, said.text, said.entity_id, said.locale, said.review_date) == (None,) * 5
    assert said.author is not None
    assert (said.author.id, said.author.email) == (None, None)


def test_the_longest_text_counts_characters_not_bytes() -> None:
    assert accepted(text="👍" * MAX_TEXT).text == "👍" * MAX_TEXT
    assert refused({"rating": 5, "text": "a" * (MAX_TEXT + 1)}) == [("VALIDATION_ERROR", "text")]


def test_every_wrong_field_is_named() -> None:
    wrong = refused({"rating": 9, "title": 5, "author": {"email": "nobody"}, "locale": "english please"})
    assert wrong == [("VALIDATION_ERROR", field) for field in ("author.email", "rating", "title", "locale")]


def test_no_message_repeats_what_was_sent() -> None:
    with pytest.raises(Invalid) as caught:
        parse_submission(orjson.dumps({"rating": "geheim", "title": ["geheim"], "author": {"email": "geheim@"}}))
    assert "geheim" not in str(caught.value) + "".join(problem.message for problem in caught.value.problems)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_nothing_that_a_person_wrote_is_in_the_repr() -> None:
    said = accepted(title="geheim", text="geheim", author={"id": "geheim", "name": "geheim", "email": "geheim@x.org"})
    assert "geheim" not in repr(said)


def test_unknown_fields_are_ignored() -> None:
    assert accepted(helpful=3, author={"name": "Jo", "age": 7}) == accepted(author={"name": "Jo"})


@pytest.mark.parametrize(
    ("fields", "missing"),
    [({"source": "a"}, "source_id"), ({"source_id": "a"}, "source"), ({"source_version": 1}, "source_version")],
)
def test_source_and_source_id_come_together(fields: dict[str, Any], missing: str) -> None:
    assert refused({"rating": 5, **fields}) == [("VALIDATION_ERROR", missing)]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-05-31T12:00:00Z", datetime(2024, 5, 31, 12, tzinfo=UTC)),
        ("2024-05-31t14:00:00.5+02:00", datetime(2024, 5, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2024-05-31 12:00", datetime(2024, 5, 31, 12, tzinfo=UTC)),
        ("2024-05-31", datetime(2024, 5, 31, tzinfo=UTC)),
    ],
)
def test_times_become_utc(text: str, time: datetime) -> None:
    assert parse_time(text) == time
    assert accepted(review_date=text).review_date == time


@pytest.mark.parametrize("text", ["yesterday", "2024-02-30", "20240531", "2024-W22-5", 5])
def test_what_is_no_time_is_refused(text: Any) -> None:
    assert refused({"rating": 5, "review_date": text}) == [("VALIDATION_ERROR", "review_date")]


@pytest.mark.parametrize(
    "text",
    ["0001-01-01", "0001-01-01T00:00:00+05:00", "1899-12-31T23:59:59Z", "3000-01-01", "9999-12-31T23:59:59.999999Z"],
)
def test_times_that_stand_for_none_are_refused(text: str) -> None:
    """To Postgres, by way of its driver, the first and the last time of Python's are infinite."""
    assert refused({"rating": 5, "review_date": text}) == [("VALIDATION_ERROR", "review_date")]


def test_a_form_may_say_its_time_in_milliseconds() -> None:
    opened = accepted(form={"opened_at": 1_700_000_000_000}).form
    assert opened is not None
    assert opened.opened_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert refused({"rating": 5, "form": {"opened_at": 1e300}}) == [("VALIDATION_ERROR", "form.opened_at")]


def test_locales_are_language_tags() -> None:
    assert accepted(locale="pt_BR").locale == "pt-BR"
    assert refused({"rating": 5, "locale": "<script>"}) == [("VALIDATION_ERROR", "locale")]


def test_an_edit_says_which_revision_it_saw() -> None:
    with pytest.raises(Invalid, match="revision is missing"):
        parse(Edit, b'{"rating": 5}')


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"operation": "erase", "source": "a", "source_id": "b"}, "operation"),
        ({"operation": "withdraw", "source": "a"}, "source_id"),
        ({"operation": "set_reply", "source": "a", "source_id": "b"}, "reply"),
        ({"operation": "set_reply", "source": "a", "source_id": "b", "reply": {"text": " "}}, "reply.text"),
        ({"operation": "remove_reply", "source": "a", "source_id": "b", "slot": 100}, "slot"),
    ],
)
def test_an_operation_names_its_review_whole(body: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(Reference, orjson.dumps(body))
    assert caught.value.refusal.field == field
