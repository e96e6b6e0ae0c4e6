"""Options that `plaudit import` and `plaudit catalog import` have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.importing.source import Format

FileArgument = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV or NDJSON, gzip too.")
]
FormatOption = Annotated[str | None, typer.Option("--format", help="csv or ndjson. [default: by the file's name]")]
DelimiterOption = Annotated[
    str | None, typer.Option("--delimiter", help="Of CSV: a character, or tab. [default: comma; tab for .tsv]")
]
EncodingOption = Annotated[str, typer.Option("--encoding", help="Of CSV.")]
ReportContentOption = Annotated[
    bool, typer.Option("--report-content", help="Write the refused rows themselves into the report, too.")
]
InFlightOption = Annotated[int, typer.Option("--in-flight", min=1, max=16, help="Requests at a time.")]
GiveUpOption = Annotated[
    float,
    typer.Option("--give-up-after", min=0, metavar="SECONDS", help="How long to try again while intake is away."),
]


def known_format(name: str | None) -> Format | None:
    if name not in (None, "csv", "ndjson"):
        raise typer.BadParameter("--format is csv or ndjson")
    return "csv" if name == "csv" else "ndjson" if name == "ndjson" else None
