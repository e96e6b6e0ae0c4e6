"""The projection as a processor of the shared consumer loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.projection.batch import TOPICS, read, unreadable
from services.projection.store import Store
from shared.events.cloudevents import Decoder
from shared.kafka.consumer import Failure
from shared.kafka.record import Record
from shared.logging import get_logger

NAME = "projection"
log = get_logger(__name__)


class ProjectionProcessor:
    """Folds records of `TOPICS` into the store's schemas. Applying a batch again, in other pieces or another mix of the
    topics changes nothing, as long as each partition keeps its order."""

    name = NAME
    trusted = True

    def __init__(self, store: Store) -> None:
        self._store = store
        self._decoders = {spec.name: Decoder(spec) for spec in TOPICS}

    async def prepare(self, records: Sequence[Record]) -> None:
        """Reading them is quick."""

    async def process(self, tx: asyncpg.Connection[Any], records: Sequence[Record]) -> None:
        await self._store.apply(tx, read(records, self._decoders))

    async def park(self, tx: asyncpg.Connection[Any], record: Record, failure: Failure) -> None:
        """Hides the record's key until its owner says something readable of it."""
        hidden = unreadable(record)
        await self._store.apply(tx, hidden)
        log.warning("key hidden" if hidden else "unreadable key", topic=record.topic, code=failure.code)
