"""`plaudit recount`: whether the public rows and counts are what they have to be."""

from __future__ import annotations

from typing import Final

import typer

from services.cli.target import DataDirOption, PostgresOption, find_target, on_database
from services.projection.recount import differences

DIFFERENT: Final = 1
"""Exit code where something is not as it should be."""


def recount(postgres: PostgresOption = None, data_dir: DataDirOption = None) -> None:
    """Count everything anew and compare it with the stored statistics. Changes nothing; exit code 1: they differ.

    Also compares the public rows with what was decided, votes with their voters, and the tree of categories with its
    closure. Reads all of it in one snapshot, while the services run.
    """
    found = on_database(find_target(data_dir, postgres=postgres), differences)
    for difference in found:
        print(f"{difference.what} {difference.key}: {difference.stored} is stored, {difference.counted} is right")
    if found:
        raise typer.Exit(DIFFERENT)
    print("everything is as it should be")
