"""One statement for a page of a subject and all that comes along with it: tables that follow one from the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.query.core import pages, statistics
from services.query.core.conditions import Builder, Schema, order_by
from services.query.core.fields import ALIASES
from services.query.core.query import DEFAULT_ORDER, ID_FIELD, Condition, Field, Include, Op, Query, Subject
from services.query.core.shapes import Comparison, Included, Shape, Term, terms_of
from services.query.core.sources import id_of, names, source

R, C, P, G, A = (
    Subject.REVIEWS,
    Subject.COMMENTS,
    Subject.PRODUCTS,
    Subject.CATEGORIES,
    Subject.AUTHORS,
)
# What can be included, in the order in which one follows from the other, and what it follows from.
FOLLOWS: dict[Subject, dict[Subject, tuple[Subject, ...]]] = {
    R: {C: (R,), P: (R,), G: (P,), A: (R, C)},
    C: {R: (C,), P: (R,), G: (P,), A: (C, R)},
    P: {R: (P,), C: (R,), G: (P,), A: (R, C)},
    A: {R: (A,), C: (A,), P: (R,), G: (P,)},
    G: {P: (G,)},
}
_NEEDED: dict[tuple[Subject, Subject], Subject] = {(C, P): R, (P, C): R, (P, A): R, (A, P): R}
"""Primary and included subject, and what has to be found between them though nobody sees it."""
CHILDREN = frozenset({(R, C), (P, R), (A, R), (A, C), (G, P)})
"""From the first hang several of the second; every other pair is a reference."""

_COLUMNS: dict[Subject, str] = {
    R: "review_id, revision, slug, entity_id, entity_name, rating, title, text, author_id, author_name,"
    " author_email_masked, locale, created_at, submitted_at, review_date, published_at, first_published_at,"
    " publish_count, is_featured, display_order, replies, pros, cons, is_recommended, is_ratings_only,"
    " secondary_ratings, context_data, tags, additional_fields, badges, photos, videos, product_recommendation_ids,"
    " author_location, affiliation, campaign_id, submission_id, is_incentivized, syndication, moderator_codes,"
    " positive_votes, negative_votes, abuse_reports, comment_count",
    C: "comment_id, review_id, entity_id, revision, title, text, author_id, author_name, author_location, locale,"
    " comment_date, submitted_at, published_at, submission_id, campaign_id, is_featured, syndication, badges, photos,"
    " videos, moderator_codes, positive_votes, negative_votes, abuse_reports",
    P: "product_id, in_catalog, name, description, image_url, page_url, category_id, brand_id, family_ids, is_active,"
    " is_disabled, attributes, identifiers, localized",
    G: "category_id, name, parent_id, image_url, page_url, attributes, localized",
    A: "author_id, review_count, comment_count, author_name, author_location, badges, context_data, content_date,"
    " submitted_at, published_at",
}
_REFERENCES = {P: "entity_id", G: "category_id", A: "author_id", R: "review_id"}


class Asked(NamedTuple):
    """All that decides the text of the statement."""

    subject: Subject
    shapes: tuple[Shape, ...]
    order: tuple[Term, ...]
    bound: int | None
    start: pages.Start | None
    includes: tuple[tuple[Included, bool], ...]
    """With whether it shows, or is only between what does."""
    statistics: bool
    filtered: tuple[Shape, ...] | None
    """What restricts the filtered ones, None without them; `own_filter` has them restricted as the page is."""
    own_filter: bool
    exclude_family: bool
    native: bool


def chain(query: Query) -> list[tuple[Include, bool]]:
    """What is included, in the order in which one follows from the other, and whether it shows."""
    possible = FOLLOWS[query.subject]
    wanted = {include.subject: include for include in query.includes if include.subject in possible}
    found = {subject: (include, True) for subject, include in wanted.items()}
    pending = list(wanted)
    while pending:
        subject = pending.pop()
        between = P if subject is G and P in possible and query.subject is not P else None
        between = between or _NEEDED.get((query.subject, subject))
        if between is not None and between not in found:
            found[between] = (Include(between), False)
            pending.append(between)
    return [found[subject] for subject in possible if subject in found]


def takes_limit(primary: Subject, subject: Subject) -> bool:
    return (FOLLOWS[primary][subject][0], subject) in CHILDREN


def statement(schema: Schema, asked: Asked) -> str:
    """One row when the site exists: enabled, total, a JSON array of the page's rows, one of each included subject that
    shows, and for products with reviews one of pairs of their ids. Null where there are no rows. With a start, what it
    tells (`pages.Walked`) follows."""
    return _Statement(schema, asked).text()


class _Statement:
    def __init__(self, schema: Schema, asked: Asked) -> None:
        self._asked = asked
        self._schema = schema
        self._builder = Builder(schema, first=4, exclude_family=asked.exclude_family, native=asked.native)
        self._shown = {asked.subject}

    def text(self) -> str:
        asked, builder = self._asked, self._builder
        page = pages.page(builder, asked.subject, asked.shapes, asked.order, asked.bound, asked.start)
        builder.table("page_ids", page.ids)
        builder.table(asked.subject.value, self._rows(asked.subject, "page_ids", (), ()))
        for include, shown in asked.includes:
            self._include(include)
            if shown:
                self._shown.add(include.subject)
        filtered = None
        if asked.filtered is not None:
            filtered = page.conditions if asked.own_filter else builder.conditions(R, asked.filtered)
        documents = [self._document(asked.subject, filtered)]
        documents += [self._document(include.subject, filtered) for include, shown in asked.includes if shown]
        if asked.subject is P and R in self._shown:
            documents.append(
                "(select json_agg(json_build_array(x.parent, x.id) order by x.place) from reviews_ids x)::text"
            )
        return (
            f"{builder.tables}select s.enabled, ({page.total}), {', '.join(documents)}{page.walked.columns}"
            f" from {self._schema}.sites s{page.walked.joins} where s.site = $1"
        )

    def _include(self, include: Included) -> None:
        primary, subject = self._asked.subject, include.subject
        name = f"{subject.value}_ids"
        if takes_limit(primary, subject):
            self._builder.table(name, self._children(FOLLOWS[primary][subject][0], include))
            ids = f"(select x.id, min(x.place) as place from {name} x group by x.id)" if primary is P else name
            self._builder.table(subject.value, self._rows(subject, ids, (), ()))
        else:
            self._builder.table(name, self._references(subject))
            self._builder.table(subject.value, self._rows(subject, name, include.shapes, include.order))

    def _references(self, subject: Subject) -> str:
        column = _REFERENCES[subject]
        # What follows from something that nobody sees follows from that all the same, unless there are other sources.
        first, *others = FOLLOWS[self._asked.subject][subject]
        sources = [first, *(other for other in others if other in self._shown)]
        every = " union all ".join(
            f"select x.{column} as id, x.place + {number * 1_000_000} as place from {one.value} x"
            for number, one in enumerate(sources)
        )
        # The site itself is reviewed too, and is no product.
        none = " and x.id <> ''" if subject is P else ""
        return f"select x.id, min(x.place) as place from ({every}) x where x.id is not null{none} group by x.id"

    def _children(self, parent: Subject, include: Included) -> str:
        builder, subject = self._builder, include.subject
        conditions = builder.conditions(subject, include.shapes)
        terms = include.order or terms_of(DEFAULT_ORDER[subject])
        ordered = builder.order(subject, terms)
        limit = builder.parameter()
        tables, visible = source(builder, subject, names(include.shapes, terms))
        alias = ALIASES[subject]
        link = {
            (R, C): "c.review_id = o.review_id",
            (P, R): "r.entity_id = w",
            (G, P): "p.category_id = o.category_id",
        }.get((parent, subject), f"{alias}.author_id = o.author_id")
        keys = "".join(f", {text} as k{place}" for place, (text, _) in enumerate(ordered))
        where = " and ".join([*visible, link, *conditions])
        rows = f"select {id_of(subject)} as id{keys} from {tables} where {where} order by {order_by(ordered)}"
        rows += f" limit {limit}"
        if (parent, subject) == (P, R):
            outside = order_by([(f"y.k{place}", direction) for place, (_, direction) in enumerate(ordered)])
            rows = (
                f"select y.id from unnest(o.members) w cross join lateral ({rows}) y order by {outside} limit {limit}"
            )
        return (
            f"select o.{ID_FIELD[parent].value} as parent, z.id, row_number() over (order by o.place, z.nth) as place"
            f" from {parent.value} o cross join lateral"
            f" (select y.id, row_number() over () as nth from ({rows}) y) z"
        )

    def _rows(self, subject: Subject, ids: str, shapes: Sequence[Shape], terms: Sequence[Term]) -> str:
        """The rows of some ids, of those that meet the conditions, with their place in `terms` or else that of the
        ids."""
        builder, alias = self._builder, ALIASES[subject]
        conditions = builder.conditions(subject, shapes)
        tables, visible = source(builder, subject, names(shapes, terms), whole=True)
        columns = {P: "p.*, m.members", A: "a.author_id, k.*, n.*"}.get(subject, f"{alias}.*")
        place = "i.place"
        if terms:
            ordered = builder.order(subject, terms)
            columns += "".join(f", {text} as k{number}" for number, (text, _) in enumerate(ordered))
            outside = order_by([(f"x.k{number}", direction) for number, (_, direction) in enumerate(ordered)])
            place = f"row_number() over (order by {outside}) as place"
        where = " and ".join([*visible, f"{id_of(subject)} = i.id", *conditions])
        # With a limit of its own the look-up stays one for each id, whatever the planner takes their number for.
        row = f"select {columns} from {tables} where {where} limit 1"
        return f"select {place}, x.* from {ids} i cross join lateral ({row}) x"

    def _document(self, subject: Subject, filtered: list[str] | None) -> str:
        schema, name = self._schema, subject.value
        columns = ", ".join(f"q.{column}" for column in _COLUMNS[subject].split(", "))
        if subject is C:
            entity = (
                f"(select y.entity_id from {schema}.reviews y where y.site = $1 and y.review_id = q.review_id)"
                " as entity_id"
            )
            columns = columns.replace("q.entity_id", entity)
        if subject is P:
            count, own = (
                ("native_count", " and y.syndication is null") if self._builder.native else ("review_count", "")
            )
            columns += (
                ", (select json_build_object('brand_id', y.brand_id, 'name', y.name, 'localized', y.localized)"
                f" from {schema}.brands y where y.site = $1 and y.brand_id = q.brand_id) as brand"
                f", case when not q.in_catalog then (select y.entity_name from {schema}.reviews y where y.site = $1"
                f" and y.entity_id = q.product_id{own} order by y.review_date desc, y.review_id desc limit 1) end"
                f" as entity_name, (select coalesce(sum(y.{count}), 0) from {schema}.summaries y where y.site = $1"
                " and y.scope = 'entity' and y.entity_id = any(q.members)) as review_count"
            )
        joins = ""
        for prefix, found in self._statistics(subject, filtered).items():
            columns += f", {found.counts} as {prefix}_counts, {found.dates} as {prefix}_dates"
            columns += f", {found.spread} as {prefix}_spread"
            joins += found.joins
        return f"(select json_agg(d) from (select {columns} from {name} q{joins} order by q.place) d)::text"

    def _statistics(self, subject: Subject, filtered: list[str] | None) -> dict[str, statistics.Expressions]:
        """`s`, the stored ones, and `f`, the filtered ones where these can differ."""
        found: dict[str, statistics.Expressions] = {}
        if subject not in (P, A):
            return found
        restricted = bool(self._asked.filtered)
        of = self._of_products if subject is P else self._of_authors
        if self._asked.statistics or (filtered is not None and not restricted):
            found["s"] = of("stored", ())
        if filtered is not None and restricted:
            found["f"] = of("filtered", filtered)
        return found

    def _of_authors(self, name: str, conditions: Sequence[str]) -> statistics.Expressions:
        name = f"authors_{name}"
        owners = "select x.author_id as id from authors x"
        statistics.counted(self._builder, name, owners, "r.author_id = o.id", conditions)
        return statistics.looked_up(name, "q.author_id")

    def _of_products(self, name: str, conditions: Sequence[str]) -> statistics.Expressions:
        name, builder = f"products_{name}", self._builder
        owners = "select x.product_id as id, x.members from products x"
        link = "r.entity_id = any(o.members)"
        members = "q.members"
        if conditions:
            shapes = self._asked.filtered or ()
            if not all(_names_products(shape) for shape in shapes):
                statistics.counted(builder, name, owners, link, conditions)
                return statistics.looked_up(name, "q.product_id")
            # Other products fall out as a whole; what is left is stored.
            members = f"array(select r.entity_id from unnest(q.members) r(entity_id) where {' and '.join(conditions)})"
        stored = statistics.stored(builder, members)
        if not builder.native:
            return stored
        # What is stored counts all reviews: it serves where none of them is syndicated.
        mixed = (
            f"exists (select from {self._schema}.summaries y where y.site = $1 and y.scope = 'entity'"
            " and y.entity_id = any({}.members) and y.native_count <> y.review_count)"
        )
        statistics.counted(builder, name, f"{owners} where {mixed.format('x')}", link, conditions)
        counted = statistics.looked_up(name, "q.product_id")
        live, kept = counted[:3], stored[:3]
        chosen = [
            f"case when {mixed.format('q')} then {one} else {other} end" for one, other in zip(live, kept, strict=True)
        ]
        return statistics.Expressions(chosen[0], chosen[1], chosen[2], counted.joins)


def _names_products(shape: Shape) -> bool:
    return (
        isinstance(shape, Comparison) and shape.named is Field.ENTITY_ID and shape.op is Op.IN and shape.nulls == "none"
    )


def filter_of(query: Query) -> tuple[tuple[Condition, ...], bool]:
    """What restricts filtered statistics, and whether it is what restricts the page."""
    if query.review_conditions is not None:
        return query.review_conditions, False
    if query.subject is R:
        return query.conditions, True
    include = query.include(R)
    return (include.conditions if include is not None else ()), False
