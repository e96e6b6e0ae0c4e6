"""What senders may say, checked without looking at anything else.

Fields that are not known are ignored, so that senders may be newer than we are; known ones are strict: `"5"` and `true`
are no ratings. Text is kept as given, apart from line ends, which become `\\n`; what is blank counts as not given.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from services.intake.email import normalise
from services.intake.refusal import Refusal, Refused
from shared.events.content import (
    MAX_ENTITY_ID,
    MAX_ENTITY_NAME,
    MAX_NAME,
    MAX_REPLY,
    MAX_SOURCE,
    MAX_SOURCE_ID,
    MAX_TEXT,
    MAX_TITLE,
    Rating,
)
from shared.http.errors import ErrorCode

MAX_BODY_BYTES = 256 * 1024
"""Room for the longest text with every character escaped."""
MAX_SLOT = 99
MAX_BIGINT = 2**63 - 1

# No control characters; Postgres and JSON readers choke on some, and the rest only ever hide something.
_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
_LINES = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"


def _blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and (not value or value.isspace()) else value


def _line_ends(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    return None if not value or value.isspace() else value


def _email(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip():
        return _blank_is_none(value)
    address = normalise(value)
    if address is None:
        raise PydanticCustomError("email", "is not an e-mail address; send one like name@example.com, or none")
    return address


def _locale(value: Any) -> Any:
    return _blank_is_none(value.replace("_", "-") if isinstance(value, str) else value)


_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?")


def parse_time(text: str) -> datetime:
    """RFC 3339, or a date alone (its midnight); without an offset it is UTC. Raises ValueError."""
    upper = text.strip().upper()
    if _TIME.fullmatch(upper) is None:
        raise ValueError("not an RFC 3339 time")
    time = datetime.fromisoformat(upper)
    try:
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None


def _time(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip():
        return _blank_is_none(value)
    try:
        return parse_time(value)
    except ValueError:
        raise PydanticCustomError("time", "is not a time; send one like 2024-05-31T12:00:00Z or 2024-05-31") from None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _time_or_ms(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _time(value)
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except (OverflowError, ValueError):
        raise PydanticCustomError("time", "is not a time in milliseconds since 1970") from None


_Line = BeforeValidator(_blank_is_none)
_Lines = BeforeValidator(_line_ends)
_Name = Annotated[Annotated[str, Field(max_length=MAX_NAME, pattern=_LINE)] | None, _Line]
_EntityId = Annotated[Annotated[str, Field(max_length=MAX_ENTITY_ID, pattern=_LINE)] | None, _Line]
_EntityName = Annotated[Annotated[str, Field(max_length=MAX_ENTITY_NAME, pattern=_LINES)] | None, _Lines]
_Title = Annotated[Annotated[str, Field(max_length=MAX_TITLE, pattern=_LINES)] | None, _Lines]
_Text = Annotated[Annotated[str, Field(max_length=MAX_TEXT, pattern=_LINES)] | None, _Lines]
LANGUAGE_TAG = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"
_LanguageTag = Annotated[str, Field(max_length=35, pattern=LANGUAGE_TAG)]
_Locale = Annotated[_LanguageTag | None, BeforeValidator(_locale)]
_Time = Annotated[datetime | None, BeforeValidator(_time)]
_Email = Annotated[str | None, BeforeValidator(_email)]
_Source = Annotated[Annotated[str, Field(max_length=MAX_SOURCE, pattern=_LINE)] | None, _Line]
_SourceId = Annotated[Annotated[str, Field(max_length=MAX_SOURCE_ID, pattern=_LINE)] | None, _Line]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


class Author(_Model):
    """`id` is the sender's own for this person; it and the e-mail go no further than the vault."""

    id: _SourceId = Field(default=None, repr=False)
    name: _Name = Field(default=None, repr=False)
    email: _Email = Field(default=None, repr=False)


class Form(_Model):
    """Evidence that a public form sends along."""

    honeypot: str | None = Field(default=None, repr=False)
    opened_at: Annotated[datetime | None, BeforeValidator(_time_or_ms)] = None


class Content(_Model):
    """What a revision says. A review without title and text is a rating only; one without an entity is of the site."""

    entity_id: _EntityId = None
    entity_name: _EntityName = None
    author: Author | None = None
    rating: Rating
    title: _Title = Field(default=None, repr=False)
    text: _Text = Field(default=None, repr=False)
    locale: _Locale = None
    review_date: _Time = None


class Submission(Content):
    """A review as its sender gives it."""

    source: _Source = None
    source_id: _SourceId = None
    source_version: Annotated[int, Field(ge=0, le=MAX_BIGINT)] | None = None
    form: Form | None = None

    @model_validator(mode="after")
    def _source_is_whole(self) -> Self:
        if (self.source is None) != (self.source_id is None):
            missing = "source" if self.source is None else "source_id"
            raise PydanticCustomError(
                "source",
                "is missing; source and source_id name a record together, send both or none",
                {"field": missing},
            )
        if self.source_version is not None and self.source is None:
            raise PydanticCustomError(
                "source", "needs source and source_id, whose versions it counts", {"field": "source_version"}
            )
        return self


class Edit(Content):
    """A new revision; `revision` is the one that the editor saw. Author and entity stay where they are not given."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)]


class Reply(_Model):
    text: Annotated[Annotated[str, Field(max_length=MAX_REPLY, pattern=_LINES)], _Lines] = Field(repr=False)
    author_name: _Name = None


class Reference(_Model):
    """What a record of an ingest topic asks for; all but `submit` name a review that was sent before."""

    operation: Literal["submit", "withdraw", "set_reply", "remove_reply"] = "submit"
    source: _Source = None
    source_id: _SourceId = None
    slot: Annotated[int, Field(ge=0, le=MAX_SLOT)] = 0
    reply: Reply | None = None

    @model_validator(mode="after")
    def _names_a_review(self) -> Self:
        if self.operation != "submit":
            for field in ("source", "source_id"):
                if getattr(self, field) is None:
                    raise PydanticCustomError(
                        "source", "is missing; it names the review that is meant", {"field": field}
                    )
        if self.operation == "set_reply" and self.reply is None:
            raise PydanticCustomError("reply", 'is missing; send {"text": …}', {"field": "reply"})
        return self


class Invalid(Refused):
    """The body is not what it must be; `problems` has one refusal per field, the first of them is `refusal`."""

    def __init__(self, problems: tuple[Refusal, ...]) -> None:
        super().__init__(problems[0])
        self.problems = problems


M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], body: bytes) -> M:
    """Raises Invalid, which names fields and never their values."""
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    raise Invalid(tuple(_refusal(detail) for detail in details[:20]))


def parse_submission(body: bytes) -> Submission:
    return parse(Submission, body)


_CURES = {
    "missing": "is missing; it must be sent",
    "int_type": "must be a whole number, without quotes",
    "int_parsing_size": "is too large a number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be a string",
    "string_unicode": "holds half of a surrogate pair; send whole characters",
    "string_pattern_mismatch": "holds a control character; remove all but line feeds and tabs",
    "datetime_type": "is not a time; send one like 2024-05-31T12:00:00Z",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
}


def _refusal(detail: ErrorDetails) -> Refusal:
    context = detail.get("ctx", {})
    field = ".".join(str(part) for part in (*detail["loc"], *((context["field"],) if "field" in context else ())))
    kind = detail["type"]
    if kind == "json_invalid":
        return Refusal(ErrorCode.BAD_REQUEST, "the body is not JSON in UTF-8; send one JSON object")
    if not field:
        return Refusal(ErrorCode.BAD_REQUEST, "the body must be a JSON object")
    name = field.rpartition(".")[2]
    if kind == "string_too_long":
        problem = f"is longer than {context['max_length']} characters; shorten it"
    elif kind in ("greater_than_equal", "less_than_equal"):
        problem = f"must be at {'least' if 'ge' in context else 'most'} {context.get('ge', context.get('le'))}"
    elif kind == "literal_error":
        problem = f"must be one of {context['expected']}"
    elif kind == "string_pattern_mismatch" and name in ("locale", "default_locale"):
        problem = "is not a language tag; send one like en or pt-BR"
    elif kind == "string_pattern_mismatch" and name not in ("title", "text"):
        problem = "holds a control character or a line break; remove it"
    elif kind in _CURES:
        problem = _CURES[kind]
    else:
        problem = detail["msg"]
    return Refusal(ErrorCode.VALIDATION_ERROR, f"{name} {problem}", field)
