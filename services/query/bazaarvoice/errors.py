"""What the vendor's display API says when a request cannot be answered."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class Code(StrEnum):
    """All codes of errors outside of submission forms; clients compare these, not the messages."""

    UNKNOWN = "ERROR_UNKNOWN"
    BAD_REQUEST = "ERROR_BAD_REQUEST"
    ACCESS_DENIED = "ERROR_ACCESS_DENIED"
    REQUEST_LIMIT_REACHED = "ERROR_REQUEST_LIMIT_REACHED"
    UNSUPPORTED = "ERROR_UNSUPPORTED"
    DUPLICATE_SUBMISSION = "ERROR_DUPLICATE_SUBMISSION"
    INVALID_API_KEY = "ERROR_PARAM_INVALID_API_KEY"
    INVALID_LOCALE = "ERROR_PARAM_INVALID_LOCALE"
    INVALID_CALLBACK = "ERROR_PARAM_INVALID_CALLBACK"
    INVALID_FILTER_ATTRIBUTE = "ERROR_PARAM_INVALID_FILTER_ATTRIBUTE"
    INVALID_INCLUDED = "ERROR_PARAM_INVALID_INCLUDED"
    INVALID_LIMIT = "ERROR_PARAM_INVALID_LIMIT"
    INVALID_OFFSET = "ERROR_PARAM_INVALID_OFFSET"
    INVALID_SEARCH_ATTRIBUTE = "ERROR_PARAM_INVALID_SEARCH_ATTRIBUTE"
    INVALID_SORT_ATTRIBUTE = "ERROR_PARAM_INVALID_SORT_ATTRIBUTE"
    INVALID_PARAMETERS = "ERROR_PARAM_INVALID_PARAMETERS"
    INVALID_SUBJECT_ID = "ERROR_PARAM_INVALID_SUBJECT_ID"
    MISSING_USER_ID = "ERROR_PARAM_MISSING_USER_ID"
    MISSING_PARAMETERS = "ERROR_PARAM_MISSING_PARAMETERS"
    MISSING_SUBJECT_ID = "ERROR_PARAM_MISSING_SUBJECT_ID"
    PARAM_DUPLICATE_SUBMISSION = "ERROR_PARAM_DUPLICATE_SUBMISSION"


class VendorError(NamedTuple):
    """`message` may quote what the caller sent as a name, never what a person wrote."""

    code: Code
    message: str


class Refused(Exception):
    """A request that cannot be answered as it stands: HTTP 200 and the errors in the vendor's envelope."""

    def __init__(self, errors: Sequence[VendorError]) -> None:
        super().__init__(errors[0].message)
        self.errors = tuple(errors)


def refused(code: Code, message: str) -> Refused:
    return Refused([VendorError(code, message)])


BAD_PASS_KEY = VendorError(Code.INVALID_API_KEY, "The passKey provided is invalid.")
