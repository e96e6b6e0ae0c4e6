"""Commands about the rules of one site or of every site: their options, and how they reach the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer

from services.cli.errors import CommandError
from services.cli.target import Result, find_target, on_database
from services.moderation.policies.reference import EVERY_SITE, OPERATOR, By, parse_reference

SiteOption = Annotated[str | None, typer.Option("--site", metavar="SITE", help="Of this site. [default: every site]")]
NoteOption = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why, for the log.")]
PersonOption = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Who you are, for the log.")]

# Decisions may wait for this transaction: a command that is stopped in the middle must not hold them up for long.
_BOUNDS = "set local idle_in_transaction_session_timeout = '10s'; set local statement_timeout = '60s'"
_IS_SITE = "select exists (select from intake.sites where site = $1)"


class Refused(CommandError):
    """What was asked for cannot be done; the message says why."""


async def check_site(connection: asyncpg.Connection[Any], scope: str) -> None:
    """Refuses a site that is not there."""
    if scope != EVERY_SITE and not await connection.fetchval(_IS_SITE, scope):
        raise Refused(f"there is no site {scope}; `plaudit site list` shows all")


def by(person: str | None = None, note: str | None = None) -> By:
    return By(OPERATOR, person, note)


def read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{file} is not UTF-8") from None


def reference(text: str) -> tuple[str, int]:
    """Name and version of an argument."""
    try:
        return parse_reference(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def in_scope(
    site: str | None,
    postgres: str | None,
    data_dir: Path | None,
    work: Callable[[asyncpg.Connection[Any], str], Awaitable[Result]],
) -> Result:
    """What `work` returns, given a connection in a transaction and the scope. A site that is not there is refused."""
    scope = site or EVERY_SITE

    async def in_transaction(connection: asyncpg.Connection[Any]) -> Result:
        async with connection.transaction():
            await connection.execute(_BOUNDS)
            await check_site(connection, scope)
            return await work(connection, scope)

    return on_database(find_target(data_dir, postgres=postgres), in_transaction)
