"""What becomes of a comment, given what the registry knows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import TypeAlias

import orjson

from services.intake.comment_body import CommentBody
from services.intake.decide import Create, Keep, Revise, State, refuse_stale
from services.intake.refusal import Refusal, Refused, removed_comment
from shared.events.content import CommentContent
from shared.events.ids import CommentId
from shared.http.errors import ErrorCode

Decision: TypeAlias = Create | Revise | Keep


@dataclass(frozen=True, slots=True)
class Comment:
    """As the registry has it, without its content."""

    comment_id: CommentId
    review_id: int
    state: State
    revision: int
    sequence: int
    author_id: str | None
    source: str | None
    source_id: str | None
    source_version: int | None
    content_hash: bytes | None
    created_at: datetime
    updated_at: datetime


def digest(content: CommentContent, locale: str | None) -> bytes:
    """Of what the sender gave, so that the same again is no new revision; `locale` is None for the site's own.

    Without defaults, so that a field that comes to be later changes no digest of comments without it.
    """
    given = locale, content.model_dump(exclude={"locale"}, exclude_defaults=True)
    return blake2b(orjson.dumps(given, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


def decide(review_id: int, source_version: int | None, hashed: bytes, known: Comment | None) -> Decision:
    """`known` is the comment of the same source record. Raises Refused."""
    if known is None:
        return Create()
    require_live(known)
    if known.review_id != review_id:
        message = "this record is a comment on another review, and stays one; send this comment as another record"
        raise Refused(Refusal(ErrorCode.CONFLICT, message, "source_id"), comment_id=known.comment_id)
    stale = refuse_stale(known.source_version, source_version, hashed == known.content_hash)
    if stale is not None:
        raise Refused(stale, comment_id=known.comment_id, revision=known.revision)
    version = source_version if source_version is not None else known.source_version
    return Keep(version) if hashed == known.content_hash else Revise(version)


def decide_edit(seen: int, hashed: bytes, known: Comment) -> Decision:
    """An edit by id, made by somebody who saw revision `seen`. Raises Refused."""
    require_live(known)
    if known.revision != seen:
        message = f"the comment is at revision {known.revision} now; read it, and edit that one"
        refusal = Refusal(ErrorCode.REVISION_CONFLICT, message, "revision")
        raise Refused(refusal, comment_id=known.comment_id, revision=known.revision)
    return Keep(known.source_version) if hashed == known.content_hash else Revise(known.source_version)


def revised(edit: CommentBody, before: CommentContent, author_id: str | None, default_locale: str) -> CommentContent:
    """Who wrote it stays as it was where the editor does not say, and so do the votes before, unknown to authors."""
    same_author = author_id in (None, before.author_id)
    name = edit.author.name if edit.author is not None else None
    content = edit.to_content(
        before.author_id if same_author else author_id,
        name or (before.author_name if same_author else None),
        default_locale,
    )
    if edit.votes_before is None:
        return content.model_copy(update={"votes_before": before.votes_before})
    return content


def require_live(known: Comment) -> None:
    """Raises Refused for a comment that was removed."""
    if known.state != "live":
        raise removed_comment(known.comment_id, known.revision)
