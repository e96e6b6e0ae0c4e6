"""`plaudit serve`: one service in this process, for real deployments."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Annotated, Any

import typer
import uvloop
from pydantic import ValidationError

from services.moderation.settings import ModerationSettings
from services.query.settings import QuerySettings
from shared.logging import configure
from shared.service import StartError
from shared.settings import ServiceSettings


class ServiceName(StrEnum):
    INTAKE = "intake"
    MODERATION = "moderation"
    PROJECTION = "projection"
    QUERY = "query"


DEFAULT_PORTS = {
    ServiceName.QUERY: 8600,
    ServiceName.INTAKE: 8601,
    ServiceName.MODERATION: 8602,
    ServiceName.PROJECTION: 8603,
}

_SETTINGS: dict[ServiceName, type[ServiceSettings]] = {
    ServiceName.MODERATION: ModerationSettings,
    ServiceName.QUERY: QuerySettings,
}

Run = Callable[[ServiceSettings, frozenset[str]], Coroutine[Any, Any, int]]


def serve(
    service: Annotated[ServiceName, typer.Argument(help="Which service.")],
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            help="Run this part only; may be given again. intake: api, ingest, relay. moderation: api, worker, relay. "
            "[default: all parts]",
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0 takes a free one. [default: query 8600, intake 8601, …]"),
    ] = None,
) -> None:
    """Run one service until SIGTERM or Ctrl-C.

    Every part answers /live, /ready and /metrics on its port. The environment says where things are: PLAUDIT_POSTGRES
    (with the service's own role), PLAUDIT_KAFKA__BOOTSTRAP, and for query PLAUDIT_INTAKE_URL and PLAUDIT_INTAKE_KEY.
    docs/deployment.md lists all settings.
    """
    module = importlib.import_module(f"services.{service}.service")
    parts = frozenset(part or module.PARTS)
    if unknown := sorted(parts - module.PARTS):
        raise typer.BadParameter(
            f"{service} has no part {', '.join(unknown)}; it has {', '.join(sorted(module.PARTS))}"
        )
    settings = _settings(service, {"host": host, "port": port})
    configure(f"{service}", settings.log_format, settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            raise typer.Exit(runner.run(module.run(settings, parts)))
    except StartError as error:
        print(f"plaudit: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def _settings(service: ServiceName, given: dict[str, Any]) -> ServiceSettings:
    kind = _SETTINGS.get(service, ServiceSettings)
    named = {name: value for name, value in given.items() if value is not None}
    try:
        settings = kind(**named)
    except ValidationError as error:
        lines = [
            f"PLAUDIT_{'__'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise typer.BadParameter("; ".join(lines) + " (set it in the environment)") from None
    if "port" not in settings.model_fields_set:
        settings = settings.model_copy(update={"port": DEFAULT_PORTS[service]})
    return settings


if __name__ == "__main__":
    # What `plaudit up` starts: without the rest of the command line, which a service has no use for.
    typer.run(serve)
