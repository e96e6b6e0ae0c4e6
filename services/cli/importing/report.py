"""The file of refused rows, in the order of the rows: NDJSON with place and reason, the content only on request."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from services.cli.importing.batch import RefusedRow
from services.cli.importing.errors import ImportProblem
from services.cli.importing.source import Values


class Report:
    """Made when the first row is refused, readable by its owner only."""

    def __init__(self, path: Path, header: Sequence[str], *, with_content: bool = False) -> None:
        self.path = path
        self.with_content = with_content
        self._header = header
        self._file: BinaryIO | None = None
        self.size = 0

    def begin(self) -> None:
        """Removes the report of an earlier import of this file."""
        self._try(lambda: self.path.unlink(missing_ok=True))

    def resume(self, size: int) -> bool:
        """Drops what was written after the state was saved. False where the report is not the one that was begun."""
        if size == 0:
            self.begin()
            return True
        try:
            if self.path.stat().st_size < size:
                return False
        except OSError:
            return False
        self._open()
        assert self._file is not None
        self._file.truncate(size)
        self._file.seek(size)
        self.size = size
        return True

    def write(self, rows: Iterable[RefusedRow]) -> None:
        lines = b"".join(self._line(row) for row in rows)
        if not lines:
            return
        if self._file is None:
            self._open()
        assert self._file is not None
        self._file.write(lines)
        self.size += len(lines)

    def sync(self) -> None:
        """On the disk; to be called before a state that counts on it is saved."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _open(self) -> None:
        def opened() -> None:
            self._file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")

        self._try(opened)

    def _try(self, work: Any) -> None:
        try:
            work()
        except OSError as error:
            message = f"the report {self.path} cannot be written: {error.strerror}; name another with --report"
            raise ImportProblem(message) from error

    def _line(self, row: RefusedRow) -> bytes:
        line: dict[str, Any] = {
            "row": row.number,
            "line": row.line,
            "code": row.code,
            "field": row.field,
            "message": row.message,
        }
        if self.with_content and row.values is not None:
            line["content"] = self._content(row.values)
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)

    def _content(self, values: Values) -> dict[str, Any]:
        if isinstance(values, dict):
            return values
        # Bytes that were no text cannot be written as JSON either.
        readable = (value.encode("utf-8", "replace").decode() for value in values)
        return dict(zip(self._header, readable, strict=True))
