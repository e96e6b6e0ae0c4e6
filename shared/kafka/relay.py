"""Publishes a service's outbox: one relay at a time, fenced by Kafka.

The lease keeps relays from working against each other. What makes it safe is the order of steps: take the lease, then
`init_transactions` under the service's fixed transactional id, and only then read. A relay that was frozen and comes
back finds its epoch fenced, so it cannot put an older event behind a newer one; a row is deleted only after its
transaction is committed, so that a crash in between sends it again and never loses it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from shared import metrics
from shared.backoff import Backoff
from shared.clock import Clock
from shared.kafka.outbox import Outbox, OutboxRow
from shared.logging import get_logger

log = get_logger(__name__)


class RelayFenced(Exception):
    """Another relay has taken over; this one must end."""


class PublisherUnavailable(Exception):
    """Kafka is not there, or not yet; passes by itself."""


class Publisher(Protocol):
    """A transactional producer. `publish` is atomic, keeps the order of rows per key, and raises RelayFenced."""

    async def start(self) -> None: ...
    async def publish(self, rows: Sequence[OutboxRow]) -> None: ...
    async def stop(self) -> None: ...


class Relay:
    LEASE_SECONDS = 10.0
    POLL_SECONDS = 1.0
    BATCH = 2000
    BATCH_BYTES = 8 * 1024 * 1024
    """A transaction must be through well before Kafka gives it up."""

    def __init__(
        self,
        service: str,
        holder: str,
        outbox: Outbox,
        publisher: Callable[[], Publisher],
        clock: Clock,
        rng: random.Random,
        on_ready: Callable[[bool], None] = lambda ready: None,
        is_transient: Callable[[BaseException], bool] = lambda error: False,
    ) -> None:
        """`is_transient` says which errors of the publisher pass by themselves."""
        self._service = service
        self._holder = holder
        self._outbox = outbox
        self._publisher = publisher
        self._clock = clock
        self._backoff = Backoff(rng)
        self._on_ready = on_ready
        self._publisher_is_transient = is_transient
        self._lease_lost = False

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. One that another relay has fenced becomes a stand-by: the lease is the other one's by then."""
        while not stop.is_set():
            try:
                if await self._outbox.take_lease(self._holder, self.LEASE_SECONDS):
                    await self._lead(stop)
                else:
                    self._on_ready(True)  # a standby is as healthy as the one that publishes
                    await self._pause(stop, self.POLL_SECONDS)
            except RelayFenced:
                log.warning("fenced by another relay", relay=self._service)
                await self._pause(stop, self.POLL_SECONDS)
            except Exception as error:
                if not (self._publisher_is_transient(error) or self._outbox.is_transient(error)):
                    raise
                self._on_ready(False)
                seconds = self._backoff.wait()
                metrics.RELAY_RETRIES.labels(self._service).inc()
                log.warning("waiting", relay=self._service, seconds=round(seconds, 2), because=type(error).__name__)
                await self._pause(stop, seconds)

    async def _lead(self, stop: asyncio.Event) -> None:
        publisher = self._publisher()
        renewal: asyncio.Task[None] | None = None
        try:
            await publisher.start()
            self._lease_lost = False
            renewal = asyncio.create_task(self._keep_lease())
            log.info("publishing", relay=self._service)
            while not (stop.is_set() or self._lease_lost):
                published = await self.publish_once(publisher)
                self._backoff.reset()
                self._on_ready(True)
                if not published:
                    await self._outbox.wait(self.POLL_SECONDS)
        finally:
            try:
                if renewal is not None:
                    renewal.cancel()
                    with suppress(asyncio.CancelledError):
                        await renewal
            finally:
                await publisher.stop()
        if stop.is_set():
            await self._outbox.drop_lease(self._holder)

    async def publish_once(self, publisher: Publisher) -> int:
        """One batch; returns how many events it published."""
        rows = _no_larger_than(self.BATCH_BYTES, await self._outbox.read(self.BATCH))
        if rows:
            await publisher.publish(rows)
            await self._outbox.delete([row.id for row in rows])
            metrics.EVENTS_PUBLISHED.labels(self._service).inc(len(rows))
        return len(rows)

    async def _keep_lease(self) -> None:
        """A lease that cannot be renewed is not dangerous, only rude; Kafka fences whoever is not the last to begin."""
        while True:
            await self._clock.sleep(self.LEASE_SECONDS / 3)
            try:
                if not await self._outbox.take_lease(self._holder, self.LEASE_SECONDS):
                    log.warning("lease lost", relay=self._service)
                    self._lease_lost = True
                    return
            except Exception as error:
                if not self._outbox.is_transient(error):
                    raise
                log.warning("lease not renewed", relay=self._service, because=type(error).__name__)

    async def _pause(self, stop: asyncio.Event, seconds: float) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (sleeping, stopping):
            task.cancel()


def _no_larger_than(limit: int, rows: Sequence[OutboxRow]) -> Sequence[OutboxRow]:
    """The first rows, up to `limit` bytes, and at least one."""
    size = 0
    for number, row in enumerate(rows):
        size += len(row.value or b"") + len(row.headers)
        if size > limit:
            return rows[: max(number, 1)]
    return rows
