"""A display request as a query of the core, with what its rendering needs to know."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ParamSpec, TypeVar

from services.query.bazaarvoice.errors import Code, Refused, VendorError, refused
from services.query.bazaarvoice.filters import read_filters
from services.query.bazaarvoice.includes import read_includes, read_nested_filters
from services.query.bazaarvoice.paging import read_limit, read_offset
from services.query.bazaarvoice.parameters import Parameters, shown
from services.query.bazaarvoice.searches import read_search
from services.query.bazaarvoice.sorts import read_sorts
from services.query.core.query import Compare, Condition, Field, Op, Page, Query, StatisticsQuery, Subject
from services.query.core.vocabulary import Vocabularies
from shared.pass_keys import PassKey

VERSION = re.compile(r"5\.[0-4]")
"""What 5.4 answers holds all that its predecessors answered."""
MAX_PRODUCTS = 100
"""Of one request for statistics."""
_STATISTICS = frozenset({"reviews", "nativereviews", "questions", "answers", "stories"})

P = ParamSpec("P")
T = TypeVar("T")


class Endpoint(StrEnum):
    REVIEWS = "reviews.json"
    PRODUCTS = "products.json"
    AUTHORS = "authors.json"
    CATEGORIES = "categories.json"
    COMMENTS = "reviewcomments.json"
    STATISTICS = "statistics.json"


SUBJECTS = {
    Endpoint.REVIEWS: Subject.REVIEWS,
    Endpoint.PRODUCTS: Subject.PRODUCTS,
    Endpoint.AUTHORS: Subject.AUTHORS,
    Endpoint.CATEGORIES: Subject.CATEGORIES,
    Endpoint.COMMENTS: Subject.COMMENTS,
}


@dataclass(frozen=True, slots=True)
class Question:
    """Of a page of any subject."""

    query: Query
    moderator_codes: bool
    incentivized: bool


@dataclass(frozen=True, slots=True)
class StatisticsQuestion:
    """Of `statistics.json`; `limit` is None where none was sent."""

    query: StatisticsQuery
    limit: int | None
    offset: int
    all_reviews: bool
    native_reviews: bool
    incentivized: bool


class _Reading:
    """Reads one parameter after the other, keeping what is wrong instead of stopping at it."""

    def __init__(self) -> None:
        self._errors: list[VendorError] = []

    def read(self, read: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        """None only where `finish` will raise."""
        try:
            return read(*args, **kwargs)
        except Refused as error:
            self._errors.extend(error.errors)
            return None

    def finish(self) -> None:
        if self._errors:
            raise Refused(list(dict.fromkeys(self._errors)))


def read_question(endpoint: Endpoint, parameters: Parameters, key: PassKey, vocabularies: Vocabularies) -> Question:
    """Pure. Raises Refused with every bad parameter."""
    subject = SUBJECTS[endpoint]
    reading = _Reading()
    reading.read(check_version, parameters)
    limit = reading.read(read_limit, parameters.scalar("limit"))
    offset = reading.read(read_offset, parameters.scalar("offset"))
    conditions = reading.read(read_filters, parameters.all("filter"), subject, vocabularies)
    search = reading.read(read_search, parameters.scalar("search"))
    order = reading.read(read_sorts, parameters.all("sort"), subject, vocabularies)
    includes = reading.read(read_includes, parameters, subject, vocabularies)
    statistics = reading.read(_read_statistics, parameters, "stats") or frozenset()
    filtered = reading.read(_read_statistics, parameters, "filteredstats") or frozenset()
    of_reviews: tuple[Condition, ...] | None = None
    if "reviews" in filtered and subject is not Subject.REVIEWS:
        of_reviews = reading.read(read_nested_filters, parameters, Subject.REVIEWS, vocabularies)
    exclude_family = reading.read(parameters.flag, "excludefamily")
    incentivized = reading.read(parameters.flag, "incentivizedstats")
    reading.finish()
    query = Query(
        subject,
        key.site,
        Page(limit or 0, offset or 0),
        (conditions or ()) + (search or ()),
        # A search overrides every sort.
        () if search else order or (),
        includes or (),
        statistics="reviews" in statistics,
        filtered_statistics="reviews" in filtered,
        review_conditions=of_reviews,
        exclude_family=bool(exclude_family),
        excludes_syndicated=key.excludes_syndicated,
    )
    return Question(query, _wants_codes(parameters), bool(incentivized))


def read_statistics_question(parameters: Parameters, key: PassKey, vocabularies: Vocabularies) -> StatisticsQuestion:
    """Pure. Raises Refused with every bad parameter."""
    reading = _Reading()
    reading.read(check_version, parameters)
    limit = parameters.scalar("limit")
    most = reading.read(read_limit, limit) if limit else None
    offset = reading.read(read_offset, parameters.scalar("offset"))
    kinds = reading.read(_read_statistics, parameters, "stats")
    filters = reading.read(read_filters, parameters.all("filter"), Subject.REVIEWS, vocabularies)
    exclude_family = reading.read(parameters.flag, "excludefamily")
    incentivized = reading.read(parameters.flag, "incentivizedstats")
    products = None if filters is None else reading.read(_products, filters)
    reading.finish()
    others = tuple([one for one in filters or () if not _names_products(one)])
    return StatisticsQuestion(
        StatisticsQuery(key.site, products or (), others, bool(exclude_family), key.excludes_syndicated),
        most,
        offset or 0,
        all_reviews=not kinds or "reviews" in kinds,
        native_reviews=kinds is not None and "nativereviews" in kinds,
        incentivized=bool(incentivized),
    )


def check_version(parameters: Parameters) -> None:
    """Raises Refused."""
    version = parameters.scalar("apiversion")
    if not version:
        raise refused(Code.MISSING_PARAMETERS, "The parameter 'ApiVersion' is missing: send ApiVersion=5.4.")
    if not VERSION.fullmatch(version):
        raise refused(Code.UNSUPPORTED, f"The API version '{shown(version)}' is not supported: send ApiVersion=5.4.")


def _read_statistics(parameters: Parameters, name: str) -> frozenset[str]:
    items = frozenset(item.lower() for item in parameters.items(name))
    if items - _STATISTICS:
        raise refused(
            Code.INVALID_PARAMETERS, f"Invalid value of '{name}': send Reviews or, of products, NativeReviews."
        )
    return items


def _wants_codes(parameters: Parameters) -> bool:
    return any(item.lower() == "moderatorcodes" for item in parameters.items("attributes"))


def _names_products(condition: Condition) -> bool:
    return isinstance(condition, Compare) and condition.field is Field.ENTITY_ID


def _products(filters: tuple[Condition, ...]) -> tuple[str, ...]:
    """The products that all filters by ProductId name, in the order of the first."""
    named: list[dict[str, None]] = []
    for one in filters:
        if isinstance(one, Compare) and one.field is Field.ENTITY_ID:
            if one.op is not Op.IN:
                raise refused(
                    Code.INVALID_FILTER_ATTRIBUTE, "Statistics take products by name: send Filter=ProductId:eq:id,id."
                )
            named.append(dict.fromkeys(str(value) for value in one.values))
    if not named:
        raise refused(
            Code.MISSING_SUBJECT_ID, "Statistics need products: send Filter=ProductId:id, or several with commas."
        )
    first, *others = named
    products = tuple(product for product in first if all(product in other for other in others))
    if len(products) > MAX_PRODUCTS:
        raise refused(Code.INVALID_PARAMETERS, f"Too many products: send {MAX_PRODUCTS} at the most.")
    return products
