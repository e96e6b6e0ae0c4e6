"""Which rows a page has, and how many there are in all: ids first, whose rows are looked up afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.query.core.conditions import Builder, Nulls, order_by
from services.query.core.query import Field, Op, Subject
from services.query.core.shapes import Comparison, Shape, Term
from services.query.core.sources import id_of, names, source

SHALLOW = 200
DEEP = 10_000

_DATE_DOWN, _DATE_UP = (Field.REVIEW_DATE, True), (Field.REVIEW_DATE, False)
# Indexes that hold the rows of one such value in such an order, the id aside. Where dates follow in an index and not in
# the order, rows that are equal so far are sorted a group at a time.
_ORDERED: dict[tuple[Subject, Field], tuple[tuple[tuple[Field, bool], ...], ...]] = {
    (Subject.REVIEWS, Field.ENTITY_ID): (
        (_DATE_DOWN,),
        (_DATE_UP,),
        ((Field.CREATED_AT, True),),
        ((Field.CREATED_AT, False),),
        ((Field.HELPFULNESS, True),),
        ((Field.HELPFULNESS, True), _DATE_DOWN),
        ((Field.RATING, True),),
        ((Field.RATING, False),),
        ((Field.RATING, True), _DATE_DOWN),
        ((Field.RATING, False), _DATE_UP),
    ),
    (Subject.REVIEWS, Field.AUTHOR_ID): ((_DATE_DOWN,), (_DATE_UP,)),
    (Subject.COMMENTS, Field.REVIEW_ID): (((Field.COMMENT_DATE, True),), ((Field.COMMENT_DATE, False),)),
    (Subject.COMMENTS, Field.AUTHOR_ID): (((Field.COMMENT_DATE, True),), ((Field.COMMENT_DATE, False),)),
}
_DATES = {
    Subject.REVIEWS: (Field.REVIEW_DATE, Field.CREATED_AT),
    Subject.COMMENTS: (Field.COMMENT_DATE,),
}
_IDS = {Subject.REVIEWS: Field.REVIEW_ID, Subject.COMMENTS: Field.COMMENT_ID}
_ARRAY = {Field.REVIEW_ID: "bigint[]"}


class Start(NamedTuple):
    """How the page of a question that somebody walks through is found, and what is told for the pages after it."""

    counted: bool
    """Whether the total is asked for, too. If not, it is known of one version of the read model; in another one the
    page has no rows, for they would be of no use."""
    after: Nulls | None
    """The page starts after a row, of which these keys are null. None: from the beginning."""


class Page(NamedTuple):
    ids: str
    """A query of `id` and `place`."""
    total: str
    """A query of one number, null where it is not asked for."""
    conditions: list[str]
    """What holds for every row, apart from the site."""
    walked: Walked


class Walked(NamedTuple):
    """For the statement around a page with a `Start`, where the page's ids are the table `page_ids`."""

    columns: str
    """The version of the read model, the place of the page's last row, and its keys."""
    joins: str


def bound_of(limit: int, offset: int) -> int | None:
    """A constant above which no page of this kind reads. Without one the planner takes a limit that is a parameter for
    a tenth of the table, and sorts all of it."""
    return next((bound for bound in (SHALLOW, DEEP) if limit + offset <= bound), None)


def _order(subject: Subject, terms: Sequence[Term]) -> tuple[tuple[object, bool], ...]:
    """Without the id at its end where that breaks ties as it would anyway."""
    order = tuple((term.named, term.descending) for term in terms)
    return order[:-1] if len(order) > 1 and order[-1] == (_IDS.get(subject), order[0][1]) else order


def by_date(subject: Subject, terms: Sequence[Term]) -> bool:
    """Whether an index has all rows of the site in this order."""
    order = _order(subject, terms)
    return len(order) == 1 and order[0][0] in _DATES.get(subject, ())


def merged(subject: Subject, shapes: Sequence[Shape], terms: Sequence[Term]) -> int | None:
    """Which condition names a few sets of rows that an index each holds in the wanted order, so that the page is found
    by merging the beginnings of these: under `= any(…)` the order of an index is lost."""
    order = _order(subject, terms)
    for index, shape in enumerate(shapes):
        if not _is_choice(shape) or not isinstance(shape, Comparison) or not isinstance(shape.named, Field):
            continue
        if order in _ORDERED.get((subject, shape.named), ()):
            return index
    return None


def page(
    builder: Builder,
    subject: Subject,
    shapes: tuple[Shape, ...],
    terms: tuple[Term, ...],
    bound: int | None,
    start: Start | None,
) -> Page:
    """Parameters: $2 the limit, $3 the offset; then, when `merged`, their sum; then those of conditions and order, the
    keys to start after, and the version of which these are."""
    driver = merged(subject, shapes, terms)
    end = builder.parameter() if driver is not None else ""
    conditions, members = [], ""
    for index, shape in enumerate(shapes):
        if index == driver and isinstance(shape, Comparison) and isinstance(shape.named, Field):
            values = builder.parameter()
            if shape.named is Field.ENTITY_ID:
                members = builder.members(values)
            else:
                members = f"{values}::{_ARRAY.get(shape.named, 'text[]')}"
            conditions.append(f"{id_of(subject)[0]}.{shape.named.value} = any({members})")
        else:
            conditions += builder.conditions(subject, [shape])
    tables, visible = source(builder, subject, names(shapes, terms))
    ordered = builder.order(subject, terms)
    beyond = [] if start is None or start.after is None else [builder.after(subject, terms, ordered, start.after)]
    if start is not None and not start.counted:
        beyond.append(f"(select version from {builder.schema}.version) = {builder.parameter()}::text")
    walked = start is not None
    keys = "".join(f", {text} as k{place}" for place, (text, _) in enumerate(ordered))
    kept = "".join(f", y.k{place}" for place in range(len(ordered))) if walked else ""
    if driver is None:
        rows = _selection(
            subject, keys if walked else "", tables, visible + conditions + beyond, order_by(ordered), bound
        )
        ids = f"{rows} limit $2 offset $3"
    else:
        shape = shapes[driver]
        assert isinstance(shape, Comparison)
        where = [*visible, *conditions[:driver], *conditions[driver + 1 :], *beyond]
        where.append(f"{id_of(subject)[0]}.{Field(shape.named).value} = w")
        first = _selection(subject, keys, tables, where, order_by(ordered), bound)
        outside = order_by([(f"y.k{place}", direction) for place, (_, direction) in enumerate(ordered)])
        ids = (
            f"select y.id{kept} from unnest({members}) w cross join lateral ({first} limit {end}) y"
            f" order by {outside} limit $2 offset $3"
        )
    ids = f"select y.id, row_number() over () as place{kept} from ({ids}) y"
    total = _total(builder, subject, shapes, conditions) if start is None or start.counted else "null::bigint"
    return Page(ids, total, conditions, _walked(builder, len(ordered)) if walked else Walked("", ""))


def _walked(builder: Builder, keys: int) -> Walked:
    columns = "".join(f", last_row.k{place}" for place in range(keys))
    return Walked(
        f", (select version from {builder.schema}.version), last_row.place{columns}",
        " left join lateral (select * from page_ids x order by x.place desc limit 1) last_row on true",
    )


def is_counted(subject: Subject, shapes: Sequence[Shape], *, native: bool) -> bool:
    """Whether the total has to be counted row by row."""
    if subject is not Subject.REVIEWS:
        return True
    entities = [shape for shape in shapes if _is_choice(shape) and names([shape]) == {Field.ENTITY_ID}]
    locales = [shape for shape in shapes if is_of_locale(shape)]
    ratings = [shape for shape in shapes if isinstance(shape, Comparison) and shape.named is Field.RATING]
    stored = len(entities) + len(locales) + len(ratings)
    return len(entities) > 1 or stored < len(shapes) or (native and bool(ratings))


def is_of_locale(shape: Shape) -> bool:
    """Whether what it holds for is counted apart."""
    return isinstance(shape, Comparison) and shape.named is Field.LOCALE


def _is_choice(shape: Shape) -> bool:
    return isinstance(shape, Comparison) and shape.op is Op.IN and shape.nulls == "none"


def _selection(subject: Subject, keys: str, tables: str, where: Sequence[str], order: str, bound: int | None) -> str:
    rows = f"select {id_of(subject)} as id{keys} from {tables} where {' and '.join(where)} order by {order}"
    return rows if bound is None else f"select * from ({rows} limit {bound}) bounded"


def _total(builder: Builder, subject: Subject, shapes: Sequence[Shape], conditions: Sequence[str]) -> str:
    if is_counted(subject, shapes, native=builder.native):
        tables, visible = source(builder, subject, names(shapes))
        return f"select count(*) from {tables} where {' and '.join([*visible, *conditions])}"
    scope = "site"
    if any(is_of_locale(shape) for shape in shapes):
        scope = "locale"
    elif any(names([shape]) == {Field.ENTITY_ID} for shape in shapes):
        scope = "entity"
    count = "native_count" if builder.native else "review_count"
    tables = f"{builder.schema}.summaries r"
    if any(names([shape]) == {Field.RATING} for shape in shapes):
        # Conditions on rating and locale hold for counts as they do for rows.
        count = "rating_count"
        values = ", ".join(f"({stars}, x.ratings_{stars})" for stars in range(1, 6))
        tables = (
            "(select x.site, x.scope, x.entity_id, x.locale, v.rating, v.rating_count"
            f" from {builder.schema}.summaries x cross join lateral (values {values}) v(rating, rating_count)) r"
        )
    where = " and ".join(["r.site = $1", f"r.scope = '{scope}'", *conditions])
    return f"select coalesce(sum(r.{count}), 0)::bigint from {tables} where {where}"
