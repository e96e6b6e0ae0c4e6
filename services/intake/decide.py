"""What becomes of a submission, given what the registry knows. Pure: no clock, no ids, no effects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Literal, TypeAlias

import orjson

from services.intake.refusal import Refusal
from shared.events.content import ReviewDetails
from shared.events.ids import ReviewId
from shared.http.errors import ErrorCode

State = Literal["live", "withdrawn", "erased"]


@dataclass(frozen=True, slots=True)
class Registered:
    """A review as the registry has it, without its content."""

    review_id: ReviewId
    state: State
    revision: int
    sequence: int
    entity_id: str
    author_id: str | None
    source: str | None
    source_id: str | None
    source_version: int | None
    content_hash: bytes | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """Content that was checked, its author known by the vault's random id; `locale` is None for the site's own."""

    entity_id: str | None
    entity_name: str | None
    author_id: str | None
    author_name: str | None
    email_masked: str | None
    rating: int
    title: str | None
    text: str | None
    locale: str | None
    review_date: datetime | None
    source: str | None = None
    source_id: str | None = None
    source_version: int | None = None
    details: ReviewDetails | None = None

    @property
    def digest(self) -> bytes:
        """Of what the sender gave, so that the same again is no new revision.

        The author counts by their random id: a digest over the address would let whoever has the rows test addresses.
        """
        given: tuple[object, ...] = (
            self.entity_id,
            self.entity_name,
            self.author_id,
            self.author_name,
            self.rating,
            self.title,
            self.text,
            self.locale,
            self.review_date,
        )
        if self.details is not None:
            # Without defaults, so that a detail that we learn to know later changes no digest of those without it.
            given = (*given, self.details.model_dump(exclude_defaults=True))
        return blake2b(orjson.dumps(given, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Create:
    pass


@dataclass(frozen=True, slots=True)
class Revise:
    """A new revision; `source_version` is what the registry keeps from now on."""

    source_version: int | None


@dataclass(frozen=True, slots=True)
class Keep:
    """The same content again. The version may have grown all the same, and must not be forgotten."""

    source_version: int | None


@dataclass(frozen=True, slots=True)
class Refuse:
    refusal: Refusal
    review_id: int | None = None
    revision: int | None = None


Decision: TypeAlias = Create | Revise | Keep | Refuse


def decide(candidate: Candidate, digest: bytes, known: Registered | None, rival: int | None) -> Decision:
    """`known` is the review of the same source record; `rival` a live review by this author of this entity, if any."""
    if known is None:
        return _already_reviewed(rival) if rival is not None else Create()
    if known.state != "live":
        return _removed(known)
    stale = refuse_stale(known.source_version, candidate.source_version, digest == known.content_hash)
    if stale is not None:
        return Refuse(stale, known.review_id, known.revision)
    version = candidate.source_version if candidate.source_version is not None else known.source_version
    if digest == known.content_hash:
        return Keep(version)
    if rival is not None and rival != known.review_id:
        return _already_reviewed(rival)
    return Revise(version)


def decide_edit(digest: bytes, known: Registered, seen: int, rival: int | None) -> Decision:
    """An edit by id, made by somebody who saw revision `seen`."""
    if known.state != "live":
        return _removed(known)
    if known.revision != seen:
        message = f"the review is at revision {known.revision} now; read it, and edit that one"
        return Refuse(Refusal(ErrorCode.REVISION_CONFLICT, message, "revision"), known.review_id, known.revision)
    if digest == known.content_hash:
        return Keep(known.source_version)
    if rival is not None and rival != known.review_id:
        return _already_reviewed(rival)
    return Revise(known.source_version)


def _removed(known: Registered) -> Refuse:
    message = (
        "the review was removed, and its record never comes back; submit it as another record if it is a new review"
    )
    return Refuse(Refusal(ErrorCode.REMOVED, message), known.review_id, known.revision)


def refuse_stale(version: int | None, given: int | None, is_same: bool) -> Refusal | None:
    """A record of version `given` may come too late for what is here as `version`; `is_same` is of their contents."""
    if version is None or given is None:
        return None
    if given < version:
        message = f"source_version {version} of this record is here already; send a later one"
        return Refusal(ErrorCode.STALE, message, "source_version")
    if given == version and not is_same:
        message = f"source_version {version} of this record has other content; raise it with every change"
        return Refusal(ErrorCode.STALE, message, "source_version")
    return None


def _already_reviewed(review_id: int) -> Refuse:
    message = f"this author has a live review of this entity already: {review_id}; edit or withdraw that one"
    return Refuse(Refusal(ErrorCode.ALREADY_REVIEWED, message), review_id)
