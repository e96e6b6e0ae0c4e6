"""Keys of records, read out of their bytes where the record itself cannot be read."""

from __future__ import annotations

from typing import NamedTuple

from shared.events.ids import MAX_REVIEW_ID

ReviewKey = tuple[str, int]
CommentKey = tuple[str, int]
ReplyKey = tuple[str, int, int]
"""Site, review and slot."""
ContentKey = tuple[str, str, int]
"""Site, `review` or `comment`, and its id."""

CONTENT_KINDS = ("review", "comment")
FEEDBACK_KINDS = ("helpfulness", "inappropriate")
CATALOG_KINDS = ("product", "category", "brand", "vocabulary")
_MAX_SEQUENCE = 2**63 - 1
_MAX_SLOT = 2**31 - 1


class FeedbackKey(NamedTuple):
    site: str
    content_kind: str
    content_id: int
    voter: str
    kind: str

    @property
    def content(self) -> ContentKey:
        return self[:3]


class EntryKey(NamedTuple):
    """Of an entry of the catalog, or of a vocabulary by its locale."""

    site: str
    kind: str
    entry_id: str


def parse_review_key(key: bytes) -> ReviewKey | None:
    """Of a review or a comment."""
    site, _, review = text_of(key).rpartition("/")
    number = _number(review, MAX_REVIEW_ID)
    return None if number is None or not site else (site, number)


def parse_reply_key(key: bytes) -> ReplyKey | None:
    site, _, reply = text_of(key).rpartition("/")
    review, _, slot = reply.partition(".")
    review_number, slot_number = _number(review, MAX_REVIEW_ID), _number(slot, _MAX_SLOT)
    return None if review_number is None or slot_number is None or not site else (site, review_number, slot_number)


def parse_feedback_key(key: bytes) -> FeedbackKey | None:
    parts = text_of(key).rsplit("/", 4)
    if len(parts) != 5:
        return None
    site, content_kind, content, voter, kind = parts
    number = _number(content, MAX_REVIEW_ID)
    if number is None or content_kind not in CONTENT_KINDS or kind not in FEEDBACK_KINDS or not site or not voter:
        return None
    return FeedbackKey(site, content_kind, number, voter, kind)


def parse_catalog_key(key: bytes) -> EntryKey | None:
    """An entry's id is the rest of the key, slashes and all."""
    site, _, rest = text_of(key).partition("/")
    kind, _, entry_id = rest.partition("/")
    return EntryKey(site, kind, entry_id) if site and kind in CATALOG_KINDS and entry_id else None


def text_of(key: bytes) -> str:
    """Empty when Postgres could not store it."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return ""
    return "" if "\0" in text else text


def parse_sequence(value: bytes | None) -> int | None:
    if value is None or not value.isdigit() or len(value) > 19:
        return None
    number = int(value)
    return number if number <= _MAX_SEQUENCE else None


def _number(text: str, most: int) -> int | None:
    """Of a key's one and only spelling: another spelling is another key."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    number = int(text)
    return number if str(number) == text and number <= most else None
