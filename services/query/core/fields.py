"""How each attribute of each subject is read in SQL. Every row stands under one alias per subject."""

from __future__ import annotations

from services.query.core.query import KINDS, Dimension, Field, Kind, Subject

Named = Field | Dimension
"""An attribute without the id of its dimension, which is always a parameter."""

ALIASES: dict[Subject, str] = {
    Subject.REVIEWS: "r",
    Subject.COMMENTS: "c",
    Subject.PRODUCTS: "p",
    Subject.CATEGORIES: "g",
    Subject.AUTHORS: "a",
}
ARRAYS = {
    Kind.INTEGER: "bigint[]",
    Kind.NUMBER: "float8[]",
    Kind.TEXT: "text[]",
    Kind.BOOLEAN: "boolean[]",
    Kind.TIME: "timestamptz[]",
}
SCALARS = {kind: array.removesuffix("[]") for kind, array in ARRAYS.items()}

# Where there can be no null the words for nulls would only keep an index from being used.
_NULLABLE = frozenset(
    {
        Field.ENTITY_NAME,
        Field.AUTHOR_NAME,
        Field.AUTHOR_LOCATION,
        Field.AFFILIATION,
        Field.CAMPAIGN_ID,
        Field.IS_RECOMMENDED,
        Field.DISPLAY_ORDER,
        Field.HELPFULNESS,
        Field.BRAND_ID,
        Field.NAME,
        Field.PARENT_ID,
        Field.AVERAGE_RATING,
        Field.LAST_REVIEW_DATE,
    }
)

# Of reviews and comments, `{a}` being the row and `{e}` the review that says which product it is about.
_OF_CONTENT = {
    Field.IS_SYNDICATED: "({a}.syndication is not null)",
    Field.HAS_PHOTOS: "({a}.photos is not null and {a}.photos <> '[]')",
    Field.HAS_VIDEOS: "({a}.videos is not null and {a}.videos <> '[]')",
    Field.HAS_TAGS: "({a}.tags is not null and {a}.tags <> '{{}}')",
    Field.HAS_COMMENTS: "({a}.comment_count > 0)",
    Field.VOTES: "({a}.positive_votes::bigint + {a}.negative_votes)",
    Field.HELPFULNESS: (
        "({a}.positive_votes::float8 / nullif({a}.positive_votes::float8 + {a}.negative_votes::float8, 0))"
    ),
    Field.ENTITY_ID: "{e}.entity_id",
    Field.IS_SUBJECT_ACTIVE: (
        "coalesce((select x.is_active from {schema}.products x where x.site = {e}.site"
        " and x.product_id = {e}.entity_id), true)"
    ),
    Field.BRAND_ID: (
        "(select lower(x.brand_id) from {schema}.products x where x.site = {e}.site and x.product_id = {e}.entity_id)"
    ),
}
_OF_PRODUCTS = {
    Field.BRAND_ID: "lower(p.brand_id)",
    Field.REVIEW_COUNT: "t.review_count",
    Field.AVERAGE_RATING: "(t.rating_sum::float8 / nullif(t.review_count, 0))",
    Field.RATINGS_ONLY_COUNT: "u.ratings_only_count",
    Field.LAST_REVIEW_DATE: "l.last_date",
}
_OF_AUTHORS = {
    Field.AUTHOR_NAME: "n.author_name",
    Field.AUTHOR_LOCATION: "n.author_location",
    Field.CONTENT_DATE: "n.content_date",
    Field.PUBLISHED_AT: "n.published_at",
}
_ANCESTORS = (
    "(select x.ancestor_id from {schema}.category_ancestors x where x.site = {site} and x.category_id = {category})"
)
_PRODUCTS_CATEGORY = (
    "(select x.ancestor_id from {schema}.products y join {schema}.category_ancestors x on x.site = y.site"
    " and x.category_id = y.category_id where y.site = {e}.site and y.product_id = {e}.entity_id)"
)
ABOUT_PRODUCTS = frozenset(
    {Field.ENTITY_ID, Field.IS_SUBJECT_ACTIVE, Field.BRAND_ID, Field.CATEGORY_ANCESTOR_ID},
)
"""Of comments: what only their review knows."""


def kind_of(named: Named) -> Kind:
    if isinstance(named, Field):
        return KINDS[named]
    return Kind.INTEGER if named is Dimension.SECONDARY_RATING else Kind.TEXT


def is_nullable(subject: Subject, named: Named) -> bool:
    if not isinstance(named, Field):
        return True
    if named is Field.AUTHOR_ID:
        return subject is not Subject.AUTHORS
    if named is Field.CATEGORY_ID:
        return subject is Subject.PRODUCTS
    return named in _NULLABLE


def expression(schema: str, subject: Subject, named: Named, dimension: str = "") -> str:
    """A single value of the row; `dimension` is the parameter that holds a dimension's id."""
    alias = ALIASES[subject]
    if not isinstance(named, Field):
        return _dynamic(subject, named, dimension)
    match subject:
        case Subject.PRODUCTS if named in _OF_PRODUCTS:
            return _OF_PRODUCTS[named]
        case Subject.AUTHORS if named in _OF_AUTHORS:
            return _OF_AUTHORS[named]
        case Subject.AUTHORS if named in (Field.REVIEW_COUNT, Field.TOTAL_COMMENTS):
            return f"k.{named.value}"
        case Subject.REVIEWS if named is Field.HELPFULNESS:
            return "r.helpfulness"
        case Subject.REVIEWS | Subject.COMMENTS if named in _OF_CONTENT:
            entity = "e" if subject is Subject.COMMENTS else alias
            return _OF_CONTENT[named].format(a=alias, e=entity, schema=schema)
        case _ if named is Field.LOCALE:
            return f"replace({alias}.locale, '-', '_')"
        case _:
            return f"{alias}.{named.value}"


def elements(schema: str, subject: Subject, named: Named, dimension: str = "") -> str | None:
    """All values of the row as what can stand in a FROM clause; None for an attribute with one value."""
    alias = ALIASES[subject]
    if named is Field.MODERATOR_CODE:
        return f"unnest({alias}.moderator_codes)"
    if named is Dimension.TAG:
        return f"jsonb_array_elements_text({alias}.tags -> {dimension}::text)"
    if named is not Field.CATEGORY_ANCESTOR_ID:
        return None
    if subject in (Subject.PRODUCTS, Subject.CATEGORIES):
        return _ANCESTORS.format(schema=schema, site=f"{alias}.site", category=f"{alias}.category_id")
    return _PRODUCTS_CATEGORY.format(schema=schema, e="e" if subject is Subject.COMMENTS else alias)


def searched(subject: Subject, pros_and_cons: bool) -> str:
    """What a text search reads. Null parts drop out; a line end between them keeps words from matching across."""
    match subject:
        case Subject.REVIEWS:
            parts = "r.title, r.text, r.author_name" + (", r.pros, r.cons" if pros_and_cons else "")
        case Subject.COMMENTS:
            parts = "c.title, c.text, c.author_name"
        case Subject.PRODUCTS:
            parts = "p.name, p.description"
        case Subject.CATEGORIES:
            parts = "g.name"
        case Subject.AUTHORS:
            parts = "n.author_name"
    return f"concat_ws(E'\\n', {parts})"


def _dynamic(subject: Subject, named: Dimension, dimension: str) -> str:
    if subject is Subject.AUTHORS:
        return f"(n.context_data ->> {dimension}::text)"
    match named:
        case Dimension.SECONDARY_RATING:
            return f"(r.secondary_ratings ->> {dimension}::text)::bigint"
        case Dimension.ADDITIONAL_FIELD:
            return f"(r.additional_fields ->> {dimension}::text)"
        case _:
            return f"(r.context_data ->> {dimension}::text)"
