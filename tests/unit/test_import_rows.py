"""From a row to what is sent."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from services.cli.importing.errors import ImportProblem
from services.cli.importing.mapping import Column, FieldSource, Mapping, Template, Value, parse_template
from services.cli.importing.rows import SKIPPED, Mapped, MappedRows, NativeRows, Unsent
from services.cli.importing.source import BAD_BYTES, Row
from services.cli.importing.values import ValueProblem, rating
from services.intake.submission import parse_submission


def mapped(fields: dict[str, FieldSource], **options: Any) -> Mapping:
    return Mapping({"rating": Column("Rating"), **fields}, **options)


def send(mapping: Mapping, **row: Any) -> Any:
    """The body for a CSV row, or what stands in its way."""
    outcome = MappedRows(mapping, list(row), "file")(Row(7, 8, list(row.values())))
    return orjson.loads(outcome.body) if isinstance(outcome, Mapped) else outcome


def test_a_row_becomes_a_submission_that_intake_takes() -> None:
    mapping = mapped(
        {
            "title": Column("Title"),
            "text": Column("Text"),
            "entity_id": Column("Item"),
            "entity_name": Template(parse_template("{Class} {Item}")),
            "author_id": Column("User"),
            "author_email": Column("Mail"),
            "locale": Value("en"),
            "review_date": Column("Date", "%d-%b-%y"),
            "source_version": Column("Version"),
        },
        source_id=Column("No"),
    )
    values = {"Rating": "4.0", "Title": " T ", "Text": "a\r\nb", "Item": " 767 ", "Class": "Dresses", "User": "u1"}
    more = {"Mail": "j@example.com", "Date": "31-Jul-18", "Version": "3", "No": "r1"}
    body = send(mapping, **values, **more)
    assert body == {
        "rating": 4,
        "title": " T ",
        "text": "a\r\nb",
        "entity_id": "767",
        "entity_name": "Dresses 767",
        "author": {"id": "u1", "email": "j@example.com"},
        "locale": "en",
        "review_date": "2018-07-31T00:00:00+00:00",
        "source": "file",
        "source_id": "r1",
        "source_version": 3,
    }
    assert parse_submission(orjson.dumps(body)).rating == 4


def test_what_is_empty_is_not_sent() -> None:
    fields: dict[str, FieldSource] = {
        "title": Column("Title"),
        "author_name": Column("Name"),
        "entity_name": Template(parse_template("{Title} ({Name})")),
        "review_date": Column("Date", "%Y"),
    }
    body = send(mapped(fields), Rating="5", Title=" ", Name="", Date="")
    assert body == {"rating": 5, "source": "file", "source_id": "7"}


@pytest.mark.parametrize("value", ["4", "4.0", " 4 ", "04", "4.00", 4, 4.0])
def test_whole_ratings_in_every_spelling(value: Any) -> None:
    assert rating(value) == 4
    assert type(rating(value)) is int


@pytest.mark.parametrize("value", ["5/5", "4.5", "4,0", "0", "6", "٤", "five", "1e0", "nan", 4.5, float("inf")])
def test_ratings_that_would_have_to_be_guessed_are_refused(value: Any) -> None:
    with pytest.raises(ValueProblem, match="whole number from 1 to 5"):
        rating(value)


@pytest.mark.parametrize("value", [True, None, [4], 7])
def test_what_is_no_rating_at_all_is_for_intake_to_refuse(value: Any) -> None:
    assert rating(value) is value


def test_a_refusal_names_the_field_and_not_the_value() -> None:
    fields: dict[str, FieldSource] = {"review_date": Column("Date", "%Y-%m-%d")}
    refused = send(mapped(fields), Rating="5", Date="secret")
    assert refused == Unsent("review_date does not have the form %Y-%m-%d", "review_date")
    refused = send(mapped(fields), Rating="secret", Date="2024-01-01")
    assert isinstance(refused, Unsent)
    assert (refused.code, refused.field) == ("VALIDATION_ERROR", "rating")
    assert "secret" not in refused.message


def test_rows_that_are_left_out_on_purpose_are_no_refusals() -> None:
    mapping = mapped({"text": Column("Text"), "author_id": Column("User")}, skip_when_empty=("text", "author_id"))
    assert send(mapping, Rating="5", Text=" ", User="u") is SKIPPED
    assert send(mapping, Rating="5", Text="a", User="") is SKIPPED
    assert send(mapping, Rating="bad", Text="", User="u") is SKIPPED
    assert isinstance(send(mapping, Rating="bad", Text="a", User="u"), Unsent)


def test_a_row_without_its_source_id_is_refused() -> None:
    refused = send(mapped({}, source_id=Column("No")), Rating="5", No="")
    assert (refused.field, refused.message) == ("source_id", "source_id is empty; every row needs its own")


def test_bad_bytes_refuse_the_row_only_where_they_would_be_sent() -> None:
    mapping = mapped({"text": Column("Text")})
    refused = send(mapping, Rating="5", Text=f"caf{BAD_BYTES}", Other="")
    assert (refused.code, refused.field) == ("BAD_REQUEST", None)
    assert send(mapping, Rating="5", Text="fine", Other=BAD_BYTES)["text"] == "fine"


def test_an_unreadable_row_keeps_its_reason() -> None:
    assert MappedRows(mapped({}), ["Rating"], "file")(Row(1, 2, None, "why")) == Unsent("why", None, "BAD_REQUEST")
    assert NativeRows("file")(Row(1, 2, None, "why")) == Unsent("why", None, "BAD_REQUEST")


def test_a_column_that_is_not_there_is_told_before_anything_is_sent() -> None:
    with pytest.raises(
        ImportProblem, match="line 4 of the mapping: the file has no column `Txt`; its columns are: A, B"
    ):
        MappedRows(Mapping({"rating": Column("A"), "text": Column("Txt", line=4)}), ["A", "B"], "file")
    with pytest.raises(ImportProblem, match="the file has 2 columns `A`"):
        MappedRows(Mapping({"rating": Column("A")}), ["A", "A"], "file")


@pytest.mark.parametrize(
    ("format_", "text", "expected"),
    [
        ("unix", "1533081600", "2018-08-01T00:00:00+00:00"),
        ("unix_ms", "1533081600000", "2018-08-01T00:00:00+00:00"),
        ("%Y-%m-%d %H:%M %z", "2018-08-01 02:00 +0200", "2018-08-01T02:00:00+02:00"),
        ("%d/%m/%Y", "01/08/2018", "2018-08-01T00:00:00+00:00"),
    ],
)
def test_dates_in_the_form_that_the_mapping_gives(format_: str, text: str, expected: str) -> None:
    assert send(mapped({"review_date": Column("D", format_)}), Rating="5", D=text)["review_date"] == expected


def test_keys_of_ndjson_reach_into_objects_and_numbers_become_text() -> None:
    mapping = Mapping(
        {
            "rating": Column("stars"),
            "author_name": Column("user.name"),
            "entity_id": Column("item"),
            "title": Column("a.b"),
            "text": Column("missing.far.away"),
        }
    )
    rows = MappedRows(mapping, None, "file")
    outcome = rows(Row(1, 1, {"stars": 5.0, "user": {"name": "Jo"}, "item": 767.0, "a.b": "dotted", "missing": 3}))
    assert isinstance(outcome, Mapped)
    body = orjson.loads(outcome.body)
    assert body == {
        "rating": 5,
        "author": {"name": "Jo"},
        "entity_id": "767",
        "title": "dotted",
        "source": "file",
        "source_id": "1",
    }
    refused = rows(Row(1, 1, {"stars": 5, "item": {"id": 3}}))
    assert refused == Unsent("entity_id must be a string or a number", "entity_id")


def native(**values: Any) -> Any:
    outcome = NativeRows("file")(Row(3, 4, values))
    return orjson.loads(outcome.body) if isinstance(outcome, Mapped) else outcome


def test_our_own_keys_pass_as_they_are_and_get_a_source() -> None:
    body = native(rating=4.0, text="Good", author={"name": "Jo"}, other=1)
    assert body == {
        "rating": 4,
        "text": "Good",
        "author": {"name": "Jo"},
        "other": 1,
        "source": "file",
        "source_id": "3",
    }
    assert native(rating=5, source="shop", source_id="r1")["source_id"] == "r1"
    assert native(rating=5, source_id="r1")["source"] == "file"
    assert native(rating=5, source="shop").get("source_id") is None  # for intake to refuse: half a name
    assert "form" not in native(rating=5, form={"honeypot": "x"})
    assert native(rating="5/5").field == "rating"


def test_rows_about_the_same_review_are_known() -> None:
    rows = NativeRows("file")
    by_id = rows(Row(1, 1, {"rating": 5, "author": {"id": "u", "email": "a@example.com"}, "entity_id": "e"}))
    by_mail = rows(Row(2, 2, {"rating": 5, "author": {"email": "A@example.com"}}))
    assert isinstance(by_id, Mapped)
    assert isinstance(by_mail, Mapped)
    assert (by_id.author, by_id.record) == (("u", "e"), ("file", "1"))
    assert by_mail.author == ("a@example.com", "")
