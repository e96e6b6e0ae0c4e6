"""`plaudit check`: NDJSON of texts in, NDJSON of decisions out, with nothing but this process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.cli.checking.options import LanguagesOption, PolicyOption, WordsOption
from services.cli.checking.run import Options, run


def check(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE",
            help="NDJSON, gzip too where a name ends in .gz. [default: standard input, also as -]",
            show_default=False,
        ),
    ] = None,
    policy: PolicyOption = None,
    languages: LanguagesOption = None,
    words: WordsOption = None,
    classifier: Annotated[
        list[str] | None,
        typer.Option("--classifier", metavar="NAME", help="Ask this installed plug-in as well; may be given again."),
    ] = None,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help="Also the confidence and detail of flags, and the policy, queue and note."),
    ] = False,
    summary: Annotated[bool, typer.Option("--summary", help="Say on standard error what came of all texts.")] = False,
) -> None:
    """Judge texts: NDJSON in, NDJSON out, a line for each line in its order. Needs no broker and no database.

    In:  {"id": 7, "text": "Call me: 212-555-0142"}, and if known "title", "pros", "cons", "rating" (1 to 5)
    and "locale"; "kind": "comment" for a comment on a review.

    Out: {"id": 7, "decision": "held", "rule": "contact-details", "codes": ["PII"], "flags": [{"detector": "phone",
    "category": "contact", "severity": null, "field": "text", "start": 9, "end": 21, "matched": "212-555-0142"}]}

    Places are in characters (code points) of the text as it was given. A line that cannot be judged gets
    {"id": …, "error": {"line": …, "field": …, "message": …}} in its place, and the exit code is 1 in the end.

    Try: echo '{"id": 1, "text": "What a pile of sh!t"}' | plaudit check
    """
    options = Options(
        [Path(file) for file in files or ()], policy, languages, words, classifier or (), verbose, summary
    )
    raise typer.Exit(run(options))
