"""Sites of random rows, random questions about them, and whether an answer is the reference's, row for row."""

from __future__ import annotations

import itertools
from random import Random
from typing import NamedTuple

import asyncpg

from services.query.core.answers import Answer
from services.query.core.query import (
    BOUNDS,
    DIMENSIONS,
    EQUALITY,
    FIELDS,
    ID_FIELD,
    AnyOf,
    Attribute,
    Compare,
    Condition,
    Contains,
    Dimension,
    Dynamic,
    Field,
    Include,
    Kind,
    Op,
    Order,
    Page,
    Query,
    Subject,
    Value,
    has_many,
    kind_of,
)
from services.query.core.reader import PostgresReader
from tests.query_reference import Reference, World
from tests.query_world import (
    CONTEXT,
    PRODUCTS,
    RATINGS,
    START,
    TAGS,
    load,
)
from tests.query_world import (
    FIELDS as ADDITIONAL_FIELDS,
)

R, C, P, G, A = Subject.REVIEWS, Subject.COMMENTS, Subject.PRODUCTS, Subject.CATEGORIES, Subject.AUTHORS
DYNAMIC = {
    Dimension.CONTEXT_DATA: [*CONTEXT, "age"],
    Dimension.SECONDARY_RATING: [*RATINGS],
    Dimension.TAG: [*TAGS],
    Dimension.ADDITIONAL_FIELD: [*ADDITIONAL_FIELDS, "x'; drop table published.reviews; --"],
}
WORDS = ("fits", "WOOL", "100%", "_", "\\", "größe", "anna", "well F", "soft", "thin", "shirt", "nothing")
USUAL: dict[Subject, list[Attribute]] = {
    R: [Field.ENTITY_ID, Field.RATING, Field.AUTHOR_ID, Field.REVIEW_ID],
    C: [Field.REVIEW_ID, Field.AUTHOR_ID, Field.ENTITY_ID],
}
_sites = itertools.count()


class Site:
    """One world under its name, with what the reference makes of it."""

    def __init__(self, name: str, rows: World) -> None:
        self.name = name
        self.rows = rows
        self._references: dict[tuple[bool, bool], Reference] = {}

    def reference(self, exclude_family: bool = False, native: bool = False) -> Reference:
        key = (exclude_family, native)
        if key not in self._references:
            self._references[key] = Reference(self.rows, exclude_family=exclude_family, native=native)
        return self._references[key]


class Base(NamedTuple):
    connection: asyncpg.Connection[asyncpg.Record]
    reader: PostgresReader

    async def site(self, rows: World) -> Site:
        name = f"site-{next(_sites)}"
        await load(self.connection, name, rows)
        return Site(name, rows)

    async def check(self, site: Site, query: Query) -> None:
        expected = site.reference(query.exclude_family, query.excludes_syndicated).ask(query)
        wrong = differences(await self.reader.ask(query), expected, query)
        assert not wrong, f"{wrong}\n{query}"


def attributes(subject: Subject) -> list[Attribute]:
    dynamic = [Dynamic(one, name) for one in Dimension if one in DIMENSIONS[subject] for name in DYNAMIC[one]]
    return [*sorted(FIELDS[subject]), *dynamic]


def operators(attribute: Attribute) -> list[Op]:
    ops = [*sorted(EQUALITY), *sorted(BOUNDS)]
    if kind_of(attribute) is Kind.TEXT:
        ops += [Op.MATCHES, Op.NOT_MATCHES]
    return [*ops, Op.IN_LANGUAGE] if attribute is Field.LOCALE else ops


def values(reference: Reference, subject: Subject, attribute: Attribute) -> list[Value]:
    """What there is to ask for: all that stands in the rows, and something that does not."""
    found: set[Value] = set()
    for row in reference.rows[subject]:
        value = reference.value(subject, row, attribute)
        found.update(value if isinstance(value, list) else [] if value is None else [value])
    strange: dict[Kind, Value] = {
        Kind.INTEGER: 3,
        Kind.NUMBER: 0.5,
        Kind.TEXT: "M",
        Kind.BOOLEAN: True,
        Kind.TIME: START,
    }
    found.add(strange[kind_of(attribute)])
    if attribute in (Field.ENTITY_ID, Field.PRODUCT_ID):
        found.update(PRODUCTS)
    if attribute is Field.BRAND_ID:
        found.add("nIKE")
    return sorted(found, key=lambda value: (str(type(value)), value))


def differences(found: Answer | None, expected: Answer, query: Query) -> str:
    assert found is not None
    for name, ours, theirs in (
        ("rows", found.rows, expected.rows),
        *((subject, found.included[subject], expected.included[subject]) for subject in expected.included),
    ):
        ids = ID_FIELD[query.subject if name == "rows" else Subject(name)].value
        if [row[ids] for row in ours] != [row[ids] for row in theirs]:
            return f"{name}: {[row[ids] for row in ours]}, not {[row[ids] for row in theirs]}"
        for one, other in zip(ours, theirs, strict=True):
            wrong = {
                key: (one.get(key), other.get(key))
                for key in one.keys() | other.keys()
                if one.get(key) != other.get(key)
            }
            if wrong or one.keys() != other.keys():
                return f"{name} {one[ids]}: {wrong} {one.keys() ^ other.keys()}"
    if found != expected:
        return f"total {found.total}, not {expected.total}; {found.included.keys()} {expected.included.keys()}"
    return ""


class Questions:
    """Random ones, of one world."""

    def __init__(self, random: Random, site: Site) -> None:
        self._random = random
        self._site = site.name
        self._reference = site.reference()

    def query(self) -> Query:
        random = self._random
        subject = random.choice((R, R, R, *Subject))
        included = random.sample(list(Subject), random.choice((0, 1, 2, 4)))
        return Query(
            subject,
            self._site,
            Page(random.choice((0, 1, 3, 10, 100)), random.choice((0, 0, 0, 2, 30))),
            self.conditions(subject, 2),
            self.order(subject),
            tuple(self.include(one) for one in included),
            statistics=random.random() < 0.5,
            filtered_statistics=random.random() < 0.5,
            review_conditions=self.conditions(R, 2) if random.random() < 0.2 else None,
            exclude_family=random.random() < 0.3,
            excludes_syndicated=random.random() < 0.3,
        )

    def include(self, subject: Subject) -> Include:
        random = self._random
        return Include(subject, self.conditions(subject, 1), self.order(subject), random.choice((0, 1, 2, 10)))

    def conditions(self, subject: Subject, most: int) -> tuple[Condition, ...]:
        return tuple(self.condition(subject) for _ in range(self._random.randint(0, most)))

    def condition(self, subject: Subject) -> Condition:
        random = self._random
        chosen = random.random()
        if chosen < 0.1:
            return Contains(tuple(random.sample(WORDS, random.choice((1, 1, 2)))), random.random() < 0.7)
        if chosen < 0.2:
            return AnyOf(tuple(self.compare(subject) for _ in range(random.randint(0, 2))))
        return self.compare(subject)

    def compare(self, subject: Subject) -> Compare:
        random = self._random
        usual = USUAL.get(subject)
        attribute = random.choice(usual if usual and random.random() < 0.5 else attributes(subject))
        op = random.choice([Op.IN] * 4 + operators(attribute))
        every = values(self._reference, subject, attribute)
        wanted: list[Value | None] = [random.choice(every) for _ in range(random.choice((1, 1, 2, 4)))]
        if op in EQUALITY and random.random() < 0.1:
            wanted.append(None)
        return Compare(attribute, op, tuple(wanted))

    def order(self, subject: Subject) -> tuple[Order, ...]:
        random = self._random
        dates: dict[Subject, list[Attribute]] = {R: [Field.REVIEW_DATE, Field.CREATED_AT], C: [Field.COMMENT_DATE]}
        sortable: list[Attribute] = [one for one in attributes(subject) if not has_many(one)]
        found = []
        for _ in range(random.choice((0, 1, 1, 2))):
            attribute = random.choice(dates.get(subject, sortable) if random.random() < 0.4 else sortable)
            alphabetical = kind_of(attribute) is Kind.TEXT and random.random() < 0.3
            found.append(Order(attribute, random.random() < 0.5, alphabetical))
        return tuple(found)
