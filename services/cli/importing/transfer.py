"""Rows on their way from a file to intake: shown as they go, stopped by signals; and how the command ends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import typer

from services.cli.importing.batch import Batch
from services.cli.importing.checkpoint import Checkpoint, Progress, Totals
from services.cli.importing.client import Collection, IntakeClient, http_client
from services.cli.importing.errors import ImportProblem, Interrupted
from services.cli.importing.progress import Meter, display
from services.cli.importing.report import Report
from services.cli.importing.run import Run
from services.cli.importing.source import Source
from services.cli.importing.target import open_intake
from services.cli.importing.watching import SHOW_SECONDS, every, stopped_by_signals
from services.cli.intake_requests import Place
from services.cli.target import NoTarget
from shared.clock import Clock, SystemClock

SOME_REFUSED = 3
NOT_FINISHED = 1


@dataclass(frozen=True)
class Pace:
    batch: int
    """Rows in a request."""
    in_flight: int
    """Requests at a time."""
    give_up_seconds: float


@dataclass(frozen=True)
class Transfer:
    client: IntakeClient
    clock: Clock
    stop: asyncio.Event
    in_flight: int

    async def run(
        self,
        source: Source,
        rows: Iterable[Batch],
        progress: Progress,
        checkpoint: Checkpoint,
        report: Report,
        *,
        again: str,
    ) -> float:
        """Sends `rows`, which come from `source`, and closes the report. Returns how many seconds it took.

        Raises ImportProblem, Interrupted or CancelledError, after saying what the same command does next: `again`.
        """
        run = Run(self.client, progress, checkpoint, report, self.clock, self.stop, self.in_flight)
        meter = Meter(self.clock.monotonic, progress.rows)
        screen = display(self.clock.monotonic)

        def show() -> None:
            fraction = source.position / source.size if source.size else 1.0
            screen.show(meter.snapshot(progress.rows, progress.totals.refused, fraction, self.client.waiting_for))

        showing = asyncio.create_task(every(SHOW_SECONDS, show))
        try:
            with stopped_by_signals(self.stop, screen):
                await run.run(rows)
        except (ImportProblem, Interrupted, asyncio.CancelledError):
            screen.say(f"stopped after row {progress.rows:,}; {again}")
            raise
        finally:
            showing.cancel()
            screen.close()
            report.close()
        return meter.seconds


@asynccontextmanager
async def open_transfer(place: Place, pace: Pace, collection: Collection) -> AsyncIterator[Transfer]:
    """Raises NoTarget or ImportProblem where intake is not to be had."""
    clock, stop = SystemClock(), asyncio.Event()
    async with (
        open_intake(place.intake, place.key, place.site, place.data_dir, clock) as intake,
        http_client(intake.url, intake.token, pace.in_flight) as http,
    ):
        client = IntakeClient(http, place.site, clock, stop, pace.give_up_seconds, collection)
        yield Transfer(client, clock, stop, pace.in_flight)


@contextmanager
def problems_end_it() -> Iterator[None]:
    """Ends the command with NOT_FINISHED where something is wrong, or somebody wants it to stop."""
    try:
        yield
    except (ImportProblem, NoTarget) as problem:
        print(f"plaudit: {problem}", file=sys.stderr)
        raise typer.Exit(NOT_FINISHED) from None
    except (Interrupted, asyncio.CancelledError):
        raise typer.Exit(NOT_FINISHED) from None


def exit_code(totals: Totals) -> int:
    return SOME_REFUSED if totals.refused else 0
