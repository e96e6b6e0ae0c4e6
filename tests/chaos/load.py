"""Reviews whose outcome is known beforehand, sent in by `plaudit import`, and the state in which all must end."""

from __future__ import annotations

import asyncio
import csv
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.moderation.engine.engine import Engine
from services.moderation.policy.policy import Facts, decide, default_policy
from tests.journeys.test_main_path import RECOUNT
from tests.running import RunningSystem, Site, eventually

OPENINGS = (
    "The seams are neat",
    "It runs a little small",
    "My sister wears it daily",
    "The colour is as shown",
    "Soft cloth",
)
ENDINGS = (
    "and I would buy it again.", "but the zip is stiff.", "which surprised me.", "so it went back.",
    "what a fucking shame.", "ring me at +1 415 555 2671.", "see www.example.com/deal for more.", "and that is all.",
)  # fmt: skip
HEAD = ["row", "product", "stars", "headline", "words"]


@dataclass(frozen=True)
class Row:
    number: int
    product: str
    stars: int
    headline: str
    words: str

    @property
    def outcome(self) -> str:
        """What the policy says of it, asked directly."""
        signals = _ENGINE.analyse({"title": self.headline, "text": self.words})
        facts = Facts(
            rating=self.stars, locale="en", require_approval=False, channel="import", signals=signals, has_text=True
        )
        return decide(_POLICY, facts).status


_ENGINE = Engine.default()
_POLICY = default_policy()


def rows(count: int, seed: int = 7) -> list[Row]:
    rng = random.Random(seed)
    return [
        Row(
            number,
            f"p{int(rng.paretovariate(1.2)) % 50}",
            rng.randint(1, 5),
            f"Number {number}",
            f"{rng.choice(OPENINGS)}, {rng.choice(ENDINGS)} {rng.choice(OPENINGS)} {'by and by ' * rng.randint(0, 9)}",
        )
        for number in range(count)
    ]


MAPPING = """\
source: chaos
source_id: row
fields:
  entity_id: product
  rating: stars
  title: headline
  text: words
  author_id: row
"""


@dataclass
class Import:
    """`plaudit import` of some rows, in a process of its own."""

    system: RunningSystem
    site: Site
    folder: Path
    rows: list[Row]
    process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        file, mapping = self.folder / "reviews.csv", self.folder / "map.yaml"
        with file.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(HEAD)
            writer.writerows((row.number, row.product, row.stars, row.headline, row.words) for row in self.rows)
        mapping.write_text(MAPPING)
        with (self.folder / "import.out").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "services.cli", "import", str(file)),
                    *(f"--site={self.site.site}", f"--map={mapping}", f"--key={self.site.token}"),
                    f"--intake={self.system.addresses['intake']}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def some(self, share: float) -> None:
        """Until about so much has been accepted, so that what follows strikes in the middle."""

        async def enough() -> bool:
            async with self.system.database() as connection:
                count = await connection.fetchval("select count(*) from intake.reviews where site = $1", self.site.site)
            return bool(count >= share * len(self.rows))

        await eventually(enough, 60, f"{share:.0%} of the import")

    async def finish(self, seconds: float = 120) -> None:
        assert self.process is not None
        code = await asyncio.to_thread(self.process.wait, seconds)
        assert code == 0, (self.folder / "import.out").read_text()[-3000:]

    async def settle(self, seconds: float = 90) -> None:
        """Until everything that was accepted has been through every service."""

        async def settled() -> bool:
            async with self.system.database() as connection:
                return bool(await connection.fetchval(_SETTLED, self.site.site))

        await eventually(settled, seconds, "the import to be through")


_SETTLED = """
    select not exists (select from intake.outbox) and not exists (select from moderation.outbox)
        and (select count(*) from intake.reviews where site = $1)
            = (select count(*) from moderation.cases where site = $1)
        and (select count(*) from moderation.cases where site = $1 and status = 'approved')
            = (select count(*) from published.reviews where site = $1)
        and (select count(*) from moderation.cases where site = $1)
            = (select count(*) from projection.reviews where site = $1)"""


async def check_final_state(load: Import) -> None:
    """The same as if nothing had happened: every row once, with the outcome that its text calls for."""
    site = load.site.site
    async with load.system.database() as connection:
        cases = await connection.fetch(
            """select r.source_id, c.status, c.version from intake.reviews r
               join moderation.cases c using (site, review_id) where r.site = $1""",
            site,
        )
        assert {int(row["source_id"]): row["status"] for row in cases} == {row.number: row.outcome for row in load.rows}
        assert len(cases) == len(load.rows)
        twice = "select review_id, revision from moderation.decisions where site = $1 group by 1, 2 having count(*) > 1"
        assert await connection.fetch(twice, site) == []
        public = await connection.fetch(
            """select r.source_id, p.title, p.text, p.rating, p.entity_id from published.reviews p
               join intake.reviews r using (site, review_id) where p.site = $1""",
            site,
        )
        assert {
            (int(row["source_id"]), row["title"], row["text"], row["rating"], row["entity_id"]) for row in public
        } == {
            (row.number, row.headline, row.words, row.stars, row.product)
            for row in load.rows
            if row.outcome == "approved"
        }
        assert await connection.fetch(RECOUNT) == []
        for schema in ("intake", "moderation", "projection"):
            assert await connection.fetchval(f"select count(*) from {schema}.dead_letters") == 0
    await check_order(load.system, "review-submitted")
    await check_order(load.system, "review-moderated")


async def check_order(system: RunningSystem, topic: str) -> dict[bytes, list[int]]:
    """Per key, the log's sequences never fall; what is there twice is a redelivery. Returns them."""
    consumer = AIOKafkaConsumer(bootstrap_servers=system.addresses["kafka"], isolation_level="read_committed")
    await consumer.start()
    try:
        places = [
            TopicPartition(topic, partition)
            for partition in consumer.partitions_for_topic(topic) or await _known(consumer, topic)
        ]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(places)
        sequences: dict[bytes, list[int]] = {}
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    sequences.setdefault(record.key, []).append(int(dict(record.headers)["ce_sequence"]))
    finally:
        await consumer.stop()
    for key, seen in sequences.items():
        assert seen == sorted(seen), f"{topic} {key!r}: {seen}"
    return sequences


async def _known(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.add_topic(topic)
    await consumer._client.force_metadata_update()
    return set(consumer.partitions_for_topic(topic) or ())
