"""Queries as SQL: texts built from the vocabulary alone, equal for equal shapes, so that one prepared serves all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, assert_never

from services.query.core.document import Document
from services.query.core.query import (
    KINDS,
    NULLABLE,
    AnyOf,
    Compare,
    Condition,
    Contains,
    Field,
    Kind,
    Op,
    Order,
    ReviewQuery,
)

Schema = Literal["published", "backoffice"]
Total = Literal["site", "entity", "count"]
ComparisonShape = tuple[Field, Op]
Shape = ComparisonShape | tuple[ComparisonShape, ...] | None
"""A comparison, any of several, or (None) a text search: a condition without its values."""


class Statement(NamedTuple):
    text: str
    arguments: list[object]


_INDEXED = frozenset({Field.CREATED_AT, Field.REVIEW_ID})
_ENTITY = frozenset({Field.ENTITY_ID, Field.ENTITY_NAME})
_SHALLOW = 100
_DEEP = 10_000

_ARRAYS = {Kind.INTEGER: "bigint[]", Kind.TEXT: "text[]", Kind.BOOLEAN: "boolean[]", Kind.TIME: "timestamptz[]"}
_SCALARS = {Kind.INTEGER: "bigint", Kind.TEXT: "text", Kind.BOOLEAN: "boolean", Kind.TIME: "timestamptz"}


def site_statement(schema: Schema, site: str) -> Statement:
    return Statement(f"select name, enabled, settings from {schema}.sites where site = $1", [site])


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
    conditions = query.conditions
    if len(conditions) > 1:
        conditions = tuple(sorted(conditions, key=_place))
    arguments: list[object] = [query.site, query.page.limit, query.page.offset]
    for condition in conditions:
        arguments.extend(_arguments(condition))
    shapes = tuple([_shape(condition) for condition in conditions])
    # What stands inside of the limit is made for all rows that are skipped or sorted away too. For a few rows out of an
    # index that is still quicker than looking each of the page's up again.
    ids_first = query.page.offset > _SHALLOW or not _by_index(query.order)
    text = _reviews_text(schema, document, shapes, query.order, _total(conditions), ids_first)
    return Statement(text, arguments)


def is_expensive(query: ReviewQuery) -> bool:
    """Whether the work grows with the site: a text search, a live count, an order without an index, a deep page.

    What is found by ids or by an entity's name is not, as long as an entity's reviews are asked for by time.
    """
    if any(_names_ids(condition) for condition in query.conditions):
        return False
    if query.page.offset > _DEEP or not _by_index(query.order):
        return True
    if any(isinstance(condition, Contains) for condition in query.conditions):
        return True
    return _total(query.conditions) == "count" and not any(_names_entities(one) for one in query.conditions)


def _by_index(order: tuple[Order, ...]) -> bool:
    return len(order) == 1 and order[0].field in _INDEXED


def _names_ids(condition: Condition) -> bool:
    return isinstance(condition, Compare) and condition.field is Field.REVIEW_ID and condition.op is Op.IN


def _names_entities(condition: Condition) -> bool:
    comparisons = condition.comparisons if isinstance(condition, AnyOf) else (condition,)
    return all(isinstance(one, Compare) and one.field in _ENTITY and one.op is Op.IN for one in comparisons)


def _total(conditions: Sequence[Condition]) -> Total:
    """Where the total comes from: a stored count where there is one, a live count costs ten times as much or more."""
    if not conditions:
        return "site"
    if len(conditions) == 1:
        only = conditions[0]
        if isinstance(only, Compare) and only.field is Field.ENTITY_ID and only.op is Op.IN and len(only.values) == 1:
            return "entity"
    return "count"


def _shape(condition: Condition) -> Shape:
    match condition:
        case Compare():
            return (condition.field, condition.op)
        case AnyOf():
            return tuple((one.field, one.op) for one in condition.comparisons)
        case Contains():
            return None
        case _:
            assert_never(condition)


def _place(condition: Condition) -> str:
    return str(_shape(condition))


def _arguments(condition: Condition) -> list[object]:
    match condition:
        case Compare():
            if condition.op is Op.IN_LANGUAGE:
                return [[_language(str(value)) for value in condition.values]]
            if condition.op in (Op.IN, Op.NOT_IN):
                return [list(condition.values)]
            return [condition.values[0]]
        case AnyOf():
            return [argument for one in condition.comparisons for argument in _arguments(one)]
        case Contains():
            return [[f"%{_escape(word)}%" for word in condition.words]]
        case _:
            assert_never(condition)


def _language(value: str) -> str:
    return value.lower().replace("_", "-")


def _escape(word: str) -> str:
    """The word as a LIKE pattern that means itself."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


@lru_cache(maxsize=4096)
def _reviews_text(
    schema: Schema,
    document: Document,
    shapes: tuple[Shape, ...],
    order: tuple[Order, ...],
    total: Total,
    ids_first: bool,
) -> str:
    where = ["r.site = $1"]
    parameter = 4
    for shape in shapes:
        text, parameter = _condition(shape, parameter)
        where.append(text)
    conditions = " and ".join(where)
    match total:
        case "site":
            count = f"select review_count from {schema}.summaries where site = $1 and scope = 'site' and entity_id = ''"
        case "entity":
            # The condition's own parameter: the first after site, limit and offset.
            count = (
                f"select review_count from {schema}.summaries"
                " where site = $1 and scope = 'entity' and entity_id = any($4::text[])"
            )
        case "count":
            count = f"select count(*) from {schema}.reviews r where {conditions}"
        case _:
            assert_never(total)
    rows = f"from {schema}.reviews r where {conditions} order by {_order(order)} limit $2 offset $3"
    if ids_first:
        documents = (
            f"select json_agg((select row_to_json(d) from (select {document.columns} from {schema}.reviews r"
            f" where r.site = $1 and r.review_id = p.review_id) d))::text from (select r.review_id {rows}) p"
        )
    else:
        documents = f"select json_agg(d)::text from (select {document.columns} {rows}) d"
    return f"select s.enabled, coalesce(({count}), 0), ({documents}) from {schema}.sites s where s.site = $1"


def _condition(shape: Shape, parameter: int) -> tuple[str, int]:
    if shape is None:
        # Null parts drop out of concat_ws; a line end between the parts keeps words from matching across them.
        return f"concat_ws(E'\\n', r.title, r.text, r.author_name) ilike all (${parameter}::text[])", parameter + 1
    if isinstance(shape[0], Field):
        return _comparison(shape, parameter), parameter + 1
    texts = [_comparison(one, parameter + index) for index, one in enumerate(shape)]
    return "(" + (" or ".join(texts) or "false") + ")", parameter + len(texts)


def _comparison(shape: ComparisonShape, parameter: int) -> str:
    field, op = shape
    column, array, scalar = f"r.{field.value}", _ARRAYS[KINDS[field]], _SCALARS[KINDS[field]]
    match op:
        case Op.IN:
            return f"{column} = any(${parameter}::{array})"
        case Op.NOT_IN if field in NULLABLE:
            return f"({column} is null or {column} <> all(${parameter}::{array}))"
        case Op.NOT_IN:
            return f"{column} <> all(${parameter}::{array})"
        case Op.AT_LEAST:
            return f"{column} >= ${parameter}::{scalar}"
        case Op.BELOW:
            return f"{column} < ${parameter}::{scalar}"
        case Op.AT_MOST:
            return f"{column} <= ${parameter}::{scalar}"
        case Op.IN_LANGUAGE:
            return (
                "exists (select from unnest($N::text[]) range"
                f" where starts_with(replace(lower({column}), '_', '-') || '-', range || '-'))"
            ).replace("$N", f"${parameter}")
        case _:
            assert_never(op)


def _order(order: tuple[Order, ...]) -> str:
    terms = []
    for one in order:
        column = f"r.{one.field.value}"
        if KINDS[one.field] is Kind.TEXT:
            # Case and accents aside, so that Émile stands by Emil; not every Postgres is built with ICU's collations.
            column = f'normalize(lower({column}), nfkd) collate "C"'
        direction = " desc" if one.descending else ""
        # Only where there can be nulls: the words would keep a descending index from being used.
        nulls = " nulls last" if one.field in NULLABLE else ""
        terms.append(f"{column}{direction}{nulls}")
    if all(one.field is not Field.REVIEW_ID for one in order):
        terms.append("r.review_id" + (" desc" if order[0].descending else ""))
    return ", ".join(terms)
