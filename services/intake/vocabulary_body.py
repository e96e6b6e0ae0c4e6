"""What administrators may say of the dimensions of a site, checked without looking at anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from services.intake.catalog import Change, Key
from services.intake.fields import LINE, LINES, Lines, StrictModel
from services.intake.locales import label_locale
from services.intake.refusal import Refusal
from services.intake.submission import Invalid
from shared.events.content import MAX_DIMENSION_ID, MAX_DIMENSION_VALUE, MAX_DIMENSIONS, MAX_SECONDARY_RATING
from shared.events.vocabulary import DEFAULT_LOCALE, Vocabulary
from shared.http.errors import ErrorCode

MAX_TERMS = 200
"""Of one kind."""
MAX_VALUES = 500
"""Of one term."""

_ID = re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_DIMENSION_ID}}}")
_IDS = f"ids have 1 to {MAX_DIMENSION_ID} letters, digits, points, hyphens and underscores"
_LINE = re.compile(LINE)


def _id(value: str) -> str:
    if _ID.fullmatch(value) is None:
        raise PydanticCustomError("term_id", "is no id; {ids}", {"ids": _IDS})
    return value


def _values(value: Any) -> Any:
    """Keys are judged before labels: what is wrong with a label is told under its key."""
    if not isinstance(value, dict):
        return {} if value is None else value
    if len(value) > MAX_VALUES:
        raise PydanticCustomError("values", "has more than {most} entries; send fewer", {"most": MAX_VALUES})
    if any(not key.strip() or len(key) > MAX_DIMENSION_VALUE or _LINE.fullmatch(key) is None for key in value):
        message = "has a key that is no value; values have 1 to {most} characters, no control characters among them"
        raise PydanticCustomError("value", message, {"most": MAX_DIMENSION_VALUE})
    return value


def _list(value: Any) -> Any:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else value


def _distinct(terms: tuple[Any, ...]) -> tuple[Any, ...]:
    """Case-insensitively, for so they are found."""
    if len({term.id.lower() for term in terms}) != len(terms):
        raise PydanticCustomError("twice", "has the same id twice, whatever the case; every entry needs its own")
    return terms


def _answerable(terms: tuple[Any, ...]) -> tuple[Any, ...]:
    """No review has more of one kind, so a form that asks for more could never be sent."""
    if sum(term.required for term in terms) > MAX_DIMENSIONS:
        message = "has more than {most} required entries, and so many no review can have"
        raise PydanticCustomError("required", message, {"most": MAX_DIMENSIONS})
    return terms


def _false_if_null(value: Any) -> Any:
    return False if value is None else value


_LabelText = Annotated[str, Field(max_length=MAX_DIMENSION_VALUE, pattern=LINES)]
_Label = Annotated[_LabelText | None, Lines]
_ValueLabels = Annotated[Mapping[str, _LabelText], BeforeValidator(_values)]
_Flag = Annotated[bool, BeforeValidator(_false_if_null)]


class _Term(StrictModel):
    id: Annotated[str, AfterValidator(_id)]
    label: _Label = None


class _SecondaryRating(_Term):
    range: Annotated[int, Field(ge=1, le=MAX_SECONDARY_RATING)] = 5
    display_type: Literal["NORMAL", "SLIDER"] = "NORMAL"
    min_label: _Label = None
    max_label: _Label = None
    value_labels: _ValueLabels = Field(default={})
    required: _Flag = False

    @model_validator(mode="after")
    def _labels_are_of_the_range(self) -> Self:
        if not self.value_labels.keys() <= {str(value) for value in range(1, self.range + 1)}:
            message = "has a key that is no value of the range; keys are from 1 to {most}, as text"
            raise PydanticCustomError("range", message, {"most": self.range, "field": "value_labels"})
        return self


class _ContextData(_Term):
    value_labels: _ValueLabels = Field(default={})
    required: _Flag = False


class _Tag(_Term):
    value_labels: _ValueLabels = Field(default={})


class _AdditionalField(_Term):
    required: _Flag = False


class _Badge(_Term):
    content_type: Literal["REVIEW", "COMMENT"] = "REVIEW"


_Terms = Field(max_length=MAX_TERMS)
_Null = BeforeValidator(_list)
_Distinct = AfterValidator(_distinct)
_Answerable = AfterValidator(_answerable)


class VocabularyBody(StrictModel):
    secondary_ratings: Annotated[tuple[_SecondaryRating, ...], _Terms, _Null, _Distinct, _Answerable] = ()
    context_data: Annotated[tuple[_ContextData, ...], _Terms, _Null, _Distinct, _Answerable] = ()
    tags: Annotated[tuple[_Tag, ...], _Terms, _Null, _Distinct] = ()
    additional_fields: Annotated[tuple[_AdditionalField, ...], _Terms, _Null, _Distinct, _Answerable] = ()
    badges: Annotated[tuple[_Badge, ...], _Terms, _Null, _Distinct] = ()


def put(locale: str, body: VocabularyBody, traceparent: str | None) -> Change:
    """Raises Invalid for a locale that is none."""
    vocabulary = Vocabulary.model_validate(body.model_dump())
    return Change(Key("vocabulary", checked_locale(locale)), vocabulary, traceparent)


def removal(locale: str, traceparent: str | None) -> Change:
    """Raises Invalid for a locale that is none."""
    return Change(Key("vocabulary", checked_locale(locale)), None, traceparent)


def checked_locale(text: str) -> str:
    """`*` is the default. Raises Invalid."""
    locale = DEFAULT_LOCALE if text == DEFAULT_LOCALE else label_locale(text)
    if locale is None:
        message = "locale must be like en or en_US, or * for all locales without a vocabulary of their own"
        raise Invalid((Refusal(ErrorCode.VALIDATION_ERROR, message, "locale"),))
    return locale
