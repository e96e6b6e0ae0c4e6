"""Which system a command works on: the one that is named, else the one that runs from the data directory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import asyncpg
import typer
from pydantic import SecretStr

from services.cli.embedded.datadir import DataDir, default_data_dir
from services.cli.errors import CommandError
from services.cli.supervisor import read_state
from shared.kafka.client import KafkaSettings
from shared.settings import ServiceSettings

DataDirOption = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Data directory of `plaudit up`. [default: $PLAUDIT_DATA_DIR or ./.plaudit]"),
]
PostgresOption = Annotated[
    str | None,
    typer.Option(
        "--postgres",
        metavar="DSN",
        envvar="PLAUDIT_POSTGRES",
        show_envvar=True,
        help="postgres://OWNER:PASSWORD@HOST:PORT/DATABASE. [default: the running `plaudit up`]",
    ),
]
KafkaOption = Annotated[
    str | None,
    typer.Option(
        "--kafka",
        metavar="HOST:PORT",
        envvar="PLAUDIT_KAFKA__BOOTSTRAP",
        show_envvar=True,
        help="Bootstrap servers. [default: the running `plaudit up`]",
    ),
]
Result = TypeVar("Result")


class NoTarget(CommandError):
    """Nothing is named and nothing runs."""


class Unusable(CommandError):
    """The database does not do what the command needs."""


@dataclass(frozen=True)
class Target:
    """Addresses of a running system; None for what is neither named nor found."""

    addresses: dict[str, str]

    def need(self, name: str, option: str) -> str:
        """The address called `name`; raises NoTarget naming the option that would give it."""
        address = self.addresses.get(name)
        if address is None:
            raise NoTarget(f"no {name} to work on: start `plaudit up` (in this directory), or name one with {option}")
        return address


def find_target(data_dir: Path | None = None, **named: str | None) -> Target:
    """Names given win over what the running system announced."""
    state = read_state(DataDir(data_dir or default_data_dir()))
    found = dict(state.addresses) if state else {}
    return Target({**found, **{name: address for name, address in named.items() if address}})


@asynccontextmanager
async def database(target: Target) -> AsyncIterator[asyncpg.Connection[Any]]:
    dsn = target.need("postgres", "--postgres")
    try:
        connection = await asyncpg.connect(dsn)
    except ValueError:
        # Of the error's own words none, for they may hold a password.
        raise NoTarget(
            "--postgres or PLAUDIT_POSTGRES is no address of a database: postgres://USER@HOST:PORT/DATABASE"
        ) from None
    try:
        yield connection
    finally:
        await connection.close()


def on_database(target: Target, work: Callable[[asyncpg.Connection[Any]], Awaitable[Result]]) -> Result:
    """What `work` returns, given a connection of its own. Raises NoTarget or Unusable."""

    async def run() -> Result:
        async with database(target) as connection:
            return await work(connection)

    try:
        return asyncio.run(run())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # Without the error's own words, which may hold a password.
        reason = f"Postgres: {type(error).__name__}; is it running, and migrated (`plaudit migrate`)?"
        raise Unusable(reason) from None


def kafka_settings(target: Target) -> KafkaSettings:
    """Security settings come from the environment, as they do for services."""
    environment = ServiceSettings(postgres=SecretStr(os.environ.get("PLAUDIT_POSTGRES", "")))
    return environment.kafka.model_copy(update={"bootstrap": target.need("kafka", "--kafka")})
