"""Types of the fields that senders fill in, whatever they send. Messages say the cure and never repeat a value.

Text is kept as given, apart from line ends, which become `\\n`; what is blank counts as not given.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from services.intake.email import normalise
from shared.events.content import (
    MAX_ENTITY_ID,
    MAX_ENTITY_NAME,
    MAX_LOCATION,
    MAX_NAME,
    MAX_SOURCE,
    MAX_SOURCE_ID,
    MAX_TEXT,
    MAX_TITLE,
    MAX_URL,
)

# No control characters; Postgres and JSON readers choke on some, and the rest only ever hide something.
LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
LINES = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"
LANGUAGE_TAG = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"

_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?")
FIRST_YEAR, LAST_YEAR = 1900, 2999
"""Another year is some system's word for no time, and to databases the first and the last there are mean infinity."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A host without credentials before it, and after it nothing that would end an attribute or a tag of a page.
_URL = re.compile(r"https?://[\w\[][^\s/?#@<>\"'`\\\x00-\x1f\x7f-\x9f]*(?:[/?#][^\s<>\"`\\\x00-\x1f\x7f-\x9f]*)?", re.I)


class StrictModel(BaseModel):
    """Unknown fields are ignored, so that senders may be newer than we are; known ones are strict."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


def blank_is_none(value: Any) -> Any:
    return None if isinstance(value, str) and (not value or value.isspace()) else value


def line_ends(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    return None if not value or value.isspace() else value


def said(value: Any) -> Any:
    text = line_ends(value)
    if text is None and value is not None:
        raise PydanticCustomError("blank", "is empty; say something")
    return text


class OutOfRange(ValueError):
    pass


def parse_time(text: str) -> datetime:
    """RFC 3339, or a date alone (its midnight); without an offset it is UTC.

    Raises ValueError, OutOfRange for years that nothing was written in.
    """
    upper = text.strip().upper()
    if _TIME.fullmatch(upper) is None:
        raise ValueError("not an RFC 3339 time")
    time = datetime.fromisoformat(upper)
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise OutOfRange("out of range")
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _email(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip():
        return blank_is_none(value)
    address = normalise(value)
    if address is None:
        raise PydanticCustomError("email", "is not an e-mail address; send one like name@example.com, or none")
    return address


def _locale(value: Any) -> Any:
    return blank_is_none(value.replace("_", "-") if isinstance(value, str) else value)


def _time(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip():
        return blank_is_none(value)
    try:
        return parse_time(value)
    except OutOfRange:
        message = "must be of the years {first} to {last}; leave it out where it is not known"
        raise PydanticCustomError("time_range", message, {"first": FIRST_YEAR, "last": LAST_YEAR}) from None
    except ValueError:
        raise PydanticCustomError("time", "is not a time; send one like 2024-05-31T12:00:00Z or 2024-05-31") from None


def _time_or_ms(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _time(value)
    try:
        return _EPOCH + timedelta(milliseconds=value)
    except (OverflowError, ValueError):
        raise PydanticCustomError("time", "is not a time in milliseconds since 1970") from None


def _url(value: str) -> str:
    if _URL.fullmatch(value) is None:
        raise PydanticCustomError(
            "url", "is not an absolute http or https address; send one like https://example.com/1.jpg"
        )
    return value


Line = BeforeValidator(blank_is_none)
Lines = BeforeValidator(line_ends)
Said = BeforeValidator(said)
"""Of what must be there."""
Name = Annotated[Annotated[str, Field(max_length=MAX_NAME, pattern=LINE)] | None, Line]
EntityId = Annotated[Annotated[str, Field(max_length=MAX_ENTITY_ID, pattern=LINE)] | None, Line]
EntityName = Annotated[Annotated[str, Field(max_length=MAX_ENTITY_NAME, pattern=LINES)] | None, Lines]
Title = Annotated[Annotated[str, Field(max_length=MAX_TITLE, pattern=LINES)] | None, Lines]
Text = Annotated[Annotated[str, Field(max_length=MAX_TEXT, pattern=LINES)] | None, Lines]
Location = Annotated[Annotated[str, Field(max_length=MAX_LOCATION, pattern=LINE)] | None, Line]
Locale = Annotated[
    Annotated[str, Field(max_length=35, pattern=LANGUAGE_TAG)] | None,
    BeforeValidator(_locale),
]
Time = Annotated[datetime | None, BeforeValidator(_time)]
TimeOrMs = Annotated[datetime | None, BeforeValidator(_time_or_ms)]
Email = Annotated[str | None, BeforeValidator(_email)]
Source = Annotated[Annotated[str, Field(max_length=MAX_SOURCE, pattern=LINE)] | None, Line]
SourceId = Annotated[Annotated[str, Field(max_length=MAX_SOURCE_ID, pattern=LINE)] | None, Line]
RequiredUrl = Annotated[str, Field(max_length=MAX_URL), AfterValidator(_url)]
Url = Annotated[RequiredUrl | None, Line]
