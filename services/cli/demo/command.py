"""`plaudit demo`: everything once, from an empty directory to the public answer."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import httpx
import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.text import Text

from services.cli.demo import preparation
from services.cli.demo.api import Api
from services.cli.demo.errors import DemoFailed
from services.cli.demo.examples import examples
from services.cli.demo.sample import APPROVED_BY_HAND, REPLIED_TO, SITE, TOPIC
from services.cli.demo.screen import DownloadLine, Screen, TroubleOnly, open_console
from services.cli.demo.storefront import Storefront
from services.cli.demo.story import Known, Story
from services.cli.embedded.datadir import DataDir, default_data_dir, is_free
from services.cli.embedded.parts import TerminalProgress
from services.cli.supervisor import Supervisor
from services.cli.system import Options, System
from services.cli.target import Target

PORT = 8600
_PORTS = 4
_INTERRUPTED = 130


def demo(
    stay: Annotated[
        bool,
        typer.Option("--stay", help="Keep running afterwards, with calls to try; the data is kept and used again."),
    ] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            help="Where everything is kept. [default: with --stay `.plaudit-demo` here, else a temporary directory]",
        ),
    ] = None,
) -> None:
    """Start everything, send a hundred reviews in over HTTP and Kafka, and show what becomes of each.

    Ends with exit code 0 when the public answer is exactly what was approved. Needs nothing that runs already.
    """
    console = open_console()
    kept = data_dir or (_stay_dir() if stay else None)
    place = DataDir(kept or _temporary_dir())
    code = None
    try:
        code = asyncio.run(_demo(console, place, stay))
    finally:
        # Of a failure, the logs are what tells why.
        if kept is None and code not in (None, 1):
            shutil.rmtree(place.root, ignore_errors=True)
    if code == 1:
        console.print(Text(f"What the services said is in {place.logs}", style="red"))
    raise typer.Exit(code)


async def _demo(console: Console, place: DataDir, stay: bool) -> int:
    """The exit code."""
    screen = Screen(console)
    console.print(
        Text.assemble(("Plaudit", "bold"), ": every review is moderated, the public sees approved ones only.")
    )
    options = _options(screen, stay)
    trouble = TroubleOnly(screen)
    screen.heading(1, "Apache Kafka, Postgres and the services start, each a process of its own")
    code = 1
    async with Supervisor(place, stream=trouble) as supervisor:
        asked_to_stop = asyncio.create_task(supervisor.wait())
        try:
            system = System(supervisor, place, options, TerminalProgress(DownloadLine(screen)))
            await system.start(screen.begin)
            screen.done()
            code = await _unless(asked_to_stop, _run(screen, system, place, stay))
            if code == 0 and stay:
                await asked_to_stop
        finally:
            asked_to_stop.cancel()
            screen.abandon()
            trouble.is_stopping = True
            screen.begin("everything stops")
    screen.done()
    return code


async def _unless(asked_to_stop: asyncio.Task[None], work: Coroutine[Any, Any, int]) -> int:
    """The work's result; _INTERRUPTED when a signal came first."""
    doing = asyncio.create_task(work)
    await asyncio.wait({doing, asked_to_stop}, return_when=asyncio.FIRST_COMPLETED)
    if doing.done():
        return doing.result()
    doing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await doing
    return _INTERRUPTED


async def _run(screen: Screen, system: System, place: DataDir, stay: bool) -> int:
    addresses = {"intake": system.intake, "moderation": system.moderation, "query": system.query}
    screen.heading(2, "An operator sets up a shop")
    try:
        tokens = await _prepare(screen, system.target)
        pass_key = await preparation.create_pass_key(system.target)
        async with httpx.AsyncClient(trust_env=False, timeout=15.0) as client:
            api = Api(client, addresses, tokens)
            known = await Story(screen, system.target, api, Storefront(api, pass_key)).tell()
    except (DemoFailed, OSError, asyncpg.PostgresError, KafkaError) as failure:
        screen.abandon()
        said = (
            str(failure) if isinstance(failure, DemoFailed) else f"{type(failure).__name__}: Kafka or Postgres is away"
        )
        screen.console.print(Text(f"✗ {said}", style="bold red"))
        return 1
    public = sum(outcome.public is not None for outcome in known.outcomes)
    screen.console.print(
        Text(
            f"\n✓ {len(known.outcomes)} reviews, {public} of them approved, and the public sees exactly these.",
            "green",
        )
    )
    if stay:
        await _show_examples(screen, system, place, known, pass_key)
    return 0


async def _prepare(screen: Screen, target: Target) -> dict[str, str]:
    screen.begin(f"site {SITE}")
    screen.done("created" if await preparation.create_site(target) else "there from an earlier run")
    screen.begin("API keys, stored as hashes")
    tokens = await preparation.create_keys(target, preparation.SCOPES)
    screen.done(", ".join(f"{name} ({' '.join(scopes)})" for name, scopes in preparation.SCOPES.items()))
    screen.begin(f"Kafka topic {TOPIC}, whose records are for {SITE}")
    await preparation.map_topic(target)
    screen.done()
    return tokens


async def _show_examples(screen: Screen, system: System, place: DataDir, known: Known, pass_key: str) -> None:
    """Commands are printed as they are, however long: wrapped ones could not be pasted."""
    screen.heading(10, "Try it: everything keeps running until Ctrl-C")
    addresses = {"intake": system.intake, "moderation": system.moderation, "query": system.query}
    (token,) = (await preparation.create_keys(system.target, preparation.EXAMPLES)).values()
    touched = (APPROVED_BY_HAND, REPLIED_TO)
    held, approved = known.first("held", touched), known.first("approved", touched)
    lines = [
        Text(f"  {name:<11} {address}")
        for name, address in (
            ("reviews", f"{system.query}/public/{SITE}/reviews"),
            ("write API", f"{system.intake}/v1/sites/{SITE}/reviews"),
            ("moderation", f"{system.moderation}/v1/sites/{SITE}/cases"),
            ("policies", f"plaudit policy list --data-dir={place.root}"),
            ("metrics", f"{system.query}/metrics (and the same of the others)"),
            ("Kafka", system.kafka),
        )
    ]
    for example in examples(addresses, token, pass_key, held, approved):
        lines += [Text(f"\n# {example.what}", style="dim"), Text(example.command)]
    for line in lines:
        screen.console.print(line, soft_wrap=True)


def _options(screen: Screen, stay: bool) -> Options:
    """A demo that stays has the addresses that the documentation names, where they are free."""
    port = PORT if stay else None
    if port is not None and not all(is_free(port + number) for number in range(_PORTS)):
        screen.warn(f"some of the ports {PORT} to {PORT + _PORTS - 1} are taken; others are used")
        port = None
    return Options(port=port, log_format="json")


def _stay_dir() -> Path:
    """Beside that of `plaudit up`, so that a demo never mixes with a system in earnest."""
    default = default_data_dir()
    return default.with_name(f"{default.name}-demo")


def _temporary_dir() -> Path:
    """Open to others for passing through: Postgres runs as another account when we are root."""
    root = Path(tempfile.mkdtemp(prefix="plaudit-demo-"))
    root.chmod(0o755)
    return root
