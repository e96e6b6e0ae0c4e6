"""What the rows of each subject are read from: its table, with what a question needs beside it and no more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.query.core.conditions import Builder, Schema, of_families
from services.query.core.fields import ABOUT_PRODUCTS, ALIASES, Named
from services.query.core.query import ID_FIELD, Dimension, Field, Subject
from services.query.core.shapes import Alternatives, Comparison, Search, Shape, Term

_TABLES: dict[Subject, str] = {
    Subject.REVIEWS: "reviews",
    Subject.COMMENTS: "comments",
    Subject.PRODUCTS: "subjects",
    Subject.CATEGORIES: "categories",
    Subject.AUTHORS: "authors",
}
_COUNTS = frozenset({Field.REVIEW_COUNT, Field.AVERAGE_RATING})
_OF_FAMILY = _COUNTS | {Field.RATINGS_ONLY_COUNT, Field.LAST_REVIEW_DATE}
_OF_NEWEST = frozenset({Field.AUTHOR_NAME, Field.AUTHOR_LOCATION, Field.CONTENT_DATE, Field.PUBLISHED_AT})


def names(shapes: Iterable[Shape], order: Iterable[Term] = ()) -> set[Named | None]:
    """The attributes that these ask for; None for a text search."""
    found: set[Named | None] = {term.named for term in order}
    for shape in shapes:
        match shape:
            case Comparison():
                found.add(shape.named)
            case Alternatives(comparisons):
                found.update(one.named for one in comparisons)
            case Search():
                found.add(None)
    return found


def id_of(subject: Subject) -> str:
    return f"{ALIASES[subject]}.{ID_FIELD[subject].value}"


def source(
    builder: Builder, subject: Subject, asked: set[Named | None], *, whole: bool = False
) -> tuple[str, list[str]]:
    """What stands after FROM, and the conditions that hold for all that the reader may see of it.

    `whole`: with what is shown of products (`m`) and authors (`n`, `k`) beside their tables.
    """
    schema, alias, native = builder.schema, ALIASES[subject], builder.native
    tables = [f"{schema}.{_TABLES[subject]} {alias}"]
    where = [f"{alias}.site = $1"]
    match subject:
        case Subject.REVIEWS:
            if native:
                where.append("r.syndication is null")
        case Subject.COMMENTS:
            if native or asked & ABOUT_PRODUCTS:
                tables.append(f"join {schema}.reviews e on e.site = c.site and e.review_id = c.review_id")
            if native:
                where += ["c.syndication is null", "e.syndication is null"]
        case Subject.PRODUCTS:
            tables += _beside_products(builder, asked, whole)
            if native:
                where.append(
                    f"(p.in_catalog or exists (select from {schema}.summaries x where x.site = p.site"
                    " and x.scope = 'entity' and x.entity_id = p.product_id and x.native_count > 0))"
                )
        case Subject.AUTHORS:
            if whole or native or Dimension.CONTEXT_DATA in asked or None in asked or asked & _OF_NEWEST:
                tables.append(newest_of_author(schema, native))
            if whole or asked & {Field.REVIEW_COUNT, Field.TOTAL_COMMENTS}:
                tables.append(counts_of_author(schema, native))
            if native:
                where.append("n.content_date is not null")
        case Subject.CATEGORIES:
            pass
    return " ".join(tables), where


def members_of_product(builder: Builder) -> str:
    """As `m`: the products whose reviews are the product's own, as an array."""
    if builder.exclude_family:
        return "cross join lateral (select array[p.product_id] as members) m"
    return (
        "cross join lateral (select case when p.family_ids = '{}' then array[p.product_id]"
        f" else array({of_families(builder.schema, 'p.family_ids')}) end as members) m"
    )


def counts_of_product(builder: Builder) -> str:
    """As `t`, of all members."""
    native = "native_" if builder.native else ""
    count, total = f"{native}count" if native else "review_count", f"{native}rating_sum"
    return (
        f"cross join lateral (select coalesce(sum(x.{count}), 0)::bigint as review_count,"
        f" coalesce(sum(x.{total}), 0)::bigint as rating_sum from {builder.schema}.summaries x where x.site = p.site"
        " and x.scope = 'entity' and x.entity_id = any(m.members)) t"
    )


def newest_of_author(schema: Schema, native: bool) -> str:
    """As `n`: what the author's newest review, else newest comment, says of them."""
    own = " and x.syndication is null" if native else ""
    about = (
        f" and exists (select from {schema}.reviews y where y.site = x.site and y.review_id = x.review_id"
        " and y.syndication is null)"
        if native
        else ""
    )
    shared = "x.author_name, x.author_location, x.badges, x.submitted_at, x.published_at"
    columns = ("author_name", "author_location", "badges", "submitted_at", "published_at", "content_date")
    chosen = ", ".join(f"case when nr.content_date is null then nc.{one} else nr.{one} end as {one}" for one in columns)
    return (
        f"left join lateral (select {shared}, x.review_date as content_date, x.context_data from {schema}.reviews x"
        f" where x.site = a.site and x.author_id = a.author_id{own} order by x.review_date desc, x.review_id desc"
        " limit 1) nr on true"
        f" left join lateral (select {shared}, x.comment_date as content_date from {schema}.comments x"
        f" where nr.content_date is null and x.site = a.site and x.author_id = a.author_id{own}{about}"
        " order by x.comment_date desc, x.comment_id desc limit 1) nc on true"
        f" cross join lateral (select {chosen}, nr.context_data) n"
    )


def counts_of_author(schema: Schema, native: bool) -> str:
    """As `k`."""
    if not native:
        return "cross join lateral (select a.review_count, a.comment_count) k"
    return (
        f"cross join lateral (select (select count(*) from {schema}.reviews x where x.site = a.site"
        " and x.author_id = a.author_id and x.syndication is null) as review_count,"
        f" (select count(*) from {schema}.comments x join {schema}.reviews y on y.site = x.site"
        " and y.review_id = x.review_id where x.site = a.site and x.author_id = a.author_id"
        " and x.syndication is null and y.syndication is null) as comment_count) k"
    )


def _beside_products(builder: Builder, asked: set[Named | None], whole: bool) -> Sequence[str]:
    schema, native = builder.schema, builder.native
    if not whole and not asked & _OF_FAMILY:
        return []
    tables = [members_of_product(builder)]
    if asked & _COUNTS:
        tables.append(counts_of_product(builder))
    if Field.RATINGS_ONLY_COUNT in asked:
        if native:
            # Not stored, for it would serve nothing else.
            counted = (
                f"select count(*) as ratings_only_count from {schema}.reviews x where x.site = p.site"
                " and x.entity_id = any(m.members) and x.is_ratings_only and x.syndication is null"
            )
        else:
            counted = (
                f"select coalesce(sum(x.ratings_only_count), 0)::bigint as ratings_only_count from {schema}.summaries x"
                " where x.site = p.site and x.scope = 'entity' and x.entity_id = any(m.members)"
            )
        tables.append(f"cross join lateral ({counted}) u")
    if Field.LAST_REVIEW_DATE in asked:
        own = " and x.syndication is null" if native else ""
        tables.append(
            "cross join lateral (select max(y.review_date) as last_date from unnest(m.members) w cross join lateral"
            f" (select x.review_date from {schema}.reviews x where x.site = p.site and x.entity_id = w{own}"
            " order by x.review_date desc, x.review_id desc limit 1) y) l"
        )
    return tables
