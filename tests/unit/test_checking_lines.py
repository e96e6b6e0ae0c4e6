"""Lines come as they were sent, however they were cut on the way, and none is kept in memory that is too long."""

from __future__ import annotations

import io
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from services.cli.checking.lines import line_batches


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    for data in (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n"):
        for size in (1, 2, 4, 20):
            assert lines(cut(data, [size] * 20)) == [(1, b"a"), (2, b"\xef\xbb\xbfb")]


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    begin = 0
    for size in sizes:
        if begin < len(data):
            yield data[begin : begin + size]
        begin += size
    if begin < len(data):
        yield data[begin:]


def lines(pieces: Iterator[bytes], longest: int = 1000) -> list[tuple[int, bytes | None]]:
    return [line for batch in line_batches(lambda _: next(pieces, b""), longest) for line in batch]


@given(st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b" "))), st.lists(st.integers(1, 9)))
def test_however_they_are_cut(texts: list[bytes], sizes: list[int]) -> None:
    expected = [(number, text) for number, text in enumerate(texts, 1) if text.strip(b" \t\r\v\f\0") or b"\0" in text]

    for end in (b"", b"\n"):
        assert lines(cut(b"\n".join(texts) + end, sizes)) == expected


@given(
    st.lists(st.sampled_from([b"", b"short", b"0123456789", b"0123456789x", b"y" * 40])), st.lists(st.integers(1, 9))
)
def test_one_that_is_too_long_costs_no_other(texts: list[bytes], sizes: list[int]) -> None:
    expected = [(number, text if len(text) <= 10 else None) for number, text in enumerate(texts, 1) if text]

    assert lines(cut(b"\n".join(texts), sizes), longest=10) == expected


def test_what_one_read_completes_is_handed_on_before_the_next() -> None:
    reads: list[int] = []
    pieces = iter([b"a\nb\nc", b"c\n", b""])

    def read(_: int) -> bytes:
        reads.append(len(reads))
        return next(pieces)

    batches = line_batches(read, 100)

    assert next(batches) == [(1, b"a"), (2, b"b")]
    assert len(reads) == 1
    assert next(batches) == [(3, b"cc")]
    assert len(reads) == 2


def test_an_endless_line_is_not_remembered() -> None:
    served = 0
    biggest = 0

    def read(_: int) -> bytes:
        nonlocal served
        served += 1
        return b"x" * 100 if served <= 10_000 else b""

    for batch in line_batches(read, 1000):
        biggest = len(batch)
        assert batch == [(1, None)]
    assert biggest == 1


def test_a_file() -> None:
    assert lines(iter([io.BytesIO(b"a\r\n\r\n b\n").read()])) == [(1, b"a\r"), (3, b" b")]
