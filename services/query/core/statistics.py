"""Statistics of products and authors: stored ones where nothing restricts the reviews, else counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.query.core.conditions import Builder
from services.query.core.query import Dimension

_STORED = (
    "review_count",
    "rating_sum",
    *(f"ratings_{stars}" for stars in range(1, 6)),
    "recommended_count",
    "not_recommended_count",
    "positive_votes",
    "negative_votes",
    "featured_count",
    "ratings_only_count",
    "incentivized_count",
    "native_count",
    "native_rating_sum",
    "native_incentivized_count",
)
"""In the order in which answers hold them."""
_COUNTED = (
    "count(*)",
    "coalesce(sum(r.rating), 0)",
    *(f"count(*) filter (where r.rating = {stars})" for stars in range(1, 6)),
    "count(*) filter (where r.is_recommended)",
    "count(*) filter (where not r.is_recommended)",
    "coalesce(sum(r.positive_votes), 0)",
    "coalesce(sum(r.negative_votes), 0)",
    "count(*) filter (where r.is_featured)",
    "count(*) filter (where r.is_ratings_only)",
    "count(*) filter (where r.is_incentivized)",
    "count(*) filter (where r.native)",
    "coalesce(sum(r.rating) filter (where r.native), 0)",
    "count(*) filter (where r.native and r.is_incentivized)",
)
_NEEDED = (
    "r.rating, r.is_recommended, r.positive_votes, r.negative_votes, r.is_featured, r.is_ratings_only,"
    " r.is_incentivized, r.syndication is null as native, r.review_date, r.secondary_ratings, r.context_data, r.tags"
)


class Expressions(NamedTuple):
    """Of one kind of statistics; each JSON, null where nothing was counted."""

    counts: str
    dates: str
    spread: str
    joins: str = ""
    """What they are read from, if it is not inside of them."""


def stored(builder: Builder, members: str) -> Expressions:
    """Of the products in an array."""
    schema = builder.schema
    sums = ", ".join(f"coalesce(sum(x.{column}), 0)" for column in _STORED)
    own = "x.site = $1 and x.entity_id"
    counts = (
        f"(select json_build_array({sums}) from {schema}.summaries x"
        f" where {own} = any({members}) and x.scope = 'entity')"
    )
    dated = (
        f"select x.review_date from {schema}.reviews x where {own} = w order by x.review_date{{0}}, x.review_id{{0}}"
    )
    dates = (
        "(select json_build_array(min(f.review_date), max(l.review_date))"
        f" from unnest({members}) w cross join lateral ({dated.format('')} limit 1) f"
        f" cross join lateral ({dated.format(' desc')} limit 1) l)"
    )
    spread = (
        "(select json_agg(json_build_array(z.kind, z.dimension, z.value, z.n)) from"
        f" (select x.kind, x.dimension, x.value, sum(x.review_count) as n from {schema}.distributions x"
        f" where {own} = any({members}) group by x.kind, x.dimension, x.value) z)"
    )
    return Expressions(counts, dates, spread)


def counted(builder: Builder, name: str, owners: str, link: str, conditions: Sequence[str]) -> None:
    """Adds the tables `{name}_counts` and `{name}_spread`, by owner.

    `owners` is a query of `id` and what `link` compares reviews with.
    """
    where = ["r.site = $1", link, *conditions]
    if builder.native:
        where.append("r.syndication is null")
    rows = builder.table(
        f"{name}_rows",
        f"select o.id as owner, row_number() over () as number, s.* from ({owners}) o cross join lateral"
        f" (select {_NEEDED} from {builder.schema}.reviews r where {' and '.join(where)} offset 0) s",
    )
    builder.table(
        f"{name}_counts",
        f"select r.owner, json_build_array({', '.join(_COUNTED)}) as counts,"
        f" json_build_array(min(r.review_date), max(r.review_date)) as dates from {rows} r group by r.owner",
    )
    mapped = (
        f"select r.owner, '{{0}}' as kind, v.key as dimension, v.value as value from {rows} r"
        " cross join lateral jsonb_each_text(r.{1}) v"
    )
    # A value counts once per review, however often the review repeats it.
    tagged = (
        f"select distinct r.owner, '{Dimension.TAG.value}' as kind, v.key as dimension, w.value as value, r.number"
        f" from {rows} r cross join lateral jsonb_each(r.tags) v"
        " cross join lateral jsonb_array_elements_text(v.value) w"
    )
    every = " union all ".join(
        (
            mapped.format(Dimension.SECONDARY_RATING.value, "secondary_ratings"),
            mapped.format(Dimension.CONTEXT_DATA.value, "context_data"),
            f"select owner, kind, dimension, value from ({tagged}) tagged",
        )
    )
    builder.table(
        f"{name}_spread",
        "select z.owner, json_agg(json_build_array(z.kind, z.dimension, z.value, z.n)) as spread from"
        f" (select owner, kind, dimension, value, count(*) as n from ({every}) every"
        " group by owner, kind, dimension, value) z group by z.owner",
    )


def looked_up(name: str, owner: str) -> Expressions:
    """From the tables that `counted` added."""
    counts, spread = f"{name}_counts", f"{name}_spread"
    joins = f" left join {counts} on {counts}.owner = {owner} left join {spread} on {spread}.owner = {owner}"
    return Expressions(f"{counts}.counts", f"{counts}.dates", f"{spread}.spread", joins)
