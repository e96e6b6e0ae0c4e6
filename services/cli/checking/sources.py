"""Where texts are read from: files, gzip too, and standard input."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from services.cli.checking.lines import Read
from services.cli.errors import UNSOUND, CommandError

STDIN: Final = Path("-")
STDIN_NAME: Final = "standard input"


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    read: Read
    size: int | None
    """Bytes on disk, None of a pipe."""
    raw: BinaryIO | None

    @property
    def position(self) -> int:
        """How much of `size` was read."""
        return self.raw.tell() if self.raw is not None else 0


def missing(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path != STDIN and (path.is_dir() or not path.exists())]


def check_input() -> None:
    """Raises CommandError where the shell has closed standard input; Python has none then."""
    if cast(object, sys.stdin) is None:
        raise CommandError("standard input is closed; name a file, or pipe texts in", UNSOUND)


def check_output() -> None:
    """Raises CommandError where the shell has closed standard output."""
    if cast(object, sys.stdout) is None:
        raise CommandError("standard output is closed; there is nowhere to answer", UNSOUND)


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Raises CommandError, also from inside, for what cannot be read."""
    try:
        if path == STDIN:
            check_input()
            yield Source(STDIN_NAME, cast(io.BufferedReader, sys.stdin.buffer).read1, None, None)
            return
        with path.open("rb", buffering=0) as raw:
            size = path.stat().st_size if path.is_file() else None
            with gzip.open(raw) if path.suffix == ".gz" else io.BufferedReader(raw) as reader:
                yield Source(str(path), reader.read1, size, raw)
    except BrokenPipeError:
        raise  # of standard output
    except (OSError, EOFError, zlib.error) as error:
        raise CommandError(f"{path} cannot be read: {error}", UNSOUND) from None
