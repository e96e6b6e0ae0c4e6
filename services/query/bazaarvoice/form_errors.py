"""What is wrong with a form, field by field, in the vendor's codes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class FormCode(StrEnum):
    """Those of the vendor's codes that a form can get here. The others judge what moderation judges later, or are of
    rules that no field here has."""

    DUPLICATE = "ERROR_FORM_DUPLICATE"
    INVALID = "ERROR_FORM_INVALID"
    INVALID_EMAILADDRESS = "ERROR_FORM_INVALID_EMAILADDRESS"
    INVALID_OPTION = "ERROR_FORM_INVALID_OPTION"
    PATTERN_MISMATCH = "ERROR_FORM_PATTERN_MISMATCH"
    REJECTED = "ERROR_FORM_REJECTED"
    REQUIRED = "ERROR_FORM_REQUIRED"
    REQUIRES_TRUE = "ERROR_FORM_REQUIRES_TRUE"
    TOO_HIGH = "ERROR_FORM_TOO_HIGH"
    TOO_LONG = "ERROR_FORM_TOO_LONG"
    TOO_LOW = "ERROR_FORM_TOO_LOW"
    TOO_SHORT = "ERROR_FORM_TOO_SHORT"


class FieldError(NamedTuple):
    """`message` says the cure and never what was sent."""

    field: str
    code: FormCode
    message: str


def render(errors: Sequence[FieldError]) -> dict[str, object]:
    """Nothing at all where there is nothing to say, as recorded. Of several errors of one field, the first."""
    if not errors:
        return {}
    by_field: dict[str, FieldError] = {}
    for error in errors:
        by_field.setdefault(error.field, error)
    return {
        "FieldErrors": {
            error.field: {"Field": error.field, "Message": error.message, "Code": error.code.value}
            for error in by_field.values()
        },
        "FieldErrorsOrder": list(by_field),
        "GroupErrors": {},
        "GroupErrorsOrder": [],
    }
