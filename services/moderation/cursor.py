"""Where a page of the queue ended, as a token that clients hand back unread."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BIGINT = 2**63


class Cursor(NamedTuple):
    """The last case of a page; the next page starts behind it."""

    updated_at: datetime
    review_id: int


class InvalidCursor(ValueError):
    """Not a cursor of ours, or one of another listing."""


def encode(cursor: Cursor, listing: str) -> str:
    """`listing` names the site and the filters: a cursor goes on with the listing that it came from, no other."""
    payload = [(cursor.updated_at - _EPOCH) // _MICROSECOND, cursor.review_id, _digest(listing)]
    return base64.urlsafe_b64encode(orjson.dumps(payload)).decode().rstrip("=")


def decode(token: str, listing: str) -> Cursor:
    try:
        payload = orjson.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        micros, review_id, digest = payload
        if type(micros) is not int or type(review_id) is not int or not 0 <= review_id < _BIGINT:
            raise InvalidCursor
        updated_at = _EPOCH + micros * _MICROSECOND
    except (binascii.Error, ValueError, TypeError, OverflowError):
        raise InvalidCursor from None
    if digest != _digest(listing):
        raise InvalidCursor
    return Cursor(updated_at, review_id)


def _digest(listing: str) -> str:
    return hashlib.sha256(listing.encode()).hexdigest()[:12]
