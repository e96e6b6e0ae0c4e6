"""Lines out of chunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.ndjson import CHUNKS_AHEAD, Line, LineSplitter, batches


@given(st.lists(st.binary(max_size=12)), st.data())
def test_lines_do_not_depend_on_how_the_body_was_cut(pieces: list[bytes], data: st.DataObject) -> None:
    body = b"\n".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    splitter = LineSplitter(longest=8)
    lines = []
    for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
        lines += splitter.feed(body[start:end])
    lines += splitter.close()
    expected = [
        Line(number, None if len(piece) > 8 else piece.strip())
        for number, piece in enumerate(body.split(b"\n"), 1)
        if len(piece) > 8 or piece.strip()
    ]
    assert lines == expected


def test_a_line_that_is_too_long_is_not_kept() -> None:
    splitter = LineSplitter(longest=10)
    for _ in range(1000):
        assert splitter.feed(b"x" * 1000) == []
        assert len(splitter._tail) <= 10
    assert splitter.feed(b"\n{}\n") == [Line(1, None), Line(2, b"{}")]


async def _chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_batches_are_as_large_as_allowed() -> None:
    sizes = [len(lines) async for lines in batches(_chunks(b"{}\n" * 1200, b"{}\n" * 7), 10, 500, 1.0)]
    assert sizes == [500, 500, 207]


async def test_a_slow_sender_is_answered_meanwhile() -> None:
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"1\n2\n"
        await go_on.wait()
        yield b"3"

    answered = batches(slowly(), 10, 500, 0.01)
    assert [line.body for line in await anext(answered)] == [b"1", b"2"]
    go_on.set()
    assert [line.body for line in await anext(answered)] == [b"3"]


async def test_an_unfinished_line_of_a_sender_who_left_is_no_line() -> None:
    async def leaving() -> AsyncIterator[bytes]:
        yield b"1\n2"
        raise ConnectionResetError

    handed_on = []

    async def collect() -> None:
        async for lines in batches(leaving(), 10, 500, 1.0):
            handed_on.extend(lines)

    with pytest.raises(ConnectionResetError):
        await collect()
    assert b"2" not in [line.body for line in handed_on]


async def test_reading_does_not_run_away_from_working() -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x\n" * 500

    answered = batches(endless(), 10, 500, 1.0)
    await anext(answered)
    for _ in range(100):
        await asyncio.sleep(0)
    assert read <= CHUNKS_AHEAD + 3
    await answered.aclose()  # type: ignore[attr-defined]  # an async generator, though promised to be an iterator only
