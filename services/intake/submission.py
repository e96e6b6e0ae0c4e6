"""What senders may say, checked without looking at anything else.

Fields that are not known are ignored, so that senders may be newer than we are; known ones are strict: `"5"` and `true`
are no ratings.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from services.intake.details import Details
from services.intake.fields import (
    LANGUAGE_TAG,
    LINE,
    LINES,
    Email,
    EntityId,
    EntityName,
    Locale,
    Name,
    Said,
    Source,
    SourceId,
    StrictModel,
    Text,
    Time,
    TimeOrMs,
    Title,
)
from services.intake.refusal import Refusal, Refused
from shared.events.content import MAX_REPLY, Rating
from shared.http.errors import ErrorCode

MAX_BODY_BYTES = 256 * 1024
"""Room for the longest text with every character escaped."""
MAX_SLOT = 99
MAX_BIGINT = 2**63 - 1


class Author(StrictModel):
    """`id` is the sender's own for this person; it and the e-mail go no further than the vault."""

    id: SourceId = Field(default=None, repr=False)
    name: Name = Field(default=None, repr=False)
    email: Email = Field(default=None, repr=False)


class Form(StrictModel):
    """Evidence that a public form sends along."""

    honeypot: str | None = Field(default=None, repr=False)
    opened_at: TimeOrMs = None


class Content(StrictModel):
    """What a revision says. Without title, text, pros and cons it is a rating only; without entity, of the site."""

    entity_id: EntityId = None
    entity_name: EntityName = None
    author: Author | None = None
    rating: Rating
    title: Title = Field(default=None, repr=False)
    text: Text = Field(default=None, repr=False)
    locale: Locale = None
    review_date: Time = None
    details: Details | None = Field(default=None, repr=False)


class Sourced(StrictModel):
    """A record of another system: the same source and id are the same record for ever."""

    source: Source = None
    source_id: SourceId = None
    source_version: Annotated[int, Field(ge=0, le=MAX_BIGINT)] | None = None

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


class Submission(Sourced, Content):
    """A review as its sender gives it."""

    form: Form | None = None


class Edit(Content):
    """A new revision; `revision` is the one that the editor saw. Author and entity stay where they are not given."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)]


class Reply(StrictModel):
    text: Annotated[Annotated[str, Field(max_length=MAX_REPLY, pattern=LINES)], Said] = Field(repr=False)
    author_name: Name = None
    department: Name = None
    response_type: Name = None
    response_source: Name = None


class Reference(StrictModel):
    """What a record of an ingest topic asks for; all but `submit` name a review that was sent before."""

    operation: Literal["submit", "withdraw", "set_reply", "remove_reply"] = "submit"
    source: Source = None
    source_id: SourceId = None
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
    "dict_type": "must be a JSON object",
    "mapping_type": "must be a JSON object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "string_type": "must be a string",
    "string_unicode": "holds half of a surrogate pair; send whole characters",
    "datetime_type": "is not a time; send one like 2024-05-31T12:00:00Z",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
}

_PATTERNS = {
    LINE: "holds a control character or a line break; remove it",
    LINES: "holds a control character; remove all but line feeds and tabs",
    LANGUAGE_TAG: "is not a language tag; send one like en or pt-BR",
}


def _refusal(detail: ErrorDetails) -> Refusal:
    context = detail.get("ctx", {})
    field = ".".join(str(part) for part in (*detail["loc"], *((context["field"],) if "field" in context else ())))
    kind = detail["type"]
    if kind == "json_invalid":
        return Refusal(ErrorCode.BAD_REQUEST, "the body is not JSON in UTF-8; send one JSON object")
    if not field:
        return Refusal(ErrorCode.BAD_REQUEST, "the body must be a JSON object")
    # The last name says it, but not where there are several of it: which url, which 3?
    several = field.startswith("details.") or any(isinstance(part, int) for part in detail["loc"])
    name = field if several else field.rpartition(".")[2]
    if kind == "string_too_long":
        problem = f"is longer than {context['max_length']} characters; shorten it"
    elif kind == "too_long":
        problem = f"has more than {context['max_length']} entries; send fewer"
    elif kind in ("greater_than_equal", "less_than_equal"):
        problem = f"must be at {'least' if 'ge' in context else 'most'} {context.get('ge', context.get('le'))}"
    elif kind == "literal_error":
        problem = f"must be one of {context['expected']}"
    elif kind == "string_pattern_mismatch":
        problem = _PATTERNS.get(context["pattern"], _PATTERNS[LINE])
    elif kind in _CURES:
        problem = _CURES[kind]
    else:
        problem = detail["msg"]
    return Refusal(ErrorCode.VALIDATION_ERROR, f"{name} {problem}", field)
