"""The `plaudit` command."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from services.cli.errors import CommandError


def main() -> None:
    """Errors that a person can put right are said in a line or two; only faults of ours end in a traceback."""
    try:
        if is_bare_check(sys.argv[1:]):
            sys.exit(_check(sys.argv[2:]))
        from services.cli.app import app

        app()
    except CommandError as error:
        print(f"plaudit: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def is_bare_check(arguments: Sequence[str]) -> bool:
    """`plaudit check` of files, or of standard input, without options. There is nothing for Typer to do then, and
    Typer takes as long to import as all the rest together.
    """
    return arguments[:1] == ["check"] and all(
        argument == "-" or (not argument.startswith("-") and Path(argument).is_file()) for argument in arguments[1:]
    )


def _check(files: Sequence[str]) -> int:
    gc.disable()  # nothing is garbage yet, and looking for some takes a tenth of the start; `run` enables it again
    from services.cli.checking.run import Options, run

    return run(Options([Path(file) for file in files]))
