"""`plaudit catalog import`: products, categories and brands from a file."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated

import orjson
import typer
import uvloop

from services.cli.catalog_mapping import read_catalog_mapping
from services.cli.catalog_rows import CatalogReader, MappedProducts, NativeEntries, Survey
from services.cli.importing.batch import Batch, RefusedRow, batches
from services.cli.importing.checkpoint import Checkpoint, Job, Progress, Totals
from services.cli.importing.client import GIVE_UP_SECONDS, IntakeClient, http_client
from services.cli.importing.errors import ImportProblem, Interrupted
from services.cli.importing.plan import choose_dialect, place_beside
from services.cli.importing.progress import Meter, display
from services.cli.importing.report import Report
from services.cli.importing.run import Run, count
from services.cli.importing.source import Dialect, Format, Identity, Source
from services.cli.importing.summary import print_reasons
from services.cli.importing.target import open_intake
from services.cli.importing.watching import SHOW_SECONDS, every, stopped_by_signals
from services.cli.intake_requests import IntakeOption, KeyOption, SiteOption
from services.cli.target import DataDirOption, NoTarget
from services.intake.batch import too_long
from services.intake.catalog import Change
from services.intake.catalog_body import parse_line
from services.intake.refusal import Refusal
from services.intake.submission import MAX_BODY_BYTES, Invalid
from shared.clock import SystemClock

SOME_REFUSED = 3
NOT_FINISHED = 1
PREVIEW = 2
"""Of each kind."""


@dataclass(frozen=True)
class _Options:
    site: str
    intake: str | None
    key: str | None
    data_dir: Path | None
    report: Path
    report_content: bool
    size: int
    in_flight: int
    give_up_seconds: float


class _NothingToRemember(Checkpoint):
    """A catalog is sent from the beginning every time: what is in already costs next to nothing to say again."""

    def save(self, progress: Progress) -> None:
        pass

    def remove(self) -> None:
        pass


def import_catalog(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV or NDJSON, gzip too.")],
    site: SiteOption,
    map_file: Annotated[
        Path | None,
        typer.Option(
            "--map",
            exists=True,
            dir_okay=False,
            help="YAML that says which column is which field, and which are categories. CSV needs one.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show some entries, check all, send none.")] = False,
    intake: IntakeOption = None,
    key: KeyOption = None,
    format_: Annotated[
        str | None, typer.Option("--format", help="csv or ndjson. [default: by the file's name]")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Of CSV: a character, or tab. [default: comma; tab for .tsv]")
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of CSV.")] = "utf-8-sig",
    report: Annotated[
        Path | None, typer.Option(help="Where to list refused rows. [default: FILE.catalog-refused.ndjson]")
    ] = None,
    report_content: Annotated[
        bool, typer.Option("--report-content", help="Write the refused rows themselves into the report, too.")
    ] = False,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Entries in a request.")] = 500,
    in_flight: Annotated[int, typer.Option(min=1, max=16, help="Requests at a time.")] = 3,
    give_up_after: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to try again while intake is away.")
    ] = GIVE_UP_SECONDS,
    data_dir: DataDirOption = None,
) -> None:
    """Load products, categories and brands from a file.

    Without --map every line of NDJSON is an entry: {"kind": "product", "id": …} or category or brand; with
    "removed": true it is taken out. With --map every row is a product, in CSV or NDJSON: columns may be its categories
    from the outermost to the innermost, which become a tree, and several rows of one product become one entry, as most
    of them have it.

    Safe to run again: what is the same already stays as it is. What the file does not name stays, too; `plaudit catalog
    remove` takes it out. Ends with 0 when every row was accepted, 3 when some were refused (the report says which and
    why), 1 when it could not finish.
    """
    if format_ not in (None, "csv", "ndjson"):
        raise typer.BadParameter("--format is csv or ndjson")
    chosen: Format | None = "csv" if format_ == "csv" else "ndjson" if format_ == "ndjson" else None
    place = report or place_beside(file, ".catalog-refused.ndjson")
    options = _Options(site, intake, key, data_dir, place, report_content, batch, in_flight, give_up_after)
    try:
        dialect = choose_dialect(file, chosen, delimiter, encoding)
        with Source(file, dialect) as source:
            listing = Report(place, source.header, with_content=report_content)
            ready = _batches(source, dialect, map_file, options)
            if dry_run:
                totals = _check(ready, listing if report is not None else None)
            else:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    totals = runner.run(_import(source, ready, listing, options))
    except (ImportProblem, NoTarget) as problem:
        print(f"plaudit: {problem}", file=sys.stderr)
        raise typer.Exit(NOT_FINISHED) from None
    except (Interrupted, asyncio.CancelledError):
        raise typer.Exit(NOT_FINISHED) from None
    raise typer.Exit(SOME_REFUSED if totals.refused else 0)


def _batches(source: Source, dialect: Dialect, map_file: Path | None, options: _Options) -> Iterator[Batch]:
    """What is to be sent, categories and brands first. Raises ImportProblem where mapping and file do not fit."""
    if map_file is None:
        if dialect.format == "csv":
            columns = ", ".join(source.header)
            raise ImportProblem(f"say with --map which column is which field of a product; the columns are: {columns}")
        print("entries  the lines as they are")
        return batches(source.rows(), NativeEntries(), options.size, keep_values=options.report_content)
    mapping = read_catalog_mapping(map_file)
    reader = CatalogReader(mapping, source.header if dialect.format == "csv" else None)
    for name, origin in mapping.describe():
        print(f"  {name:<28}  {origin}")
    # Once through the file to see what it says taken together, and once more to send.
    print(f"reading {source.path.name}", flush=True)
    with Source(source.path, dialect) as first:
        survey = Survey.of(first.rows(), reader)
    print(f"{survey.products:,} products, {len(survey.categories):,} categories, {len(survey.brands):,} brands")
    if survey.differing:
        print(f"note: rows of {survey.differing:,} products differ; each is taken as most of its rows have it")
    products = MappedProducts(reader, survey)
    rows = batches(source.rows(), products, options.size, keep_values=options.report_content)
    return chain(survey.batches(options.size), rows)


async def _import(source: Source, ready: Iterator[Batch], report: Report, options: _Options) -> Totals:
    clock, stop = SystemClock(), asyncio.Event()
    async with (
        open_intake(options.intake, options.key, options.site, options.data_dir, clock) as intake,
        http_client(intake.url, intake.token, options.in_flight) as http,
    ):
        client = IntakeClient(http, options.site, clock, stop, options.give_up_seconds, "catalog")
        progress = Progress(Job(Identity.of(source.path), options.site, "catalog"))
        report.begin()
        run = Run(client, progress, _NothingToRemember(Path()), report, clock, stop, options.in_flight)
        meter = Meter(clock.monotonic, 0)
        screen = display(clock.monotonic)

        def show() -> None:
            fraction = source.position / source.size if source.size else 1.0
            screen.show(meter.snapshot(progress.rows, progress.totals.refused, fraction, client.waiting_for))

        showing = asyncio.create_task(every(SHOW_SECONDS, show))
        try:
            with stopped_by_signals(stop, screen):
                await run.run(ready)
        except (ImportProblem, Interrupted, asyncio.CancelledError):
            screen.say(f"stopped after row {progress.rows:,}; run the same command again, it changes nothing twice")
            raise
        finally:
            showing.cancel()
            screen.close()
            report.close()
        _summarise(progress, meter.seconds, report)
        return progress.totals


def _summarise(progress: Progress, seconds: float, report: Report) -> None:
    totals = progress.totals
    print(
        f"accepted {totals.accepted:,}: {totals.created:,} created, {totals.edited:,} updated, "
        f"{totals.removed:,} removed, {totals.unchanged:,} unchanged\n"
        f"refused {totals.refused:,}, repeated {totals.skipped:,}\n{progress.rows:,} rows in {seconds:.1f} s"
    )
    print_reasons(totals, report)


def _check(ready: Iterator[Batch], report: Report | None) -> Totals:
    """The dry run: what intake would say of each entry by itself."""
    totals, shown = Totals(), Counter[str]()
    if report is not None:
        report.begin()
    for batch in ready:
        refused = list(batch.unsent)
        for sent, body in zip(batch.sent, batch.bodies, strict=True):
            judged = _judge(body)
            if isinstance(judged, Refusal):
                place = (sent.number, sent.line, judged.code.value, judged.field, judged.message)
                refused.append(RefusedRow(*place, sent.values))
                continue
            shown[judged.key.kind] += 1
            if shown[judged.key.kind] <= PREVIEW:
                entry = orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
                print(f"row {sent.number}: {entry}")
        refused.sort(key=lambda row: row.number)
        good = len(batch.sent) + len(batch.unsent) - len(refused)
        count(totals, ["created"] * good, refused, batch.skipped)
        if report is not None:
            report.write(refused)
    if report is not None:
        report.close()
    print(f"dry run: {totals.created:,} can be sent, {totals.refused:,} are refused, {totals.skipped:,} are repeated")
    print_reasons(totals, report)
    return totals


def _judge(body: bytes) -> Change | Refusal:
    if len(body) > MAX_BODY_BYTES:
        return too_long("entry")
    try:
        return parse_line(body, None)
    except Invalid as invalid:
        return invalid.refusal
