"""The catalog and the vocabularies of a site: what there is of each entry now, and events of what changed.

Everything runs in the caller's transaction. Rows are locked in the order of their keys, then decided on, then written;
events come last, so that outbox ids grow as sequences do.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias, assert_never

import orjson

from services.intake.registry import load_site
from services.intake.transaction import Connection, again_on_conflict
from shared import metrics
from shared.clock import Clock
from shared.events.catalog import Brand, CatalogKind, Category, Product
from shared.events.cloudevents import Encoded, encode
from shared.events.models import (
    BrandUpdated,
    CatalogEntryRemoved,
    CategoryUpdated,
    Event,
    ProductUpdated,
    VocabularyUpdated,
)
from shared.events.topics import CATALOG_UPDATED
from shared.events.vocabulary import Vocabulary
from shared.kafka.outbox import append

BATCH = 500
"""Entries in one transaction; more gain nothing and lock for longer."""

Kind: TypeAlias = Literal[CatalogKind, "vocabulary"]
Entry: TypeAlias = Product | Category | Brand | Vocabulary
Outcome = Literal["created", "updated", "removed", "unchanged"]


class Key(NamedTuple):
    """A vocabulary's id is its locale."""

    kind: Kind
    entry_id: str


@dataclass(frozen=True, slots=True)
class Change:
    """What an entry shall be; None removes it. `traceparent` is its sender's."""

    key: Key
    entry: Entry | None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    sequence: int
    content_hash: bytes | None
    """None where the entry was removed."""


@dataclass(frozen=True, slots=True)
class Found:
    entry: Mapping[str, Any]
    updated_at: datetime


_FIND = """
    select entry_id, sequence, content_hash from intake.catalog
    where site = $1 and kind = $2 and entry_id = any($3::text[]) order by entry_id for update"""
_COLUMNS = ("site", "kind", "entry_id", "sequence", "removed", "content_hash", "updated_at", "event")
_UPDATE = """
    update intake.catalog set sequence = new.sequence, removed = new.content_hash is null,
        content_hash = new.content_hash, updated_at = $7, event = new.event::json
    from unnest($2::text[], $3::text[], $4::bigint[], $5::bytea[], $6::text[])
        as new (kind, entry_id, sequence, content_hash, event)
    where catalog.site = $1 and catalog.kind = new.kind and catalog.entry_id = new.entry_id collate "C" """
_READ = """
    select event, updated_at from intake.catalog
    where site = $1 and kind = $2 and entry_id = $3 and not removed"""
_LOCALES = (
    "select entry_id from intake.catalog where site = $1 and kind = 'vocabulary' and not removed order by entry_id"
)


def decide(row: Row | None, content_hash: bytes | None) -> Outcome:
    """What a change comes to, given what there is. A content hash of None removes."""
    before = row.content_hash if row is not None else None
    if before == content_hash:
        return "unchanged"
    if content_hash is None:
        return "removed"
    return "created" if before is None else "updated"


def hash_of(entry: Entry) -> bytes:
    """Fields that were not given count for nothing, so that a field that is new to us changes no entry."""
    return hashlib.sha256(entry.model_dump_json(exclude_defaults=True).encode()).digest()


class Catalog:
    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng

    async def change(self, tx: Connection, site: str, changes: Sequence[Change]) -> list[Outcome]:
        """One outcome per change, in order, as if they had come one after the other.

        The same content again changes nothing, nor does the removal of what is not there. Raises Refused for an
        unknown site.
        """
        work = partial(self._change, tx, site, changes)
        outcomes = await again_on_conflict(tx, self._clock, self._rng, work)
        done = Counter((change.key.kind, outcome) for change, outcome in zip(changes, outcomes, strict=True))
        for (kind, outcome), count in done.items():
            metrics.CATALOG_CHANGES.labels(kind, outcome).inc(count)
        return outcomes

    async def _change(self, tx: Connection, site: str, changes: Sequence[Change]) -> list[Outcome]:
        await load_site(tx, site)
        before = await _find(tx, site, {change.key for change in changes})
        rows, now = dict(before), self._clock.now()
        outcomes: list[Outcome] = []
        events: list[Encoded] = []
        last: dict[Key, Encoded] = {}
        for change in changes:
            key, row = change.key, rows.get(change.key)
            content_hash = hash_of(change.entry) if change.entry is not None else None
            outcome = decide(row, content_hash)
            outcomes.append(outcome)
            if outcome == "unchanged":
                continue
            rows[key] = Row(row.sequence + 1 if row is not None else 1, content_hash)
            event = _event(site, change, rows[key].sequence, now)
            last[key] = encode(CATALOG_UPDATED, event, change.traceparent)
            events.append(last[key])
        # In one order, so that concurrent batches wait for each other instead of deadlocking.
        written = [(key, rows[key], _text(last[key])) for key in sorted(last)]
        await _insert(tx, site, [one for one in written if one[0] not in before], now)
        await _update(tx, site, [one for one in written if one[0] in before], now)
        await append(tx, "intake", events)
        return outcomes


async def read(tx: Connection, site: str, key: Key) -> Found | None:
    """The entry as it is; None for one that was removed or never there."""
    row = await tx.fetchrow(_READ, site, *key)
    if row is None:
        return None
    return Found(orjson.loads(row["event"])[key.kind], row["updated_at"])


async def locales(tx: Connection, site: str) -> list[str]:
    """Those with a vocabulary of their own, and `*`."""
    return [row["entry_id"] for row in await tx.fetch(_LOCALES, site)]


async def _find(tx: Connection, site: str, keys: Iterable[Key]) -> dict[Key, Row]:
    """Locks them by kind and id."""
    wanted: dict[Kind, list[str]] = {}
    for kind, entry_id in keys:
        wanted.setdefault(kind, []).append(entry_id)
    found = {}
    for kind in sorted(wanted):
        for entry_id, sequence, content_hash in await tx.fetch(_FIND, site, kind, wanted[kind]):
            found[Key(kind, entry_id)] = Row(sequence, content_hash)
    return found


_Written: TypeAlias = tuple[Key, Row, str]


async def _insert(tx: Connection, site: str, written: Sequence[_Written], now: datetime) -> None:
    if not written:
        return
    records = [
        (site, *key, row.sequence, row.content_hash is None, row.content_hash, now, event)
        for key, row, event in written
    ]
    await tx.copy_records_to_table("catalog", schema_name="intake", columns=_COLUMNS, records=records)


async def _update(tx: Connection, site: str, written: Sequence[_Written], now: datetime) -> None:
    if not written:
        return
    await tx.execute(
        _UPDATE,
        site,
        [key.kind for key, _, _ in written],
        [key.entry_id for key, _, _ in written],
        [row.sequence for _, row, _ in written],
        [row.content_hash for _, row, _ in written],
        [event for _, _, event in written],
        now,
    )


def _event(site: str, change: Change, sequence: int, now: datetime) -> Event:
    kind, entry_id = change.key
    match change.entry:
        case None:
            return CatalogEntryRemoved(site=site, sequence=sequence, kind=kind, entry_id=entry_id, removed_at=now)
        case Product() as product:
            return ProductUpdated(site=site, sequence=sequence, product=product, updated_at=now)
        case Category() as category:
            return CategoryUpdated(site=site, sequence=sequence, category=category, updated_at=now)
        case Brand() as brand:
            return BrandUpdated(site=site, sequence=sequence, brand=brand, updated_at=now)
        case Vocabulary() as vocabulary:
            return VocabularyUpdated(
                site=site, sequence=sequence, locale=entry_id, vocabulary=vocabulary, updated_at=now
            )
        case _:
            assert_never(change.entry)


def _text(event: Encoded) -> str:
    assert event.value is not None
    return event.value.decode()
