"""What a reader may ask for, whatever vendor's words it was asked in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum

Value = int | float | str | bool | datetime

MAX_ID = 2**63 - 1
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Subject(StrEnum):
    """What can be asked for, and what can be included with it."""

    REVIEWS = "reviews"
    COMMENTS = "comments"
    PRODUCTS = "products"
    CATEGORIES = "categories"
    AUTHORS = "authors"


class Kind(Enum):
    """What a field holds: decides the SQL type of its parameters and how it is ordered."""

    INTEGER = int
    NUMBER = float
    TEXT = str
    BOOLEAN = bool
    TIME = datetime


class Field(StrEnum):
    """The only fixed attributes that a query can name; FIELDS says which subject has which.

    Of reviews and comments, `ENTITY_ID` is the product ('' the site itself); equality with it covers the product's
    family unless the query excludes families. `LOCALE` knows no difference between `_` and `-`.
    """

    REVIEW_ID = "review_id"
    COMMENT_ID = "comment_id"
    ENTITY_ID = "entity_id"
    ENTITY_NAME = "entity_name"
    SLUG = "slug"
    RATING = "rating"
    AUTHOR_ID = "author_id"
    AUTHOR_NAME = "author_name"
    AUTHOR_LOCATION = "author_location"
    AFFILIATION = "affiliation"
    CAMPAIGN_ID = "campaign_id"
    SUBMISSION_ID = "submission_id"
    LOCALE = "locale"
    IS_FEATURED = "is_featured"
    IS_RATINGS_ONLY = "is_ratings_only"
    IS_RECOMMENDED = "is_recommended"
    """Null where the author did not say."""
    IS_INCENTIVIZED = "is_incentivized"
    IS_SUBJECT_ACTIVE = "is_subject_active"
    """The product's; true where the catalog does not know the product."""
    IS_SYNDICATED = "is_syndicated"
    HAS_COMMENTS = "has_comments"
    HAS_PHOTOS = "has_photos"
    HAS_TAGS = "has_tags"
    HAS_VIDEOS = "has_videos"
    DISPLAY_ORDER = "display_order"
    CREATED_AT = "created_at"
    REVIEW_DATE = "review_date"
    """When the author says the review was written, else when it came."""
    COMMENT_DATE = "comment_date"
    SUBMITTED_AT = "submitted_at"
    """When the public revision came: the last modification."""
    PUBLISHED_AT = "published_at"
    """When the public revision was approved: the last moderation."""
    MODERATOR_CODE = "moderator_code"
    """Any number of them."""
    TOTAL_COMMENTS = "comment_count"
    POSITIVE_VOTES = "positive_votes"
    NEGATIVE_VOTES = "negative_votes"
    VOTES = "votes"
    """Positive and negative ones together."""
    HELPFULNESS = "helpfulness"
    """Positive votes by all votes, null without any."""
    CATEGORY_ANCESTOR_ID = "category_ancestor_id"
    """The category (a product's, a category itself) and all above it. Of reviews and comments, a condition on this or
    on BRAND_ID holds for no syndicated content, whatever its operator."""
    BRAND_ID = "brand_id"
    """In any case; null where the product has none."""
    PRODUCT_ID = "product_id"
    """Of products themselves, and exactly this one."""
    CATEGORY_ID = "category_id"
    """A product's own category, or a category itself."""
    PARENT_ID = "parent_id"
    NAME = "name"
    IS_ACTIVE = "is_active"
    IS_DISABLED = "is_disabled"
    AVERAGE_RATING = "average_rating"
    """Null without reviews. This and the other counts of a product are those of its family unless excluded."""
    LAST_REVIEW_DATE = "last_review_date"
    REVIEW_COUNT = "review_count"
    RATINGS_ONLY_COUNT = "ratings_only_count"
    CONTENT_DATE = "content_date"
    """Of an author: the date of what they wrote last, as with name, location and PUBLISHED_AT."""


class Dimension(StrEnum):
    """Kinds of attributes that a site names itself."""

    CONTEXT_DATA = "context data"
    ADDITIONAL_FIELD = "additional field"
    SECONDARY_RATING = "secondary rating"
    TAG = "tag"
    """Any number of values."""


@dataclass(frozen=True, slots=True)
class Dynamic:
    """One dimension, by the id that the site's vocabulary gives it (`Vocabularies.resolve`). Reviews have all kinds,
    authors the context data of what they wrote last."""

    dimension: Dimension
    id: str

    def __post_init__(self) -> None:
        _check(Kind.TEXT, self.id)


Attribute = Field | Dynamic


class Op(StrEnum):
    """Of an attribute with several values some value decides (IN, bounds, MATCHES), or all do (the negated ones)."""

    IN = "in"
    NOT_IN = "not in"
    BELOW = "below"
    AT_MOST = "at most"
    ABOVE = "above"
    AT_LEAST = "at least"
    MATCHES = "matches"
    """Like IN, of texts in which `*` stands for anything: `en*` takes `en_GB`. Case counts."""
    NOT_MATCHES = "not matches"
    IN_LANGUAGE = "in language"
    """RFC 4647 basic filtering, of any of the ranges: `en` takes `en` and `en-GB`, in any case."""


NEGATED = frozenset({Op.NOT_IN, Op.NOT_MATCHES})
BOUNDS = frozenset({Op.BELOW, Op.AT_MOST, Op.ABOVE, Op.AT_LEAST})
EQUALITY = frozenset({Op.IN, Op.NOT_IN})

_INTEGERS = (
    Field.REVIEW_ID,
    Field.COMMENT_ID,
    Field.RATING,
    Field.DISPLAY_ORDER,
    Field.TOTAL_COMMENTS,
    Field.POSITIVE_VOTES,
    Field.NEGATIVE_VOTES,
    Field.VOTES,
    Field.REVIEW_COUNT,
    Field.RATINGS_ONLY_COUNT,
)
_BOOLEANS = (
    Field.IS_FEATURED,
    Field.IS_RATINGS_ONLY,
    Field.IS_RECOMMENDED,
    Field.IS_INCENTIVIZED,
    Field.IS_SUBJECT_ACTIVE,
    Field.IS_SYNDICATED,
    Field.HAS_COMMENTS,
    Field.HAS_PHOTOS,
    Field.HAS_TAGS,
    Field.HAS_VIDEOS,
    Field.IS_ACTIVE,
    Field.IS_DISABLED,
)
_TIMES = (
    Field.CREATED_AT,
    Field.REVIEW_DATE,
    Field.COMMENT_DATE,
    Field.SUBMITTED_AT,
    Field.PUBLISHED_AT,
    Field.LAST_REVIEW_DATE,
    Field.CONTENT_DATE,
)
KINDS: dict[Field, Kind] = (
    dict.fromkeys(Field, Kind.TEXT)
    | dict.fromkeys(_INTEGERS, Kind.INTEGER)
    | dict.fromkeys(_BOOLEANS, Kind.BOOLEAN)
    | dict.fromkeys(_TIMES, Kind.TIME)
    | {Field.HELPFULNESS: Kind.NUMBER, Field.AVERAGE_RATING: Kind.NUMBER}
)
_MANY = frozenset({Field.MODERATOR_CODE, Field.CATEGORY_ANCESTOR_ID})

_CONTENT = frozenset(
    {
        Field.ENTITY_ID,
        Field.AUTHOR_ID,
        Field.AUTHOR_NAME,
        Field.AUTHOR_LOCATION,
        Field.CAMPAIGN_ID,
        Field.SUBMISSION_ID,
        Field.LOCALE,
        Field.IS_FEATURED,
        Field.IS_SUBJECT_ACTIVE,
        Field.IS_SYNDICATED,
        Field.HAS_PHOTOS,
        Field.HAS_VIDEOS,
        Field.SUBMITTED_AT,
        Field.PUBLISHED_AT,
        Field.MODERATOR_CODE,
        Field.POSITIVE_VOTES,
        Field.NEGATIVE_VOTES,
        Field.VOTES,
        Field.HELPFULNESS,
        Field.CATEGORY_ANCESTOR_ID,
        Field.BRAND_ID,
        Field.REVIEW_ID,
    }
)
FIELDS: dict[Subject, frozenset[Field]] = {
    Subject.REVIEWS: _CONTENT
    | {
        Field.ENTITY_NAME,
        Field.SLUG,
        Field.RATING,
        Field.AFFILIATION,
        Field.IS_RATINGS_ONLY,
        Field.IS_RECOMMENDED,
        Field.IS_INCENTIVIZED,
        Field.HAS_COMMENTS,
        Field.HAS_TAGS,
        Field.DISPLAY_ORDER,
        Field.CREATED_AT,
        Field.REVIEW_DATE,
        Field.TOTAL_COMMENTS,
    },
    Subject.COMMENTS: _CONTENT | {Field.COMMENT_ID, Field.COMMENT_DATE},
    Subject.PRODUCTS: frozenset(
        {
            Field.PRODUCT_ID,
            Field.NAME,
            Field.CATEGORY_ID,
            Field.CATEGORY_ANCESTOR_ID,
            Field.BRAND_ID,
            Field.IS_ACTIVE,
            Field.IS_DISABLED,
            Field.AVERAGE_RATING,
            Field.LAST_REVIEW_DATE,
            Field.REVIEW_COUNT,
            Field.RATINGS_ONLY_COUNT,
        }
    ),
    Subject.CATEGORIES: frozenset({Field.CATEGORY_ID, Field.PARENT_ID, Field.NAME, Field.CATEGORY_ANCESTOR_ID}),
    Subject.AUTHORS: frozenset(
        {
            Field.AUTHOR_ID,
            Field.AUTHOR_NAME,
            Field.AUTHOR_LOCATION,
            Field.REVIEW_COUNT,
            Field.TOTAL_COMMENTS,
            Field.CONTENT_DATE,
            Field.PUBLISHED_AT,
        }
    ),
}
DIMENSIONS: dict[Subject, frozenset[Dimension]] = {
    Subject.REVIEWS: frozenset(Dimension),
    Subject.COMMENTS: frozenset(),
    Subject.PRODUCTS: frozenset(),
    Subject.CATEGORIES: frozenset(),
    Subject.AUTHORS: frozenset({Dimension.CONTEXT_DATA}),
}


def kind_of(attribute: Attribute) -> Kind:
    if isinstance(attribute, Field):
        return KINDS[attribute]
    return Kind.INTEGER if attribute.dimension is Dimension.SECONDARY_RATING else Kind.TEXT


def has_many(attribute: Attribute) -> bool:
    """Whether one row can have several values of it, by which nothing can be ordered."""
    return attribute in _MANY if isinstance(attribute, Field) else attribute.dimension is Dimension.TAG


def has_attribute(subject: Subject, attribute: Attribute) -> bool:
    if isinstance(attribute, Field):
        return attribute in FIELDS[subject]
    return attribute.dimension in DIMENSIONS[subject]


@dataclass(frozen=True, slots=True)
class Compare:
    """One attribute against values: any of them, or none of them for the negated operators.

    None among the values of IN and NOT_IN means that there is no value. Apart from that an absent value is in no list,
    passes no bound, and passes NOT_IN and NOT_MATCHES. Text is compared by code points.
    """

    field: Attribute
    op: Op
    values: tuple[Value | None, ...]

    def __post_init__(self) -> None:
        kind = kind_of(self.field)
        if self.op in BOUNDS and not self.values:
            raise ValueError(f"{self.op} takes at least one value")
        if self.op is Op.IN_LANGUAGE and self.field is not Field.LOCALE:
            raise ValueError(f"{self.op} is for {Field.LOCALE}")
        if self.op in (Op.MATCHES, Op.NOT_MATCHES) and kind is not Kind.TEXT:
            raise ValueError(f"{self.op} is for text")
        for value in self.values:
            if value is not None or self.op not in EQUALITY:
                _check(kind, value)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the comparisons holds."""

    comparisons: tuple[Compare, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """Each of the words stands somewhere, in any case: in a review's title, text, author name, pros and cons; in a
    comment's title, text and author name; in a product's name and description; in a category's or an author's name."""

    words: tuple[str, ...]
    pros_and_cons: bool = True

    def __post_init__(self) -> None:
        for word in self.words:
            _check(Kind.TEXT, word)


Condition = Compare | AnyOf | Contains


@dataclass(frozen=True, slots=True)
class Order:
    """Text by code points, false before true; nulls last in both directions.

    `alphabetical` is the order of people: by letters in any case, accented ones after plain ones.
    """

    field: Attribute
    descending: bool = False
    alphabetical: bool = False

    def __post_init__(self) -> None:
        if has_many(self.field):
            raise ValueError("there is no order by an attribute with several values")
        if self.alphabetical and kind_of(self.field) is not Kind.TEXT:
            raise ValueError("only text has an alphabetical order")


NEWEST_FIRST = (Order(Field.CREATED_AT, descending=True),)
DEFAULT_ORDER: dict[Subject, tuple[Order, ...]] = {
    Subject.REVIEWS: (Order(Field.REVIEW_DATE, descending=True),),
    Subject.COMMENTS: (Order(Field.COMMENT_DATE, descending=True),),
    Subject.PRODUCTS: (Order(Field.PRODUCT_ID),),
    Subject.CATEGORIES: (Order(Field.CATEGORY_ID),),
    Subject.AUTHORS: (Order(Field.AUTHOR_ID),),
}
ID_FIELD: dict[Subject, Field] = {
    Subject.REVIEWS: Field.REVIEW_ID,
    Subject.COMMENTS: Field.COMMENT_ID,
    Subject.PRODUCTS: Field.PRODUCT_ID,
    Subject.CATEGORIES: Field.CATEGORY_ID,
    Subject.AUTHORS: Field.AUTHOR_ID,
}


@dataclass(frozen=True, slots=True)
class Page:
    limit: int
    offset: int = 0

    def __post_init__(self) -> None:
        if self.limit < 0 or not 0 <= self.offset <= MAX_ID:
            raise ValueError("limit and offset count from 0")


@dataclass(frozen=True, slots=True)
class ReviewQuery:
    """Reviews alone, rendered by Postgres, families aside. All conditions hold.

    The review id breaks ties, in the direction of the first order, so pages never overlap.
    """

    site: str
    page: Page
    conditions: tuple[Condition, ...] = ()
    order: tuple[Order, ...] = field(default=NEWEST_FIRST)

    def __post_init__(self) -> None:
        _check(Kind.TEXT, self.site)
        if not self.order:
            raise ValueError("an order is needed")
        _check_attributes(Subject.REVIEWS, self.conditions, self.order)


@dataclass(frozen=True, slots=True)
class Include:
    """What comes along, once each however often it is referred to.

    Children hang on each shown parent, at most `limit` of them, in this order and of those that meet the conditions:
    reviews of products and authors, comments of reviews and authors, products of categories. References are all of
    what the shown rows refer to that meets the conditions, in the order of first appearance unless one is given; the
    limit does not apply to them: products, categories and authors of reviews, and so on.

    REVIEWS     comments (children), products, categories of these, authors (of the reviews and of included comments)
    COMMENTS    reviews, products of these, categories, authors (of the comments and of included reviews)
    PRODUCTS    reviews (children), comments (children of these reviews), categories, authors (of both)
    AUTHORS     reviews and comments (children), products of these reviews, categories of these products
    CATEGORIES  products (children)

    What hangs on reviews that are not included themselves hangs on those that would be by default. Other pairs are
    ignored.
    """

    subject: Subject
    conditions: tuple[Condition, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int = 10

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise ValueError("a limit counts from 0")
        _check_attributes(self.subject, self.conditions, self.order)


@dataclass(frozen=True, slots=True)
class Query:
    """All conditions hold. The id breaks ties, in the direction of the first order, so pages never overlap.

    `statistics` and `filtered_statistics` are computed for every product and author in the answer, primary or
    included. The filtered ones count the reviews that meet `review_conditions`; None means: the query's own
    conditions where it asks for reviews, else those of its included reviews.

    `excludes_syndicated`: nothing that was collected elsewhere shows or counts, as if it were not there.
    """

    subject: Subject
    site: str
    page: Page
    conditions: tuple[Condition, ...] = ()
    order: tuple[Order, ...] = ()
    """Empty: DEFAULT_ORDER of the subject."""
    includes: tuple[Include, ...] = ()
    statistics: bool = False
    filtered_statistics: bool = False
    review_conditions: tuple[Condition, ...] | None = None
    exclude_family: bool = False
    excludes_syndicated: bool = False

    def __post_init__(self) -> None:
        _check(Kind.TEXT, self.site)
        _check_attributes(self.subject, self.conditions, self.order)
        _check_attributes(Subject.REVIEWS, self.review_conditions or (), ())
        if len({include.subject for include in self.includes}) != len(self.includes):
            raise ValueError("a subject is included once")

    def include(self, subject: Subject) -> Include | None:
        return next((include for include in self.includes if include.subject is subject), None)

    @property
    def ordered_by(self) -> tuple[Order, ...]:
        return self.order or DEFAULT_ORDER[self.subject]


def as_query(query: ReviewQuery | Query) -> Query:
    if isinstance(query, Query):
        return query
    return Query(Subject.REVIEWS, query.site, query.page, query.conditions, query.order, exclude_family=True)


@dataclass(frozen=True, slots=True)
class StatisticsQuery:
    """Counts of many products at once. With conditions only the reviews that meet them count."""

    site: str
    product_ids: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    exclude_family: bool = False
    excludes_syndicated: bool = False

    def __post_init__(self) -> None:
        for text in (self.site, *self.product_ids):
            _check(Kind.TEXT, text)
        _check_attributes(Subject.REVIEWS, self.conditions, ())


def _check_attributes(subject: Subject, conditions: tuple[Condition, ...], order: tuple[Order, ...]) -> None:
    attributes = [one.field for one in order]
    for condition in conditions:
        match condition:
            case Compare():
                attributes.append(condition.field)
            case AnyOf():
                attributes.extend(one.field for one in condition.comparisons)
            case Contains():
                pass
    for attribute in attributes:
        if not has_attribute(subject, attribute):
            raise ValueError(f"{subject} have no {attribute}")


def _check(kind: Kind, value: Value | None) -> None:
    # bool is an int to Python and not to Postgres.
    if type(value) is not kind.value:
        raise ValueError(f"a value must be {kind.name.lower()}")
    if isinstance(value, str) and not storable(value):
        raise ValueError("text must not contain NUL or lone surrogates")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a time must have a zone")
    if type(value) is int and not -MAX_ID - 1 <= value <= MAX_ID:
        raise ValueError("a number must fit in 64 bits")


def storable(text: str) -> bool:
    """Whether Postgres can hold the text at all."""
    return _UNSTORABLE.search(text) is None
