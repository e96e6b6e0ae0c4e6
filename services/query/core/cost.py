"""Which questions may take long, and so leave most connections to the others."""

from __future__ import annotations

from services.query.core import includes, pages
from services.query.core.query import (
    AnyOf,
    Compare,
    Condition,
    Contains,
    Field,
    Op,
    Query,
    ReviewQuery,
    StatisticsQuery,
    Subject,
    as_query,
)
from services.query.core.shapes import shapes_of, terms_of

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
_MANY_PRODUCTS = 20


def counts_much(query: StatisticsQuery) -> bool:
    """Whether the reviews of more products are counted than a page shows stars of."""
    if all(pages.is_of_locale(shape) for shape in shapes_of(query.conditions)):
        return False
    return len(query.product_ids) > _MANY_PRODUCTS or sum(map(_comparisons, query.conditions)) > _MOST_COMPARISONS


def is_expensive(query: ReviewQuery | Query) -> bool:
    """Whether the work grows with the site: a text search, a live count, an order without an index, a deep page.

    What is found by ids or by an entity's name is not, as long as an entity's reviews are asked for in an order that
    an index has, with no more conditions than a person's question has, and without statistics of authors, who have as
    many reviews as they like.
    """
    query = as_query(query)
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
    if query.subject not in (Subject.REVIEWS, Subject.COMMENTS) or query.page.offset > pages.DEEP:
        return True
    shapes, terms = shapes_of(query.conditions), terms_of(query.ordered_by)
    by_index = pages.by_date(query.subject, terms) or pages.merged(query.subject, shapes, terms) is not None
    if not by_index or any(isinstance(one, Contains) for one in query.conditions):
        return True
    if not shapes:
        return pages.is_counted(query.subject, shapes, native=query.excludes_syndicated)
    return not any(_names(one, _SETS) for one in query.conditions)


def _comparisons(condition: Condition) -> int:
    """A pattern costs as much as a condition; of other values a row is looked up among all at once."""
    if isinstance(condition, Compare) and condition.op in (Op.MATCHES, Op.NOT_MATCHES):
        return len(condition.values)
    return 1


def _names(condition: Condition, fields: frozenset[Field]) -> bool:
    """Whether it says which of these there are, so that no other row has to be looked at."""
    comparisons = condition.comparisons if isinstance(condition, AnyOf) else (condition,)
    return all(isinstance(one, Compare) and one.field in fields and one.op is Op.IN for one in comparisons)
