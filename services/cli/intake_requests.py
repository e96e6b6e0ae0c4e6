"""Single requests to intake, for commands that show and change one thing."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import orjson
import typer

from services.cli.importing.client import http_client, rejected, unreachable
from services.cli.importing.errors import ImportProblem
from services.cli.importing.target import open_intake
from services.cli.target import NoTarget
from shared.access import Scope
from shared.clock import SystemClock

SiteOption = Annotated[str, typer.Option("--site", help="Id of the site.")]
SiteArgument = Annotated[str, typer.Argument(help="Id of the site.")]
IntakeOption = Annotated[
    str | None,
    typer.Option(
        "--intake",
        metavar="URL",
        envvar="PLAUDIT_INTAKE_URL",
        show_envvar=True,
        help="[default: the running `plaudit up`]",
    ),
]


def key_option(help_text: str) -> Any:
    return typer.Option("--key", metavar="TOKEN", envvar="PLAUDIT_API_KEY", show_envvar=True, help=help_text)


KeyOption = Annotated[
    str | None, key_option("API key. [default: one made for this command in the running `plaudit up`]")
]
FAILED = 1


@dataclass(frozen=True)
class Place:
    """Where a command works: a site, and how intake is reached."""

    site: str
    intake: str | None
    key: str | None
    data_dir: Path | None


def ask(place: Place, scope: Scope, method: str, path: tuple[str, ...], body: Any = None) -> dict[str, Any] | None:
    """The answer of `/v1/sites/SITE/…path`; None where there is no such thing. Ends the command where it fails."""
    try:
        return asyncio.run(_ask(place, scope, method, path, body))
    except (ImportProblem, NoTarget) as problem:
        print(f"plaudit: {problem}", file=sys.stderr)
        raise typer.Exit(FAILED) from None


async def _ask(place: Place, scope: Scope, method: str, path: tuple[str, ...], body: Any) -> dict[str, Any] | None:
    address = "/".join(quote(step, safe="/" if number == len(path) - 1 else "") for number, step in enumerate(path))
    content = None if body is None else orjson.dumps(body)
    headers = {} if body is None else {"Content-Type": "application/json"}
    async with (
        open_intake(place.intake, place.key, place.site, place.data_dir, SystemClock(), scope) as intake,
        http_client(intake.url, intake.token, 1) as http,
    ):
        url = f"/v1/sites/{quote(place.site, safe='')}/{address}"
        try:
            response = await http.request(method, url, content=content, headers=headers)
        except httpx.TransportError as error:
            raise unreachable(error) from error
    if response.status_code == 404 and method == "GET":
        return None
    if response.status_code >= 400:
        raise rejected(response.status_code, response.content, scope)
    answer: dict[str, Any] = orjson.loads(response.content)
    return answer
