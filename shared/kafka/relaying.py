"""The relay of a service, put together from its real parts."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from collections.abc import Callable
from typing import Any

import asyncpg

from shared.clock import SystemClock
from shared.kafka.client import KafkaSettings
from shared.kafka.outbox import PostgresOutbox
from shared.kafka.publisher import KafkaPublisher, is_transient
from shared.kafka.relay import Relay


async def run_relay(
    service: str,
    pool: asyncpg.Pool[Any],
    kafka: KafkaSettings,
    on_ready: Callable[[bool], None],
    stop: asyncio.Event,
) -> None:
    """Publishes `<service>.outbox` until `stop`; raises RelayFenced when another process took over."""
    rng = random.Random()  # noqa: S311 - spreads waits, keeps no secret
    outbox = PostgresOutbox(pool, service)
    relay = Relay(
        service,
        f"{socket.gethostname()}-{os.getpid()}-{rng.getrandbits(32):08x}",
        outbox,
        lambda: KafkaPublisher(kafka, service),
        SystemClock(),
        rng,
        on_ready,
        is_transient,
    )
    try:
        await relay.run(stop)
    finally:
        await outbox.close()
