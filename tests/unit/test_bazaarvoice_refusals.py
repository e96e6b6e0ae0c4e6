from __future__ import annotations

import pytest

from services.query.bazaarvoice.refusals import translate
from services.query.intake import IntakeRefused
from services.query.problem import Problem


def refused(field: str | None, message: str = "x is wrong") -> IntakeRefused:
    return IntakeRefused(422, "VALIDATION_ERROR", message, field, None)


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("rating", "rating"),
        ("text", "commenttext"),
        ("author.name", "usernickname"),
        ("author.email", "useremail"),
        ("author.shoe_size", "usernickname"),
        ("entity_id", "productid"),
        ("details.author_location", "userlocation"),
        ("details.secondary_ratings.Quality", "rating_Quality"),
        ("details.context_data.Age", "contextdatavalue_Age"),
        ("details.additional_fields.Height", "additionalfield_Height"),
        ("details.tags.Pro.0", "tag_Pro"),
        ("details.photos.3.url", "photo"),
        ("details.videos.0.url", "video"),
    ],
)
def test_fields_have_the_forms_names(field: str, name: str) -> None:
    whole, of_fields = translate(refused(field), "commenttext")
    assert whole == []
    assert [(error.field, error.message) for error in of_fields] == [(name, f"{name} is wrong")]


@pytest.mark.parametrize("field", [None, "", "form.opened_at", "details", "something.new"])
def test_what_is_no_field_of_the_form_is_said_of_the_whole(field: str | None) -> None:
    whole, of_fields = translate(refused(field), "reviewtext")
    assert [error.code for error in whole] == ["ERROR_BAD_REQUEST"]
    assert of_fields == []


def test_what_is_missing_is_required() -> None:
    _, (error,) = translate(refused("title", "title is missing; this site asks for it"), "reviewtext")
    assert (error.code, error.field) == ("ERROR_FORM_REQUIRED", "title")


def test_intake_may_ask_to_wait() -> None:
    with pytest.raises(Problem) as waiting:
        translate(IntakeRefused(429, "TOO_MANY_REQUESTS", "wait", None, "7"), "reviewtext")
    assert (waiting.value.status, waiting.value.headers["Retry-After"]) == (429, "7")
