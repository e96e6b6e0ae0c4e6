"""`plaudit policy`: policies checked, saved, compared, tried and put in force."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from services.cli.lazy import LazyGroup
from services.cli.scoped import NoteOption, PersonOption, Refused, SiteOption, by, in_scope, read_text, reference
from services.cli.target import DataDirOption, PostgresOption
from services.moderation.policies import activation, events, versions
from services.moderation.policies.activation import Standing
from services.moderation.policies.reference import BUILT_IN, EVERY_SITE, NoSuchVersion, Reference
from services.moderation.policies.versions import NameTaken, PolicyVersion
from services.moderation.policy.policy import check_policy, default_source
from services.moderation.policy.problem import PolicyErrors, render_problems
from shared.clock import SystemClock

UNSOUND = 2
"""Exit code for a policy with errors."""

FileArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The policy's YAML.")]
EitherArgument = Annotated[
    str, typer.Argument(metavar="FILE|NAME@VERSION", help="A policy's YAML, or a saved version.")
]


class PolicyCommands(LazyGroup):
    places: ClassVar = {
        "list": "services.cli.policy_commands:list_versions",
        "show": "services.cli.policy_commands:show",
        "check": "services.cli.policy_commands:check",
        "save": "services.cli.policy_commands:save",
        "diff": "services.cli.policy_commands:diff",
        "backtest": "services.cli.backtest:run_backtest",
        "shadow": "services.cli.policy_control:shadow",
        "rollout": "services.cli.policy_control:roll_out",
        "stop": "services.cli.policy_control:stop",
        "activate": "services.cli.policy_control:activate",
        "follow": "services.cli.policy_control:follow",
        "log": "services.cli.policy_commands:log",
    }


app = typer.Typer(
    cls=PolicyCommands,
    help="Policies: check, save, compare, try on live traffic and on the record, put in force.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def policy() -> None:
    """Makes it a group; all its commands are in `PolicyCommands`."""


def list_versions(site: SiteOption = None, postgres: PostgresOption = None, data_dir: DataDirOption = None) -> None:
    """Show what can be put in force, and what is."""

    async def work(connection: asyncpg.Connection[Any], scope: str) -> tuple[list[PolicyVersion], Standing, Standing]:
        return await versions.listed(connection, scope), *await activation.read(connection, scope)

    listed, own, everywhere = in_scope(site, postgres, data_dir, work)
    table = Table("policy", "of", "now", "saved", "by", "note")
    for one in listed:
        table.add_row(
            str(one.reference),
            _scope(one.scope),
            _standing(one.reference, own, everywhere),
            f"{one.created_at:%Y-%m-%d %H:%M}",
            one.moderator or one.created_by,
            one.note or "",
        )
    Console(markup=False).print(table)


def show(
    version: Annotated[
        str | None,
        typer.Argument(metavar="NAME@VERSION", help="[default: what is active; `default`: what is built in]"),
    ] = None,
    site: SiteOption = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Print a version's YAML, to be edited and saved under a name of its own."""
    if version == BUILT_IN:
        print(default_source(), end="")
        return

    async def work(connection: asyncpg.Connection[Any], scope: str) -> PolicyVersion:
        if version is not None:
            return await found(connection, scope, *reference(version))
        own, everywhere = await activation.read(connection, scope)
        active = own.active or everywhere.active
        if active is None:
            raise Refused("nothing was put in force yet; `plaudit policy show default` prints what is built in")
        return await found(connection, scope, active.name, active.version)

    print(in_scope(site, postgres, data_dir, work).source, end="")


def check(file: FileArgument) -> None:
    """Say what is wrong with a policy, and where. Exit code 2 when it has errors; warnings alone are no failure."""
    source = read_text(file)
    problems = check_policy(source)
    print(render_problems(problems, source, str(file)), end="", file=sys.stderr)
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        print(f"{file}: {errors} error{'s' if errors > 1 else ''}", file=sys.stderr)
        raise typer.Exit(UNSOUND)
    print(f"{file} is sound")


def save(
    file: FileArgument,
    site: SiteOption = None,
    note: NoteOption = None,
    person: PersonOption = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Keep a policy as a version for ever. It decides nothing before `plaudit policy activate`."""
    source = read_text(file)

    async def work(connection: asyncpg.Connection[Any], scope: str) -> versions.Saved:
        return await versions.save(connection, scope, source, by(person, note), SystemClock().now())

    try:
        saved = in_scope(site, postgres, data_dir, work)
    except PolicyErrors as errors:
        _unsound(errors, source, file)
    except NameTaken as error:
        raise Refused(str(error)) from None
    print(render_problems(saved.warnings, source, str(file)), end="", file=sys.stderr)
    name = saved.version.reference
    option = f" --site {site}" if site else ""
    print(f"{name} is saved" if saved.created else f"{name} is this very policy: nothing new was saved")
    print(f"next: plaudit policy backtest {name}{option}, or plaudit policy activate {name}{option}")


def diff(
    one: EitherArgument,
    other: EitherArgument,
    site: SiteOption = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Compare two versions, or a version with a file. Two files need no database. Exit code 1 when they differ."""

    files = {name: read_text(Path(name)) for name in (one, other) if Path(name).is_file()}

    async def work(connection: asyncpg.Connection[Any], scope: str) -> list[str]:
        return [
            files[name] if name in files else (await found(connection, scope, *reference(name))).source
            for name in (one, other)
        ]

    if len(files) == len({one, other}):
        before, after = files[one], files[other]
    else:
        before, after = in_scope(site, postgres, data_dir, work)
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), one, other, lineterm=""))
    if lines:
        print("\n".join(lines))
        raise typer.Exit(1)


def log(
    site: SiteOption = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many, the newest.")] = 50,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show who did what to policies, the newest first."""

    async def work(connection: asyncpg.Connection[Any], scope: str) -> list[dict[str, Any]]:
        return (await events.page(connection, scope, None, limit))[0]

    table = Table("when", "what", "policy", "instead of", "by", "note")
    for event in in_scope(site, postgres, data_dir, work):
        share = f" ({event['percent']} %)" if event["percent"] is not None else ""
        replaced = f"{event['replaced_name']}@{event['replaced_version']}" if event["replaced_name"] else ""
        table.add_row(
            f"{event['at']:%Y-%m-%d %H:%M:%S}",
            event["what"],
            f"{event['name']}@{event['version']}{share}" if event["name"] else "",
            replaced,
            " ".join(
                filter(None, (event["moderator"], f"({event['actor']})" if event["moderator"] else event["actor"]))
            ),
            event["note"] or "",
        )
    Console(markup=False).print(table)


async def found(connection: asyncpg.Connection[Any], scope: str, name: str, version: int) -> PolicyVersion:
    found = await versions.find(connection, scope, name, version)
    if found is None:
        raise Refused(f"{NoSuchVersion(name, version)}; `plaudit policy list` shows those that there are")
    return found


def _unsound(errors: PolicyErrors, source: str, file: Path) -> NoReturn:
    print(render_problems(errors.problems, source, str(file)), end="", file=sys.stderr)
    print(f"{file} has errors and was not saved", file=sys.stderr)
    raise typer.Exit(UNSOUND) from None


def _standing(policy: Reference, own: Standing, everywhere: Standing) -> str:
    inherited = everywhere if own.active is None else Standing()
    said = []
    if policy == (own.active or inherited.active):
        said.append("active")
    if policy == (own.rollout or inherited.rollout):
        said.append(f"rollout {own.percent if own.rollout else inherited.percent} %")
    if policy == (own.shadow or inherited.shadow):
        said.append("shadow")
    return ", ".join(said)


def _scope(scope: str) -> str:
    return "every site" if scope == EVERY_SITE else scope
