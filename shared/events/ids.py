"""Identities as they travel on topics and stand in databases."""

from __future__ import annotations

from typing import NewType

SiteId = NewType("SiteId", str)
ReviewId = NewType("ReviewId", int)
"""Below 2**53, so that JavaScript reads it exactly. Never an authorisation."""
CommentId = NewType("CommentId", int)
"""Of the same registry of numbers as reviews': no comment has the id of a review."""
ReplyId = NewType("ReplyId", str)
"""`<review id>.<slot>`: fixed, so that a reply that was removed and set again is the same key."""
Revision = NewType("Revision", int)
"""Counts the contents that an author gave one review, from 1."""
Sequence = NewType("Sequence", int)
"""Grows strictly per key of a topic; allocated by the key's owner under the lock of its row."""

MAX_REVIEW_ID = 2**53 - 1


def review_key(site: str, review_id: int) -> bytes:
    return f"{site}/{review_id}".encode()


def reply_id(review_id: int, slot: int) -> ReplyId:
    return ReplyId(f"{review_id}.{slot}")


def reply_key(site: str, reply: str) -> bytes:
    return f"{site}/{reply}".encode()


def site_key(site: str) -> bytes:
    return site.encode()


def comment_key(site: str, comment_id: int) -> bytes:
    return f"{site}/{comment_id}".encode()


def feedback_key(site: str, content_kind: str, content_id: int, voter: str, kind: str) -> bytes:
    return f"{site}/{content_kind}/{content_id}/{voter}/{kind}".encode()


def catalog_key(site: str, kind: str, entry_id: str) -> bytes:
    """The entry's id is the rest of the key and may hold slashes."""
    return f"{site}/{kind}/{entry_id}".encode()
