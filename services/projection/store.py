"""One generation of the read model: the staged and the published rows in Postgres.

All effects of a batch are a handful of statements, whatever its size. Rows of keys never seen before go in by COPY
without a question: the lock taken first makes this transaction the only one that folds.
"""

from __future__ import annotations

import re
from typing import Any

import asyncpg

from services.projection.batch import Batch
from services.projection.catalog_store import CatalogStore
from services.projection.content_store import ContentStore
from services.projection.statistics_store import StatisticsStore

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class Store:
    """A schema for staging, and one for what is public. Decides nothing: what a key becomes is said by the folds."""

    def __init__(self, staging: str = "projection", published: str = "published") -> None:
        for schema in (staging, published):
            if not _SCHEMA.fullmatch(schema):
                raise ValueError(f"{schema!r} is not a plain schema name")
        self.staging = staging
        self.published = published
        self.catalog = CatalogStore(staging, published)
        self.content = ContentStore(staging, published)
        self.statistics = StatisticsStore(published)
        # One projector acts at a time, whatever the consumer group believes. The settings are the transaction's: its
        # statements are planned once per connection, often when the tables are still empty and cheap to scan.
        self.begin = f"""
            select pg_advisory_xact_lock(hashtextextended('{staging}.fold', 0)),
                   set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
                   set_config('enable_mergejoin', 'off', true)"""

    async def apply(self, tx: asyncpg.Connection[Any], batch: Batch) -> None:
        """All effects of the batch, in `tx`; idempotent. Waits for any other transaction that folds here."""
        if not batch:
            return
        # A statement of its own: the statements after it must see what the one before us committed.
        await tx.execute(self.begin)
        await self.catalog.apply(tx, batch)
        movements = await self.content.apply(tx, batch)
        await self.statistics.move(tx, movements)
