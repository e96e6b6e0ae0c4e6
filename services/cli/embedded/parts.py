"""Kafka and Postgres together: started at the same time, since each takes a second or two of its own."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from services.cli.embedded.datadir import DataDir
from services.cli.embedded.jars import KAFKA_VERSION, Progress, Report
from services.cli.embedded.kafka import EmbeddedKafka
from services.cli.embedded.postgres import EmbeddedPostgres


class EmbeddedParts:
    """Both parts of one data directory, as a context manager."""

    def __init__(
        self,
        data_dir: DataDir | Path,
        *,
        durable: bool = True,
        heap_mb: int = 256,
        report: Report | None = None,
    ) -> None:
        self.data_dir = data_dir if isinstance(data_dir, DataDir) else DataDir(data_dir)
        self.kafka = EmbeddedKafka(self.data_dir, heap_mb=heap_mb, report=report)
        self.postgres = EmbeddedPostgres(self.data_dir, durable=durable)

    def start(self) -> None:
        start_both_in_parallel(self.kafka, self.postgres)

    def stop(self) -> None:
        with ThreadPoolExecutor(2) as pool:
            for task in [pool.submit(self.kafka.stop), pool.submit(self.postgres.stop)]:
                task.result()

    def __enter__(self) -> EmbeddedParts:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_both_in_parallel(kafka: EmbeddedKafka, postgres: EmbeddedPostgres) -> tuple[str, str]:
    """Returns (bootstrap, dsn). When one fails, the other is stopped again and the failure raised."""
    with ThreadPoolExecutor(2) as pool:
        bootstrap, dsn = pool.submit(kafka.start), pool.submit(postgres.start)
        try:
            return bootstrap.result(), dsn.result()
        except BaseException:
            for started, part in ((bootstrap, kafka), (dsn, postgres)):
                if started.exception() is None:
                    part.stop()
            raise


class TerminalProgress:
    """Shows the download on a terminal in one line that moves, elsewhere as a line every few seconds."""

    def __init__(self, stream: IO[str] | None = None, every_seconds: float = 5.0) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._every = 0.1 if self._stream.isatty() else every_seconds
        self._last = 0.0
        self._finished = False
        self._lock = threading.Lock()

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            now = time.monotonic()
            finished = progress.done >= progress.total
            if self._finished or (now - self._last < self._every and not finished):
                return
            self._finished = finished
            self._last = now
            text = (
                f"Downloading Apache Kafka {KAFKA_VERSION}: {progress.done / 1e6:.1f} of {progress.total / 1e6:.1f} MB"
            )
            if self._stream.isatty():
                self._stream.write(f"\r{text}" + ("\n" if finished else ""))
            else:
                self._stream.write(f"{text}\n")
            self._stream.flush()
