"""`Limit` and `Offset`, the included contents' limits as well."""

from __future__ import annotations

import re

from services.query.bazaarvoice.errors import Code, refused

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
MAX_INCLUDED_LIMIT = 20
MAX_OFFSET = 300_000
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)


def read_limit(text: str, name: str = "limit", most: int = MAX_LIMIT, default: int = DEFAULT_LIMIT) -> int:
    """Raises Refused, in the vendor's words where the limit is too high."""
    number = _read(text, default)
    if number is None:
        raise refused(Code.INVALID_LIMIT, f"Invalid limit value: {name} must be a whole number from 0 to {most}")
    if number > most:
        raise refused(Code.INVALID_LIMIT, f"Invalid limit value: {number}, {name} cannot be greater than {most}")
    return number


def read_offset(text: str) -> int:
    number = _read(text, 0)
    if number is None:
        raise refused(
            Code.INVALID_OFFSET, f"Invalid offset value: offset must be a whole number from 0 to {MAX_OFFSET}"
        )
    if number > MAX_OFFSET:
        raise refused(
            Code.INVALID_OFFSET, f"Invalid offset value: {number}, offset cannot be greater than {MAX_OFFSET}"
        )
    return number


def _read(text: str, default: int) -> int | None:
    if not text:
        return default
    return int(text) if _WHOLE.fullmatch(text) else None
