"""`plaudit up`: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from services.cli.embedded.datadir import DataDir, default_data_dir
from services.cli.embedded.parts import TerminalProgress
from services.cli.supervisor import Supervisor
from services.cli.system import Options, System, without_password

DataDirOption = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where everything is kept. [default: $PLAUDIT_DATA_DIR or ./.plaudit]"),
]


def up(
    data_dir: DataDirOption = None,
    kafka: Annotated[
        str | None, typer.Option("--kafka", metavar="HOST:PORT", help="Use this cluster. [default: an embedded Kafka]")
    ] = None,
    postgres: Annotated[
        str | None,
        typer.Option("--postgres", metavar="DSN", help="Use this database, as its owner. [default: embedded]"),
    ] = None,
    moderation_workers: Annotated[
        int, typer.Option("--moderation-workers", min=1, max=12, help="Processes that moderate.")
    ] = 1,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65532,
            help="Query's port; the next three are intake's, moderation's, projection's; 0 takes free ones.",
        ),
    ] = 8600,
) -> None:
    """Start Kafka, Postgres and every service, a process each, and keep them running.

    A process that dies is started again. Data survives restarts in the data directory. Ctrl-C stops everything in
    order; a second one kills it at once.
    """
    options = Options(kafka, postgres, moderation_workers, port or None)
    asyncio.run(_run(DataDir(data_dir or default_data_dir()), options))


async def _run(data_dir: DataDir, options: Options) -> None:
    async with Supervisor(data_dir) as supervisor:
        system = System(supervisor, data_dir, options, TerminalProgress())
        await system.start(lambda line: supervisor.say("plaudit", line))
        for line in addresses(system, data_dir):
            supervisor.say("plaudit", line)
        await supervisor.wait()
        supervisor.say("plaudit", "stopping")


def addresses(system: System, data_dir: DataDir) -> list[str]:
    return [
        "everything is ready; Ctrl-C stops it",
        f"query       {system.query}/public/SITE/reviews",
        f"intake      {system.intake}/v1/sites/SITE/reviews",
        f"moderation  {system.moderation}/v1/sites/SITE/cases",
        f"projection  {system.projection}/ready",
        f"kafka       {system.kafka}",
        f"postgres    {without_password(system.postgres)}",
        f"data        {data_dir.root}",
        'next: plaudit site create shop && plaudit key create shop --scope submit --label "try"',
    ]
