"""What moderators may send, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.moderation.policy.codes import ModeratorCode
from shared.http.errors import ApiError, ErrorCode

MAX_NOTE = 2_000
MAX_MODERATOR = 100
MAX_CODES = 10
_INT32 = 2**31 - 1


def _printable(text: str) -> str:
    if any(ord(char) < 0x20 and char not in "\n\t" for char in text):
        raise ValueError("control characters other than line feed and tab are not taken")
    return text


Note = Annotated[str, Field(max_length=MAX_NOTE), AfterValidator(_printable)]
Moderator = Annotated[str, Field(min_length=1, max_length=MAX_MODERATOR), AfterValidator(_printable)]


class Body(BaseModel):
    """Unknown members are refused: a misspelt guard must not pass as none."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DecisionBody(Body):
    decision: Literal["approve", "reject"]
    version: int = Field(ge=1, strict=True, description="Of the case as the moderator saw it.")
    revision: int = Field(ge=1, strict=True, description="The revision that was judged.")
    codes: tuple[ModeratorCode, ...] = Field(default=(), max_length=MAX_CODES)
    note: Note | None = None
    moderator: Moderator | None = None

    @model_validator(mode="after")
    def _rejection_has_a_reason(self) -> Self:
        if self.decision == "reject" and not self.codes:
            raise ValueError("codes must name at least one reason for a rejection")
        if len(set(self.codes)) != len(self.codes):
            raise ValueError("codes must not repeat")
        return self


class PlacementBody(Body):
    """A member that is absent leaves the review as it is; `display_order` null takes its place away."""

    is_featured: bool | None = Field(default=None, strict=True)
    display_order: int | None = Field(default=None, strict=True, ge=-_INT32, le=_INT32)
    moderator: Moderator | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set & {"is_featured", "display_order"}:
            raise ValueError("send is_featured, display_order or both")
        return self


B = TypeVar("B", bound=BaseModel)


def parse(body: type[B], value: Mapping[str, Any]) -> B:
    """Raises VALIDATION_ERROR with every field that is wrong; values are never repeated."""
    try:
        return body.model_validate(value)
    except ValidationError as error:
        faults = [
            {"field": ".".join(str(part) for part in fault["loc"]) or None, "message": fault["msg"]}
            for fault in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        first = faults[0]
        raise ApiError(
            ErrorCode.VALIDATION_ERROR,
            str(first["message"]),
            field=first["field"],
            details={"errors": faults} if len(faults) > 1 else None,
        ) from None
