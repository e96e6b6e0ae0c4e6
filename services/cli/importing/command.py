"""`plaudit import`: reviews from a file, through intake, like any others."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from services.cli.importing.batch import batches
from services.cli.importing.check import check
from services.cli.importing.checkpoint import Checkpoint, Job, Progress, Totals
from services.cli.importing.client import GIVE_UP_SECONDS, IntakeClient, http_client
from services.cli.importing.errors import ImportProblem, Interrupted
from services.cli.importing.plan import Plan, choose_dialect, make_plan, place_beside
from services.cli.importing.progress import Meter, display
from services.cli.importing.report import Report
from services.cli.importing.run import Run
from services.cli.importing.source import Format, Source
from services.cli.importing.summary import summarise
from services.cli.importing.target import open_intake
from services.cli.importing.watching import SHOW_SECONDS, every, stopped_by_signals
from services.cli.target import DataDirOption, NoTarget
from shared.clock import SystemClock

SOME_REFUSED = 3
NOT_FINISHED = 1


@dataclass(frozen=True)
class Options:
    site: str
    intake: str | None
    key: str | None
    data_dir: Path | None
    state: Path
    report: Path
    report_content: bool
    restart: bool
    batch: int
    in_flight: int
    give_up_seconds: float


def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV or NDJSON, gzip too.")],
    site: Annotated[str, typer.Option(help="Id of the site that the reviews are of.")],
    map_file: Annotated[
        Path | None,
        typer.Option("--map", exists=True, dir_okay=False, help="YAML that says which column is which field."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Name of the records' origin. [default: the mapping's, else the file's name]")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the first rows, check all, send none.")] = False,
    intake: Annotated[
        str | None,
        typer.Option(
            metavar="URL", envvar="PLAUDIT_INTAKE_URL", show_envvar=True, help="[default: the running `plaudit up`]"
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            envvar="PLAUDIT_API_KEY",
            show_envvar=True,
            help="With the scope submit. [default: one made for this import in the running `plaudit up`]",
        ),
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="csv or ndjson. [default: by the file's name]")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Of CSV: a character, or tab. [default: comma; tab for .tsv]")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of CSV.")] = "utf-8-sig",
    state: Annotated[
        Path | None, typer.Option(help="Where to remember how far it came. [default: FILE.SITE.import.json]")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Where to list refused rows. [default: FILE.refused.ndjson]")
    ] = None,
    report_content: Annotated[
        bool, typer.Option("--report-content", help="Write the refused rows themselves into the report, too.")
    ] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Begin again, whatever an earlier run did.")] = False,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Rows in a request.")] = 500,
    in_flight: Annotated[int, typer.Option(min=1, max=16, help="Requests at a time.")] = 3,
    give_up_after: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to try again while intake is away.")
    ] = GIVE_UP_SECONDS,
    data_dir: DataDirOption = None,
) -> None:
    """Import reviews from a file.

    Every row is moderated like any other review. Running it again goes on where an earlier run ended, and a row that is
    in already stays as it is. Ends with 0 when every row was accepted, 3 when some were refused (the report says which
    and why), 1 when it could not finish.
    """
    if format_ not in (None, "csv", "ndjson"):
        raise typer.BadParameter("--format is csv or ndjson")
    chosen: Format | None = "csv" if format_ == "csv" else "ndjson" if format_ == "ndjson" else None
    options = Options(
        site,
        intake,
        key,
        data_dir,
        state or place_beside(file, f".{site}.import.json"),
        report or place_beside(file, ".refused.ndjson"),
        report_content,
        restart,
        batch,
        in_flight,
        give_up_after,
    )
    try:
        dialect = choose_dialect(file, chosen, delimiter, encoding)
        with Source(file, dialect) as opened:
            plan = make_plan(opened, dialect, map_file, source)
            for line in plan.describe():
                print(line)
            if dry_run:
                listing = Report(report, opened.header, with_content=report_content) if report else None
                totals = check(opened, plan, listing)
            else:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    totals = runner.run(_import(opened, plan, plan.job(file, site), options))
    except (ImportProblem, NoTarget) as problem:
        print(f"plaudit: {problem}", file=sys.stderr)
        raise typer.Exit(NOT_FINISHED) from None
    except (Interrupted, asyncio.CancelledError):
        raise typer.Exit(NOT_FINISHED) from None
    raise typer.Exit(SOME_REFUSED if totals.refused else 0)


async def _import(source: Source, plan: Plan, job: Job, options: Options) -> Totals:
    clock, stop = SystemClock(), asyncio.Event()
    checkpoint = Checkpoint(options.state)
    report = Report(options.report, source.header, with_content=options.report_content)
    if options.restart:
        checkpoint.remove()
    async with (
        open_intake(options.intake, options.key, options.site, options.data_dir, clock) as intake,
        http_client(intake.url, intake.token, options.in_flight) as http,
    ):
        client = IntakeClient(http, options.site, clock, stop, options.give_up_seconds)
        progress = await _resume(checkpoint, report, client, job)
        # Before anything is sent: better to find out now that neither can be kept.
        checkpoint.save(progress)
        if progress.rows:
            print(f"going on after row {progress.rows:,}")
        begun = progress.rows
        run = Run(client, progress, checkpoint, report, clock, stop, options.in_flight)
        meter = Meter(clock.monotonic, begun)
        rows = batches(source.rows(), plan.mapper, options.batch, begun=begun, keep_values=options.report_content)
        screen = display(clock.monotonic)

        def show() -> None:
            fraction = source.position / source.size if source.size else 1.0
            screen.show(meter.snapshot(progress.rows, progress.totals.refused, fraction, client.waiting_for))

        showing = asyncio.create_task(every(SHOW_SECONDS, show))
        try:
            with stopped_by_signals(stop, screen):
                await run.run(rows)
        except (ImportProblem, Interrupted, asyncio.CancelledError):
            screen.say(f"stopped after row {progress.rows:,}; the same command goes on from there")
            raise
        finally:
            showing.cancel()
            screen.close()
            report.close()
        summarise(progress.totals, meter.seconds, progress.rows - begun, report)
        return progress.totals


async def _resume(checkpoint: Checkpoint, report: Report, client: IntakeClient, job: Job) -> Progress:
    progress = checkpoint.load(job)
    if progress is None:
        report.begin()
        return Progress(job)
    if progress.last_review_id is not None and not await client.knows(progress.last_review_id):
        raise ImportProblem(
            f"the state {checkpoint.path} is of an import into another system: the site does not have the reviews that "
            "it remembers; give --restart to begin again"
        )
    if not report.resume(progress.report_bytes):
        print(f"the report {report.path} of the rows so far is gone; beginning again, to have it whole")
        report.begin()
        return Progress(job)
    return progress
