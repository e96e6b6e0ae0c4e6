"""Details of a row: what a mapping names, in the shape and the words that intake takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from services.cli.importing.detail_kinds import BY_ID, NAMES, PARTS, SINGLE, band_names
from services.cli.importing.errors import ImportProblem
from services.cli.importing.mapping import Column, Detail, Mapping, Template, Value, parse_template, read_mapping
from services.cli.importing.rows import SKIPPED, Mapped, MappedRows, NativeRows, Unsent
from services.cli.importing.source import Row
from services.intake.submission import parse_submission
from shared.events.content import (
    Badge,
    Photo,
    ReviewDetails,
    SyndicationSource,
    Video,
    VotesBefore,
)

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "womens-clothing.yaml"


def rows(*details: Detail, header: list[str] | None = None, **options: Any) -> MappedRows:
    return MappedRows(Mapping({"rating": Column("Rating")}, details=details, **options), header, "file")


def read(detail: Detail, value: Any) -> Any:
    """What one column of NDJSON gives, or what stands in its way."""
    outcome = rows(detail)(Row(1, 1, {"Rating": 5, "X": value}))
    return orjson.loads(outcome.body).get("details") if isinstance(outcome, Mapped) else outcome


def test_every_detail_can_be_named() -> None:
    assert set(NAMES) == set(ReviewDetails.model_fields)
    assert set(PARTS["votes_before"]) == set(VotesBefore.model_fields)
    assert set(PARTS["syndication"]) == set(SyndicationSource.model_fields)
    assert len(SINGLE) + len(BY_ID) + len(PARTS) == len(NAMES)


def test_a_row_with_everything_is_what_intake_takes(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text("""
fields: {rating: Rating}
details:
  pros: Good
  cons: Bad
  is_recommended: Recommend
  is_incentivized: {value: no}
  photos: Photos
  videos: {column: Videos, separator: ";"}
  product_recommendation_ids: Also
  author_location: {template: "{City}, {Country}"}
  affiliation: Staff
  campaign_id: Campaign
  submission_id: No
  context_data: {Age: {column: Age, bands: [18, 25]}, Gender: Gender}
  secondary_ratings: {Fit_22: Fit}
  tags: {Pro: Tags, Con: {column: Cons, separator: " "}}
  additional_fields: {Size: Size}
  badges: {Verified: Bought, Top10: {column: Top, kind: Rank}}
  syndication: {name: Site, logo_url: Logo, content_link: Link}
  votes_before: {positive: Helpful, negative: Not, inappropriate: Bad votes}
""")
    row = {
        "Rating": "4", "Good": " Warm\nand light ", "Bad": "Thin", "Recommend": "Yes",
        "Photos": " https://a.example/1.jpg \n https://a.example/2,3.jpg", "Videos": "http://v.example/1; ",
        "Also": "kettle, mug,,", "City": "Lisbon", "Country": "PT", "Staff": "Employee", "Campaign": "spring",
        "No": "77", "Age": "24.0", "Gender": "Female", "Fit": "3.0", "Tags": "Soft, Warm", "Cons": "thin  pale",
        "Size": "XL", "Bought": "1", "Top": "TRUE", "Site": "other.example", "Logo": "https://other.example/l.png",
        "Link": "", "Helpful": "12", "Not": "0", "Bad votes": "",
    }  # fmt: skip
    outcome = MappedRows(read_mapping(path), list(row), "file")(Row(1, 2, list(row.values())))
    assert isinstance(outcome, Mapped)
    said = parse_submission(outcome.body).details
    assert said is not None
    assert said.to_content() == ReviewDetails(
        pros=" Warm\nand light ",
        cons="Thin",
        is_recommended=True,
        photos=(Photo(id="1", url="https://a.example/1.jpg"), Photo(id="2", url="https://a.example/2,3.jpg")),
        videos=(Video(url="http://v.example/1"),),
        product_recommendation_ids=("kettle", "mug"),
        author_location="Lisbon, PT",
        affiliation="Employee",
        campaign_id="spring",
        submission_id="77",
        context_data={"Age": "18to24", "Gender": "Female"},
        secondary_ratings={"Fit_22": 3},
        tags={"Pro": ("Soft", "Warm"), "Con": ("thin", "pale")},
        additional_fields={"Size": "XL"},
        badges=(Badge(id="Verified"), Badge(id="Top10", kind="Rank")),
        syndication=SyndicationSource(name="other.example", logo_url="https://other.example/l.png"),
        votes_before=VotesBefore(positive=12),
    )
    nothing = MappedRows(read_mapping(path), list(row), "file")(Row(2, 3, ["4", *[" "] * (len(row) - 1)]))
    assert isinstance(nothing, Mapped)
    assert orjson.loads(nothing.body)["details"] == {"is_incentivized": False}


def test_the_example_gives_what_the_table_says() -> None:
    header = ["row", "Clothing ID", "Age", "Title", "Review Text", "Rating", "Recommended IND",
              "Positive Feedback Count", "Division Name", "Department Name", "Class Name"]  # fmt: skip
    fit = MappedRows(read_mapping(EXAMPLE), header, "womens-clothing")
    outcome = fit(Row(1, 2, ["7", "1080", "34", "", "Love it.", "5", "1", "4", "General", "Dresses", "Dresses"]))
    assert isinstance(outcome, Mapped)
    assert orjson.loads(outcome.body) == {
        "rating": 5,
        "text": "Love it.",
        "entity_id": "1080",
        "entity_name": "Dresses 1080",
        "author": {"id": "7"},
        "locale": "en",
        "source": "womens-clothing",
        "source_id": "7",
        "details": {
            "is_recommended": True,
            "context_data": {"Age": "25to34"},
            "votes_before": {"positive": 4},
        },
    }
    assert fit(Row(2, 3, ["8", "1080", "x", "", "", "5", "1", "4", "", "", ""])) is SKIPPED


AGE = Detail(("context_data", "Age"), Column("X"), bands=(18, 25, 65))


@pytest.mark.parametrize(
    ("value", "band"),
    [
        ("17", "under18"), ("17.9", "under18"), ("-1", "under18"), ("0", "under18"), ("18", "18to24"), (24, "18to24"),
        ("24.9", "18to24"), ("25", "25to64"), (64.0, "25to64"), (" 65 ", "65plus"), ("99999999", "65plus"),
    ],
)  # fmt: skip
def test_bands_begin_at_their_bounds(value: Any, band: str) -> None:
    assert read(AGE, value) == {"context_data": {"Age": band}}


def test_names_of_bands() -> None:
    assert band_names((18, 25, 65)) == ("under18", "18to24", "25to64", "65plus")
    assert band_names((18,)) == ("under18", "18plus")


@pytest.mark.parametrize(
    ("detail", "value", "message"),
    [
        (AGE, "secret", "must be a number, to say which band it is in"),
        (AGE, "1e2", "must be a number, to say which band it is in"),
        (AGE, "nan", "must be a number, to say which band it is in"),
        (AGE, "٣٤", "must be a number, to say which band it is in"),
        (AGE, True, "must be a string or a number"),
        (Detail(("is_recommended",), Column("X")), "secret", "must be yes or no, such as 1, 0, true or false"),
        (Detail(("is_recommended",), Column("X")), 2, "must be yes or no, such as 1, 0, true or false"),
        (Detail(("badges", "Verified"), Column("X")), "secret", "must be yes or no, such as 1, 0, true or false"),
        (Detail(("votes_before", "positive"), Column("X")), "-3", "must be a whole number, such as 3 or 3.0"),
        (Detail(("votes_before", "positive"), Column("X")), "3.5", "must be a whole number, such as 3 or 3.0"),
        (Detail(("secondary_ratings", "Fit"), Column("X")), "4/5", "must be a whole number, such as 3 or 3.0"),
        (Detail(("tags", "Pro"), Column("X")), {"a": "secret"}, "must be a string or a number"),
        (Detail(("tags", "Pro"), Column("X")), [["secret"]], "must be a string or a number"),
        (Detail(("pros",), Column("X")), ["secret"], "must be a string or a number"),
    ],
)
def test_a_refusal_names_the_detail_and_not_the_value(detail: Detail, value: Any, message: str) -> None:
    assert read(detail, value) == Unsent(f"{detail.field} {message}", detail.field)


@pytest.mark.parametrize(
    ("value", "answer"),
    [(True, True), ("TRUE", True), ("y", True), (1, True), (1.0, True), ("1.0", True), (" no ", False), (0, False)],
)
def test_yes_and_no(value: Any, answer: bool) -> None:
    assert read(Detail(("is_recommended",), Column("X")), value) == {"is_recommended": answer}


@pytest.mark.parametrize("value", [None, "", "  ", []])
def test_what_is_empty_is_not_sent(value: Any) -> None:
    of_lists = [Detail(("tags", "Pro"), Column("X")), Detail(("photos",), Column("X"))]
    for detail in of_lists + ([AGE, Detail(("is_recommended",), Column("X"))] if value != [] else []):
        assert read(detail, value) is None


def test_lists_and_objects_of_ndjson_are_taken_as_they_are() -> None:
    assert read(Detail(("tags", "Pro"), Column("X")), ["Soft, warm", " Light ", 3, None]) == {
        "tags": {"Pro": ["Soft, warm", "Light", "3"]}
    }
    photos = [{"url": "https://a.example/1.jpg", "caption": "Me"}, "https://a.example/2.jpg"]
    assert read(Detail(("photos",), Column("X")), photos) == {
        "photos": [{"url": "https://a.example/1.jpg", "caption": "Me"}, {"url": "https://a.example/2.jpg"}]
    }


def test_values_and_templates_give_details_too() -> None:
    fit = rows(
        Detail(("tags", "Pro"), Value("a, b")),
        Detail(("photos",), Template(parse_template("https://img.example/{No}.jpg"))),
        Detail(("syndication", "logo_url"), Value("https://a.example/l.png")),
        header=["Rating", "No"],
    )
    outcome = fit(Row(1, 2, ["5", "7"]))
    assert isinstance(outcome, Mapped)
    # A logo alone is no source.
    assert orjson.loads(outcome.body)["details"] == {
        "tags": {"Pro": ["a", "b"]},
        "photos": [{"url": "https://img.example/7.jpg"}],
    }


def test_a_wrong_field_comes_before_a_wrong_detail_and_leaving_out_before_both() -> None:
    fit = rows(AGE, Detail(("is_recommended",), Column("Y")), header=["Rating", "X", "Y"])
    assert fit(Row(1, 2, ["9", "x", "x"])) == Unsent(
        "rating must be a whole number from 1 to 5, such as 4 or 4.0", "rating"
    )
    assert fit(Row(1, 2, ["5", "x", "x"])) == Unsent(
        "details.context_data.Age must be a number, to say which band it is in", "details.context_data.Age"
    )


def test_columns_of_details_must_be_there() -> None:
    with pytest.raises(ImportProblem, match="line 3 of the mapping: the file has no column `Y`"):
        rows(Detail(("pros",), Column("Y", line=3)), header=["Rating"])


def test_details_of_our_own_ndjson_pass_as_they_are() -> None:
    details = {"pros": "Warm", "votes_before": {"positive": 3}, "context_data": {"Age": "25to34"}}
    outcome = NativeRows("file")(Row(1, 1, {"rating": 5, "details": details}))
    assert isinstance(outcome, Mapped)
    assert orjson.loads(outcome.body)["details"] == details
