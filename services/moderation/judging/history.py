"""Detectors that need to know other reviews of the site: duplicates, and bursts.

Both look at what the same database has recorded before, and record the reviews in the same transaction. A transaction
does not see what another has not committed yet: of two copies that are judged at the same moment by two workers neither
is found, the third one is. (A lock that prevents it would make all workers of a site wait for each other.) Reviews that
were judged before this history began are not in it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg

from services.moderation.engine.signal import Signal
from services.moderation.judging.bursts import Counts, Limits
from services.moderation.judging.entries import MOST_ALIKE, Batch, Before, Entry, Row, Text, entry_of, signals_of
from services.moderation.judging.entries import Revision as Revision

SCHEMA = "moderation"

_COLUMNS = ", ".join(f"h.{name}" for name in Row._fields)

_KNOWN = f"""
    select {_COLUMNS} from moderation.history h where h.review_id = any($1::bigint[])"""

# Numbers of whole batches go as text: asyncpg looks at each element of a list to see whether it is a list itself, which
# takes longer than all else.

# Each count stops at its limit, so that a burst of thousands costs no more than the review that began it.
_COUNTS = """
    select a.short, a.long, e.short
    from unnest($1::text::bigint[], $2::text::bigint[], $3::timestamptz[])
        with ordinality as r (author, entity, at, place)
    cross join lateral (
        select count(*) filter (where counted_at > r.at - $4::interval), count(*)
        from (select h.counted_at from moderation.history h
              where h.author = r.author and h.counted_at > r.at - $5::interval and h.counted_at <= r.at
              order by h.counted_at desc limit $6) as newest
    ) as a (short, long)
    cross join lateral (
        select count(*)
        from (select from moderation.history h
              where h.entity = r.entity and h.counted_at > r.at - $7::interval and h.counted_at <= r.at
              limit $8) as counted
    ) as e (short)
    order by r.place"""

# Reviews on an entity before a day, and when the first of them was.
_USUAL = """
    select e.entity, e.day, count(h.counted_at) as reviews, min(h.counted_at) as first
    from unnest($1::bigint[], $2::timestamptz[]) as e (entity, day)
    left join moderation.history h
        on h.entity = e.entity and h.counted_at >= e.day - $3::interval and h.counted_at < e.day
    group by e.entity, e.day"""

_COUNT_ENTITY = """
    select (select count(*) from (select from moderation.history h
                where h.entity = r.entity and h.counted_at > r.at - $3::interval and h.counted_at <= r.at
                limit r.most) as counted)
    from unnest($1::bigint[], $2::timestamptz[], $4::integer[]) with ordinality as r (entity, at, most, place)
    order by r.place"""

_PROBED = f"""
    select p.place, newest.review_id
    from unnest($1::text::bigint[]) with ordinality as p (value, place)
    cross join lateral (
        select s.review_id from moderation.history_probes s
        where s.value = p.value order by s.review_id desc limit {MOST_ALIKE}
    ) as newest"""

_TEXTS = f"""
    select {", ".join(f"h.{name}" for name in Text._fields)} from moderation.history h
    where h.review_id = any($1::bigint[])"""

_UPDATE = f"""
    update moderation.history set {", ".join(f"{name} = ${at}" for at, name in enumerate(Row._fields[1:], 2))}
    where {Row._fields[0]} = $1"""

_DROP_PROBES = """
    delete from moderation.history_probes p using unnest($1::bigint[], $2::bigint[]) as old (value, review_id)
    where p.value = old.value and p.review_id = old.review_id"""

_FORGET = f"""
    with forgotten as (
        select review_id from moderation.history where review_id = any($1::bigint[]) order by review_id for update
    )
    delete from moderation.history h using forgotten f where h.review_id = f.review_id
    returning {", ".join(f"h.{name}" for name in Text._fields)}"""


class History:
    """Sites are apart: nothing of one site changes what is said about a review of another."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()

    async def look(
        self, tx: asyncpg.Connection[Any], revisions: Sequence[Revision], unknown: Collection[int] = ()
    ) -> list[tuple[Signal, ...]]:
        """Signals of each revision, in their order; and records the revisions, in the caller's transaction.

        A revision that is recorded already gets the signals that it got then, one that is older than the recorded gets
        none, and neither changes anything. To an edit that leaves most of a text, reviews written since the text was
        are no originals: whoever copies a review does not make its author's next edit a copy. An edit counts towards
        no burst, and stays in the one that its review was part of.

        `unknown` are ids of reviews of which the caller knows that nothing is recorded. Raises UniqueViolationError
        where that is wrong, or another transaction has recorded one of these reviews meanwhile.
        """
        perhaps = {one.review_id for one in revisions}.difference(unknown)
        rows = await tx.fetch(_KNOWN, list(perhaps)) if perhaps else []
        known = {row["review_id"]: Row(*row.values()) for row in rows}
        fresh = {
            place: entry_of(one)
            for place, one in enumerate(revisions)
            if one.review_id not in known or known[one.review_id].precedes(one)
        }
        batch = Batch(self._limits, known)
        if fresh:
            alike = await _alike(tx, fresh)
            before = await self._before(tx, {place: one for place, one in fresh.items() if batch.counts(one)})
            for place, entry in fresh.items():
                batch.take(entry, alike.get(place, ()), before.get(place))
            await _save(tx, known, batch)
        return [signals_of(one, batch.said(one)) for one in revisions]

    async def _before(self, tx: asyncpg.Connection[Any], fresh: Mapping[int, Entry]) -> dict[int, Before]:
        """How many recorded reviews went before each."""
        if not fresh:
            return {}
        limits, (short, long) = self._limits, self._limits.author
        entries = list(fresh.values())
        authors = ["null" if (author := one.author) is None else str(author) for one in entries]
        entities = [str(one.entity) for one in entries]
        times = [one.revision.submitted_at for one in entries]
        rows = await tx.fetch(
            _COUNTS, _array(authors), _array(entities), times, short.within, long.within, max(short.most, long.most),
            limits.entity.within, limits.entity.most,
        )  # fmt: skip
        before = {
            place: Before(Counts((row[0], row[1]), row[2]), limits.entity.most)
            for place, row in zip(fresh, rows, strict=True)
        }
        together = Counter(entities)
        crowded = [
            place
            for place, one in fresh.items()
            if before[place].counts.entity + together[str(one.entity)] > limits.entity.most
        ]
        return before | await self._crowded(tx, {place: fresh[place] for place in crowded}, before)

    async def _crowded(
        self, tx: asyncpg.Connection[Any], crowded: Mapping[int, Entry], before: Mapping[int, Before]
    ) -> dict[int, Before]:
        """The same of entities that get more than a few at once: what is usual for each, and exact numbers up to it."""
        if not crowded:
            return {}
        limits = self._limits
        days = {(one.entity, _day(one.revision.submitted_at)) for one in crowded.values()}
        usual = {
            (row["entity"], row["day"]): _usual_day(row["reviews"], row["first"], row["day"])
            for row in await tx.fetch(_USUAL, [e for e, _ in days], [day for _, day in days], limits.usual_over)
        }
        most = [limits.entity_most(usual[one.entity, _day(one.revision.submitted_at)]) for one in crowded.values()]
        rows = await tx.fetch(
            _COUNT_ENTITY,
            [one.entity for one in crowded.values()],
            [one.revision.submitted_at for one in crowded.values()],
            limits.entity.within,
            most,
        )
        return {
            place: Before(before[place].counts._replace(entity=row[0]), allowed)
            for place, row, allowed in zip(crowded, rows, most, strict=True)
        }


async def forget(tx: asyncpg.Connection[Any], review_ids: Collection[int]) -> None:
    """Deletes all that is kept of reviews that were withdrawn or erased; again changes nothing."""
    if review_ids:
        texts = [Text(*row) for row in await tx.fetch(_FORGET, list(review_ids))]
        await _drop(tx, [(value, one.review_id) for one in texts for value in one.probes])


async def _alike(tx: asyncpg.Connection[Any], fresh: Mapping[int, Entry]) -> dict[int, list[Text]]:
    """Recorded reviews that share enough with these to be looked at, by place."""
    asked = [(place, at == 0) for place, one in fresh.items() for at in range(len(one.probes))]
    if not asked:
        return {}
    values = _array([str(value) for one in fresh.values() for value in one.probes])
    by_probe: defaultdict[int, list[int]] = defaultdict(list)
    for number, review_id in await tx.fetch(_PROBED, values):
        by_probe[number - 1].append(review_id)
    shared: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for number, review_ids in by_probe.items():
        place, is_enough = asked[number]
        # What is under a probe of many counts only together with another probe.
        shared[place].update(dict.fromkeys(review_ids, 2 if is_enough or len(review_ids) < MOST_ALIKE else 1))
    candidates = {place: [one for one, count in found.items() if count > 1] for place, found in shared.items()}
    wanted = {review_id for found in candidates.values() for review_id in found}
    texts = {row[0]: Text(*row) for row in await tx.fetch(_TEXTS, list(wanted))} if wanted else {}
    return {place: [texts[one] for one in found if one in texts] for place, found in candidates.items()}


async def _save(tx: asyncpg.Connection[Any], known: Mapping[int, Row], batch: Batch) -> None:
    """In the order of review ids, so that two batches never wait for each other."""
    review_ids = sorted(batch.changed)
    new = [batch.changed[review_id] for review_id in review_ids if review_id not in known]
    edited = [batch.changed[review_id] for review_id in review_ids if review_id in known]
    if new:
        await tx.copy_records_to_table("history", schema_name=SCHEMA, columns=Row._fields, records=new)
    if edited:
        await tx.executemany(_UPDATE, edited)
    kept = {(value, row.review_id) for row in edited for value in known[row.review_id].text.probes}
    wanted = [(value, review_id) for review_id in review_ids for value in batch.kept_under[review_id]]
    if kept:
        await _drop(tx, sorted(kept.difference(wanted)))
        wanted = [one for one in wanted if one not in kept]
    if wanted:
        await tx.copy_records_to_table(
            "history_probes", schema_name=SCHEMA, columns=("value", "review_id"), records=wanted
        )


async def _drop(tx: asyncpg.Connection[Any], dropped: Sequence[tuple[int, int]]) -> None:
    if dropped:
        await tx.execute(_DROP_PROBES, *(list(column) for column in zip(*dropped, strict=True)))


def _array(values: Iterable[str]) -> str:
    return f"{{{','.join(values)}}}"


def _day(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _usual_day(reviews: int, first: datetime | None, day: datetime) -> float:
    return 0.0 if first is None else reviews / ((day - _day(first)).days)
