"""Values of files in the forms that intake takes. Pure; what is empty is None.

What they cannot be is told by ValueProblem, which never repeats the value.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from services.cli.importing.detail_kinds import band_names
from services.cli.importing.mapping import UNIX_FORMATS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RATING = re.compile(r"\s*0*([1-5])(?:\.0*)?\s*", re.ASCII)
_RATINGS = {spelling.format(n): n for n in range(1, 6) for spelling in ("{}", "{}.0")}
_WHOLE = re.compile(r"([0-9]{1,18})(?:\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]*)?", re.ASCII)
_FLAGS = dict.fromkeys(("1", "1.0", "true", "t", "yes", "y"), True) | dict.fromkeys(
    ("0", "0.0", "false", "f", "no", "n"), False
)


class ValueProblem(Exception):
    """A value that has no place in a submission; the message fits behind the field's name."""


def rating(value: Any) -> Any:
    """4, 4.0, "4" and "4.0" are 4. Other types are left for intake to refuse."""
    if isinstance(value, str):
        if (known := _RATINGS.get(value)) is not None:
            return known
        if not value or value.isspace():
            return None
        if (match := _RATING.fullmatch(value)) is None:
            raise ValueProblem("must be a whole number from 1 to 5, such as 4 or 4.0")
        return int(match[1])
    if isinstance(value, float):
        if value not in (1.0, 2.0, 3.0, 4.0, 5.0):
            raise ValueProblem("must be a whole number from 1 to 5, such as 4 or 4.0")
        return int(value)
    return value


def words(value: Any) -> str | None:
    """As it is written, spaces included."""
    if type(value) is not str:
        return text(value)
    return None if not value or value.isspace() else value


def text(value: Any) -> str | None:
    if type(value) is str:
        return value.strip() or None
    if value is None:
        return None
    if isinstance(value, bool | dict | list):
        raise ValueProblem("must be a string or a number")
    # A number that went through a table with gaps: 767.0 is item 767.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def version(value: Any) -> int | None:
    digits = text(value)
    if digits is None:
        return None
    if re.fullmatch(r"[0-9]{1,18}", digits) is None:
        raise ValueProblem("must be a whole number")
    return int(digits)


def whole(value: Any) -> int | None:
    """3, 3.0, "3" and "3.0" are 3."""
    digits = text(value)
    if digits is None:
        return None
    if len(digits) <= 18 and digits.isdecimal() and digits.isascii():
        return int(digits)
    if (match := _WHOLE.fullmatch(digits)) is None:
        raise ValueProblem("must be a whole number, such as 3 or 3.0")
    return int(match[1])


def flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    answer = text(value)
    if answer is None:
        return None
    if (known := _FLAGS.get(answer)) is None and (known := _FLAGS.get(answer.lower())) is None:
        raise ValueProblem("must be yes or no, such as 1, 0, true or false")
    return known


def band_reader(bounds: Sequence[int]) -> Callable[[str], str]:
    """The band that a number is in. Answers are kept, for files have few different ones."""
    names = band_names(bounds)

    @lru_cache(maxsize=10_000)
    def read(digits: str) -> str:
        if _NUMBER.fullmatch(digits) is None:
            raise ValueProblem("must be a number, to say which band it is in")
        return names[bisect_right(bounds, float(digits))]

    return read


def items(value: Any, separator: str | None) -> list[str] | None:
    """Between separators, of which None is any white space; lists of NDJSON are taken as they are."""
    if isinstance(value, list):
        found = [text(item) for item in value]
    else:
        found = [item.strip() for item in (text(value) or "").split(separator)]
    return [item for item in found if item] or None


def links(value: Any, separator: str | None) -> list[dict[str, Any]] | None:
    """Objects of NDJSON, which may say more than an address, are left for intake to judge."""
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [item if isinstance(item, dict) else {"url": text(item)} for item in value]
    return [{"url": url} for url in items(value, separator) or ()] or None


def date_reader(format_: str) -> Callable[[str], str]:
    """Files have few different dates, and strptime is slow, so answers are kept."""

    @lru_cache(maxsize=10_000)
    def read(text: str) -> str:
        try:
            if (divisor := UNIX_FORMATS.get(format_)) is not None:
                time = _EPOCH + timedelta(seconds=float(text) / divisor)
            else:
                time = datetime.strptime(text, format_)  # noqa: DTZ007 - without an offset it is UTC
        except (ValueError, OverflowError):
            raise ValueProblem(f"does not have the form {format_}") from None
        return (time.replace(tzinfo=UTC) if time.tzinfo is None else time).isoformat()

    return read
