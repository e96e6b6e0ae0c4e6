"""Counts of many products in one statement."""

from __future__ import annotations

from functools import lru_cache

from services.query.core.conditions import Builder, Schema
from services.query.core.pages import is_of_locale
from services.query.core.query import Subject
from services.query.core.shapes import Shape
from services.query.core.sources import members_of_product

_STORED = ("review_count", "rating_sum", "incentivized_count")
_NATIVE = ("native_count", "native_rating_sum", "native_incentivized_count")


@lru_cache(maxsize=1024)
def bulk_text(schema: Schema, shapes: tuple[Shape, ...], exclude_family: bool, native: bool) -> str:
    """One row when the site exists: enabled, and a JSON array of an array for each known product: id and counts."""
    builder = Builder(schema, first=3, exclude_family=exclude_family, native=native)
    conditions = builder.conditions(Subject.REVIEWS, shapes)
    known = [
        f"select {{}} from {schema}.products p where p.site = $1 and p.product_id = w.id",
        # Reviewed, without standing in the catalog.
        f"select '{{{{}}}}'::text[] from {schema}.summaries p where p.site = $1 and p.scope = 'entity'"
        " and p.entity_id = w.id and p.entity_id <> ''" + (" and p.native_count > 0" if native else ""),
    ]
    families = " union all ".join(known).format("p.family_ids")
    if all(is_of_locale(shape) for shape in shapes):
        # What is native stands for all where nothing else shows.
        counts = [f"coalesce(sum(r.{column}), 0)" for column in (_NATIVE if native else _STORED)]
        counts += [f"coalesce(sum(r.{column}) filter (where r.entity_id = p.product_id), 0)" for column in _NATIVE]
        scope = "locale" if shapes else "entity"
        where = ["r.site = $1", f"r.scope = '{scope}'", "r.entity_id = any(m.members)", *conditions]
        table = f"{schema}.summaries r where {' and '.join(where)}"
    else:
        own = "r.entity_id = p.product_id and r.syndication is null"
        counts = [
            "count(*)",
            "coalesce(sum(r.rating), 0)",
            "count(*) filter (where r.is_incentivized)",
            f"count(*) filter (where {own})",
            f"coalesce(sum(r.rating) filter (where {own}), 0)",
            f"count(*) filter (where r.is_incentivized and {own})",
        ]
        where = ["r.site = $1", "r.entity_id = any(m.members)", *conditions]
        if native:
            where.append("r.syndication is null")
        table = f"{schema}.reviews r where {' and '.join(where)}"
    products = (
        "select $1::text as site, w.id as product_id, f.family_ids, w.place from unnest($2::text[]) with ordinality"
        f" w(id, place) cross join lateral ({families} limit 1) f"
    )
    return (
        f"{builder.tables}select s.enabled, (select json_agg(c.counts order by p.place) from ({products}) p"
        f" {members_of_product(builder)} cross join lateral"
        f" (select json_build_array(p.product_id, {', '.join(counts)}) as counts from {table}) c)::text"
        f" from {schema}.sites s where s.site = $1"
    )
