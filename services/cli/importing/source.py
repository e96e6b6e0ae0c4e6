"""Rows of a CSV or NDJSON file, gzipped or not, one at a time. What cannot be read is refused row by row."""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import orjson

from services.cli.importing.errors import ImportProblem

Format = Literal["csv", "ndjson"]
Values = list[str] | dict[str, Any]
"""Of CSV in the order of the header, of NDJSON by key."""

LONGEST_LINE = 1024 * 1024
"""In bytes for NDJSON, in characters for CSV. The longest review that intake takes needs a quarter of it."""
BAD_BYTES = "\udcff"
"""Stands for bytes that are no text in the file's encoding: no valid text has it, and orjson refuses to write it."""

_HEAD_BYTES = 1024 * 1024
_READ_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"
_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".jsonlines": "ndjson",
}


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return BAD_BYTES, error.end


codecs.register_error("plaudit-mark", _mark)


class Row(NamedTuple):
    number: int
    """From 1; blank lines and the header do not count."""
    line: int
    """Where the row begins in the (unpacked) file, from 1."""
    values: Values | None
    problem: str = ""
    """Why there are no values."""


@dataclass(frozen=True)
class Identity:
    """Tells whether a file is still the one that was begun."""

    size: int
    head_sha256: str

    @classmethod
    def of(cls, path: Path) -> Identity:
        with path.open("rb") as file:
            return cls(path.stat().st_size, hashlib.sha256(file.read(_HEAD_BYTES)).hexdigest())


@dataclass(frozen=True)
class Dialect:
    """How to read a file; `delimiter` and `encoding` are for CSV."""

    format: Format
    delimiter: str = ","
    encoding: str = "utf-8-sig"


def guess_format(path: Path) -> Format:
    """By the name, else by the first character. Raises ImportProblem."""
    endings = [ending.lower() for ending in path.suffixes if ending.lower() != ".gz"]
    if endings and endings[-1] in _ENDINGS:
        return _ENDINGS[endings[-1]]
    try:
        with Source(path, Dialect("ndjson")) as source:
            start = source.peek(1024).lstrip(b"\xef\xbb\xbf \t\r\n")
    except (OSError, EOFError, zlib.error) as error:
        raise ImportProblem(f"{path.name} cannot be read: {error}") from error
    return "ndjson" if start.startswith(b"{") else "csv"


class Source:
    """An open file. `header` is read when it is opened; rows come from one iteration, in constant memory."""

    def __init__(self, path: Path, dialect: Dialect) -> None:
        self.path = path
        self.header: list[str] = []
        self._dialect = dialect
        self._raw: BinaryIO | None = None
        self.size = path.stat().st_size
        try:
            self._rewind()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()

    @property
    def position(self) -> int:
        """Bytes read of the file as it lies on the disk, for telling progress."""
        return 0 if self._raw is None or self._raw.closed else self._raw.tell()

    def peek(self, count: int) -> bytes:
        data = self._bytes.read(count)
        self._rewind()
        return data

    def sample(self, count: int) -> list[Row]:
        """The first rows, without using them up."""
        found = [row for row, _ in zip(self.rows(), range(count), strict=False)]
        self._rewind()
        return found

    def rows(self) -> Iterator[Row]:
        """Raises ImportProblem where the file is damaged."""
        number = 0
        try:
            for row in self._csv() if self._dialect.format == "csv" else self._ndjson():
                number = row.number
                yield row
        except (OSError, EOFError, zlib.error) as error:
            raise ImportProblem(f"{self.path.name} is damaged after row {number}: {error}") from error

    def _rewind(self) -> None:
        # Opened anew, for a text wrapper that goes away closes what it wraps.
        self.close()
        self._raw = raw = self.path.open("rb")
        zipped = raw.read(2) == _GZIP
        raw.seek(0)
        self._bytes = io.BufferedReader(gzip.GzipFile(fileobj=raw), _READ_BYTES) if zipped else raw
        if self._dialect.format == "csv":
            try:
                self._read_header()
            except (OSError, EOFError, zlib.error, csv.Error) as error:
                raise ImportProblem(f"the header of {self.path.name} cannot be read: {error}") from error

    def _read_header(self) -> None:
        self._text = io.TextIOWrapper(self._bytes, self._dialect.encoding, errors="plaudit-mark", newline="")
        self._line = 0
        self._again: list[str] = []
        self._record: list[str] = []
        self._reader = self._new_reader()
        for header in self._reader:
            if header:
                self.header = [name.strip() for name in header]
                self._record.clear()
                return
        raise ImportProblem(f"{self.path.name} is empty; its first line must name the columns")

    def _new_reader(self) -> Iterator[list[str]]:
        return csv.reader(self._lines(), delimiter=self._dialect.delimiter, strict=True)

    def _csv(self) -> Iterator[Row]:
        record, columns, number, start = self._record, len(self.header), 0, self._line
        while True:
            try:
                for values in self._reader:
                    begins, start = start + 1, self._line
                    record.clear()
                    if not values:
                        continue
                    number += 1
                    if len(values) == columns:
                        yield Row(number, begins, values)
                    else:
                        problem = f"the row has {len(values)} columns, the header {columns}"
                        yield Row(number, begins, None, f"{problem}; quote values that hold a delimiter")
                return
            except csv.Error as error:
                # A quotation mark that is never closed takes rows with it: all lines but the first are read again.
                number += 1
                begins = start + 1
                self._again += record[:0:-1]
                self._line = start = begins
                record.clear()
                self._reader = self._new_reader()
                problem = f"its quotation marks do not pair ({error}); double every one that is within a quoted value"
                yield Row(number, begins, None, problem)

    def _lines(self) -> Iterator[str]:
        """Remembers the lines of the row that is being read."""
        read, record = self._text.readline, self._record
        while True:
            line = self._again.pop() if self._again else read(LONGEST_LINE)
            if not line:
                return
            if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
                raise ImportProblem(
                    f"line {self._line + 1} of {self.path.name} is longer than {LONGEST_LINE} characters; is it CSV?"
                )
            self._line += 1
            record.append(line)
            yield line

    def _ndjson(self) -> Iterator[Row]:
        read, loads, number, line = self._bytes.readline, orjson.loads, 0, 0
        while body := read(LONGEST_LINE):
            line += 1
            if len(body) == LONGEST_LINE and not body.endswith(b"\n"):
                while (rest := read(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                number += 1
                yield Row(number, line, None, f"the line is longer than {LONGEST_LINE} bytes; put one review on a line")
                continue
            if line == 1:
                body = body.removeprefix(codecs.BOM_UTF8)
            if body.isspace() or not body:
                continue
            number += 1
            try:
                values = loads(body)
            except ValueError:
                yield Row(number, line, None, "the line is not JSON in UTF-8; write one object a line")
                continue
            if isinstance(values, dict):
                yield Row(number, line, values)
            else:
                yield Row(number, line, None, "the line is not a JSON object; write one object a line")
