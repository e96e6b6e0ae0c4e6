"""`plaudit import`: reviews from a file, through intake, like any others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from services.cli.importing import options
from services.cli.importing.batch import batches
from services.cli.importing.check import check
from services.cli.importing.checkpoint import Checkpoint, Job, Progress, Totals
from services.cli.importing.client import GIVE_UP_SECONDS, IntakeClient
from services.cli.importing.errors import ImportProblem
from services.cli.importing.plan import Plan, choose_dialect, make_plan, place_beside
from services.cli.importing.report import Report
from services.cli.importing.source import Source
from services.cli.importing.summary import summarise
from services.cli.importing.transfer import Pace, exit_code, open_transfer, problems_end_it
from services.cli.intake_requests import IntakeOption, Place, key_option
from services.cli.target import DataDirOption


def import_file(
    file: options.FileArgument,
    site: Annotated[str, typer.Option(help="Id of the site that the reviews are of.")],
    map_file: Annotated[
        Path | None,
        typer.Option("--map", exists=True, dir_okay=False, help="YAML that says which column is which field."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Name of the records' origin. [default: the mapping's, else the file's name]")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the first rows, check all, send none.")] = False,
    intake: IntakeOption = None,
    key: Annotated[
        str | None,
        key_option("With the scope submit. [default: one made for this import in the running `plaudit up`]"),
    ] = None,
    format_: options.FormatOption = None,
    delimiter: options.DelimiterOption = None,
    encoding: options.EncodingOption = "utf-8-sig",
    state: Annotated[
        Path | None, typer.Option(help="Where to remember how far it came. [default: FILE.SITE.import.json]")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Where to list refused rows. [default: FILE.refused.ndjson]")
    ] = None,
    report_content: options.ReportContentOption = False,
    restart: Annotated[bool, typer.Option("--restart", help="Begin again, whatever an earlier run did.")] = False,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Rows in a request.")] = 500,
    in_flight: options.InFlightOption = 3,
    give_up_after: options.GiveUpOption = GIVE_UP_SECONDS,
    data_dir: DataDirOption = None,
) -> None:
    """Import reviews from a file.

    Every row is moderated like any other review. Running it again goes on where an earlier run ended, and a row that is
    in already stays as it is. Ends with 0 when every row was accepted, 3 when some were refused (the report says which
    and why), 1 when it could not finish.
    """
    chosen = options.known_format(format_)
    place, pace = Place(site, intake, key, data_dir), Pace(batch, in_flight, give_up_after)
    checkpoint = Checkpoint(state or place_beside(file, f".{site}.import.json"))
    with problems_end_it():
        dialect = choose_dialect(file, chosen, delimiter, encoding)
        with Source(file, dialect) as opened:
            plan = make_plan(opened, dialect, map_file, source)
            for line in plan.describe():
                print(line)
            listing = Report(
                report or place_beside(file, ".refused.ndjson"), opened.header, with_content=report_content
            )
            if dry_run:
                totals = check(opened, plan, listing if report is not None else None)
            else:
                job = plan.job(file, site)
                if restart:
                    checkpoint.remove()
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    totals = runner.run(_import(opened, plan, job, checkpoint, listing, place, pace))
    raise typer.Exit(exit_code(totals))


async def _import(
    source: Source, plan: Plan, job: Job, checkpoint: Checkpoint, report: Report, place: Place, pace: Pace
) -> Totals:
    async with open_transfer(place, pace, "reviews") as transfer:
        progress = await _resume(checkpoint, report, transfer.client, job)
        # Before anything is sent: better to find out now that neither can be kept.
        checkpoint.save(progress)
        if progress.rows:
            print(f"going on after row {progress.rows:,}")
        begun = progress.rows
        rows = batches(source.rows(), plan.mapper, pace.batch, begun=begun, keep_values=report.with_content)
        seconds = await transfer.run(
            source, rows, progress, checkpoint, report, again="the same command goes on from there"
        )
        summarise(progress.totals, seconds, progress.rows - begun, report)
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
