"""A consumer's offsets and dead letters in Postgres, in the schema of its service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg

from shared.events.cloudevents import pack_headers
from shared.kafka.consumer import Failure, Fenced, Systematic
from shared.kafka.record import Record, TopicPartition, header
from shared.postgres.errors import is_transient

TopicIds = Callable[[Collection[str]], Awaitable[Mapping[str, str]]]
"""Names to the ids that Kafka gave: a topic made anew under an old name is another one, read from its start."""


class PostgresProgress:
    """Progress of one consumer; see shared.kafka.consumer.Progress."""

    def __init__(self, pool: asyncpg.Pool, schema: str, consumer: str, topic_ids: TopicIds) -> None:
        self._pool = pool
        self._consumer = consumer
        self._topic_ids = topic_ids
        self._ids: dict[str, str] = {}
        self._load = f"""
            select topic_id, partition, next_offset from {schema}.consumer_offsets
            where consumer = $1 and topic_id = any($2::text[])"""
        self._move = f"""
            update {schema}.consumer_offsets set next_offset = moves.after, updated_at = now()
            from unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) as moves (topic_id, partition, before, after)
            where consumer = $1 and consumer_offsets.topic_id = moves.topic_id
              and consumer_offsets.partition = moves.partition and next_offset = moves.before"""
        self._begin = f"""
            insert into {schema}.consumer_offsets (consumer, topic_id, topic, partition, next_offset)
            select $1, * from unnest($2::text[], $3::text[], $4::int[], $5::bigint[])
            on conflict do nothing"""
        self._park = f"""
            insert into {schema}.dead_letters
                (consumer, topic_id, topic, partition, record_offset, site, key, value, headers, reason_code, reason)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing returning true"""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        async with self._pool.acquire() as connection, connection.transaction():
            try:
                yield cast("asyncpg.Connection[Any]", connection)
            except asyncpg.SyntaxOrAccessError as error:
                # No record makes a table, column or privilege go missing: parking them one by one would lose them all.
                raise Systematic(
                    f"the database is not of this release ({type(error).__name__}: {error}); "
                    "stop the processes of the other release and run plaudit migrate"
                ) from error

    async def load(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        topics = {partition.topic for partition in partitions}
        if not topics:
            return {}
        self._ids.update(await self._topic_ids(topics))
        rows = await self._pool.fetch(self._load, self._consumer, [self._ids[topic] for topic in topics])
        stored = {(row["topic_id"], row["partition"]): row["next_offset"] for row in rows}
        return {place: stored.get((self._ids[place.topic], place.partition)) for place in partitions}

    async def advance(
        self, tx: asyncpg.Connection[Any], moves: Mapping[TopicPartition, tuple[int | None, int]]
    ) -> None:
        begun = [(place, after) for place, (before, after) in moves.items() if before is None]
        moved = [(place, before, after) for place, (before, after) in moves.items() if before is not None]
        if moved:
            done = await tx.execute(
                self._move,
                self._consumer,
                [self._ids[place.topic] for place, _, _ in moved],
                [place.partition for place, _, _ in moved],
                [before for _, before, _ in moved],
                [after for _, _, after in moved],
            )
            _all_of(moved, done)
        if begun:
            done = await tx.execute(
                self._begin,
                self._consumer,
                [self._ids[place.topic] for place, _ in begun],
                [place.topic for place, _ in begun],
                [place.partition for place, _ in begun],
                [after for _, after in begun],
            )
            _all_of(begun, done)

    async def park(self, tx: asyncpg.Connection[Any], record: Record, failure: Failure) -> bool:
        site = header(record, "ce_site")
        new = await tx.fetchval(
            self._park,
            self._consumer,
            self._ids[record.topic],
            record.topic,
            record.partition,
            record.offset,
            site.decode("utf-8", "replace").replace("\0", "") if site is not None else None,
            record.key,
            record.value,
            pack_headers(record.headers),
            failure.code,
            failure.reason,
        )
        return bool(new)

    def is_transient(self, error: BaseException) -> bool:
        return is_transient(error)


def _all_of(wanted: Collection[object], done: str) -> None:
    """`done` is a command tag such as `UPDATE 3`."""
    count = int(done.rsplit(" ", 1)[1])
    if count != len(wanted):
        raise Fenced(f"{len(wanted) - count} of {len(wanted)} partitions were not where this consumer left them")
