"""Lines of a file or a pipe, as they come, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

BOM: Final = b"\xef\xbb\xbf"
"""Before the first line, as some editors write it."""
CHUNK: Final = 256 * 1024

Read: TypeAlias = Callable[[int], bytes]
"""As `read1` of a buffered reader: what is there, without waiting for more; empty at the end."""


def line_batches(read: Read, longest: int, chunk: int = CHUNK) -> Iterator[list[tuple[int, bytes | None]]]:
    """Numbered from 1, without blank lines, which count. None stands for a line of more than `longest` bytes.

    A batch holds what one read completed, so that whoever writes its answers before asking for the next keeps a peer
    waiting who sends one line at a time no longer than it takes. The last line need not end with a line feed.
    """
    number = 0
    tail: list[bytes] = []
    size = 0  # of the tail, and of what was dropped of it for being too long
    while data := read(chunk):
        *pieces, rest = data.split(b"\n")
        if pieces:
            first = b"".join((*tail, pieces[0])) if size + len(pieces[0]) <= longest else None
            if number == 0 and first is not None:
                first = first.removeprefix(BOM)
            tail.clear()
            size = 0
            lines = [first, *(line if len(line) <= longest else None for line in pieces[1:])]
            batch = [
                (at, line) for at, line in enumerate(lines, number + 1) if line is None or (line and not line.isspace())
            ]
            number += len(pieces)
            if batch:
                yield batch
        size += len(rest)
        if size <= longest:
            tail.append(rest)
        else:
            tail.clear()
    if size > longest:
        yield [(number + 1, None)]
    elif (last := b"".join(tail).removeprefix(b"" if number else BOM)) and not last.isspace():
        yield [(number + 1, last)]
