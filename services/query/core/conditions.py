"""Conditions and orders as SQL: texts built from the vocabulary alone, every value a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, assert_never

from services.query.core.fields import (
    ALIASES,
    ARRAYS,
    SCALARS,
    Named,
    elements,
    expression,
    is_nullable,
    kind_of,
    searched,
)
from services.query.core.query import ID_FIELD, Dimension, Field, Kind, Op, Subject
from services.query.core.shapes import Alternatives, Comparison, Search, Shape, Term

Schema = Literal["published"]

_BOUND = {Op.BELOW: "<", Op.AT_MOST: "<=", Op.ABOVE: ">", Op.AT_LEAST: ">="}
# Text is ordered by its bytes, which in UTF-8 are in the order of code points, whatever the database's own collation.
_BY_CODE_POINTS = ' collate "C"'


Nulls = tuple[bool, ...]
"""Which keys of a row are null."""


class _Key(NamedTuple):
    text: str
    descending: bool
    nullable: bool
    value: str | None
    """A parameter; None where the row has none."""

    @property
    def comparison(self) -> str:
        return "<" if self.descending else ">"

    @property
    def equal(self) -> str:
        return f"{self.text} is null" if self.value is None else f"{self.text} = {self.value}"

    @property
    def beyond(self) -> str:
        if self.value is None:
            return "false"
        found = f"{self.text} {self.comparison} {self.value}"
        return f"({found} or {self.text} is null)" if self.nullable else found


class Builder:
    """Collects one statement: its parameters, in the order of `arguments_of`, and its common table expressions."""

    def __init__(self, schema: Schema, *, first: int, exclude_family: bool, native: bool) -> None:
        self.schema = schema
        self.native = native
        """Whether what is syndicated is as if it were not there."""
        self.exclude_family = exclude_family
        self._parameter = first
        self._tables: list[tuple[str, str]] = []
        self._families = 0

    def parameter(self) -> str:
        self._parameter += 1
        return f"${self._parameter - 1}"

    def table(self, name: str, text: str) -> str:
        self._tables.append((name, text))
        return name

    @property
    def tables(self) -> str:
        if not self._tables:
            return ""
        return "with " + ", ".join(f"{name} as materialized ({text})" for name, text in self._tables) + " "

    def conditions(self, subject: Subject, shapes: Sequence[Shape]) -> list[str]:
        return [self._condition(subject, shape) for shape in shapes]

    def members(self, parameter: str) -> str:
        """An array of these products and all that share a family with one of them."""
        if self.exclude_family:
            return f"{parameter}::text[]"
        self._families += 1
        # In two steps, so that a site without families pays for one look at each named product and no more.
        families = (
            f"array(select distinct unnest(x.family_ids) from {self.schema}.products x"
            f" where x.site = $1 and x.product_id = any({parameter}::text[]))"
        )
        name = self.table(
            f"family_{self._families}",
            f"select array(select unnest({parameter}::text[]) union {of_families(self.schema, families)}) as ids",
        )
        return f"(select ids from {name})::text[]"

    def order(self, subject: Subject, terms: Sequence[Term]) -> list[tuple[str, str]]:
        """Expressions with their directions; the id is the last of them."""
        return [(self._sorted(subject, term), _direction(subject, term)) for term in with_id(subject, terms)]

    def after(self, subject: Subject, terms: Sequence[Term], ordered: Sequence[tuple[str, str]], nulls: Nulls) -> str:
        """What holds for the rows that come after one, whose keys are the parameters: those that are not null."""
        keys = [
            _Key(text, term.descending, is_nullable(subject, term.named), self._key(term.named, is_null))
            for (text, _), term, is_null in zip(ordered, with_id(subject, terms), nulls, strict=True)
        ]
        return _after(keys)

    def _key(self, named: Named, is_null: bool) -> str | None:
        return None if is_null else f"{self.parameter()}::{SCALARS[kind_of(named)]}"

    def _sorted(self, subject: Subject, term: Term) -> str:
        value = self._value(subject, term.named)
        if kind_of(term.named) is not Kind.TEXT:
            return value
        # Case and accents aside, so that Émile stands by Emil; not every Postgres is built with ICU's collations.
        return (f"normalize(lower({value}), nfkd)" if term.alphabetical else value) + _BY_CODE_POINTS

    def _value(self, subject: Subject, named: Named) -> str:
        dimension = self.parameter() if isinstance(named, Dimension) else ""
        return expression(self.schema, subject, named, dimension)

    def _condition(self, subject: Subject, shape: Shape) -> str:
        match shape:
            case Search(pros_and_cons):
                return f"{searched(subject, pros_and_cons)} ilike all ({self.parameter()}::text[])"
            case Alternatives(comparisons):
                texts = [self._comparison(subject, one) for one in comparisons]
                return "(" + (" or ".join(texts) or "false") + ")"
            case Comparison():
                return self._comparison(subject, shape)

    def _comparison(self, subject: Subject, shape: Comparison) -> str:
        named, op, nulls = shape
        if op is Op.IN_LANGUAGE:
            return (
                f"exists (select from unnest({self.parameter()}::text[]) range"
                f" where starts_with(replace(lower({ALIASES[subject]}.locale), '_', '-') || '-', range || '-'))"
            )
        of_content = subject in (Subject.REVIEWS, Subject.COMMENTS)
        if of_content and named in (Field.CATEGORY_ANCESTOR_ID, Field.BRAND_ID):
            return f"({ALIASES[subject]}.syndication is null and {self._about_products(subject, shape)})"
        if of_content and named is Field.ENTITY_ID and op in (Op.IN, Op.NOT_IN) and nulls != "only":
            value, values = expression(self.schema, subject, named), self.members(self.parameter())
            return f"{value} = any({values})" if op is Op.IN else f"{value} <> all({values})"
        return self._general(subject, shape)

    def _about_products(self, subject: Subject, shape: Comparison) -> str:
        """As a set of products where that is possible, from which an index leads to their reviews."""
        named, op, nulls = shape
        if op is not Op.IN or nulls != "none":
            return self._general(subject, shape)
        values = self.parameter()
        if named is Field.BRAND_ID:
            products = f"{self.schema}.products x where x.site = $1 and lower(x.brand_id) = any({_lowered(values)})"
        else:
            products = (
                f"{self.schema}.products x join {self.schema}.category_ancestors y on y.site = x.site"
                f" and y.category_id = x.category_id where x.site = $1 and y.ancestor_id = any({values}::text[])"
            )
        return f"{expression(self.schema, subject, Field.ENTITY_ID)} in (select x.product_id from {products})"

    def _general(self, subject: Subject, shape: Comparison) -> str:
        named, op, nulls = shape
        dimension = self.parameter() if isinstance(named, Dimension) else ""
        several = elements(self.schema, subject, named, dimension)
        if several is None:
            value = expression(self.schema, subject, named, dimension)
            return self._single(value, shape, nullable=is_nullable(subject, named))
        none = f"not exists (select from {several} v)"
        if nulls == "only":
            return none if op is Op.IN else f"exists (select from {several} v)"
        # A negated operator asks for the absence of what its positive one asks for.
        positive = {Op.NOT_IN: Op.IN, Op.NOT_MATCHES: Op.MATCHES}.get(op, op)
        wanted = self._single("v.v", Comparison(named, positive, "none"), nullable=False)
        some = f"exists (select from {several} v(v) where {wanted})"
        if op in (Op.NOT_IN, Op.NOT_MATCHES):
            return f"not {some}" if nulls == "none" else f"(not {some} and not {none})"
        return some if nulls == "none" else f"({some} or {none})"

    def _single(self, value: str, shape: Comparison, *, nullable: bool) -> str:
        named, op, nulls = shape
        kind = kind_of(named)
        if nulls == "only":
            return f"{value} is null" if op is Op.IN else f"{value} is not null"
        parameter = self.parameter()
        values = _lowered(parameter) if named is Field.BRAND_ID else f"{parameter}::{ARRAYS[kind]}"
        match op:
            case Op.IN:
                found = f"{value} = any({values})"
                return found if nulls == "none" else f"({found} or {value} is null)"
            case Op.NOT_IN if nulls == "also":
                return f"({value} is not null and {value} <> all({values}))"
            case Op.NOT_IN:
                return f"({value} is null or {value} <> all({values}))" if nullable else f"{value} <> all({values})"
            case Op.MATCHES:
                return f"{value} like any({values})"
            case Op.NOT_MATCHES:
                text = f"{value} not like all({values})"
                return f"({value} is null or {text})" if nullable else text
            case Op.BELOW | Op.AT_MOST | Op.ABOVE | Op.AT_LEAST:
                bound = f"lower({parameter}::text)" if named is Field.BRAND_ID else f"{parameter}::{SCALARS[kind]}"
                collated = f"{value}{_BY_CODE_POINTS}" if kind is Kind.TEXT else value
                return f"{collated} {_BOUND[op]} {bound}"
            case Op.IN_LANGUAGE:
                raise ValueError(f"{op} is not for {named}")
            case _:
                assert_never(op)


def of_families(schema: str, families: str) -> str:
    """A query of the products that share one of these families, an array."""
    # A site has more products than a family: without the concatenation the planner may take an index by site for this.
    return (
        f"select f.product_id from {schema}.products f where f.site || '' = $1 and f.family_ids <> '{{}}'"
        f" and f.family_ids && {families}"
    )


def with_id(subject: Subject, terms: Sequence[Term]) -> tuple[Term, ...]:
    """The id breaks ties, in the direction of the first order."""
    own = ID_FIELD[subject]
    if any(term.named is own and not term.alphabetical for term in terms):
        return tuple(terms)
    return (*terms, Term(own, terms[0].descending, False))


def _after(keys: Sequence[_Key]) -> str:
    """Nulls come last in both directions, so nothing is after them but what is equal so far."""
    first, *rest = keys
    if all(not key.nullable and key.descending == first.descending for key in keys):
        # An index of these columns starts at such a row by itself.
        texts, values = ", ".join(key.text for key in keys), ", ".join(str(key.value) for key in keys)
        return f"({texts}) {first.comparison} ({values})"
    if not rest:
        return first.beyond
    tied = f"({first.beyond} or ({first.equal} and {_after(rest)}))"
    # Said once more, of the first key alone, for an index to start there.
    return tied if first.nullable else f"({first.text} {first.comparison}= {first.value} and {tied})"


def order_by(terms: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{text}{direction}" for text, direction in terms)


def _lowered(parameter: str) -> str:
    return f"array(select lower(w) from unnest({parameter}::text[]) w)"


def _direction(subject: Subject, term: Term) -> str:
    nulls = " nulls last" if is_nullable(subject, term.named) else ""
    return f"{' desc' if term.descending else ''}{nulls}"
