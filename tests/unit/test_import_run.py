"""Batches that overtake each other, fail and are interrupted: what is remembered is always true."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.importing.batch import Batch, batches
from services.cli.importing.checkpoint import Checkpoint, Job, Progress
from services.cli.importing.client import Outcome
from services.cli.importing.errors import ImportProblem, Interrupted
from services.cli.importing.report import Report
from services.cli.importing.rows import Mapped, Skipped, Unsent
from services.cli.importing.run import AHEAD, SAVE_SECONDS, Run
from services.cli.importing.source import Identity, Row
from shared.clock import SystemClock

JOB = Job(Identity(1, "x"), "shop", "plan")


class Intake:
    """Holds every request until the test answers it. Refuses bodies that end in 9; knows what it has."""

    def __init__(self) -> None:
        self.open: dict[bytes, asyncio.Future[None]] = {}
        self.begun: list[bytes] = []
        self.has: set[bytes] = set()
        self.automatic = False

    async def send(self, bodies: Sequence[bytes]) -> list[Outcome]:
        self.begun.append(bodies[0])
        if not self.automatic:
            self.open[bodies[0]] = asyncio.get_running_loop().create_future()
            await self.open[bodies[0]]
        outcomes = []
        for body in bodies:
            if body.endswith(b"9"):
                outcomes.append(Outcome("refused", None, "STALE", None, "older"))
            else:
                outcomes.append(Outcome("unchanged" if body in self.has else "created", int(body)))
                self.has.add(body)
        return outcomes

    async def answer(self, first: int, failure: Exception | None = None) -> None:
        await turns()
        future = self.open.pop(b"%d" % first)
        if failure is None:
            future.set_result(None)
        else:
            future.set_exception(failure)
        await turns()


class HastyClock(SystemClock):
    """Time for the state to be saved after every third look."""

    time = 0.0

    def monotonic(self) -> float:
        self.time += SAVE_SECONDS / 3
        return self.time


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def mapper(row: Row) -> Mapped | Unsent | Skipped:
    if row.number % 10 == 4:
        return Unsent("bad", "rating")
    return Mapped(b"%d" % row.number, ("file", str(row.number)), None)


class World:
    """Rows 1 to `count`, in batches of ten to be sent."""

    def __init__(self, folder: Path, count: int, in_flight: int = 2) -> None:
        self.checkpoint = Checkpoint(folder / "state")
        self.report = Report(folder / "report", ["n"])
        self.intake = Intake()
        self.stop = asyncio.Event()
        self.count = count
        self.in_flight = in_flight
        loaded = self.checkpoint.load(JOB)
        if loaded is None:
            self.report.begin()
        else:
            assert self.report.resume(loaded.report_bytes)
        self.progress = loaded or Progress(JOB)

    def rows(self) -> Iterator[Row]:
        return (Row(number, number + 1, [str(number)]) for number in range(1, self.count + 1))

    def begin(self, made: Sequence[Batch] | None = None) -> asyncio.Task[None]:
        run = Run(self.intake, self.progress, self.checkpoint, self.report, HastyClock(), self.stop, self.in_flight)
        batches_ = batches(self.rows(), mapper, 9, begun=self.progress.rows) if made is None else made
        return asyncio.create_task(run.run(batches_))

    def refused(self) -> list[int]:
        self.report.sync()
        if not self.report.path.exists():
            return []
        return [json.loads(line)["row"] for line in self.report.path.read_text().splitlines()]


async def test_an_answer_that_overtakes_waits_for_those_before_it(tmp_path: Path) -> None:
    world = World(tmp_path, 40)
    task = world.begin()
    await turns()
    assert world.intake.begun == [b"1", b"11"]
    await world.intake.answer(11)
    assert world.progress.rows == 0
    assert world.intake.begun == [b"1", b"11", b"21"]
    await world.intake.answer(1)
    assert world.progress.rows == 20
    await world.intake.answer(21)
    await world.intake.answer(31)
    await task
    totals = world.progress.totals
    assert (world.progress.rows, totals.created, totals.refused, totals.rows) == (40, 32, 8, 40)
    assert totals.reasons == {"STALE": 4, "VALIDATION_ERROR rating": 4}
    assert world.refused() == [4, 9, 14, 19, 24, 29, 34, 39]
    assert not world.checkpoint.path.exists()
    world.report.close()


async def test_answers_that_wait_are_bounded(tmp_path: Path) -> None:
    world = World(tmp_path, 1000)
    task = world.begin()
    for first in range(11, 11 + 10 * (AHEAD * 2 - 1), 10):
        await world.intake.answer(first)
    assert len(world.intake.begun) == AHEAD * 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    world.report.close()


async def test_batches_about_the_same_review_keep_their_order(tmp_path: Path) -> None:
    world = World(tmp_path, 0, in_flight=3)
    made: list[Batch] = []
    for number, author in ((1, "jo"), (2, "ann"), (3, "jo")):
        made += batches([Row(number, number, [])], partial(_by, author), 1)
    task = world.begin(made)
    await turns()
    assert world.intake.begun == [b"1", b"2"]
    await world.intake.answer(2)
    assert world.intake.begun == [b"1", b"2"]
    await world.intake.answer(1)
    assert world.intake.begun == [b"1", b"2", b"3"]
    await world.intake.answer(3)
    await task


def _by(author: str, row: Row) -> Mapped:
    return Mapped(b"%d" % row.number, ("file", str(row.number)), (author, "e"))


async def test_a_failure_ends_the_run_after_what_is_on_its_way(tmp_path: Path) -> None:
    world = World(tmp_path, 100, in_flight=3)
    task = world.begin()
    await world.intake.answer(11, ImportProblem("no key"))
    await world.intake.answer(21)
    assert not task.done()
    await world.intake.answer(1)
    await world.intake.answer(31)
    await world.intake.answer(41)
    with pytest.raises(ImportProblem, match="no key"):
        await task
    assert world.stop.is_set()
    assert world.progress.rows == 10  # row 11 has no answer, so what came after it is sent again
    loaded = world.checkpoint.load(JOB)
    assert loaded == world.progress
    assert world.refused() == [4, 9]
    world.report.close()


async def test_being_stopped_waits_for_what_is_on_its_way_and_begins_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, 100)
    task = world.begin()
    await turns()
    world.stop.set()
    await world.intake.answer(11)
    await world.intake.answer(1)
    with pytest.raises(Interrupted):
        await task
    assert world.intake.begun == [b"1", b"11"]
    assert world.progress.rows == 20
    world.report.close()


ATTEMPTS = st.lists(st.tuples(st.lists(st.integers(0, 2), max_size=12), st.sampled_from(["kill", "cancel", "stop"])))


@given(attempts=ATTEMPTS)
async def test_however_often_it_ends_early_every_row_ends_in_one_place(
    attempts: list[tuple[list[int], str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, has = tmp_path_factory.mktemp("import"), set[bytes]()
    for answers, end in attempts:
        world = World(folder, 120, in_flight=3)
        world.intake.has = has
        before = world.progress.rows
        task = world.begin()
        for chosen in answers:
            await turns()
            if waiting := sorted(world.intake.open, key=int):
                await world.intake.answer(int(waiting[chosen % len(waiting)]))
        state = folder / "state"
        saved = state.read_bytes() if state.exists() else None
        if end == "stop":
            world.stop.set()
            for first in list(world.intake.open):
                await world.intake.answer(int(first))
        else:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        world.report.close()
        assert world.progress.rows >= before
        if end == "kill" and saved is not None:
            state.write_bytes(saved)
        elif end == "kill":
            state.unlink(missing_ok=True)
        if task.done() and not task.cancelled() and task.exception() is None:
            break
    world = World(folder, 120, in_flight=3)
    world.intake.has, world.intake.automatic = has, True
    await world.begin()
    assert world.refused() == [n for n in range(1, 121) if n % 10 in (4, 9)]
    world.report.close()
    assert has == {b"%d" % n for n in range(1, 121) if n % 10 not in (4, 9)}
    assert (world.progress.totals.accepted, world.progress.totals.refused) == (96, 24)
