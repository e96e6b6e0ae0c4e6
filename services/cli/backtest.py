"""`plaudit policy backtest`: what a candidate would have decided on the reviews on record."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from services.cli.scoped import check_site, read_text
from services.cli.target import DataDirOption, PostgresOption, find_target, on_database
from services.moderation.backtest.run import backtest
from services.moderation.engine.engine import Engine
from services.moderation.judging.judge import Judge
from services.moderation.judging.rulebook import Ruler
from services.moderation.policies import versions
from services.moderation.policies.reference import EVERY_SITE, NoSuchVersion, Reference, parse_reference
from services.moderation.policy.policy import Policy, compile_policy, load_policy
from services.moderation.policy.problem import PolicyErrors, render_problems
from shared.logging import configure

UNSOUND = 2
_EXCERPT = 100
_TEXTS = """
    select review_id,
        coalesce(submission -> 'content' ->> 'title' || ' – ', '') || coalesce(submission -> 'content' ->> 'text', '')
    from moderation.cases where review_id = any($1::bigint[]) and submission is not null"""


def run_backtest(
    candidate: Annotated[
        str, typer.Argument(metavar="FILE|NAME@VERSION", help="A policy's YAML, or a version that was saved.")
    ],
    site: Annotated[
        str | None, typer.Option(help="On this site's reviews. [default: of all sites without a policy of their own]")
    ] = None,
    reviews_per_hour: Annotated[
        float | None,
        typer.Option(min=1, metavar="N", help="A moderator's pace. [default: as decisions on record show, else 120]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    show_text: Annotated[bool, typer.Option("--text/--no-text", help="Show how the sampled reviews begin.")] = True,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Ask a candidate policy about every review on record; nothing is decided and nothing changes.

    Shows how many outcomes would change and which way, with a sample of each change; precision and recall of every rule
    by what people decided on the same revisions; and what it costs in moderators' time.
    """
    configure("cli", level="WARNING")
    target = find_target(data_dir, postgres=postgres)
    given = _read(Path(candidate)) if Path(candidate).is_file() else candidate
    report, texts = on_database(
        target, lambda connection: _run(connection, given, site or EVERY_SITE, reviews_per_hour, show_text=show_text)
    )
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        _show(report, texts)


async def _run(
    connection: asyncpg.Connection[Any],
    candidate: str | Policy,
    scope: str,
    reviews_per_hour: float | None,
    *,
    show_text: bool,
) -> tuple[dict[str, Any], dict[int, str]]:
    bar = Progress(
        TextColumn("asking {task.fields[name]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    await check_site(connection, scope)
    ruler = await _candidate(connection, scope, candidate)
    task = bar.add_task("", total=None, name=str(ruler.reference))

    async def progress(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    with bar:
        report = await backtest(connection, Judge(Engine.default()), scope, ruler, progress, reviews_per_hour)
    ids = [one["review_id"] for change in report["changes"] for one in change["sample"]]
    texts = dict(await connection.fetch(_TEXTS, ids)) if show_text else {}
    return report, texts


def _read(path: Path) -> Policy:
    source = read_text(path)
    try:
        return compile_policy(source, path.stem)
    except PolicyErrors as errors:
        print(render_problems(errors.problems, source, str(path)), file=sys.stderr)
        raise typer.Exit(UNSOUND) from None


async def _candidate(connection: asyncpg.Connection[Any], scope: str, candidate: str | Policy) -> Ruler:
    if isinstance(candidate, Policy):
        return Ruler(Reference(scope, candidate.name, candidate.version), candidate)
    try:
        name, version = parse_reference(candidate)
    except ValueError as error:
        raise typer.BadParameter(f"there is no file {candidate}; {error}") from None
    found = await versions.find(connection, scope, name, version)
    if found is None:
        raise typer.BadParameter(f"{NoSuchVersion(name, version)}; `plaudit policy list` shows those that there are")
    return Ruler(found.reference, load_policy(found.source, name, version))


def _show(report: dict[str, Any], texts: dict[int, str]) -> None:
    console = Console()
    where = "all sites that follow the common policy" if report["scope"] == EVERY_SITE else report["scope"]
    console.print(
        f"{report['candidate']} on {report['reviews']:,} reviews of {where}, beside {report['compared_with']}: "
        f"[bold]{report['changed']:,} outcome{' changes' if report['changed'] == 1 else 's change'}[/bold]",
        highlight=False,
    )
    outcomes = Table("outcome", "before", "after", "")
    for name, counts in report["outcomes"].items():
        difference = counts["after"] - counts["before"]
        outcomes.add_row(
            name, f"{counts['before']:,}", f"{counts['after']:,}", f"{difference:+,}" if difference else ""
        )
    console.print(outcomes)
    for change in report["changes"]:
        console.print(f"\n{change['before']} → {change['after']}: {change['reviews']:,}, among them", highlight=False)
        for one in change["sample"]:
            said = f", a person {one['person']} it" if one["person"] else ""
            line = f"  {one['review_id']}  {one['before_rule']} → {one['after_rule']}{said}"
            if text := " ".join(texts.get(one["review_id"], "").split()):
                line += f"  {text[:_EXCERPT]}{'…' if len(text) > _EXCERPT else ''}"
            console.print(Text(line), soft_wrap=True)
    people = report["judged_by_people"]
    rules = Table("rule of the candidate", "outcome", "reviews", "judged by people", "precision", "recall")
    for name, rule in report["rules"].items():
        shares = [_percent(rule["precision"]), _percent(rule["recall"])]
        rules.add_row(name, rule["outcome"], f"{rule['reviews']:,}", f"{rule['judged_by_people']:,}", *shares)
    console.print()
    console.print(rules)
    console.print(
        f"People approved {people['approved']:,} and rejected {people['rejected']:,} of these revisions. Precision: of "
        "the reviews that a rule decides and a person judged, the share on which they agree. Recall: of what people "
        "rejected (of an approving rule: approved), the share that the rule decides.",
        highlight=False,
    )
    moderators = report["moderators"]
    measured = "measured" if report["pace_is_measured"] else "assumed"
    before, after = moderators["before"], moderators["after"]
    console.print(
        f"\nModerators, at {moderators['reviews_per_hour']:g} reviews an hour ({measured}): {before['hours']:,} h of "
        f"looking before, {after['hours']:,} h after; an hour of theirs carries "
        f"{_reviews(before['reviews_per_hour_of_moderation'])} reviews before, "
        f"{_reviews(after['reviews_per_hour_of_moderation'])} after.",
        highlight=False,
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _reviews(number: int | None) -> str:
    return "any number of" if number is None else f"{number:,}"
