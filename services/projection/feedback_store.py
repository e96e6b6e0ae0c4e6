"""What voters say, and the sums of it, in Postgres. What a voter's word becomes is said by `feedback`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.projection.arrays import keyed, numbers, texts
from services.projection.batch import Batch
from services.projection.feedback import (
    NO_VOTES,
    UNKNOWN_FEEDBACK,
    StagedFeedback,
    Votes,
    difference,
    hide_feedback,
    set_feedback,
)
from services.projection.feedback_statements import FeedbackStatements
from services.projection.keys import ContentKey, FeedbackKey

_COLUMNS = (*FeedbackKey._fields, *StagedFeedback._fields)


class FeedbackStore:
    def __init__(self, staging: str) -> None:
        self._staging = staging
        self.statements = FeedbackStatements(staging)

    async def apply(self, tx: asyncpg.Connection[Any], batch: Batch) -> dict[ContentKey, Votes]:
        """Writes what voters say, and returns by how much the votes of reviews and comments change."""
        keys = sorted({*batch.feedback, *batch.hidden_feedback})
        if not keys:
            return {}
        known = {
            FeedbackKey(*row[:5]): StagedFeedback(*row[5:])
            for row in await tx.fetch(self.statements.load_feedback, *_keys(keys))
        }
        new: list[tuple[Any, ...]] = []
        changed: list[tuple[Any, ...]] = []
        moved: dict[ContentKey, Votes] = {}
        for key in keys:
            before = after = known.get(key, UNKNOWN_FEEDBACK)
            fact = batch.feedback.get(key)
            if fact is not None:
                after = set_feedback(after, fact)
            if key in batch.hidden_feedback:
                after = hide_feedback(after, batch.hidden_feedback[key])
            if after is before:
                continue
            (changed if key in known else new).append(key + after)
            moved[key.content] = moved.get(key.content, NO_VOTES).plus(difference(before, after))
        if new:
            await tx.copy_records_to_table("feedback", schema_name=self._staging, columns=_COLUMNS, records=new)
        if changed:
            sequences, votes, hidden = zip(*[row[5:] for row in changed], strict=True)
            given = [*_keys([row[:5] for row in changed]), numbers(sequences), votes, numbers(hidden)]
            await tx.execute(self.statements.update_feedback, *given)
        moved = {content: votes for content, votes in moved.items() if votes != NO_VOTES}
        if moved:
            # The keys came sorted, so the contents are too.
            without = await tx.fetch(
                self.statements.move_totals, *keyed([(*content, *votes) for content, votes in moved.items()], 2)
            )
            if without:
                await tx.execute(self.statements.delete_totals, *keyed([tuple(row) for row in without], 2))
        return moved

    async def totals(
        self, tx: asyncpg.Connection[Any], content_kind: str, given: list[Any]
    ) -> dict[tuple[str, int], Votes]:
        """Of the contents of this kind that `given` numbers."""
        if not given:
            return {}
        rows = await tx.fetch(self.statements.load_totals, *given, content_kind)
        return {(site, content_id): Votes(*votes) for site, content_id, *votes in rows}


def _keys(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    sites, content_kinds, contents, voters, kinds = zip(*rows, strict=True)
    return [texts(sites), texts(content_kinds), numbers(contents), texts(voters), texts(kinds)]
