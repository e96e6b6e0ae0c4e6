r"""`Filter=Attribute[:operator]:value[,value…]`: the comma means or, a repeated filter and; `\,` and `\:` are text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from services.query.bazaarvoice.attributes import find_filter
from services.query.bazaarvoice.errors import Code, Refused, refused
from services.query.bazaarvoice.parameters import read_boolean, shown
from services.query.core.query import (
    EQUALITY,
    MAX_ID,
    Attribute,
    Compare,
    Condition,
    Field,
    Kind,
    Op,
    Subject,
    Value,
    kind_of,
)
from services.query.core.vocabulary import Vocabularies

MAX_FILTERS = 50
MAX_VALUES = 500
"""Of all filters of one request together."""

OPERATORS = {
    "eq": Op.IN,
    "neq": Op.NOT_IN,
    "gt": Op.ABOVE,
    "gte": Op.AT_LEAST,
    "lt": Op.BELOW,
    "lte": Op.AT_MOST,
}
_WILDCARD = {Op.IN: Op.MATCHES, Op.NOT_IN: Op.NOT_MATCHES}
_ESCAPED = re.compile(r"\\([,:\\])")
_PART = {separator: re.compile(rf"((?:[^\\{separator}]|\\.?)*)(?:{separator}|\Z)", re.DOTALL) for separator in ",:"}
_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,19})?", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,100}(?:\.[0-9]{1,100})?", re.ASCII)
_MILLISECONDS = 13
"""Times of so many digits are milliseconds."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBERED = frozenset({Field.REVIEW_ID, Field.COMMENT_ID})
"""Ids that are numbers to us and strings to clients."""
# Which whole number means the same to a bound.
_ROUNDED = {Op.ABOVE: math.floor, Op.AT_LEAST: math.ceil, Op.BELOW: math.ceil, Op.AT_MOST: math.floor}
_CURES = {
    Kind.INTEGER: "numbers, as in {}:gte:4",
    Kind.NUMBER: "numbers, as in {}:gte:4.5",
    Kind.BOOLEAN: "true or false, as in {}:true",
    Kind.TIME: "seconds since 1970-01-01 UTC, as in {}:gt:1257746400",
    Kind.TEXT: "text, as in {}:eq:value",
}


class Criterion(NamedTuple):
    """One filter as it was sent, before anybody knows what its attribute holds."""

    attribute: str
    op: Op
    values: tuple[str, ...]
    text: str


def parse_filter(text: str) -> Criterion:
    """Raises Refused. What stands between the second colon and the end is values, further colons included."""
    name, *rest = split(text, ":")
    attribute, op, values = unescape(name).strip(), Op.IN, rest[0] if rest else ""
    if rest and rest[0].strip().lower() in OPERATORS:
        op, values = OPERATORS[rest[0].strip().lower()], ":".join(rest[1:])
    elif len(rest) > 1:
        raise refused(
            Code.INVALID_FILTER_ATTRIBUTE,
            f"The filter '{shown(attribute)}' has an unknown operator: send one of {', '.join(OPERATORS)}; "
            "a colon within a value is written as \\:",
        )
    items = tuple(unescape(item).strip() for item in split(values, ","))
    return Criterion(attribute, op, tuple(item for item in items if item), text)


def split(text: str, separator: str) -> list[str]:
    """At each separator without a backslash before it; the parts keep their backslashes."""
    if "\\" not in text:
        return text.split(separator)
    pattern, parts, place = _PART[separator], [], 0
    while True:
        found = pattern.match(text, place)
        assert found is not None  # the pattern takes any text, an empty one too
        parts.append(found[1])
        if found.end(1) == len(text):
            return parts
        place = found.end()


def unescape(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def read_filters(texts: Iterable[str], subject: Subject, vocabularies: Vocabularies) -> tuple[Condition, ...]:
    """Raises Refused with everything that is wrong."""
    conditions: list[Condition] = []
    errors: list[Refused] = []
    values = 0
    for text in texts:
        try:
            criterion = parse_filter(text)
            conditions.append(_bind(criterion, subject, vocabularies))
            values += len(criterion.values)
        except Refused as error:
            errors.append(error)
    if len(conditions) > MAX_FILTERS or values > MAX_VALUES:
        errors.append(
            refused(
                Code.INVALID_FILTER_ATTRIBUTE,
                f"Too many filters: send {MAX_FILTERS} with {MAX_VALUES} values in all at the most.",
            )
        )
    if errors:
        raise Refused([one for error in errors for one in error.errors])
    return tuple(conditions)


def _bind(criterion: Criterion, subject: Subject, vocabularies: Vocabularies) -> Condition:
    attribute = find_filter(subject, criterion.attribute, vocabularies)
    if attribute is None:
        raise refused(Code.INVALID_FILTER_ATTRIBUTE, f"Invalid URL Filter of '{shown(criterion.attribute)}'.")
    if not criterion.values:
        raise refused(
            Code.INVALID_FILTER_ATTRIBUTE, f"The filter '{shown(criterion.text)}' must specify a non-empty value."
        )
    op = criterion.op
    if attribute is Field.LOCALE and op in _WILDCARD and any("*" in value for value in criterion.values):
        op = _WILDCARD[op]
    return Compare(
        attribute, op, tuple([one for text in criterion.values for one in _values(criterion, attribute, text)])
    )


def _values(criterion: Criterion, attribute: Attribute, text: str) -> tuple[Value | None, ...]:
    """What to compare with: nothing where no row can have such a value."""
    # The vendor's word for products without a brand, whose ids have no case either.
    if attribute is Field.BRAND_ID and text.lower() == "null" and criterion.op in EQUALITY:
        return (None,)
    kind = kind_of(attribute)
    value = read_value(kind, text)
    if value is not None:
        return (value,)
    found = _integers(criterion, attribute, text) if kind is Kind.INTEGER else None
    if found is None:
        name = shown(criterion.attribute)
        raise refused(Code.INVALID_FILTER_ATTRIBUTE, f"The filter '{name}' takes {_CURES[kind].format(name)}.")
    return found


def _integers(criterion: Criterion, attribute: Attribute, text: str) -> tuple[int, ...] | None:
    """What stands for a text that is no whole number itself; None where it is no number at all."""
    if attribute in _NUMBERED and criterion.op in EQUALITY:
        # A stale id, or another system's, is one that nothing has.
        return ()
    if not _DECIMAL.fullmatch(text):
        return None
    number = Decimal(text)
    if criterion.op not in EQUALITY:
        # Nothing that is counted or numbered comes near the ends of the range.
        return (max(-MAX_ID - 1, min(MAX_ID, _ROUNDED[criterion.op](number))),)
    value = math.floor(number)
    return (value,) if value == number and -MAX_ID - 1 <= value <= MAX_ID else ()


def read_value(kind: Kind, text: str) -> Value | None:
    """None where the text is no value of the kind."""
    match kind:
        case Kind.TEXT:
            return text
        case Kind.INTEGER:
            return _whole(text)
        case Kind.BOOLEAN:
            return read_boolean(text)
        case Kind.TIME:
            return _moment(text)
        case Kind.NUMBER:
            number = float(text) if _NUMBER.fullmatch(text) else math.nan
            return number if math.isfinite(number) else None


def _whole(text: str) -> int | None:
    if not _WHOLE.fullmatch(text):
        return None
    number = int(text)
    return number if -MAX_ID - 1 <= number <= MAX_ID else None


def _moment(text: str) -> datetime | None:
    """Of seconds, of milliseconds where these have as many digits, or of a date as ISO 8601 writes it."""
    try:
        if not _DECIMAL.fullmatch(text):
            found = datetime.fromisoformat(text)
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        whole = text.removeprefix("-").partition(".")[0].lstrip("0")
        unit = timedelta(milliseconds=1) if len(whole) >= _MILLISECONDS else timedelta(seconds=1)
        # In whole microseconds: a float has too few digits for a moment.
        return _EPOCH + timedelta(microseconds=int(Decimal(text) * (unit // timedelta(microseconds=1))))
    except (ValueError, OverflowError):
        return None
