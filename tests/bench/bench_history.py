"""Duplicates and bursts: what looking costs a worker's batch, beside the same batch without; and which copies it finds.

python -m tests.bench.bench_history [CSV]: reviews of a CSV file (.gz or not, column "Review Text" or "text") instead of
made ones, whose commonplaces are as common as they are.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from services.cli.embedded.datadir import temporary_data_dir
from services.cli.embedded.postgres import EmbeddedPostgres
from services.cli.migrations import migrate
from services.moderation import cases
from services.moderation.case import Ruling
from services.moderation.judging.entries import sketch_of
from services.moderation.judging.history import History, Revision
from services.moderation.judging.sketch import SHORT, words
from services.moderation.transitions import submitted
from shared.events.content import ReviewContent
from shared.events.models import ReviewSubmitted
from shared.logging import configure
from shared.service import tune_garbage_collection
from tests.bench.bench_projection import Stopwatch

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 500
COPIES = 500
ENTITIES = 1200
APPROVED = Ruling("approved", "policy", "default", rule="default", policy="default", policy_version=1)

# Every third sentence is one of these, or begins like one: reviews repeat each other without being copies.
COMMONPLACES = (
    *("I love this dress and get compliments every time I wear it", "It runs large so I would size down"),
    *("True to size and very comfortable", "I would recommend it to anyone who asks", "You can dress it up or down"),
    *("The colour is just as it looks in the picture", "I am usually a small and ordered my usual size"),
    *("I wanted to love it but had to return it", "The material is soft and the fit is flattering"),
)
STEMS = ("ka", "lo", "mi", "ne", "ru", "sa", "ti", "vo", "pe", "du", "har", "sten", "lin", "mor")


class Change(NamedTuple):
    """A way to copy a review."""

    name: str
    make: Callable[[str, random.Random], str]


def made_texts(count: int) -> list[str]:
    rng = random.Random(7)
    vocabulary = ["".join(rng.choices(STEMS, k=rng.randrange(1, 4))) for _ in range(6_000)]
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]

    def sentence() -> str:
        own = " ".join(rng.choices(vocabulary, weights, k=rng.randrange(6, 14)))
        common = rng.choice(COMMONPLACES)
        return rng.choice((own, own, own, own, common, " ".join(common.split()[:5]) + " " + own)).capitalize() + "."

    return [" ".join(sentence() for _ in range(rng.randrange(2, 9))) for _ in range(count)]


def read_texts(path: Path) -> list[str]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        return [text for row in csv.DictReader(lines) if (text := row.get("Review Text") or row.get("text"))]


def changed_words(share: float) -> Callable[[str, random.Random], str]:
    """At least one of the words is another."""

    def change(text: str, rng: random.Random) -> str:
        parts = text.split()
        for at in rng.sample(range(len(parts)), max(1, round(len(parts) * share))):
            parts[at] = f"other{rng.randrange(1000)}"
        return " ".join(parts)

    return change


def appended(sentences: int) -> Callable[[str, random.Random], str]:
    def append(text: str, rng: random.Random) -> str:
        more = " ".join(f"Then {' '.join(rng.choices(STEMS, k=10))}." for _ in range(sentences))
        return f"{text} {more}"

    return append


CHANGES = (
    Change("the same", lambda text, _: text),
    Change("other case and punctuation", lambda text, _: text.upper().replace(".", " !!").replace(",", ";")),
    Change("a word changed", changed_words(0)),
    Change("5 % of its words changed", changed_words(0.05)),
    Change("10 % changed", changed_words(0.1)),
    Change("20 % changed", changed_words(0.2)),
    Change("30 % changed", changed_words(0.3)),
    Change("a sentence appended", appended(1)),
    Change("two sentences in front", lambda text, rng: appended(2)("", rng) + " " + text),
    Change("its first third left out", lambda text, _: " ".join(text.split()[len(text.split()) // 3 :])),
)


def events(texts: Sequence[str], first: int) -> list[ReviewSubmitted]:
    return [_event(number, text) for number, text in enumerate(texts, first)]


def _event(number: int, text: str) -> ReviewSubmitted:
    at = START + timedelta(seconds=number)
    content = ReviewContent(
        entity_id=f"product-{number * 7919 % ENTITIES}",
        author_id=f"a{number:012d}",
        author_name="Jane D.",
        rating=1 + number % 5,
        text=text,
        locale="en",
    )
    return ReviewSubmitted(
        site="bench", sequence=1, review_id=number, revision=1, slug=f"review-{number}", created_at=at,
        submitted_at=at, content=content, channel="form", settings_version=1, require_approval=False,
    )  # fmt: skip


def revision(event: ReviewSubmitted) -> Revision:
    content = event.content
    fields = {"text": content.text or ""}
    at = event.submitted_at
    who, what = content.author_id, content.entity_id
    return Revision(event.site, event.review_id, event.revision, who, what, event.channel, at, fields)


async def _batch(
    connection: asyncpg.Connection[Any], batch: Sequence[ReviewSubmitted], history: History | None, looking: Stopwatch
) -> int:
    """A worker's transaction after reading and judging; returns the number of copies found."""
    copies = 0
    ready = [revision(event)._replace(sketch=sketch_of({"text": event.content.text or ""})) for event in batch]
    texts = [event.model_dump_json() for event in batch]
    async with connection.transaction():
        known = await cases.lock(connection, {event.review_id for event in batch})
        if history is not None:
            with looking:
                found = await history.look(connection, ready)
            copies = sum(any(signal.detector == "duplicate" for signal in signals) for signals in found)
        steps = [submitted(None, event, text, APPROVED, START) for event, text in zip(batch, texts, strict=True)]
        await cases.save(connection, known, [step for step in steps if step is not None])
    return copies


async def _filled(
    connection: asyncpg.Connection[Any], batches: Sequence[Sequence[ReviewSubmitted]], looks: bool
) -> int:
    await connection.execute(
        "truncate moderation.cases, moderation.decisions, moderation.outbox, moderation.history, "
        "moderation.history_probes"
    )
    backend = connection.get_server_pid()
    whole, looking, last = Stopwatch(backend), Stopwatch(backend), Stopwatch(backend)
    copies = 0
    for batch in batches:
        with whole:
            copies += await _batch(connection, batch, History() if looks else None, looking)
    for batch in batches[-1:] if looks else ():
        # The same again: what a redelivered batch costs.
        ready = [revision(event) for event in batch]
        with last:
            async with connection.transaction():
                await History().look(connection, ready)
    count = sum(map(len, batches))
    print(f"  {'with' if looks else 'without'} history: a batch    {whole.per_review(count)}", flush=True)
    if looks:
        print(f"    of which looking      {looking.per_review(count)}")
        print(f"    a batch known already {last.per_review(len(batches[-1]))}")
    return copies


async def _recall(connection: asyncpg.Connection[Any], texts: Sequence[str]) -> None:
    """Copies against the full history; each is forgotten again."""
    rng = random.Random(11)
    whole = [text for text in texts if len(set(words(text))) >= SHORT]
    print(f"  copies found, of {COPIES} each, among {len(texts):,} reviews")
    for change in CHANGES:
        chosen = rng.sample(whole, COPIES)
        ready = [revision(_event(10_000_000 + at, change.make(text, rng))) for at, text in enumerate(chosen)]
        transaction = connection.transaction()
        await transaction.start()
        begun = time.perf_counter()
        found = await History().look(connection, ready)
        wall = time.perf_counter() - begun
        await transaction.rollback()
        hits = sum(any(signal.detector == "duplicate" for signal in signals) for signals in found)
        print(f"    {change.name:30} {hits / COPIES:6.1%}   {wall / COPIES * 1e6:5.0f} µs each")


async def run(dsn: str, texts: Sequence[str] | None = None, rounds: int = 2) -> None:
    """Prints a line per measurement, all in this run on this server. `dsn` is a migrated database, which is emptied."""
    tune_garbage_collection()
    texts = made_texts(20_000) if texts is None else texts
    begun = time.perf_counter()
    for text in texts[:5_000]:
        sketch_of({"text": text})
    each = (time.perf_counter() - begun) / len(texts[:5_000]) * 1e6
    size = sum(map(len, texts)) / len(texts)
    print(f"history: {len(texts):,} reviews of {size:.0f} characters, batches of {BATCH}; a sketch takes {each:.0f} µs")
    every = events(texts, 1)
    batches = [every[first : first + BATCH] for first in range(0, len(every), BATCH)]
    connection = await asyncpg.connect(dsn)
    try:
        for _ in range(rounds):
            await _filled(connection, batches, looks=False)
            copies = await _filled(connection, batches, looks=True)
        print(f"  {copies} of these reviews are copies of one before them")
        await connection.execute("analyze moderation.history, moderation.history_probes")
        kept = (
            "select pg_total_relation_size('moderation.history') + pg_total_relation_size('moderation.history_probes')"
        )
        print(f"  kept: {await connection.fetchval(kept) / len(texts):.0f} bytes a review, indexes included")
        await _recall(connection, texts)
    finally:
        await connection.close()


async def _alone(texts: Sequence[str] | None) -> None:
    with temporary_data_dir() as directory:
        postgres = EmbeddedPostgres(directory)
        postgres.start()
        try:
            await asyncio.to_thread(migrate, postgres.dsn)
            await run(postgres.dsn, texts)
        finally:
            postgres.stop()


if __name__ == "__main__":
    configure("bench", level="ERROR")
    asyncio.run(_alone(read_texts(Path(sys.argv[1])) if len(sys.argv) > 1 else None))
