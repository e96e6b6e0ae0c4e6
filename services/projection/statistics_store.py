"""Summaries, authors and distributions in Postgres, moved by integer deltas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.projection.arrays import keyed
from services.projection.statistics_statements import StatisticsStatements
from services.projection.summaries import Delta, Movements, Value


class Inconsistent(Exception):
    """The published rows are not what this projection left there; nothing is written."""


class StatisticsStore:
    def __init__(self, published: str) -> None:
        self.statements = StatisticsStatements(published)

    async def move(self, tx: asyncpg.Connection[Any], movements: Movements) -> None:
        """In the order of their keys, and the summaries last of all, for every batch of a site meets in its row."""
        await self._move_authors(tx, movements)
        await self._move_distributions(tx, movements)
        growing, shrinking = movements.deltas()
        if growing:
            await tx.execute(self.statements.grow_summaries, *_summary_columns(growing))
        if shrinking:
            counts = await tx.fetch(self.statements.shrink_summaries, *_summary_columns(shrinking))
            _check("summaries of public reviews", len(counts), len(shrinking))
            if any(count == 0 for (count,) in counts):
                await tx.execute(self.statements.delete_summaries, *keyed([delta[:4] for delta in shrinking], 4))

    async def _move_authors(self, tx: asyncpg.Connection[Any], movements: Movements) -> None:
        growing, shrinking = movements.authors()
        if growing:
            await tx.execute(self.statements.grow_authors, *keyed(growing, 2))
        if shrinking:
            counts = await tx.fetch(self.statements.shrink_authors, *keyed(shrinking, 2))
            _check("authors of public content", len(counts), len(shrinking))
            if any(count == 0 for (count,) in counts):
                await tx.execute(self.statements.delete_authors, *keyed([row[:2] for row in shrinking], 2))

    async def _move_distributions(self, tx: asyncpg.Connection[Any], movements: Movements) -> None:
        growing, shrinking = movements.values()
        if growing:
            await tx.execute(self.statements.grow_distributions, *_value_columns(growing))
        if shrinking:
            given = _value_columns(shrinking)
            gone = await tx.fetch(self.statements.delete_distributions, *given)
            left = await tx.fetch(self.statements.shrink_distributions, *given)
            _check("values of public reviews", len(gone) + len(left), len(shrinking))


def _check(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise Inconsistent(f"{expected - found} {what} are missing")


def _summary_columns(deltas: Sequence[Delta]) -> list[str]:
    return keyed([(*delta[:4], *delta.counts) for delta in deltas], 4)


def _value_columns(values: Sequence[tuple[Value, int]]) -> list[str]:
    return keyed([(*value, count) for value, count in values], 5)
