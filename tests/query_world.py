"""Small sites full of ties, nulls and look-alikes for tests of the query core, and how they get into a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import asyncpg
import orjson

from services.query.core.answers import Row
from tests.query_reference import World

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
PRODUCTS = ("a", "B", "b", "ä", "10", "9", "x:1,2", "loose", "gone")
AUTHORS = ("anna", "Bob", "bob", "é", "zoë")
CODES = ("CR", "IU", "PRF")
LOCALES = ("en", "en_GB", "en-US", "de", "fr_FR", "enx", "EN_gb")
NAMES = ("Anna", "anna", "Émile", "bob", None)
TEXTS = ("It fits well", "100% wool_mix", "back\\slash", "größe passt", "fits", None)
PLACES = ("Oslo", "oslo", "Århus", None)
CONTEXT = {"Age": ("18-24", "25-34"), "Gender": ("F", "f", "M")}
RATINGS = ("Quality", "Fit")
TAGS = {"Pro": ("soft", "warm", "Soft"), "Con": ("thin",)}
FIELDS = {"Size": ("S", "M", "10"), "Shop%": ("north_1", "x")}
CATEGORIES = (("root", None), ("men", "root"), ("shirts", "men"), ("Shirts", "root"), ("lost", "nowhere"))

_NOT_INSERTED = {"is_ratings_only", "entity_id of the review"}


def world(random: Random, *, reviews: int = 25, comments: int = 15, families: bool = True) -> World:
    found = World(
        categories=[_category(random, *one) for one in CATEGORIES],
        brands=[{"brand_id": "Nike", "name": "Nike Inc.", "localized": {}}],
    )
    # Two categories that are each other's parents.
    found.categories += [_category(random, "egg", "hen"), _category(random, "hen", "egg")]
    for product_id in PRODUCTS[:7]:
        found.products.append(_product(random, product_id, families))
    ids = random.sample(range(1, 10**12), reviews + comments)
    found.reviews = [_review(random, review_id) for review_id in ids[:reviews]]
    if found.reviews:
        found.comments = [_comment(random, comment_id, random.choice(found.reviews)) for comment_id in ids[reviews:]]
    counts = Counter(row["review_id"] for row in found.comments)
    for row in found.reviews:
        row["comment_count"] = counts[row["review_id"]]
    return found


def _moment(random: Random) -> datetime:
    # Few of them, so that ties have to be broken.
    return START + timedelta(days=random.randrange(8), microseconds=random.choice((0, 0, 123457)))


def _content(random: Random) -> Row:
    syndication = {"name": "Elsewhere", "logo_url": None, "content_link": None}
    return {
        "revision": 1,
        "title": random.choice(("Fits", "Wool", "fits you", None)),
        "author_id": random.choice((*AUTHORS, None)),
        "author_name": random.choice(NAMES),
        "author_location": random.choice(PLACES),
        "locale": random.choice(LOCALES),
        "submitted_at": _moment(random),
        "published_at": _moment(random),
        "submission_id": f"s{random.randrange(1000)}",
        "campaign_id": random.choice(("spring", "Spring", None)),
        "is_featured": random.random() < 0.3,
        "syndication": syndication if random.random() < 0.25 else None,
        "badges": random.choice((None, [{"id": "top", "kind": "Merit"}])),
        "photos": random.choice((None, None, [{"id": "p", "url": "https://example.com/p.jpg"}])),
        "videos": random.choice((None, None, [{"url": "https://example.com/v"}])),
        "moderator_codes": random.sample(CODES, random.choice((0, 0, 1, 2))),
        "positive_votes": random.choice((0, 0, 1, 2, 7)),
        "negative_votes": random.choice((0, 0, 1, 3)),
        "abuse_reports": random.randrange(3),
    }


def _review(random: Random, review_id: int) -> Row:
    row = _content(random) | {
        "review_id": review_id,
        "slug": f"slug-{review_id}",
        "entity_id": random.choice((*PRODUCTS, "a", "B", "")),
        "entity_name": random.choice(("Shirt", None)),
        "rating": random.choice((1, 2, 3, 4, 5, 5)),
        "text": random.choice(TEXTS),
        "author_email_masked": None,
        "created_at": _moment(random),
        "review_date": _moment(random),
        "first_published_at": _moment(random),
        "publish_count": 1,
        "display_order": random.choice((None, 1, 2, 3)),
        "replies": [],
        "pros": random.choice(("Soft wool", None, None)),
        "cons": random.choice(("Too thin", None, None)),
        "is_recommended": random.choice((True, False, None)),
        "secondary_ratings": _some(random, {name: random.randrange(1, 6) for name in RATINGS}),
        "context_data": _some(random, {name: random.choice(values) for name, values in CONTEXT.items()}),
        "tags": _some(random, {name: random.choices(values, k=2) for name, values in TAGS.items()}),
        "additional_fields": _some(random, {name: random.choice(values) for name, values in FIELDS.items()}),
        "product_recommendation_ids": random.choice(([], ["a", "10"])),
        "affiliation": random.choice(("Staff", "staff", None)),
        "is_incentivized": random.random() < 0.2,
        "comment_count": 0,
    }
    if random.random() < 0.2:
        row |= dict.fromkeys(("title", "text", "pros", "cons"))
    row["is_ratings_only"] = all(row[name] is None for name in ("title", "text", "pros", "cons"))
    return row


def _some(random: Random, mapping: dict[str, Any]) -> dict[str, Any] | None:
    return {name: value for name, value in mapping.items() if random.random() < 0.6} or None


def _comment(random: Random, comment_id: int, review: Row) -> Row:
    return _content(random) | {
        "comment_id": comment_id,
        "review_id": review["review_id"],
        "text": random.choice(TEXTS) or "plain",
        "comment_date": _moment(random),
    }


def _product(random: Random, product_id: str, families: bool) -> Row:
    return {
        "product_id": product_id,
        "name": random.choice(("Shirt", "shirt", "Wool coat", None)),
        "description": random.choice(("100% wool", None)),
        "image_url": None,
        "page_url": random.choice(("https://example.com/1", None)),
        "category_id": random.choice((*(one for one, _ in CATEGORIES), "egg", "unknown", None)),
        "brand_id": random.choice(("Nike", "NIKE", "ohne", None)),
        "family_ids": random.sample(("f1", "f2", "f3"), random.choice((0, 0, 1, 2))) if families else [],
        "is_active": random.random() < 0.7,
        "is_disabled": random.random() < 0.2,
        "attributes": random.choice(({}, {"Colour": {"label": "Colour", "labels": {}, "values": ["red"]}})),
        "identifiers": {},
        "localized": {},
    }


def _category(random: Random, category_id: str, parent_id: str | None) -> Row:
    return {
        "category_id": category_id,
        "name": random.choice(("Shirts", "All", None)),
        "parent_id": parent_id,
        "image_url": None,
        "page_url": None,
        "attributes": {},
        "localized": {},
    }


async def allow_any_rows(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """What is public follows from staging, which these tests have nothing of."""
    for table, constraint in (("reviews", "approved_exactly"), ("comments", "approved_exactly")):
        await connection.execute(f"alter table published.{table} drop constraint if exists {constraint}")


async def load(connection: asyncpg.Connection[asyncpg.Record], site: str, world: World) -> None:
    """With every count as the projection keeps it, counted here anew."""
    await connection.execute("insert into published.sites values ($1, 1, 'Name', true, '{}')", site)
    ancestors = [
        {"category_id": row["category_id"], "ancestor_id": one, "depth": depth}
        for row in world.categories
        for depth, one in enumerate(world.ancestors(row["category_id"]))
    ]
    tables: dict[str, Iterable[Row]] = {
        "reviews": world.reviews,
        "comments": world.comments,
        "products": world.products,
        "categories": world.categories,
        "brands": world.brands,
        "category_ancestors": ancestors,
        "authors": _author_counts(world),
        "summaries": _summaries(world),
        "distributions": _distributions(world),
    }
    async with connection.transaction():
        for table, rows in tables.items():
            await _insert(connection, table, [{"site": site} | row for row in rows])


async def _insert(connection: asyncpg.Connection[asyncpg.Record], table: str, rows: list[Row]) -> None:
    if not rows:
        return
    columns = ", ".join(name for name in rows[0] if name not in _NOT_INSERTED)
    await connection.execute(
        f"insert into published.{table} ({columns})"
        f" select {columns} from jsonb_populate_recordset(null::published.{table}, $1::jsonb)",
        orjson.dumps(rows).decode(),
    )


async def count_summaries(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Of all rows that stand in published.reviews."""
    names = ", ".join(f"ratings_{stars}" for stars in range(1, 6))
    counts = ", ".join(f"count(*) filter (where rating = {stars})" for stars in range(1, 6))
    for scope, entity, locale in (
        ("site", "''", "''"),
        ("entity", "entity_id", "''"),
        ("locale", "entity_id", "locale"),
    ):
        await connection.execute(
            f"insert into published.summaries (site, scope, entity_id, locale, review_count, rating_sum, {names})"
            f" select site, '{scope}', {entity}, {locale}, count(*), sum(rating), {counts}"
            " from published.reviews group by site, 3, 4"
        )


def _summaries(world: World) -> list[Row]:
    entities = [("entity", entity, "") for entity in dict.fromkeys(row["entity_id"] for row in world.reviews)]
    locales = [("locale", *key) for key in dict.fromkeys((row["entity_id"], row["locale"]) for row in world.reviews)]
    found = []
    for scope, entity, locale in [("site", "", ""), *entities, *locales] if world.reviews else []:
        rows = [row for row in world.reviews if scope == "site" or row["entity_id"] == entity]
        rows = [row for row in rows if scope != "locale" or row["locale"] == locale]
        native = [row for row in rows if row["syndication"] is None]
        found.append(
            {
                "scope": scope,
                "entity_id": entity,
                "locale": locale,
                "review_count": len(rows),
                "rating_sum": sum(row["rating"] for row in rows),
                **{f"ratings_{stars}": sum(row["rating"] == stars for row in rows) for stars in range(1, 6)},
                "recommended_count": sum(row["is_recommended"] is True for row in rows),
                "not_recommended_count": sum(row["is_recommended"] is False for row in rows),
                "positive_votes": sum(row["positive_votes"] for row in rows),
                "negative_votes": sum(row["negative_votes"] for row in rows),
                "featured_count": sum(row["is_featured"] for row in rows),
                "ratings_only_count": sum(row["is_ratings_only"] for row in rows),
                "incentivized_count": sum(row["is_incentivized"] for row in rows),
                "native_count": len(native),
                "native_rating_sum": sum(row["rating"] for row in native),
                "native_incentivized_count": sum(row["is_incentivized"] for row in native),
            }
        )
    return found


def _distributions(world: World) -> list[Row]:
    counted: Counter[tuple[str, str, str, str]] = Counter()
    kinds = (("secondary rating", "secondary_ratings"), ("context data", "context_data"), ("tag", "tags"))
    for row in world.reviews:
        for kind, column in kinds:
            for dimension, value in (row[column] or {}).items():
                values = dict.fromkeys(value if isinstance(value, list) else [value])
                counted.update((row["entity_id"], kind, dimension, str(one)) for one in values)
    names = ("entity_id", "kind", "dimension", "value")
    return [dict(zip(names, key, strict=True)) | {"review_count": count} for key, count in counted.items()]


def _author_counts(world: World) -> list[Row]:
    reviews = Counter(row["author_id"] for row in world.reviews if row["author_id"] is not None)
    comments = Counter(row["author_id"] for row in world.comments if row["author_id"] is not None)
    return [
        {"author_id": author, "review_count": reviews[author], "comment_count": comments[author]}
        for author in dict.fromkeys([*reviews, *comments])
    ]
