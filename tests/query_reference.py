"""The query core read a second time: the meaning of every question over plain lists, without SQL."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from services.query.core.answers import Answer, BulkStatistics, ProductCounts, Row, Statistics
from services.query.core.query import (
    DEFAULT_ORDER,
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
    Op,
    Order,
    Query,
    StatisticsQuery,
    Subject,
)

R, C, P, G, A = Subject.REVIEWS, Subject.COMMENTS, Subject.PRODUCTS, Subject.CATEGORIES, Subject.AUTHORS
_COLUMNS = {
    Dimension.CONTEXT_DATA: "context_data",
    Dimension.ADDITIONAL_FIELD: "additional_fields",
    Dimension.SECONDARY_RATING: "secondary_ratings",
    Dimension.TAG: "tags",
}


@dataclass
class World:
    """One site's rows, with the columns of the published tables; times are times."""

    reviews: list[Row] = field(default_factory=list)
    comments: list[Row] = field(default_factory=list)
    products: list[Row] = field(default_factory=list)
    categories: list[Row] = field(default_factory=list)
    brands: list[Row] = field(default_factory=list)

    def ancestors(self, category_id: str | None) -> list[str]:
        """The category itself first; nothing for one that is not known. A circle ends where it began."""
        parents = {row["category_id"]: row["parent_id"] for row in self.categories}
        found: list[str] = []
        while category_id is not None and category_id in parents and category_id not in found:
            found.append(category_id)
            category_id = parents[category_id]
        return found


class Reference:
    def __init__(self, world: World, *, exclude_family: bool = False, native: bool = False) -> None:
        self.world = world
        self.exclude_family = exclude_family
        self.catalog = {row["product_id"]: row for row in world.products}
        self._members: dict[str, set[str]] = {}
        self._of_products: dict[str, list[Row]] = {}
        self.reviews = [row for row in world.reviews if not native or row["syndication"] is None]
        self.review = {row["review_id"]: row for row in self.reviews}
        self.comments = [
            row
            for row in world.comments
            if not native or (row["syndication"] is None and row["review_id"] in self.review)
        ]
        reviewed = dict.fromkeys(row["entity_id"] for row in self.reviews if row["entity_id"])
        self.products = [self._product(one) for one in {**dict.fromkeys(self.catalog), **reviewed}]
        wrote = [row["author_id"] for row in [*self.reviews, *self.comments] if row["author_id"] is not None]
        self.authors = [self._author(one) for one in dict.fromkeys(wrote)]
        self.rows: dict[Subject, list[Row]] = {
            R: self.reviews,
            C: [row | {"entity_id": self.review[row["review_id"]]["entity_id"]} for row in self.comments],
            P: self.products,
            G: world.categories,
            A: self.authors,
        }

    # What there is.

    def families(self, product_id: str) -> set[str]:
        return set(self.catalog[product_id]["family_ids"]) if product_id in self.catalog else set()

    def members(self, product_id: str) -> set[str]:
        """The products whose reviews are this one's own."""
        if product_id not in self._members:
            own = set() if self.exclude_family else self.families(product_id)
            self._members[product_id] = {product_id} | {one for one in self.catalog if self.families(one) & own}
        return self._members[product_id]

    def of_product(self, product_id: str) -> list[Row]:
        if product_id not in self._of_products:
            members = self.members(product_id)
            self._of_products[product_id] = [row for row in self.reviews if row["entity_id"] in members]
        return self._of_products[product_id]

    def _product(self, product_id: str) -> Row:
        known = self.catalog.get(product_id)
        row: Row = {"product_id": product_id, "in_catalog": known is not None}
        names = ("name", "description", "image_url", "page_url", "category_id", "brand_id")
        row |= {name: known[name] if known else None for name in names}
        row["family_ids"] = known["family_ids"] if known else []
        row["is_active"] = known["is_active"] if known else True
        row["is_disabled"] = known["is_disabled"] if known else False
        row |= {name: known[name] if known else {} for name in ("attributes", "identifiers", "localized")}
        row["brand"] = next((one for one in self.world.brands if one["brand_id"] == row["brand_id"]), None)
        own = [one for one in self.reviews if one["entity_id"] == product_id]
        row["entity_name"] = None if known else _newest(own, "review_date", "review_id")["entity_name"]
        row["review_count"] = len(self.of_product(product_id))
        return row

    def _author(self, author_id: str) -> Row:
        reviews = [row for row in self.reviews if row["author_id"] == author_id]
        comments = [row for row in self.comments if row["author_id"] == author_id]
        if reviews:
            newest = _newest(reviews, "review_date", "review_id")
            date, context = newest["review_date"], newest["context_data"]
        else:
            newest = _newest(comments, "comment_date", "comment_id")
            date, context = newest["comment_date"], None
        shown = ("author_name", "author_location", "badges", "submitted_at", "published_at")
        return {
            "author_id": author_id,
            "review_count": len(reviews),
            "comment_count": len(comments),
            **{name: newest[name] for name in shown},
            "context_data": context,
            "content_date": date,
        }

    # What a row says.

    def value(self, subject: Subject, row: Row, attribute: Attribute) -> Any:
        """None without one; a list for an attribute with several."""
        if isinstance(attribute, Dynamic):
            found = (row[_COLUMNS[attribute.dimension]] or {}).get(attribute.id)
            return found or [] if attribute.dimension is Dimension.TAG else found
        if subject in (R, C):
            return self._of_content(row, attribute)
        if subject is P:
            return self._of_product(row, attribute)
        match attribute:
            case Field.CATEGORY_ANCESTOR_ID:
                return self.world.ancestors(row["category_id"])
            case _:
                return row[attribute.value]

    def _of_content(self, row: Row, attribute: Field) -> Any:
        product = self.catalog.get(row["entity_id"])
        votes = row["positive_votes"] + row["negative_votes"]
        match attribute:
            case Field.IS_SYNDICATED:
                return row["syndication"] is not None
            case Field.HAS_PHOTOS | Field.HAS_VIDEOS | Field.HAS_TAGS:
                return bool(row[attribute.value.removeprefix("has_")])
            case Field.HAS_COMMENTS:
                return row["comment_count"] > 0
            case Field.IS_RATINGS_ONLY:
                return all(row[name] is None for name in ("title", "text", "pros", "cons"))
            case Field.IS_SUBJECT_ACTIVE:
                return product is None or product["is_active"]
            case Field.MODERATOR_CODE:
                return row["moderator_codes"]
            case Field.VOTES:
                return votes
            case Field.HELPFULNESS:
                return row["positive_votes"] / votes if votes else None
            case Field.CATEGORY_ANCESTOR_ID:
                return self.world.ancestors(product["category_id"]) if product else []
            case Field.BRAND_ID:
                return product["brand_id"].lower() if product and product["brand_id"] is not None else None
            case Field.LOCALE:
                return row["locale"].replace("-", "_")
            case _:
                return row[attribute.value]

    def _of_product(self, row: Row, attribute: Field) -> Any:
        reviews = self.of_product(row["product_id"])
        match attribute:
            case Field.CATEGORY_ANCESTOR_ID:
                return self.world.ancestors(row["category_id"])
            case Field.BRAND_ID:
                return None if row["brand_id"] is None else row["brand_id"].lower()
            case Field.AVERAGE_RATING:
                return sum(one["rating"] for one in reviews) / len(reviews) if reviews else None
            case Field.LAST_REVIEW_DATE:
                return max((one["review_date"] for one in reviews), default=None)
            case Field.RATINGS_ONLY_COUNT:
                return sum(self._of_content(one, Field.IS_RATINGS_ONLY) for one in reviews)
            case _:
                return row[attribute.value]

    # What a condition means.

    def holds(self, subject: Subject, row: Row, condition: Condition) -> bool:
        match condition:
            case AnyOf():
                return any(self.holds(subject, row, one) for one in condition.comparisons)
            case Contains():
                return all(
                    any(word.lower() in part.lower() for part in _searched(subject, row, condition) if part is not None)
                    for word in condition.words
                )
            case Compare():
                return self._compares(subject, row, condition)

    def _compares(self, subject: Subject, row: Row, condition: Compare) -> bool:
        attribute, op, wanted = condition.field, condition.op, list(condition.values)
        if op is Op.IN_LANGUAGE:
            tag = row["locale"].lower().replace("_", "-")
            ranges = [str(one).lower().replace("_", "-") for one in wanted]
            return any(tag == one or tag.startswith(f"{one}-") for one in ranges)
        if subject in (R, C) and attribute in (Field.BRAND_ID, Field.CATEGORY_ANCESTOR_ID) and row["syndication"]:
            return False
        if attribute is Field.BRAND_ID:
            wanted = [one if one is None else str(one).lower() for one in wanted]
        if attribute is Field.LOCALE:
            wanted = [one if one is None else str(one).replace("-", "_") for one in wanted]
        if subject in (R, C) and attribute is Field.ENTITY_ID and op in (Op.IN, Op.NOT_IN):
            wanted += [member for one in wanted if one is not None for member in self.members(str(one))]
        found = self.value(subject, row, attribute)
        values = found if isinstance(found, list) else [] if found is None else [found]
        if op in (Op.NOT_IN, Op.NOT_MATCHES):
            positive = Op.IN if op is Op.NOT_IN else Op.MATCHES
            return not self._some(values, positive, wanted)
        return self._some(values, op, wanted)

    def _some(self, values: list[Any], op: Op, wanted: list[Any]) -> bool:
        if not values:
            return op is Op.IN and None in wanted
        tests: dict[Op, Callable[[Any, Any], bool]] = {
            Op.IN: lambda value, one: value == one,
            Op.MATCHES: lambda value, one: fnmatchcase(value, one),
            Op.BELOW: lambda value, one: value < one,
            Op.AT_MOST: lambda value, one: value <= one,
            Op.ABOVE: lambda value, one: value > one,
            Op.AT_LEAST: lambda value, one: value >= one,
        }
        return any(tests[op](value, one) for value in values for one in wanted if one is not None)

    def select(self, subject: Subject, conditions: Iterable[Condition], order: Sequence[Order]) -> list[Row]:
        conditions = list(conditions)
        rows = [row for row in self.rows[subject] if all(self.holds(subject, row, one) for one in conditions)]
        return self.sorted(subject, rows, order or DEFAULT_ORDER[subject])

    def sorted(self, subject: Subject, rows: list[Row], order: Sequence[Order]) -> list[Row]:
        rows = sorted(rows, key=lambda row: row[ID_FIELD[subject].value], reverse=order[0].descending)
        for one in reversed(order):
            keyed = [(self._key(subject, row, one), row) for row in rows]
            filled = [pair for pair in keyed if pair[0] is not None]
            # A reversed sort keeps equal ones in their order, as a stable sort does.
            filled.sort(key=lambda pair: pair[0], reverse=one.descending)
            rows = [row for _, row in filled] + [row for key, row in keyed if key is None]
        return rows

    def _key(self, subject: Subject, row: Row, order: Order) -> Any:
        value = self.value(subject, row, order.field)
        return unicodedata.normalize("NFKD", value.lower()) if order.alphabetical and value is not None else value

    # What is asked.

    def ask(self, query: Query) -> Answer:
        found = self.select(query.subject, query.conditions, query.order)
        start = query.page.offset
        page = found[start : start + query.page.limit]
        lists = _Inclusion(self, query, page).lists()
        shown = {subject: rows for subject, (rows, shows) in lists.items() if shows}
        conditions = query.review_conditions
        if conditions is None:
            included = query.include(R)
            conditions = query.conditions if query.subject is R else included.conditions if included else ()
        for subject, rows in (*shown.items(), (query.subject, page)):
            for row in rows:
                self._add_statistics(subject, row, query, conditions)
        plain = {subject: [_plain(row) for row in rows] for subject, rows in shown.items()}
        return Answer(True, len(found), [_plain(row) for row in page], plain)

    def _add_statistics(self, subject: Subject, row: Row, query: Query, conditions: Sequence[Condition]) -> None:
        if subject is P:
            reviews = self.of_product(row["product_id"])
        elif subject is A:
            reviews = [one for one in self.reviews if one["author_id"] == row["author_id"]]
        else:
            return
        if query.statistics:
            row["statistics"] = statistics(reviews)
        if query.filtered_statistics:
            row["filtered_statistics"] = statistics(
                [one for one in reviews if all(self.holds(R, one, condition) for condition in conditions)]
            )


class _Inclusion:
    """What comes along with a page, whose rows it gives the ids of their children."""

    def __init__(self, reference: Reference, query: Query, page: list[Row]) -> None:
        self._reference = reference
        self._query = query
        for number, row in enumerate(page):
            page[number] = dict(row)
        self._page = page
        self._lists: dict[Subject, tuple[list[Row], bool]] = {}

    def lists(self) -> dict[Subject, tuple[list[Row], bool]]:
        """In the order of `Include`'s documentation, with whether the list shows."""
        query, page = self._query, self._page
        match query.subject:
            case Subject.REVIEWS:
                comments = self._children(C, page, "comment_ids", _written_on)
                products = self._references(P, [page], "entity_id")
                self._references(G, [products], "category_id")
                self._references(A, [page, comments], "author_id")
            case Subject.COMMENTS:
                reviews = self._references(R, [page], "review_id")
                products = self._references(P, [reviews], "entity_id")
                self._references(G, [products], "category_id")
                self._references(A, [page, reviews if self._shows(R) else []], "author_id")
            case Subject.PRODUCTS:
                reviews = self._children(R, page, "review_ids", self._reviewed)
                comments = self._children(C, reviews, "comment_ids", _written_on)
                self._references(G, [page], "category_id")
                self._references(A, [reviews, comments], "author_id")
            case Subject.AUTHORS:
                reviews = self._children(R, page, "review_ids", _by_author)
                self._children(C, page, "comment_ids", _by_author)
                products = self._references(P, [reviews], "entity_id")
                self._references(G, [products], "category_id")
            case Subject.CATEGORIES:
                self._children(P, page, "product_ids", _in_category)
        return self._lists

    def _shows(self, subject: Subject) -> bool:
        return self._query.include(subject) is not None

    def _reviewed(self, product: Row, review: Row) -> bool:
        return review["entity_id"] in self._reference.members(product["product_id"])

    def _children(
        self, subject: Subject, parents: list[Row], name: str, belongs: Callable[[Row, Row], bool]
    ) -> list[Row]:
        include = self._query.include(subject)
        # Comments never stand between two others.
        if include is None and subject is C:
            return []
        wanted = include or Include(subject)
        own = ID_FIELD[subject].value
        known: dict[Any, Row] = {}
        selected = self._reference.select(subject, wanted.conditions, wanted.order)
        for parent in parents:
            children = [row for row in selected if belongs(parent, row)][: wanted.limit]
            for row in children:
                known.setdefault(row[own], dict(row))
            if include is not None:
                parent[name] = [row[own] for row in children]
        self._lists[subject] = (list(known.values()), include is not None)
        return list(known.values())

    def _references(self, subject: Subject, sources: list[list[Row]], name: str) -> list[Row]:
        include = self._query.include(subject)
        wanted = include or Include(subject)
        own = ID_FIELD[subject].value
        ids = list(dict.fromkeys(row[name] for rows in sources for row in rows))
        found = {row[own]: row for row in self._reference.select(subject, wanted.conditions, ())}
        rows = [dict(found[one]) for one in ids if one in found]
        if wanted.order:
            rows = self._reference.sorted(subject, rows, wanted.order)
        self._lists[subject] = (rows, include is not None)
        return rows


def statistics(reviews: list[Row]) -> Statistics:
    native = [row for row in reviews if row["syndication"] is None]
    dates = sorted(row["review_date"] for row in reviews)

    def count(holds: Callable[[Row], bool]) -> int:
        return sum(1 for row in reviews if holds(row))

    def spread(column: str) -> dict[str, dict[str, int]]:
        counted: Counter[tuple[str, str]] = Counter()
        for row in reviews:
            for dimension, value in (row[column] or {}).items():
                values = value if isinstance(value, list) else [value]
                counted.update((dimension, str(one)) for one in dict.fromkeys(values))
        found: dict[str, dict[str, int]] = {}
        for (dimension, text), number in counted.items():
            found.setdefault(dimension, {})[text] = number
        return found

    return {
        "review_count": len(reviews),
        "rating_sum": sum(row["rating"] for row in reviews),
        "ratings": [count(lambda row, stars=stars: row["rating"] == stars) for stars in range(1, 6)],  # type: ignore[misc]  # mypy infers no default of a lambda
        "recommended_count": count(lambda row: row["is_recommended"] is True),
        "not_recommended_count": count(lambda row: row["is_recommended"] is False),
        "positive_votes": sum(row["positive_votes"] for row in reviews),
        "negative_votes": sum(row["negative_votes"] for row in reviews),
        "featured_count": count(lambda row: row["is_featured"]),
        "ratings_only_count": count(lambda row: not any(row[one] for one in ("title", "text", "pros", "cons"))),
        "incentivized_count": count(lambda row: row["is_incentivized"]),
        "native_count": len(native),
        "native_rating_sum": sum(row["rating"] for row in native),
        "native_incentivized_count": sum(row["is_incentivized"] for row in native),
        "first_date": _text(dates[0]) if dates else None,
        "last_date": _text(dates[-1]) if dates else None,
        "secondary_ratings": spread("secondary_ratings"),
        "context_data": spread("context_data"),
        "tags": spread("tags"),
    }


def bulk_statistics(world: World, query: StatisticsQuery) -> BulkStatistics:
    reference = Reference(world, exclude_family=query.exclude_family, native=query.excludes_syndicated)
    known = {row["product_id"] for row in reference.products}
    found = []
    for product_id in dict.fromkeys(query.product_ids):
        if product_id not in known:
            continue
        rows = [
            row
            for row in reference.of_product(product_id)
            if all(reference.holds(R, row, condition) for condition in query.conditions)
        ]
        counted = statistics(rows)
        own = statistics([row for row in rows if row["entity_id"] == product_id])
        found.append(
            ProductCounts(
                product_id,
                counted["review_count"],
                counted["rating_sum"],
                counted["incentivized_count"],
                own["native_count"],
                own["native_rating_sum"],
                own["native_incentivized_count"],
            )
        )
    return BulkStatistics(True, found)


def _searched(subject: Subject, row: Row, condition: Contains) -> list[str | None]:
    names = {
        R: ["title", "text", "author_name", *(["pros", "cons"] if condition.pros_and_cons else [])],
        C: ["title", "text", "author_name"],
        P: ["name", "description"],
        G: ["name"],
        A: ["author_name"],
    }
    return [row[name] for name in names[subject]]


def _newest(rows: list[Row], date: str, own: str) -> Row:
    return max(rows, key=lambda row: (row[date], row[own]))


def _written_on(review: Row, comment: Row) -> bool:
    return bool(comment["review_id"] == review["review_id"])


def _by_author(author: Row, content: Row) -> bool:
    return bool(content["author_id"] == author["author_id"])


def _in_category(category: Row, product: Row) -> bool:
    return bool(product["category_id"] == category["category_id"])


def _plain(row: Row) -> Row:
    return {name: _text(value) if isinstance(value, datetime) else value for name, value in row.items()}


def _text(moment: datetime) -> str:
    return moment.isoformat()
