"""Queries as SQL statements: equal texts for equal shapes, so that one prepared serves all."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from services.query.core import includes, pages
from services.query.core.bulk import bulk_text
from services.query.core.conditions import Builder, Schema, order_by
from services.query.core.document import Document
from services.query.core.query import (
    DEFAULT_ORDER,
    MAX_ID,
    AnyOf,
    Compare,
    Condition,
    Contains,
    Field,
    Op,
    Order,
    Query,
    ReviewQuery,
    StatisticsQuery,
    Subject,
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


class Statement(NamedTuple):
    text: str
    arguments: list[object]


_INDEXED = frozenset({Field.CREATED_AT, Field.REVIEW_ID})
_SHALLOW = 100
_DEEP = 10_000


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


def reviews_statement(schema: Schema, document: Document, query: ReviewQuery) -> Statement:
    """A page with its total, from one snapshot.

    No row: no such site. Else one: enabled, total, and a JSON array of documents, null when the page is empty.
    """
    conditions = sorted_conditions(query.conditions)
    arguments: list[object] = [query.site, query.page.limit, query.page.offset, *arguments_of(conditions)]
    arguments += order_arguments(query.order)
    # What stands inside of the limit is made for all rows that are skipped or sorted away too. For a few rows out of an
    # index that is still quicker than looking each of the page's up again.
    ids_first = query.page.offset > _SHALLOW or not _by_index(query.order)
    text = _reviews_text(
        schema, document, shapes_of(conditions), terms_of(query.order), _is_stored(conditions), ids_first
    )
    return Statement(text, arguments)


def query_statement(schema: Schema, query: Query) -> tuple[Statement, tuple[Subject, ...]]:
    """What `includes.statement` says, and which subjects it includes."""
    conditions = sorted_conditions(query.conditions)
    order = query.order or DEFAULT_ORDER[query.subject]
    shapes, terms = shapes_of(conditions), terms_of(order)
    page = query.page
    arguments: list[object] = [query.site, page.limit, page.offset]
    if pages.merged(query.subject, shapes, terms) is not None:
        arguments.append(min(page.limit + page.offset, MAX_ID))
    arguments += arguments_of(conditions)
    arguments += order_arguments(order)
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
        restricting = conditions if own_filter else sorted_conditions(restricting)
        filtered = shapes_of(restricting)
        if not own_filter:
            arguments += arguments_of(restricting)
    asked = includes.Asked(
        query.subject,
        shapes,
        terms,
        pages.bound_of(page.limit, page.offset),
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


def is_expensive(query: ReviewQuery | Query) -> bool:
    """Whether the work grows with the site: a text search, a live count, an order without an index, a deep page.

    What is found by ids or by an entity's name is not, as long as an entity's reviews are asked for by time, with no
    more conditions than a person's question has, and without statistics of authors, who have as many reviews as they
    like.
    """
    if isinstance(query, Query):
        return _is_expensive(query)
    if any(_names(condition, _IDS[Subject.REVIEWS]) for condition in query.conditions):
        return False
    if query.page.offset > _DEEP or not _by_index(query.order):
        return True
    if any(isinstance(condition, Contains) for condition in query.conditions):
        return True
    return not _is_stored(query.conditions) and not any(_names(one, _SETS) for one in query.conditions)


_IDS = {
    Subject.REVIEWS: frozenset({Field.REVIEW_ID}),
    Subject.COMMENTS: frozenset({Field.COMMENT_ID, Field.REVIEW_ID}),
    Subject.PRODUCTS: frozenset({Field.PRODUCT_ID}),
    Subject.CATEGORIES: frozenset({Field.CATEGORY_ID, Field.PARENT_ID}),
    Subject.AUTHORS: frozenset({Field.AUTHOR_ID}),
}
_SETS = frozenset({Field.ENTITY_ID, Field.ENTITY_NAME, Field.AUTHOR_ID})


_MOST_COMPARISONS = 20
"""Of each row that is looked at."""


def _is_expensive(query: Query) -> bool:
    conditions = [query.conditions, query.review_conditions or (), *(one.conditions for one in query.includes)]
    if sum(_comparisons(one) for these in conditions for one in these) > _MOST_COMPARISONS:
        return True
    if (query.statistics or query.filtered_statistics) and query.include(Subject.AUTHORS) is not None:
        return True
    if query.filtered_statistics and query.subject is not Subject.CATEGORIES:
        restricting, _ = includes.filter_of(query)
        if any(not _names(condition, _SETS) for condition in restricting):
            return True
    if any(_names(condition, _IDS[query.subject]) for condition in query.conditions):
        return False
    if query.subject not in (Subject.REVIEWS, Subject.COMMENTS) or query.page.offset > _DEEP:
        return True
    shapes, terms = shapes_of(query.conditions), terms_of(query.order or DEFAULT_ORDER[query.subject])
    by_index = pages.by_date(query.subject, terms) or pages.merged(query.subject, shapes, terms) is not None
    if not by_index or any(isinstance(one, Contains) for one in query.conditions):
        return True
    if not pages.is_counted(query.subject, shapes, native=query.excludes_syndicated):
        return False
    return not any(_names(one, _SETS) for one in query.conditions)


def _comparisons(condition: Condition) -> int:
    """A pattern costs as much as a condition; of other values a row is looked up among all at once."""
    if isinstance(condition, Compare) and condition.op in (Op.MATCHES, Op.NOT_MATCHES):
        return len(condition.values)
    return 1


def _by_index(order: tuple[Order, ...]) -> bool:
    return len(order) == 1 and order[0].field in _INDEXED


def _names(condition: Condition, fields: frozenset[Field]) -> bool:
    """Whether it says which of these there are, so that no other row has to be looked at."""
    comparisons = condition.comparisons if isinstance(condition, AnyOf) else (condition,)
    return all(isinstance(one, Compare) and one.field in fields and one.op is Op.IN for one in comparisons)


def _is_stored(conditions: tuple[Condition, ...]) -> bool:
    """Whether the total is a stored count: a live one costs ten times as much or more."""
    if not conditions:
        return True
    only = conditions[0]
    return (
        len(conditions) == 1
        and _names(only, frozenset({Field.ENTITY_ID}))
        and isinstance(only, Compare)
        and len(only.values) == 1
    )


@lru_cache(maxsize=1024)
def _query_text(schema: Schema, asked: includes.Asked) -> str:
    return includes.statement(schema, asked)


@lru_cache(maxsize=4096)
def _reviews_text(
    schema: Schema,
    document: Document,
    shapes: tuple[Shape, ...],
    order: tuple[Term, ...],
    is_stored: bool,
    ids_first: bool,
) -> str:
    builder = Builder(schema, first=4, exclude_family=True, native=False)
    conditions = " and ".join(["r.site = $1", *builder.conditions(Subject.REVIEWS, shapes)])
    if not is_stored:
        count = f"select count(*) from {schema}.reviews r where {conditions}"
    elif shapes:
        # The condition's own parameter: the first after site, limit and offset.
        count = (
            f"select review_count from {schema}.summaries"
            " where site = $1 and scope = 'entity' and entity_id = any($4::text[])"
        )
    else:
        count = f"select review_count from {schema}.summaries where site = $1 and scope = 'site' and entity_id = ''"
    ordered = order_by(builder.order(Subject.REVIEWS, order))
    rows = f"from {schema}.reviews r where {conditions} order by {ordered} limit $2 offset $3"
    if ids_first:
        documents = (
            f"select json_agg((select row_to_json(d) from (select {document.columns} from {schema}.reviews r"
            f" where r.site = $1 and r.review_id = p.review_id) d))::text from (select r.review_id {rows}) p"
        )
    else:
        documents = f"select json_agg(d)::text from (select {document.columns} {rows}) d"
    return f"select s.enabled, coalesce(({count}), 0), ({documents}) from {schema}.sites s where s.site = $1"
