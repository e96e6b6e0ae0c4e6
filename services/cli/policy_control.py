"""`plaudit policy activate`, `rollout`, `shadow`, `stop`, `follow`: which versions decide, and which are tried."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from services.cli.policy_commands import found
from services.cli.scoped import NoteOption, PersonOption, Refused, SiteOption, by, in_scope, reference
from services.cli.target import DataDirOption, PostgresOption
from services.moderation.policies import activation, shadow_summary
from services.moderation.policies.activation import Outcome
from services.moderation.policies.reference import BUILT_IN, EVERY_SITE, NoSuchVersion
from services.moderation.policies.shadow_summary import Summary
from shared.clock import SystemClock

ReferenceArgument = Annotated[str, typer.Argument(metavar="NAME@VERSION", help="As `plaudit policy list` shows it.")]


class What(StrEnum):
    ROLLOUT = "rollout"
    SHADOW = "shadow"


def activate(
    version: ReferenceArgument,
    site: SiteOption = None,
    expect: Annotated[
        str | None, typer.Option(metavar="NAME@VERSION", help="Only if this is what is active until now.")
    ] = None,
    note: NoteOption = None,
    person: PersonOption = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Put a version in force: when this command says so, nothing is decided under any other any more."""
    name, number = reference(version)
    expected = reference(expect) if expect else None

    async def work(connection: asyncpg.Connection[Any], scope: str) -> Outcome:
        return await activation.activate(
            connection, scope, name, number, by(person, note), SystemClock().now(), expected
        )

    outcome = _change(site, postgres, data_dir, work)
    print(f"{version} {'decides' if outcome.changed else 'decided already'} {_where(site)}")


def follow(
    site: Annotated[str, typer.Argument(help="Id of the site.")],
    note: NoteOption = None,
    person: PersonOption = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Let a site follow what decides on every site again, instead of a policy of its own."""

    async def work(connection: asyncpg.Connection[Any], scope: str) -> Outcome:
        return await activation.follow(connection, scope, by(person, note), SystemClock().now())

    if site == EVERY_SITE:
        raise typer.BadParameter("name a site")
    outcome = _change(site, postgres, data_dir, work)
    active = outcome.everywhere.active or BUILT_IN
    print(f"{active} {'decides' if outcome.changed else 'decided already'} {_where(site)}")


def roll_out(
    version: ReferenceArgument,
    percent: Annotated[int, typer.Option(min=0, max=100, help="Share of the reviews that it decides.")],
    site: SiteOption = None,
    note: NoteOption = None,
    person: PersonOption = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Let a candidate decide a share of the reviews, always the same ones; `activate` promotes it, `stop` ends it."""
    name, number = reference(version)

    async def work(connection: asyncpg.Connection[Any], scope: str) -> Outcome:
        return await activation.roll_out(
            connection, scope, name, number, percent, by(person, note), SystemClock().now()
        )

    _change(site, postgres, data_dir, work)
    print(f"{version} decides {percent} % of the reviews {_where(site)}")


def shadow(
    version: Annotated[
        str | None, typer.Argument(metavar="NAME@VERSION", help="The candidate to begin with. [default: show results]")
    ] = None,
    results: Annotated[
        str | None, typer.Option(metavar="NAME@VERSION", help="Show the results of one that ran earlier.")
    ] = None,
    site: SiteOption = None,
    note: NoteOption = None,
    person: PersonOption = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Let a candidate decide beside what decides, without any effect; or show what it would have changed."""
    if version is not None:
        name, number = reference(version)

        async def start(connection: asyncpg.Connection[Any], scope: str) -> Outcome:
            return await activation.start_shadow(connection, scope, name, number, by(person, note), SystemClock().now())

        _change(site, postgres, data_dir, start)
        print(f"{version} runs in shadow {_where(site)}; see what it says with `plaudit policy shadow`")
        return

    async def look(connection: asyncpg.Connection[Any], scope: str) -> Summary:
        if results is not None:
            shown = (await found(connection, scope, *reference(results))).reference
        else:
            own, everywhere = await activation.read(connection, scope)
            running = own.shadow or (everywhere.shadow if own.active is None else None)
            if running is None:
                raise Refused("no candidate runs in shadow; begin with `plaudit policy shadow NAME@VERSION`")
            shown = running
        return await shadow_summary.summarise(connection, scope, shown)

    _show_summary(in_scope(site, postgres, data_dir, look))


def stop(
    what: Annotated[What, typer.Argument(help="Of which the candidate is to go.")],
    site: SiteOption = None,
    note: NoteOption = None,
    person: PersonOption = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """End a rollout or a shadow. What was decided stays decided, and what was seen stays to be looked at."""
    end = activation.stop_rollout if what is What.ROLLOUT else activation.stop_shadow

    async def work(connection: asyncpg.Connection[Any], scope: str) -> Outcome:
        return await end(connection, scope, by(person, note), SystemClock().now())

    _change(site, postgres, data_dir, work)
    print(f"the {what} {_where(site)} has ended")


def _change(site: str | None, postgres: str | None, data_dir: Path | None, work: Any) -> Outcome:
    try:
        outcome: Outcome = in_scope(site, postgres, data_dir, work)
    except NoSuchVersion as error:
        raise Refused(f"{error}; `plaudit policy list` shows those that there are") from None
    except activation.Moved as moved:
        raise Refused(f"{moved}, and not what you expect: nothing was changed") from None
    except (activation.IsActive, activation.NothingRuns) as error:
        raise Refused(str(error)) from None
    return outcome


def _show_summary(summary: Summary) -> None:
    console = Console(markup=False)
    since = f" since {summary.since:%Y-%m-%d %H:%M}" if summary.since else ""
    console.print(
        f"{summary.policy} in shadow: {summary.reviews:,} reviews{since}, {summary.changed:,} decided otherwise"
        + (f", {summary.failed:,} failed" if summary.failed else ""),
        highlight=False,
    )
    if not summary.reviews:
        return
    outcomes = Table("decided", "in shadow", "reviews")
    for one in summary.outcomes:
        outcomes.add_row(one.live, one.shadow, f"{one.reviews:,}")
    rules = Table("rule of the candidate", "reviews", "decided otherwise")
    for rule in summary.rules:
        rules.add_row(rule.rule or "(failed)", f"{rule.reviews:,}", f"{rule.changed:,}")
    console.print(outcomes, rules)
    if summary.changes:
        changes = Table("review", "site", "decided", "by rule", "in shadow", "by rule", title="newest that differ")
        for change in summary.changes:
            names = ("review_id", "site", "live_status", "live_rule", "status", "rule")
            changes.add_row(*(str(change[name] or "") for name in names))
        console.print(changes)


def _where(site: str | None) -> str:
    return f"on {site}" if site else "on every site without a policy of its own"
