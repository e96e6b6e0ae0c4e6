"""The catalog, the vocabularies and the settings of sites in Postgres. What an entry becomes is said by `catalog`."""

from __future__ import annotations

from typing import Any

import asyncpg

from services.projection.arrays import columns
from services.projection.batch import Batch
from services.projection.catalog import TABLES, UNKNOWN_ENTRY, StagedEntry, hide_entry, row, set_entry
from services.projection.catalog_statements import CatalogStatements
from services.projection.keys import EntryKey
from services.projection.sites import StagedSite, hide_site, set_site

_STAGED = ("site", "kind", "entry_id", *StagedEntry._fields)


class CatalogStore:
    def __init__(self, staging: str, published: str) -> None:
        self._staging = staging
        self._published = published
        self.statements = CatalogStatements(staging, published)

    async def apply(self, tx: asyncpg.Connection[Any], batch: Batch) -> None:
        if batch.sites or batch.hidden_sites:
            await self._apply_sites(tx, batch)
        if batch.catalog or batch.hidden_catalog:
            await self._apply_entries(tx, batch)

    async def _apply_entries(self, tx: asyncpg.Connection[Any], batch: Batch) -> None:
        keys = sorted({*batch.catalog, *batch.hidden_catalog})
        known = {
            EntryKey(*entry[:3]): StagedEntry(*entry[3:])
            for entry in await tx.fetch(self.statements.load_entries, *columns(keys))
        }
        new: list[tuple[Any, ...]] = []
        changed: list[tuple[Any, ...]] = []
        gone: dict[str, list[EntryKey]] = {kind: [] for kind in TABLES}
        shown: dict[str, list[tuple[Any, ...]]] = {kind: [] for kind in TABLES}
        for key in keys:
            before = after = known.get(key, UNKNOWN_ENTRY)
            fact = batch.catalog.get(key)
            if fact is not None:
                after = set_entry(after, fact)
            if key in batch.hidden_catalog:
                after = hide_entry(after, batch.hidden_catalog[key])
            if after is before:
                continue
            (changed if key in known else new).append((*key, *after))
            if key in known:
                gone[key.kind].append(key)
            # An entry becomes or stays public by its newest event alone, for that one carries the content.
            if fact is not None and fact.event is not None and after.hidden_from is None:
                shown[key.kind].append(row(fact.event))
        if new:
            await tx.copy_records_to_table("catalog", schema_name=self._staging, columns=_STAGED, records=new)
        if changed:
            await tx.execute(self.statements.update_entries, *columns(changed))
        parents = await self._parents(tx, gone["category"])
        for kind, table in TABLES.items():
            if gone[kind]:
                await tx.execute(self.statements.delete_entries[kind], *_ids(gone[kind]))
            if shown[kind]:
                await tx.copy_records_to_table(
                    table.name, schema_name=self._published, columns=table.columns, records=shown[kind]
                )
        now = {(site, category_id): parent_id for site, category_id, _, parent_id, *_ in shown["category"]}
        await self._move_categories(tx, parents, now)

    async def _parents(self, tx: asyncpg.Connection[Any], keys: list[EntryKey]) -> dict[tuple[str, str], str | None]:
        """Of those of the categories that are public."""
        if not keys:
            return {}
        rows = await tx.fetch(self.statements.load_parents, *_ids(keys))
        return {(site, category_id): parent_id for site, category_id, parent_id in rows}

    async def _move_categories(
        self,
        tx: asyncpg.Connection[Any],
        before: dict[tuple[str, str], str | None],
        after: dict[tuple[str, str], str | None],
    ) -> None:
        """Recomputes the ancestors of what is below a category that came, went or has another parent."""
        moved = sorted(
            key
            for key in before.keys() | after.keys()
            if key not in before or key not in after or before[key] != after[key]
        )
        if moved:
            given = columns(moved)
            await tx.execute(self.statements.delete_ancestors, *given)
            await tx.execute(self.statements.insert_ancestors, *given)

    async def _apply_sites(self, tx: asyncpg.Connection[Any], batch: Batch) -> None:
        sites = sorted({*batch.sites, *batch.hidden_sites})
        loaded = {
            site: StagedSite(sequence, hidden_from)
            for site, sequence, hidden_from in await tx.fetch(self.statements.load_sites, sites)
        }
        for site in sites:
            before = after = loaded.get(site, StagedSite())
            event = batch.sites.get(site)
            if event is not None:
                after = set_site(after, event.sequence)
                is_newest = after is not before
            if site in batch.hidden_sites:
                after = hide_site(after, batch.hidden_sites[site])
            if after is before:
                continue
            await tx.execute(self.statements.write_site, site, after.sequence, after.hidden_from)
            if event is not None and is_newest:
                shown = event.settings.enabled and after.hidden_from is None
                await tx.execute(
                    self.statements.publish_site,
                    site,
                    after.sequence,
                    event.name,
                    shown,
                    event.settings.model_dump_json(),
                )
            elif after.hidden_from is not None:
                await tx.execute(self.statements.hide_site, site)


def _ids(keys: list[EntryKey]) -> list[tuple[Any, ...]]:
    return columns((key.site, key.entry_id) for key in keys)
