"""What administrators may say of dimensions."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from services.intake.catalog import Key
from services.intake.submission import Invalid, parse
from services.intake.vocabulary_body import MAX_TERMS, MAX_VALUES, VocabularyBody, checked_locale, put, removal
from shared.events.content import MAX_DIMENSIONS
from shared.events.vocabulary import (
    AdditionalFieldTerm,
    BadgeTerm,
    ContextDataTerm,
    SecondaryRatingTerm,
    TagTerm,
    Vocabulary,
)

KINDS = ("secondary_ratings", "context_data", "tags", "additional_fields", "badges")


def vocabulary(**fields: Any) -> Vocabulary:
    entry = put("*", parse(VocabularyBody, orjson.dumps(fields)), None).entry
    assert isinstance(entry, Vocabulary)
    return entry


def refused(**fields: Any) -> str | None:
    with pytest.raises(Invalid) as invalid:
        vocabulary(**fields)
    return invalid.value.refusal.field


def test_all_of_a_vocabulary_arrives_in_its_order() -> None:
    found = vocabulary(
        secondary_ratings=[
            {"id": "Quality", "label": "Quality", "range": 5, "min_label": "Poor", "max_label": "Best",
             "value_labels": {"1": "Poor"}, "display_type": "SLIDER", "required": True},
            {"id": "Fit", "range": 3},
        ],
        context_data=[{"id": "Age", "label": "Age", "value_labels": {"25to34": "25 to 34", "18to24": "18 to 24"}}],
        tags=[{"id": "Pro", "label": "Pros", "value_labels": {"warm": "Warm"}}],
        additional_fields=[{"id": "Shoe.Size-1", "label": "Shoe size", "required": True}],
        badges=[{"id": "verified", "label": "Verified", "content_type": "COMMENT"}],
    )  # fmt: skip
    assert found == Vocabulary(
        secondary_ratings=(
            SecondaryRatingTerm(
                id="Quality", label="Quality", range=5, display_type="SLIDER", min_label="Poor", max_label="Best",
                value_labels={"1": "Poor"}, required=True,
            ),
            SecondaryRatingTerm(id="Fit", range=3),
        ),
        context_data=(
            ContextDataTerm(id="Age", label="Age", value_labels={"25to34": "25 to 34", "18to24": "18 to 24"}),
        ),
        tags=(TagTerm(id="Pro", label="Pros", value_labels={"warm": "Warm"}),),
        additional_fields=(AdditionalFieldTerm(id="Shoe.Size-1", label="Shoe size", required=True),),
        badges=(BadgeTerm(id="verified", label="Verified", content_type="COMMENT"),),
    )  # fmt: skip
    assert list(found.context_data[0].value_labels) == ["25to34", "18to24"]


def test_every_field_of_the_contract_can_be_sent() -> None:
    assert set(VocabularyBody.model_fields) == set(Vocabulary.model_fields) == set(KINDS)
    for kind in KINDS:
        ours, theirs = (model.model_fields[kind].annotation for model in (VocabularyBody, Vocabulary))
        assert set(ours.__args__[0].model_fields) == set(theirs.__args__[0].model_fields), kind  # type: ignore[union-attr]  # both are tuples of models


def test_nothing_is_a_vocabulary_too() -> None:
    assert vocabulary() == vocabulary(**dict.fromkeys(KINDS)) == Vocabulary()


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_words_and_stand_there_once(kind: str) -> None:
    assert refused(**{kind: [{"id": "Age"}, {"id": "AGE"}]}) == kind
    for wrong in ("", "a b", "a/b", "a:b", "ä", "x" * 101, "a\n"):
        assert refused(**{kind: [{"id": "Fit"}, {"id": wrong}]}) == f"{kind}.1.id"
    assert refused(**{kind: [{"label": "Age"}]}) == f"{kind}.0.id"
    assert refused(**{kind: [{"id": f"t{n}"} for n in range(MAX_TERMS + 1)]}) == kind
    assert refused(**{kind: {"id": "Age"}}) == kind


@pytest.mark.parametrize("kind", ["secondary_ratings", "context_data", "additional_fields"])
def test_no_more_is_required_than_a_review_can_have(kind: str) -> None:
    terms = [{"id": f"t{number}", "required": True} for number in range(MAX_DIMENSIONS + 1)]
    assert refused(**{kind: terms}) == kind
    assert len(getattr(vocabulary(**{kind: [*terms[1:], {"id": "t0"}]}), kind)) == len(terms)


def test_kinds_have_words_of_their_own() -> None:
    assert vocabulary(**{kind: [{"id": "Fit"}] for kind in KINDS}).tags[0].id == "Fit"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"secondary_ratings": [{"id": "A", "range": 0}]}, "secondary_ratings.0.range"),
        ({"secondary_ratings": [{"id": "A", "range": 101}]}, "secondary_ratings.0.range"),
        ({"secondary_ratings": [{"id": "A", "display_type": "STARS"}]}, "secondary_ratings.0.display_type"),
        ({"secondary_ratings": [{"id": "A", "value_labels": {"6": "x"}}]}, "secondary_ratings.0.value_labels"),
        ({"secondary_ratings": [{"id": "A", "value_labels": {"01": "x"}}]}, "secondary_ratings.0.value_labels"),
        ({"context_data": [{"id": "A", "value_labels": {" ": "x"}}]}, "context_data.0.value_labels"),
        ({"context_data": [{"id": "A", "value_labels": {"x\ny": "x"}}]}, "context_data.0.value_labels"),
        ({"context_data": [{"id": "A", "value_labels": {"x": 5}}]}, "context_data.0.value_labels.x"),
        (
            {"context_data": [{"id": "A", "value_labels": {str(n): "" for n in range(MAX_VALUES + 1)}}]},
            "context_data.0.value_labels",
        ),
        ({"context_data": [{"id": "A", "required": "yes"}]}, "context_data.0.required"),
        ({"tags": [{"id": "A", "label": "x" * 501}]}, "tags.0.label"),
        ({"badges": [{"id": "A", "content_type": "STORY"}]}, "badges.0.content_type"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], field: str) -> None:
    assert refused(**fields) == field


@pytest.mark.parametrize(("given", "read"), [("en_US", "en_US"), ("en-US", "en_US"), ("en", "en"), ("*", "*")])
def test_locales(given: str, read: str) -> None:
    assert checked_locale(given) == read
    assert removal(given, None).key == Key("vocabulary", read)


@pytest.mark.parametrize("given", ["", "EN", "en_us", "en_USA", "english", "en_US_x", "**", "en*", "en_US\n"])
def test_what_is_no_locale(given: str) -> None:
    with pytest.raises(Invalid) as invalid:
        checked_locale(given)
    assert invalid.value.refusal.field == "locale"
