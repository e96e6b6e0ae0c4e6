"""Statements on the catalog and the settings of sites, for one pair of schemas."""

from __future__ import annotations

from services.projection.catalog import TABLES

MAX_DEPTH = 100
"""Of the tree of categories: a chain that is longer is a mistake, and its closure would grow with its square."""


class CatalogStatements:
    def __init__(self, staging: str, published: str) -> None:
        self.load_entries = f"""
            select site, kind, entry_id, sequence, removed, hidden_from
            from unnest($1::text[], $2::text[], $3::text[]) as keys (site, kind, entry_id)
            join {staging}.catalog using (site, kind, entry_id)"""
        self.update_entries = f"""
            update {staging}.catalog as staged
            set sequence = changed.sequence, removed = changed.removed, hidden_from = changed.hidden_from
            from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::boolean[], $6::bigint[])
                as changed (site, kind, entry_id, sequence, removed, hidden_from)
            where staged.site = changed.site and staged.kind = changed.kind and staged.entry_id = changed.entry_id"""
        self.load_parents = f"""
            select site, category_id, parent_id
            from unnest($1::text[], $2::text[]) as keys (site, category_id)
            join {published}.categories using (site, category_id)"""
        self.delete_entries = {
            kind: f"""
            delete from {published}.{table.name} as public
            using unnest($1::text[], $2::text[]) as gone (site, entry_id)
            where public.site = gone.site and public.{table.columns[1]} = gone.entry_id"""
            for kind, table in TABLES.items()
        }

        # Whatever runs into a category that changed, came or went, before or now: before, it ran into it by way of
        # categories of which the first that changed is still below it now.
        below = f"""
            below (site, category_id) as (
                select * from unnest($1::text[], $2::text[])
                union
                select child.site, child.category_id from below
                join {published}.categories as child
                    on child.site = below.site and child.parent_id = below.category_id)"""
        self.delete_ancestors = f"""
            with recursive {below}
            delete from {published}.category_ancestors as ancestors using below
            where ancestors.site = below.site and ancestors.category_id = below.category_id"""
        self.insert_ancestors = f"""
            with recursive {below}, up (site, category_id, ancestor_id, depth, parent_id, path) as (
                select site, category_id, category_id, 0, category.parent_id, array[category_id]
                from below join {published}.categories as category using (site, category_id)
                union all
                select up.site, up.category_id, parent.category_id, up.depth + 1, parent.parent_id,
                       up.path || parent.category_id
                from up join {published}.categories as parent
                    on parent.site = up.site and parent.category_id = up.parent_id
                where parent.category_id <> all (up.path) and up.depth < {MAX_DEPTH})
            insert into {published}.category_ancestors (site, category_id, ancestor_id, depth)
            select site, category_id, ancestor_id, depth from up"""

        self.load_sites = f"select site, sequence, hidden_from from {staging}.sites where site = any($1::text[])"
        self.write_site = f"""
            insert into {staging}.sites (site, sequence, hidden_from) values ($1, $2, $3)
            on conflict (site) do update set sequence = excluded.sequence, hidden_from = excluded.hidden_from"""
        self.publish_site = f"""
            insert into {published}.sites (site, sequence, name, enabled, settings) values ($1, $2, $3, $4, $5::jsonb)
            on conflict (site) do update set sequence = excluded.sequence, name = excluded.name,
                enabled = excluded.enabled, settings = excluded.settings"""
        self.hide_site = f"update {published}.sites set enabled = false where site = $1"
