"""Rows of the registry of comments."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.intake.comment_decide import Comment
from services.intake.refusal import unknown_comment
from services.intake.transaction import Connection
from shared.events.content import CommentContent

_ROW = """comment_id, review_id, state, revision, sequence, author_id, source, source_id, source_version, content_hash,
    created_at, updated_at"""
_LOCK = f"select {_ROW} from intake.comments where site = $1 and comment_id = $2 for update"
# See the reviews' registry for the form. Whoever locks several does it by id.
_LOCK_BY_SOURCE = f"""
    select {_ROW} from intake.comments where comment_id = any (array(
        select found.comment_id from unnest($2::text[], $3::text[]) as wanted (source, source_id)
        cross join lateral (
            select c.comment_id from intake.comments c
            where c.site = $1 and c.source = wanted.source and c.source_id = wanted.source_id limit 1
        ) as found
    )) order by comment_id for update"""
_LOCK_LIVE = f"""
    select {_ROW} from intake.comments
    where site = $1 and review_id = $2 and state = 'live' order by comment_id for update"""
_REVIEW = "select review_id from intake.comments where site = $1 and comment_id = $2"
_CONTENT = "select event -> 'content' from intake.comments where comment_id = $1"
_STATE = """
    select comment_id, review_id, state, revision, author_id, source, source_id, source_version, created_at, updated_at
    from intake.comments where site = $1 and comment_id = $2"""
_COLUMNS = (
    "site", "comment_id", "review_id", "state", "revision", "sequence", "author_id", "source", "source_id",
    "source_version", "content_hash", "created_at", "updated_at", "event",
)  # fmt: skip
_UPDATE = """
    update intake.comments set state = new.state, revision = new.revision, sequence = new.sequence,
        author_id = new.author_id, source_version = new.source_version, content_hash = new.content_hash,
        updated_at = new.updated_at, event = coalesce(new.event::json, comments.event)
    from unnest($1::bigint[], $2::text[], $3::int[], $4::bigint[], $5::text[], $6::bigint[], $7::bytea[],
        $8::timestamptz[], $9::text[])
        as new (comment_id, state, revision, sequence, author_id, source_version, content_hash, updated_at, event)
    where comments.comment_id = new.comment_id"""


async def lock_comment(tx: Connection, site: str, comment_id: int) -> Comment:
    """Raises Refused for a comment that is not of this site."""
    row = await tx.fetchrow(_LOCK, site, comment_id)
    if row is None:
        raise unknown_comment()
    return Comment(*row.values())


async def lock_by_source(tx: Connection, site: str, records: Collection[tuple[str, str]]) -> list[Comment]:
    """Comments of other systems' records, removed ones included."""
    if not records:
        return []
    sources, source_ids = zip(*records, strict=True)
    rows = await tx.fetch(_LOCK_BY_SOURCE, site, sources, source_ids)
    return [Comment(*row.values()) for row in rows]


async def lock_live(tx: Connection, site: str, review_id: int) -> list[Comment]:
    """Of one review."""
    return [Comment(*row.values()) for row in await tx.fetch(_LOCK_LIVE, site, review_id)]


async def review_of(tx: Connection, site: str, comment_id: int) -> int:
    """A comment never changes its review. Raises Refused for a comment that is not of this site."""
    review_id: int | None = await tx.fetchval(_REVIEW, site, comment_id)
    if review_id is None:
        raise unknown_comment()
    return review_id


async def read_content(tx: Connection, comment_id: int) -> CommentContent:
    """Of a live comment that is locked."""
    return CommentContent.model_validate_json(await tx.fetchval(_CONTENT, comment_id))


async def read_state(tx: Connection, site: str, comment_id: int) -> dict[str, Any]:
    """What the registry knows, without content. Raises Refused for a comment that is not of this site."""
    row = await tx.fetchrow(_STATE, site, comment_id)
    if row is None:
        raise unknown_comment()
    return dict(row)


async def insert(tx: Connection, site: str, rows: Collection[Comment], events: Mapping[int, str]) -> None:
    """A record, or an id, that somebody else has taken meanwhile is a unique violation: do all of it again."""
    if not rows:
        return
    records = [
        (
            site, row.comment_id, row.review_id, row.state, row.revision, row.sequence, row.author_id, row.source,
            row.source_id, row.source_version, row.content_hash, row.created_at, row.updated_at, events[row.comment_id],
        )
        for row in sorted(rows, key=lambda row: (row.source or "", row.source_id or ""))
    ]  # fmt: skip
    await tx.copy_records_to_table("comments", schema_name="intake", columns=_COLUMNS, records=records)


async def update(tx: Connection, rows: Sequence[Comment], events: Mapping[int, str]) -> None:
    """Of a row without a new event the last one stays."""
    if not rows:
        return
    await tx.execute(
        _UPDATE,
        [row.comment_id for row in rows],
        [row.state for row in rows],
        [row.revision for row in rows],
        [row.sequence for row in rows],
        [row.author_id for row in rows],
        [row.source_version for row in rows],
        [row.content_hash for row in rows],
        [row.updated_at for row in rows],
        [events.get(row.comment_id) for row in rows],
    )
