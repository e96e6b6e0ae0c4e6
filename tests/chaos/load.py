"""Reviews whose outcome is known beforehand, sent in by `plaudit import`, and the state in which all must end."""

from __future__ import annotations

import asyncio
import csv
import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.moderation.cases import signals_json
from services.moderation.engine.context import Context
from services.moderation.engine.engine import Engine
from services.moderation.engine.signal import Category, Detector, Signal
from services.moderation.judging.bursts import Limits
from services.moderation.judging.entries import Batch, Revision, entry_of, sketch_of
from services.moderation.judging.entries import Row as Recorded
from services.moderation.judging.sketch import FEWEST_SHARED, SHORT, likeness
from services.moderation.policy.facts import Facts
from services.moderation.policy.policy import Policy, default_policy
from services.moderation.policy.verdict import Verdict
from services.projection.recount import differences
from tests.running import RunningSystem, Site, eventually

# So short that two rows which have them in common are no copies of each other.
OPENINGS = ("The seams are neat", "Runs quite small", "Worn nearly daily", "True to colour", "Soft cloth")
ENDINGS = (
    "I would buy it again", "but the zip sticks", "which surprised me", "so it went back",
    "what a fucking shame", "ring +1 415 555 2671", "see www.example.com today", "and that is all",
)  # fmt: skip
WORDS = (
    *("sleeve", "button", "collar", "pocket", "lining", "summer", "winter", "garden", "morning", "office", "drawer"),
    *("washed", "ironed", "folded", "carried", "mended", "bought", "found", "kept", "wore", "tried", "liked", "saw"),
    *("green", "brown", "narrow", "wide", "light", "heavy", "plain", "quiet", "bright", "warm", "cool", "smooth"),
    *("twice", "often", "today", "later", "again", "still", "almost", "mostly", "under", "over", "beside", "behind"),
)
HEAD = ["row", "product", "stars", "headline", "words"]


@dataclass(frozen=True)
class Row:
    number: int
    product: str
    stars: int
    headline: str
    words: str

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """What is found in it by itself; that no row is like another is for `rows` to see to."""
        context = Context(locale="en", rating=self.stars)
        return _ENGINE.analyse({"title": self.headline, "text": self.words}, context)

    def verdict(self, policy: Policy, site: str, beside: tuple[Signal, ...] = ()) -> Verdict:
        """What the policy says of it, asked directly."""
        facts = Facts(
            rating=self.stars,
            locale="en",
            require_approval=False,
            channel="import",
            signals=self.signals + beside,
            site=site,
            entity_id=self.product,
            source="chaos",
            title=self.headline,
            text=self.words,
            author_known=True,
        )
        return policy.decide(facts)


_ENGINE = Engine.default()
Policies = Mapping[tuple[str, str, int], Policy]
"""By scope, name and version."""
DEFAULT: Policies = {("*", default_policy().name, default_policy().version): default_policy()}


def rows(count: int, seed: int = 7, first: int = 0) -> list[Row]:
    """None is a copy of another: what becomes of one does not depend on which was judged before it."""
    rng = random.Random(seed)
    made = [
        Row(
            number,
            f"p{int(rng.paretovariate(1.2)) % 50}",
            rng.randint(1, 5),
            f"Number {number}",
            f"{rng.choice(OPENINGS)}: {' '.join(rng.choices(WORDS, k=rng.randint(8, 40)))}, {rng.choice(ENDINGS)}.",
        )
        for number in range(first, first + count)
    ]
    assert most_shared(made) < FEWEST_SHARED
    return made


def most_shared(made: Iterable[Row]) -> int:
    """How many runs of four words any two of them have in common."""
    seen: dict[tuple[str, ...], list[int]] = {}
    shared: Counter[tuple[int, int]] = Counter()
    for row in made:
        words = re.findall(r"\w+", row.words.lower())
        assert len(set(words)) > SHORT, "what is shorter is compared by its words"
        for run in set(zip(words, words[1:], words[2:], words[3:], strict=False)):
            others = seen.setdefault(run, [])
            shared.update((other, row.number) for other in others)
            others.append(row.number)
    return max(shared.values(), default=0)


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


async def check_final_state(load: Import, policies: Policies = DEFAULT) -> None:
    """The same as if nothing had happened: every row once, with the outcome that its text calls for.

    `policies` are those that were in force at some time; what becomes of a row is what the one says that decided on it.
    """
    site = load.site.site
    numbered = {row.number: row for row in load.rows}
    async with load.system.database() as connection:
        decided = await decisions(connection, site, policies)
        assert {number: len(of_row) for number, of_row in decided.items()} == dict.fromkeys(numbered, 1)
        outcomes = {number: numbered[number].verdict(only.by, site).status for number, (only,) in decided.items()}
        for number, (only,) in decided.items():
            check_decision(only, numbered[number], site)
        cases = await connection.fetch(
            """select r.source_id, c.status, c.version from intake.reviews r
               join moderation.cases c using (site, review_id) where r.site = $1""",
            site,
        )
        assert len(cases) == len(load.rows)
        assert {int(row["source_id"]): (row["status"], row["version"]) for row in cases} == {
            number: (outcome, 1) for number, outcome in outcomes.items()
        }
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
            if outcomes[row.number] == "approved"
        }
        assert await differences(connection) == []
        await check_history(connection, load)
        for schema in ("intake", "moderation", "projection"):
            assert await connection.fetchval(f"select count(*) from {schema}.dead_letters") == 0
    await check_order(load.system, "review-submitted")
    await check_order(load.system, "review-moderated")


@dataclass(frozen=True)
class Decision:
    by: Policy
    version: int
    status: str
    rule: str
    codes: list[str]
    signals: list[dict[str, Any]]


async def decisions(connection: asyncpg.Connection[Any], site: str, policies: Policies) -> dict[int, list[Decision]]:
    """All of the site, by row. Each names a policy's version that is kept, and is one of `policies`."""
    found: dict[int, list[Decision]] = {}
    for row in await connection.fetch(_DECISIONS, site):
        assert (row["actor_kind"], row["actor"]) == ("policy", row["policy"]), dict(row)
        assert row["source"] is not None, f"no such version is kept: {dict(row)}"
        policy = policies[row["policy_scope"], row["policy"], row["policy_version"]]
        decision = Decision(
            policy, row["version"], row["status"], row["rule"], row["codes"], json.loads(row["signals"])
        )
        found.setdefault(int(row["source_id"]), []).append(decision)
    return found


def check_decision(decision: Decision, row: Row, site: str, beside: tuple[Signal, ...] = ()) -> None:
    """It is what its policy says of the row, with the signals from which it came."""
    verdict = row.verdict(decision.by, site, beside)
    assert (decision.version, decision.status, decision.rule, tuple(decision.codes)) == (
        1, verdict.status, verdict.rule, verdict.codes,
    ), (row, decision)  # fmt: skip
    assert decision.signals == json.loads(signals_json(row.signals + beside)), row


async def check_history(connection: asyncpg.Connection[Any], load: Import) -> None:
    """Every review was recorded once, with all that a copy of it would be found by, and is no copy itself."""
    site = load.site.site
    kept: dict[int, tuple[Recorded, list[int]]] = {}
    for source_id, under, *columns in await connection.fetch(_HISTORY, site):
        kept[int(source_id)] = Recorded(*columns), under
    assert len(kept) == len(load.rows)
    for row in load.rows:
        found, under = kept[row.number]
        wanted = recorded(row, site, found.written_at)
        assert found._replace(review_id=row.number) == wanted, row
        assert under == sorted(wanted.text.probes), row


def recorded(row: Row, site: str, at: datetime) -> Recorded:
    """As the history keeps it beside nothing else."""
    fields = {"title": row.headline, "text": row.words}
    batch = Batch(Limits(), {})
    batch.take(entry_of(Revision(site, row.number, 1, None, row.product, "import", at, fields)), (), None)
    return batch.changed[row.number]


async def check_copies(load: Import, count: int) -> None:
    """Of what was decided before, copies that come in now: each is held beside its original, and no other."""
    site = load.site.site
    pairs = {load.rows[-1].number + 1 + at: row for at, row in enumerate(load.rows[:count])}
    again = [replace(row, number=number, words=f"{row.words} Nice.") for number, row in pairs.items()]
    copied = Import(load.system, load.site, load.folder / "copies", again)
    copied.begin()
    await copied.finish()
    await copied.settle()
    async with load.system.database() as connection:
        decided = await decisions(connection, site, DEFAULT)
        ids = dict(await connection.fetch("select source_id, review_id from intake.reviews where site = $1", site))
    for row in again:
        original = pairs[row.number]
        like = likeness(sketch_of({"text": row.words}), sketch_of({"text": original.words}))
        signal = Signal(
            Detector.DUPLICATE, Category.SPAM, None, "text", 0, len(row.words), row.words, like.similarity,
            str(ids[str(original.number)]),
        )  # fmt: skip
        (only,) = decided[row.number]
        assert only.status != "approved"
        check_decision(only, row, site, (signal,))


_DECISIONS = """
    select r.source_id, d.version, d.status, d.actor_kind, d.actor, d.policy, d.policy_version, d.policy_scope, d.rule,
        d.codes, d.signals, v.source
    from moderation.decisions d
    join intake.reviews r using (site, review_id)
    left join moderation.policy_versions v
        on (v.scope, v.name, v.version) = (d.policy_scope, d.policy, d.policy_version)
    where d.site = $1 order by d.review_id, d.version"""
_HISTORY = f"""
    select r.source_id,
        array(select p.value from moderation.history_probes p where p.review_id = h.review_id order by p.value),
        {", ".join(f"h.{name}" for name in Recorded._fields)}
    from moderation.history h join intake.reviews r using (site, review_id) where h.site = $1"""


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
