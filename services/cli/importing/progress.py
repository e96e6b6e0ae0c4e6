"""What a person sees while an import runs: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

PLAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    rows: int
    """With an answer, those of earlier runs included."""
    refused: int
    rate: float
    """Rows a second in this run."""
    fraction: float
    """Of the file."""
    seconds_left: float | None
    waiting_for: str | None
    """Why nothing moves, where nothing does."""

    @property
    def line(self) -> str:
        line = f"{self.rows:,} rows, {self.rate:,.0f} rows/s"
        if self.refused:
            line += f", {self.refused:,} refused"
        if self.waiting_for is not None:
            return f"{line}, waiting for intake: {self.waiting_for}"
        return line if self.seconds_left is None else f"{line}, about {duration(self.seconds_left)} left"


@dataclass
class Meter:
    """Rate and time left, from how much of the file the rows so far took."""

    monotonic: Callable[[], float]
    begun_rows: int
    begun_fraction: float | None = None
    started: float = 0.0

    def __post_init__(self) -> None:
        self.started = self.monotonic()

    @property
    def seconds(self) -> float:
        return self.monotonic() - self.started

    def snapshot(self, rows: int, refused: int, fraction: float, waiting_for: str | None) -> Snapshot:
        """Rows that an earlier run has done are no achievement of this one."""
        if rows > self.begun_rows and self.begun_fraction is None:
            self.begun_fraction = fraction if self.begun_rows else 0.0
        done = fraction - (self.begun_fraction or 0.0)
        seconds = self.seconds
        left = seconds * (1 - fraction) / done if rows > self.begun_rows and done > 0 and seconds >= 1 else None
        rate = (rows - self.begun_rows) / seconds if seconds > 0 else 0.0
        return Snapshot(rows, refused, rate, fraction, left, waiting_for)


class Display(Protocol):
    def show(self, snapshot: Snapshot) -> None: ...
    def say(self, line: str) -> None: ...
    def close(self) -> None: ...


class Bar:
    def __init__(self, console: Console) -> None:
        columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}", markup=False))
        self._progress = Progress(*columns, console=console, transient=True)
        self._task = self._progress.add_task("", total=1.0)
        self._progress.start()

    def show(self, snapshot: Snapshot) -> None:
        self._progress.update(self._task, completed=snapshot.fraction, description=snapshot.line)

    def say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)

    def close(self) -> None:
        self._progress.stop()


class Lines:
    def __init__(self, stream: IO[str], monotonic: Callable[[], float]) -> None:
        self._stream = stream
        self._monotonic = monotonic
        self._last = monotonic()

    def show(self, snapshot: Snapshot) -> None:
        if self._monotonic() - self._last >= PLAIN_SECONDS:
            self._last = self._monotonic()
            self.say(f"{snapshot.fraction:4.0%}  {snapshot.line}")

    def say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def close(self) -> None:
        pass


def display(monotonic: Callable[[], float]) -> Display:
    """On stderr: stdout has the results."""
    return Bar(Console(stderr=True)) if sys.stderr.isatty() else Lines(sys.stderr, monotonic)


def duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    if whole < 6000:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
