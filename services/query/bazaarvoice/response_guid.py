"""The vendor's id of a client response: a UUID that is made of the review and the slot, and tells them again.

Version 8 (RFC 9562, 5.8): 53 bits of the review, 7 of the slot, and 62 of a digest of both, so that a UUID made up or
mistyped names nothing. It is a name and never an authorisation.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple
from uuid import UUID

_SLOT_BITS = 7
_LOW_BITS = 12  # beside the version, of the 60 bits that say what is meant
_DIGEST_BITS = 62
_VERSION = 8 << 76
_VARIANT = 0b10 << _DIGEST_BITS


class Place(NamedTuple):
    review_id: int
    slot: int


def response_guid(place: Place) -> str:
    named = place.review_id << _SLOT_BITS | place.slot
    high, low = named >> _LOW_BITS, named & (1 << _LOW_BITS) - 1
    return str(UUID(int=high << 80 | _VERSION | low << 64 | _VARIANT | _digest(named)))


def read_guid(text: str) -> Place | None:
    """None for what was not made here."""
    try:
        number = UUID(text).int
    except ValueError:
        return None
    named = number >> 80 << _LOW_BITS | number >> 64 & (1 << _LOW_BITS) - 1
    place = Place(named >> _SLOT_BITS, named & (1 << _SLOT_BITS) - 1)
    return place if response_guid(place) == str(UUID(int=number)) else None


def _digest(named: int) -> int:
    digest = hashlib.sha256(b"client response" + named.to_bytes(8)).digest()
    return int.from_bytes(digest[:8]) >> 2
