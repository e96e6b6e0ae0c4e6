"""Which review or comment is meant by the name that another system gave it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias

from services.intake.refusal import Refused, unknown_comment, unknown_review
from services.intake.transaction import Connection
from shared.events.models import ContentKind

Name: TypeAlias = tuple[str, str]
"""Source and source id."""

# See the registry's look-up for the form.
_FIND = """
    select wanted.source, wanted.source_id, found.id
    from unnest($2::text[], $3::text[]) as wanted (source, source_id)
    cross join lateral (
        select r.{kind}_id as id from intake.{kind}s r
        where r.site = $1 and r.source = wanted.source and r.source_id = wanted.source_id limit 1
    ) as found"""
_FIND_REVIEWS = _FIND.format(kind="review")
_FIND_COMMENTS = _FIND.format(kind="comment")


async def find_named(tx: Connection, site: str, kind: ContentKind, names: Collection[Name]) -> Mapping[Name, int]:
    """Ids of those that there are, removed ones included."""
    if not names:
        return {}
    query = _FIND_REVIEWS if kind == "review" else _FIND_COMMENTS
    rows = await tx.fetch(query, site, [source for source, _ in names], [source_id for _, source_id in names])
    return {(row["source"], row["source_id"]): row["id"] for row in rows}


async def require_named(tx: Connection, site: str, kind: ContentKind, name: Name) -> int:
    """Raises Refused where there is none."""
    found = (await find_named(tx, site, kind, [name])).get(name)
    if found is None:
        raise unknown_named(kind)
    return found


def unknown_named(kind: ContentKind) -> Refused:
    return unknown_review() if kind == "review" else unknown_comment()
