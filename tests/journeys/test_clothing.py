"""A shop moves in: catalog, vocabulary and 22,641 real reviews from files, then the calls that its storefront makes.

Every product's statistics are held against a plain count over the file, before and after people edited, decided, voted,
commented, withdrew and changed their minds. The file is not part of the project; without it the test is left out.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.intake.pass_keys import create_pass_key
from services.projection.recount import differences
from shared.clock import SystemClock
from tests.running import RunningSystem, Site, eventually

PROJECT = Path(__file__).parents[2]
FILE = PROJECT.parent / "shared" / "data" / "reviews_womens_clothing_23k.csv.gz"
EXAMPLES = PROJECT / "docs" / "examples"
CHANGES = 400

pytestmark = [
    pytest.mark.skipif(not FILE.is_file(), reason="the table of women's clothing reviews is not beside the project"),
    pytest.mark.timeout(420),
]

Row = dict[str, str]


@dataclass
class Shop:
    site: Site
    pass_key: str
    rows: dict[str, Row]
    """By source id."""
    review_ids: dict[str, int] = field(default_factory=dict)

    async def get(self, endpoint: str, **parameters: Any) -> dict[str, Any]:
        system = self.site.system
        query = {"ApiVersion": "5.4", "PassKey": self.pass_key} | parameters
        answer = await system.client.get(f"{system.addresses['query']}/data/{endpoint}.json", params=query)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        assert not body["HasErrors"], body["Errors"]
        return body

    async def statistics(self, product_ids: Sequence[str], **parameters: Any) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(product_ids), 100):
            wanted = ",".join(product_ids[start : start + 100])
            page = await self.get("products", Filter=f"Id:{wanted}", Stats="Reviews", Limit=100, **parameters)
            found |= {product["Id"]: product["ReviewStatistics"] for product in page["Results"]}
        return found


def command(system: RunningSystem, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments, f"--data-dir={system.data_dir.root}"],
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


async def quiet(system: RunningSystem, seconds: float = 120) -> None:
    """Everything that was accepted has been moderated and projected."""

    async def settled() -> bool:
        async with system.database() as connection:
            waiting = await connection.fetchval(
                "select (select count(*) from intake.outbox) + (select count(*) from moderation.outbox)"
            )
            return waiting == 0 and await _behind(system) == 0

    for _ in range(2):  # what was read last may have caused events of its own
        await eventually(settled, seconds, "the topics to be read to their ends")
        await asyncio.sleep(0.3)


async def _behind(system: RunningSystem) -> int:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    async with system.database() as connection:
        rows = [
            tuple(row)
            for schema in ("moderation", "projection")
            for row in await connection.fetch(f"select topic, partition, next_offset from {schema}.consumer_offsets")
        ]
    places = {TopicPartition(topic, partition) for topic, partition, _ in rows}
    consumer = AIOKafkaConsumer(bootstrap_servers=system.addresses["kafka"])
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(places))
    finally:
        await consumer.stop()
    # The relays' transactions end in markers, which nobody reads.
    return sum(max(0, ends[TopicPartition(topic, partition)] - offset - 1) for topic, partition, offset in rows)


@pytest.fixture(scope="module")
async def shop(system: RunningSystem) -> Shop:
    site = await system.site("clothing")
    async with system.database() as connection:
        pass_key = await create_pass_key(connection, "clothing", "test", SystemClock().now())
    with gzip.open(FILE, "rt", newline="") as file:
        rows = {row["row"]: row for row in csv.DictReader(file) if row["Review Text"].strip()}
    mapping = f"--map={EXAMPLES / 'womens-clothing-catalog.yaml'}"
    vocabulary = str(EXAMPLES / "womens-clothing-vocabulary.yaml")
    state = system.data_dir.root / "clothing"
    reports = (f"--state={state}.state", f"--report={state}.report")
    await asyncio.to_thread(command, system, "vocabulary", "set", "clothing", "*", vocabulary)
    await asyncio.to_thread(command, system, "catalog", "import", str(FILE), "--site=clothing", mapping)
    reviews = f"--map={EXAMPLES / 'womens-clothing.yaml'}"
    await asyncio.to_thread(command, system, "import", str(FILE), "--site=clothing", reviews, *reports)
    await quiet(system)
    made = Shop(site, pass_key, rows)
    async with system.database() as connection:
        found = await connection.fetch("select source_id, review_id from intake.reviews where site = 'clothing'")
    made.review_ids = {source_id: review_id for source_id, review_id in found}  # noqa: C416 - records are no pairs to mypy
    return made


def age_band(age: int) -> str:
    if age < 18:
        return "under18"
    for low, high in ((18, 24), (25, 34), (35, 44), (45, 54), (55, 64)):
        if low <= age <= high:
            return f"{low}to{high}"
    return "65plus"


def counted(rows: Iterable[Row]) -> dict[str, Any]:
    """What the vendor's rules make of reviews: a plain recount."""
    given = list(rows)
    ratings = Counter(int(row["Rating"]) for row in given)
    ages = Counter(age_band(int(row["Age"])) for row in given)
    return {
        "TotalReviewCount": len(given),
        "AverageOverallRating": sum(int(row["Rating"]) for row in given) / len(given) if given else None,
        "RatingDistribution": ratings,
        "RecommendedCount": sum(row["Recommended IND"] == "1" for row in given),
        "NotRecommendedCount": sum(row["Recommended IND"] == "0" for row in given),
        "HelpfulVoteCount": sum(int(row["Positive Feedback Count"]) for row in given),
        "NotHelpfulVoteCount": sum(int(row.get("Negative", "0")) for row in given),
        "Age": ages,
    }


def shown(statistics: dict[str, Any]) -> dict[str, Any]:
    """The same of an answer."""
    age = statistics["ContextDataDistribution"].get("Age", {"Values": []})
    return {
        **{name: statistics[name] for name in counted([]) if name in statistics},
        "RatingDistribution": Counter(
            {entry["RatingValue"]: entry["Count"] for entry in statistics["RatingDistribution"]}
        ),
        "Age": Counter({entry["Value"]: entry["Count"] for entry in age["Values"]}),
    }


async def public_rows(shop: Shop) -> dict[str, Row]:
    """Those rows of the file whose reviews are public, as they are now where they were edited."""
    async with shop.site.system.database() as connection:
        found = await connection.fetch("select review_id from published.reviews where site = 'clothing'")
    public = {review_id for (review_id,) in found}
    return {source_id: row for source_id, row in shop.rows.items() if shop.review_ids.get(source_id) in public}


async def compare(shop: Shop) -> None:
    by_product: dict[str, list[Row]] = defaultdict(list)
    for row in (await public_rows(shop)).values():
        by_product[row["Clothing ID"]].append(row)
    products = sorted({row["Clothing ID"] for row in shop.rows.values()})
    found = await shop.statistics(products)
    assert sorted(found) == products
    wrong = {
        product: (shown(found[product]), expected)
        for product in products
        if shown(found[product]) != (expected := counted(by_product[product]))
    }
    assert not wrong, f"{len(wrong)} of {len(products)} products, for instance {next(iter(wrong.items()))}"


async def test_statistics_are_those_of_the_file(shop: Shop) -> None:
    assert len(shop.review_ids) == len(shop.rows) == 22_641
    assert len(await public_rows(shop)) > 22_000
    await compare(shop)


async def test_categories_are_the_columns_of_the_file(shop: Shop) -> None:
    public = (await public_rows(shop)).values()
    paths = Counter[str]()
    for row in public:
        names = [row["Division Name"], row["Department Name"], row["Class Name"]]
        for depth in range(1, 4):
            if all(names[:depth]):
                paths["/".join(names[:depth])] += 1
    # A product counts where its own row of the catalog puts it; most stand in one place only.
    categories = (await shop.get("categories", Limit=100))["Results"]
    assert {category["Id"] for category in categories} >= {path for path in paths if path.count("/") < 2}
    for category in ("General", "Initmates", "General/Dresses"):
        page = await shop.get("reviews", Filter=f"CategoryAncestorId:{category}", Limit=1)
        products = {product["Id"] for product in await _all(shop, "products", Filter=f"CategoryAncestorId:{category}")}
        assert page["TotalResults"] == sum(row["Clothing ID"] in products for row in public)
        assert products


async def _all(shop: Shop, endpoint: str, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = await shop.get(endpoint, Limit=100, Offset=len(found), **parameters)
        found += page["Results"]
        if len(found) >= page["TotalResults"]:
            return found


async def test_filters_count_what_the_file_says(shop: Shop) -> None:
    public = list((await public_rows(shop)).values())
    questions: dict[str, Callable[[Row], bool]] = {
        "Rating:lte:2": lambda row: int(row["Rating"]) <= 2,
        "IsRecommended:false": lambda row: row["Recommended IND"] == "0",
        "ContextDataValue_age:25to34": lambda row: age_band(int(row["Age"])) == "25to34",
        "TotalPositiveFeedbackCount:gte:20": lambda row: int(row["Positive Feedback Count"]) >= 20,
        "ProductId:1078,862": lambda row: row["Clothing ID"] in ("1078", "862"),
    }
    for question, matches in questions.items():
        page = await shop.get("reviews", Filter=question, Limit=1)
        assert page["TotalResults"] == sum(map(matches, public)), question


async def test_a_familys_statistics_are_those_of_its_members(shop: Shop) -> None:
    members = ["1078", "862", "1094"]

    async def join(*families: str) -> None:
        for product in members:
            entry = (await shop.site.call("intake", "GET", f"/catalog/products/{product}")).json()
            wanted = {name: entry[name] for name in ("name", "category_id")} | {"family_ids": families}
            answer = await shop.site.call("intake", "PUT", f"/catalog/products/{product}", json=wanted)
            assert answer.status_code == 200, answer.text

    await join("best-sellers")
    await quiet(shop.site.system)
    public = list((await public_rows(shop)).values())
    family = counted(row for row in public if row["Clothing ID"] in members)
    found = await shop.statistics(members)
    assert all(shown(found[product]) == family for product in members)
    alone = await shop.statistics(members, ExcludeFamily="true")
    for product in members:
        assert shown(alone[product]) == counted(row for row in public if row["Clothing ID"] == product)
    page = await shop.get("reviews", Filter="ProductId:1078", Limit=1)
    assert page["TotalResults"] == family["TotalReviewCount"]
    await join()


async def test_statistics_stay_exact_while_people_change_things(shop: Shop) -> None:
    system, rng = shop.site.system, random.Random(5)
    by_id = {review_id: source_id for source_id, review_id in shop.review_ids.items()}
    public = sorted((await public_rows(shop)).items())
    votes: dict[tuple[int, str], str | None] = {}
    revisions: dict[int, int] = defaultdict(lambda: 1)
    gone: set[int] = set()

    async def vote(review_id: int) -> None:
        voter, wanted = f"v{rng.randrange(5)}", rng.choice(["positive", "negative", None])
        body = {"voter": {"id": voter}, "kind": "helpfulness", "vote": wanted}
        answer = await shop.site.call("intake", "PUT", f"/reviews/{review_id}/feedback", json=body)
        assert answer.status_code == 200, answer.text
        votes[review_id, voter] = wanted

    async def comment(review_id: int) -> None:
        body = {"text": f"Thank you, that helped me to choose number {rng.random()}.", "author": {"name": "Ana"}}
        answer = await shop.site.call("intake", "POST", f"/reviews/{review_id}/comments", json=body)
        assert answer.status_code == 201, answer.text

    async def edit(review_id: int) -> None:
        row = shop.rows[by_id[review_id]]
        row["Rating"] = str(rng.randint(1, 5))
        row["Recommended IND"] = rng.choice("01")
        body = {
            "revision": revisions[review_id],
            "rating": int(row["Rating"]),
            "title": row["Title"] or None,
            "text": row["Review Text"] + f" Edited, and meant so: {rng.randrange(10**6)}.",
            "details": {
                "is_recommended": row["Recommended IND"] == "1",
                "context_data": {"Age": age_band(int(row["Age"]))},
            },
        }
        answer = await shop.site.call("intake", "PUT", f"/reviews/{review_id}", json=body)
        assert answer.status_code == 200, answer.text
        revisions[review_id] += 1

    async def decide(review_id: int) -> None:
        await shop.site.until_decided(review_id, revisions[review_id], 60)
        case = await shop.site.case(review_id)
        wish = {"version": case["version"], "revision": case["revision"]}
        wish |= rng.choice([{"decision": "approve"}, {"decision": "reject", "codes": ["CS"]}])
        answer = await shop.site.call("moderation", "POST", f"/cases/{review_id}/decisions", json=wish)
        assert answer.status_code in (200, 409), answer.text

    async def withdraw(review_id: int) -> None:
        answer = await shop.site.call("intake", "DELETE", f"/reviews/{review_id}")
        assert answer.status_code == 200, answer.text
        gone.add(review_id)

    changes: list[Callable[[int], Awaitable[None]]] = [vote, vote, comment, edit, decide, decide, withdraw]
    some = [shop.review_ids[source_id] for source_id, _ in rng.sample(public, 60)]
    for _ in range(CHANGES):
        review_id = rng.choice(some)
        if review_id not in gone:
            change = rng.choice(changes)
            if change is not withdraw or rng.random() < 0.3:
                await change(review_id)
    # An edit that waits or was rejected leaves the older revision public; so every edit is approved in the end.
    for review_id in some:
        if review_id not in gone and revisions[review_id] > 1:
            await shop.site.until_decided(review_id, revisions[review_id], 60)
            case = await shop.site.case(review_id)
            wish = {"version": case["version"], "revision": case["revision"], "decision": "approve"}
            answer = await shop.site.call("moderation", "POST", f"/cases/{review_id}/decisions", json=wish)
            assert answer.status_code == 200, answer.text
    await quiet(system)
    for (review_id, _), wanted in votes.items():
        row = shop.rows[by_id[review_id]]
        column = {"positive": "Positive Feedback Count", "negative": "Negative"}.get(wanted or "")
        if column:
            row[column] = str(int(row.get(column, "0")) + 1)
    await compare(shop)
    async with system.database() as connection:
        assert await differences(connection) == []
