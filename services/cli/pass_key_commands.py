"""`plaudit passkey`: the keys that storefronts of Bazaarvoice's API show."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from rich.table import Column, Table

from services.cli.scoped import Refused as CannotBe
from services.cli.target import DataDirOption, PostgresOption, Result, Target, find_target, on_database
from services.intake import pass_keys
from services.intake.pass_keys import MAX_RATE, PER_HOUR, PER_MINUTE
from services.intake.refusal import Refused
from shared.clock import SystemClock
from shared.pass_keys import HINT_LENGTH

app = typer.Typer(
    help="Pass keys, which storefronts send as PassKey: create, list and revoke them. They stand in web pages for all "
    "to see: they read what is public and submit as the public does, and nothing else.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command("create")
def create_pass_key(
    site: Annotated[str, typer.Argument(help="Id of the site.")],
    label: Annotated[str, typer.Option(help="Which storefront uses it.")] = "",
    per_minute: Annotated[
        int, typer.Option(min=1, max=MAX_RATE, help="Requests a minute, of all who use the key together.")
    ] = PER_MINUTE,
    per_hour: Annotated[int, typer.Option(min=1, max=MAX_RATE, help="Requests an hour.")] = PER_HOUR,
    locale: Annotated[
        str | None, typer.Option(help="Of labels, where a request names none: en_US. [default: the site's]")
    ] = None,
    exclude_syndicated: Annotated[
        bool, typer.Option("--exclude-syndicated", help="Show the site's own reviews only.")
    ] = False,
    pass_key: Annotated[
        str | None,
        typer.Option(
            "--pass-key", metavar="PASSKEY", help="The one that the storefront has already. [default: a new one]"
        ),
    ] = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Create a pass key and print it.

    A storefront that moves here from another system keeps working with the key that stands in its pages: give that
    with --pass-key.
    """
    if not label:
        raise typer.BadParameter('say which storefront uses the key: --label "the shop\'s pages"')
    now = SystemClock().now()
    made = _run(
        find_target(data_dir, postgres=postgres),
        lambda connection: pass_keys.create_pass_key(
            connection,
            site,
            label,
            now,
            per_minute=per_minute,
            per_hour=per_hour,
            locale=locale,
            excludes_syndicated=exclude_syndicated,
            pass_key=pass_key,
        ),
    )
    print(made)


@app.command("list")
def list_pass_keys(
    site: Annotated[str | None, typer.Argument(help="Of this site only.")] = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show pass keys by their first characters, revoked ones included."""
    heads = ("site", "label", "limits", "locale", "syndicated", "created", "revoked")
    table = Table(Column("pass key", no_wrap=True), *heads)
    target = find_target(data_dir, postgres=postgres)
    for entry in _run(target, lambda connection: pass_keys.list_pass_keys(connection, site)):
        table.add_row(
            f"{entry.hint}…",
            entry.site,
            entry.label,
            f"{entry.per_minute:,}/min {entry.per_hour:,}/h",
            entry.locale,
            "left out" if entry.excludes_syndicated else "shown",
            f"{entry.created_at:%Y-%m-%d}",
            f"{entry.revoked_at:%Y-%m-%d}" if entry.revoked_at else "",
        )
    Console().print(table)


@app.command("revoke")
def revoke_pass_key(
    pass_key: Annotated[
        str,
        typer.Argument(metavar="PASSKEY", help=f"The pass key, or its first {HINT_LENGTH} characters."),
    ],
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Revoke a pass key; it stops working everywhere within seconds, and for ever."""
    target = find_target(data_dir, postgres=postgres)
    if not _run(target, lambda connection: pass_keys.revoke_pass_key(connection, pass_key, SystemClock().now())):
        raise CannotBe("there is no such pass key; `plaudit passkey list` shows all")
    print(f"{pass_key[:HINT_LENGTH]}… is revoked")


def _run(target: Target, work: Callable[[asyncpg.Connection[Any]], Awaitable[Result]]) -> Result:
    try:
        return on_database(target, work)
    except Refused as refused:
        raise CannotBe(refused.refusal.message) from None
