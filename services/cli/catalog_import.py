"""`plaudit catalog import`: products, categories and brands from a file."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from services.cli.catalog_mapping import read_catalog_mapping
from services.cli.catalog_rows import CatalogReader, MappedProducts, NativeEntries, Survey
from services.cli.importing import options
from services.cli.importing.batch import Batch, RefusedRow, batches
from services.cli.importing.check import show, tally
from services.cli.importing.checkpoint import Checkpoint, Job, Progress, Totals
from services.cli.importing.client import GIVE_UP_SECONDS
from services.cli.importing.errors import ImportProblem
from services.cli.importing.plan import choose_dialect, place_beside
from services.cli.importing.report import Report
from services.cli.importing.source import Dialect, Identity, Source
from services.cli.importing.summary import print_reasons
from services.cli.importing.transfer import Pace, exit_code, open_transfer, problems_end_it
from services.cli.intake_requests import IntakeOption, KeyOption, Place, SiteOption
from services.cli.target import DataDirOption
from services.intake.batch import too_long
from services.intake.catalog import Change
from services.intake.catalog_body import parse_line
from services.intake.refusal import Refusal
from services.intake.submission import MAX_BODY_BYTES, Invalid

PREVIEW = 2
"""Of each kind."""


class _NothingToRemember(Checkpoint):
    """A catalog is sent from the beginning every time: what is in already costs next to nothing to say again."""

    def save(self, progress: Progress) -> None:
        pass

    def remove(self) -> None:
        pass


def import_catalog(
    file: options.FileArgument,
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
    format_: options.FormatOption = None,
    delimiter: options.DelimiterOption = None,
    encoding: options.EncodingOption = "utf-8-sig",
    report: Annotated[
        Path | None, typer.Option(help="Where to list refused rows. [default: FILE.catalog-refused.ndjson]")
    ] = None,
    report_content: options.ReportContentOption = False,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Entries in a request.")] = 500,
    in_flight: options.InFlightOption = 3,
    give_up_after: options.GiveUpOption = GIVE_UP_SECONDS,
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
    chosen = options.known_format(format_)
    place, pace = Place(site, intake, key, data_dir), Pace(batch, in_flight, give_up_after)
    with problems_end_it():
        dialect = choose_dialect(file, chosen, delimiter, encoding)
        with Source(file, dialect) as source:
            listing = Report(
                report or place_beside(file, ".catalog-refused.ndjson"), source.header, with_content=report_content
            )
            ready = _batches(source, dialect, map_file, batch, keep_values=report_content)
            if dry_run:
                totals = _check(ready, listing if report is not None else None)
            else:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    totals = runner.run(_import(source, ready, listing, place, pace))
    raise typer.Exit(exit_code(totals))


def _batches(
    source: Source, dialect: Dialect, map_file: Path | None, size: int, *, keep_values: bool
) -> Iterator[Batch]:
    """What is to be sent, categories and brands first. Raises ImportProblem where mapping and file do not fit."""
    if map_file is None:
        if dialect.format == "csv":
            columns = ", ".join(source.header)
            raise ImportProblem(f"say with --map which column is which field of a product; the columns are: {columns}")
        print("entries  the lines as they are")
        return batches(source.rows(), NativeEntries(), size, keep_values=keep_values)
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
    rows = batches(source.rows(), products, size, keep_values=keep_values)
    return chain(survey.batches(size), rows)


async def _import(source: Source, ready: Iterator[Batch], report: Report, place: Place, pace: Pace) -> Totals:
    async with open_transfer(place, pace, "catalog") as transfer:
        progress = Progress(Job(Identity.of(source.path), place.site, "catalog"))
        report.begin()
        again = "run the same command again, it changes nothing twice"
        seconds = await transfer.run(source, ready, progress, _NothingToRemember(Path()), report, again=again)
        _summarise(progress, seconds, report)
        return progress.totals


def _summarise(progress: Progress, seconds: float, report: Report) -> None:
    totals = progress.totals
    print(
        f"accepted {totals.accepted:,}: {totals.created:,} created, {totals.edited:,} updated, "
        f"{totals.removed:,} removed, {totals.unchanged:,} unchanged\n"
        f"refused {totals.refused:,}, repeated {totals.skipped:,}\n{progress.rows:,} rows in {seconds:.1f} s"
    )
    print_reasons(totals, report)


def _check(ready: Iterable[Batch], report: Report | None) -> Totals:
    """The dry run: what intake would say of each entry by itself."""
    totals = tally(_judged(ready), report)
    print(f"dry run: {totals.created:,} can be sent, {totals.refused:,} are refused, {totals.skipped:,} are repeated")
    print_reasons(totals, report)
    return totals


def _judged(ready: Iterable[Batch]) -> Iterator[tuple[Batch, list[RefusedRow]]]:
    """Shows the first entries of each kind, too."""
    shown = Counter[str]()
    for batch in ready:
        refused = []
        for sent, body in zip(batch.sent, batch.bodies, strict=True):
            judged = _judge(body)
            if isinstance(judged, Refusal):
                refused.append(sent.refused(judged.code.value, judged.field, judged.message))
                continue
            shown[judged.key.kind] += 1
            if shown[judged.key.kind] <= PREVIEW:
                show(sent, body)
        yield batch, refused


def _judge(body: bytes) -> Change | Refusal:
    if len(body) > MAX_BODY_BYTES:
        return too_long("entry")
    try:
        return parse_line(body, None)
    except Invalid as invalid:
        return invalid.refusal
