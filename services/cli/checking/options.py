"""Options that `plaudit check` and `plaudit explain` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        exists=True,
        dir_okay=False,
        metavar="FILE",
        help="A policy's YAML. [default: the built-in policy]",
    ),
]
LanguagesOption = Annotated[
    str | None,
    typer.Option(metavar="CODES", help="Languages that the site takes, as in `en,es`. [default: any]"),
]
WordsOption = Annotated[
    Path | None,
    typer.Option(
        "--words",
        exists=True,
        dir_okay=False,
        metavar="FILE",
        help="The site's own words: YAML with any of `add`, `remove`, `allow` and `competitor`, each a list.",
    ),
]
