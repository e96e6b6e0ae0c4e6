"""Queries as SQL statements: equal texts for equal shapes, so that one prepared serves all."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import NamedTuple

from services.query.core import includes, pages
from services.query.core.bulk import bulk_text
from services.query.core.conditions import Builder, Schema
from services.query.core.document import Document
from services.query.core.query import (
    MAX_ID,
    Condition,
    Query,
    ReviewQuery,
    StatisticsQuery,
    Subject,
    as_query,
)
from services.query.core.shapes import (
    Shape,
    Term,
    arguments_of,
    included,
    order_arguments,
    shapes_of,
    sorted_conditions,
    terms_of,
)
from services.query.core.walks import BEGINNING, Known


class Statement(NamedTuple):
    text: str
    arguments: list[object]


def site_statement(schema: Schema, site: str) -> Statement:
    return Statement(f"select name, enabled, settings from {schema}.sites where site = $1", [site])


def vocabularies_statement(schema: Schema, site: str) -> Statement:
    """No row: no such site. Else one with nulls, or one for each vocabulary."""
    return Statement(
        f"select v.locale, v.vocabulary from {schema}.sites s left join {schema}.vocabularies v on v.site = s.site"
        " where s.site = $1",
        [site],
    )


def review_statement(schema: Schema, document: Document, site: str, review_id: int) -> Statement:
    """One row when the site exists: whether it is enabled, then the document, null when there is no such review."""
    return Statement(
        f"select s.enabled, (select row_to_json(d)::text from (select {document.columns} from {schema}.reviews r"
        f" where r.site = $1 and r.review_id = $2) d) from {schema}.sites s where s.site = $1",
        [site, review_id],
    )


def summary_statement(schema: Schema, site: str, entity_id: str | None) -> Statement:
    """One row when the site exists. Without an entity: of all reviews of the site."""
    scope = "site" if entity_id is None else "entity"
    return Statement(
        "select s.enabled, coalesce(m.review_count, 0), coalesce(m.rating_sum, 0), coalesce(m.ratings_1, 0),"
        " coalesce(m.ratings_2, 0), coalesce(m.ratings_3, 0), coalesce(m.ratings_4, 0), coalesce(m.ratings_5, 0)"
        f" from {schema}.sites s left join {schema}.summaries m"
        f" on m.site = s.site and m.scope = '{scope}' and m.entity_id = $2 where s.site = $1",
        [site, entity_id or ""],
    )


def question(query: ReviewQuery | Query) -> Hashable:
    """The same for all pages of the same rows in the same order."""
    asked = as_query(query)
    return (
        *(asked.subject, asked.site, sorted_conditions(asked.conditions), asked.ordered_by),
        *(asked.exclude_family, asked.excludes_syndicated),
    )


def reviews_statement(
    schema: Schema, document: Document, query: ReviewQuery, *, walked: bool = False, known: Known | None = None
) -> Statement:
    """A page with its total, from one snapshot.

    No row: no such site. Else one: enabled, total, and a JSON array of documents, null when the page is empty; walked,
    then what `pages.Walked` says. What is known already is not asked for again: the total is null.
    """
    page = _page(as_query(query), walked, known)
    return Statement(_reviews_text(schema, document, page.shapes, page.terms, page.bound, page.start), page.arguments)


def query_statement(
    schema: Schema, query: Query, *, walked: bool = False, known: Known | None = None
) -> tuple[Statement, tuple[Subject, ...]]:
    """What `includes.statement` says, and which subjects it includes; `walked` and `known` as above."""
    page = _page(query, walked, known)
    arguments = page.arguments
    found, shown = [], []
    for include, shows in includes.chain(query):
        its_conditions = sorted_conditions(include.conditions)
        arguments += arguments_of(its_conditions)
        arguments += order_arguments(include.order)
        if includes.takes_limit(query.subject, include.subject):
            arguments.append(include.limit)
        found.append((included(include, its_conditions), shows))
        if shows:
            shown.append(include.subject)
    filtered, own_filter = None, False
    if query.filtered_statistics and {query.subject, *shown} & {Subject.PRODUCTS, Subject.AUTHORS}:
        restricting, own_filter = includes.filter_of(query)
        restricting = page.conditions if own_filter else sorted_conditions(restricting)
        filtered = shapes_of(restricting)
        if not own_filter:
            arguments += arguments_of(restricting)
    asked = includes.Asked(
        query.subject,
        page.shapes,
        page.terms,
        page.bound,
        page.start,
        tuple(found),
        query.statistics,
        filtered,
        own_filter,
        query.exclude_family,
        query.excludes_syndicated,
    )
    return Statement(_query_text(schema, asked), arguments), tuple(shown)


def statistics_statement(schema: Schema, query: StatisticsQuery) -> Statement:
    conditions = sorted_conditions(query.conditions)
    text = bulk_text(schema, shapes_of(conditions), query.exclude_family, query.excludes_syndicated)
    ids = list(dict.fromkeys(query.product_ids))
    return Statement(text, [query.site, ids, *arguments_of(conditions)])


class _Page(NamedTuple):
    conditions: tuple[Condition, ...]
    shapes: tuple[Shape, ...]
    terms: tuple[Term, ...]
    bound: int | None
    start: pages.Start | None
    arguments: list[object]
    """Of these, and of the page itself."""


def _page(query: Query, walked: bool, known: Known | None) -> _Page:
    conditions, order = sorted_conditions(query.conditions), query.ordered_by
    shapes, terms = shapes_of(conditions), terms_of(order)
    place = BEGINNING if known is None else known.place
    limit, offset = query.page.limit, query.page.offset - place.offset
    arguments: list[object] = [query.site, limit, offset]
    if pages.merged(query.subject, shapes, terms) is not None:
        arguments.append(min(limit + offset, MAX_ID))
    arguments += arguments_of(conditions)
    arguments += order_arguments(order)
    arguments += [key for key in place.keys if key is not None]
    if known is not None:
        arguments.append(known.version)
    start = pages.Start(known is None, tuple([key is None for key in place.keys]) or None) if walked else None
    return _Page(conditions, shapes, terms, pages.bound_of(limit, offset), start, arguments)


@lru_cache(maxsize=1024)
def _query_text(schema: Schema, asked: includes.Asked) -> str:
    return includes.statement(schema, asked)


@lru_cache(maxsize=4096)
def _reviews_text(
    schema: Schema,
    document: Document,
    shapes: tuple[Shape, ...],
    terms: tuple[Term, ...],
    bound: int | None,
    start: pages.Start | None,
) -> str:
    builder = Builder(schema, first=4, exclude_family=True, native=False)
    page = pages.page(builder, Subject.REVIEWS, shapes, terms, bound, start)
    builder.table("page_ids", page.ids)
    documents = (
        f"select json_agg((select row_to_json(d) from (select {document.columns} from {schema}.reviews r"
        " where r.site = $1 and r.review_id = x.id) d) order by x.place)::text from page_ids x"
    )
    return (
        f"{builder.tables}select s.enabled, ({page.total}), ({documents}){page.walked.columns}"
        f" from {schema}.sites s{page.walked.joins} where s.site = $1"
    )
