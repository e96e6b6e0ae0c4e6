"""Reading records whose header names are not UTF-8.

Kafka stores any bytes as a header's name, and aiokafka refuses the whole batch in which one is not UTF-8: its
neighbours could never be read. This reader, in Python and slower, puts replacement characters there.
"""

from __future__ import annotations

from typing import Any, SupportsIndex

import aiokafka.consumer.fetcher as fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

from shared.logging import get_logger

log = get_logger(__name__)


def read_leniently() -> None:
    """From now on, in this process; a topic that had one such record may have more. Idempotent."""
    if fetcher.MemoryRecords is not _Records:
        log.warning("header names that are not UTF-8: records are read by the slower parser from now on")
        fetcher.MemoryRecords = _Records


class _Bytes(bytearray):
    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        part = super().__getitem__(at)
        return _Bytes(part) if isinstance(part, bytearray) else part

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class _Batch(_DefaultRecordBatchPy):
    _buffer: Any

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Bytes(self._buffer)


class _Records(_MemoryRecordsPy):
    def next_batch(self) -> Any:
        raw = self._next_slice
        batch = super().next_batch()
        return batch if batch is None or raw is None or raw[self.MAGIC_OFFSET] < 2 else _Batch(raw)
