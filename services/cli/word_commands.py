"""`plaudit words`: what a site adds to the word lists, takes from them, and calls its competitors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from services.cli.lazy import LazyGroup
from services.cli.scoped import NoteOption, PersonOption, Refused, by, in_scope
from services.cli.target import DataDirOption, PostgresOption
from services.moderation.policies import words
from services.moderation.policies.words import CATEGORIES, KINDS, Kind, ListedWord, Word, WordRefused
from shared.clock import SystemClock

SiteArgument = Annotated[str, typer.Argument(metavar="SITE", help="Id of the site, or '*' for every site.")]
EntriesArgument = Annotated[
    list[str], typer.Argument(metavar="ENTRY…", help="Words or phrases, as in the word lists: 'suck(s|ed)', '*fuck*'.")
]


class WordCommands(LazyGroup):
    places: ClassVar = {
        "list": "services.cli.word_commands:list_words",
        "add": "services.cli.word_commands:add",
        "remove": "services.cli.word_commands:remove",
        "allow": "services.cli.word_commands:allow",
        "competitor": "services.cli.word_commands:competitor",
        "forget": "services.cli.word_commands:forget",
        "languages": "services.cli.word_commands:languages",
        "log": "services.cli.word_commands:log",
    }


app = typer.Typer(
    cls=WordCommands,
    help="A site's own words and languages; they act at once, without a restart.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def site_words() -> None:
    """Makes it a group; all its commands are in `WordCommands`."""


def list_words(site: SiteArgument, postgres: PostgresOption = None, data_dir: DataDirOption = None) -> None:
    """Show a site's words, those of every site included, and its languages."""

    async def work(connection: asyncpg.Connection[Any], scope: str) -> tuple[list[ListedWord], list[str]]:
        return await words.listed(connection, scope), await words.languages(connection, scope)

    listed, spoken = in_scope(site, postgres, data_dir, work)
    table = Table("entry", "kind", "category", "severity", "of", "since", "by")
    for one in listed:
        word = one.word
        table.add_row(
            word.entry,
            word.kind,
            word.category or "",
            word.severity or "",
            "every site" if one.scope == "*" else one.scope,
            f"{one.added_at:%Y-%m-%d %H:%M}",
            one.added_by,
        )
    Console(markup=False).print(table)
    print(f"languages: {' '.join(spoken) or 'any'}")


def add(
    site: SiteArgument,
    entries: EntriesArgument,
    category: Annotated[str, typer.Option(help=f"One of {', '.join(CATEGORIES)}.")] = "profanity",
    severity: Annotated[str, typer.Option(help="mild, strong or severe.")] = "strong",
    note: NoteOption = None,
    person: PersonOption = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Find these words too, disguised ones included."""
    wanted = [Word("add", entry, category, severity) for entry in entries]
    _set(site, wanted, note, person, postgres, data_dir)


def _setting(kind: Kind, what: str) -> Callable[..., None]:
    """A command that says `kind` of words, which need no more to be said of them."""

    def command(
        site: SiteArgument,
        entries: EntriesArgument,
        note: NoteOption = None,
        person: PersonOption = None,
        postgres: PostgresOption = None,
        data_dir: DataDirOption = None,
    ) -> None:
        _set(site, [Word(kind, entry) for entry in entries], note, person, postgres, data_dir)

    command.__doc__ = what
    return command


remove = _setting(
    "remove", "No longer find these words of the built-in lists. (`forget` takes back what was said here.)"
)
allow = _setting("allow", 'Let words pass within these phrases: "rum cake", "kill switch".')
competitor = _setting("competitor", "Find these names of competitors.")


def forget(
    site: SiteArgument,
    entry: Annotated[str, typer.Argument(help="As `plaudit words list` shows it.")],
    kind: Annotated[str | None, typer.Option(help=f"One of {', '.join(KINDS)}. [default: all of them]")] = None,
    note: NoteOption = None,
    person: PersonOption = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Take back what the site said of a word."""
    kinds: tuple[Kind, ...] = tuple(known for known in KINDS if kind in (None, known))
    if not kinds:
        raise typer.BadParameter(f"--kind is one of {', '.join(KINDS)}")

    async def work(connection: asyncpg.Connection[Any], scope: str) -> list[str]:
        now = SystemClock().now()
        return [one for one in kinds if await words.remove_word(connection, scope, one, entry, by(person, note), now)]

    gone = in_scope(site, postgres, data_dir, work)
    if not gone:
        raise Refused(f"{site} has no such entry of its own; `plaudit words list {site}` shows all")
    print(f"forgotten: {entry} ({', '.join(gone)})")


def languages(
    site: SiteArgument,
    codes: Annotated[
        list[str] | None, typer.Argument(metavar="[CODE…]", help="ISO 639-1: en es. [default: show them]")
    ] = None,
    any_language: Annotated[bool, typer.Option("--any", help="Take reviews in any language again.")] = False,
    note: NoteOption = None,
    person: PersonOption = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Say in which languages a site takes reviews; those in other ones become a signal."""
    if codes and any_language:
        raise typer.BadParameter("give languages, or --any (and not both)")

    async def work(connection: asyncpg.Connection[Any], scope: str) -> list[str]:
        if codes or any_language:
            await words.set_languages(connection, scope, codes or [], by(person, note), SystemClock().now())
        return await words.languages(connection, scope)

    try:
        spoken = in_scope(site, postgres, data_dir, work)
    except WordRefused as error:
        raise Refused(str(error)) from None
    print(f"languages: {' '.join(spoken) or 'any'}")


def log(
    site: SiteArgument,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many, the newest.")] = 50,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show who changed a site's words and languages, the newest first."""

    async def work(connection: asyncpg.Connection[Any], scope: str) -> list[dict[str, Any]]:
        return (await words.page(connection, scope, None, limit))[0]

    table = Table("when", "what", "entry", "by", "note")
    for event in in_scope(site, postgres, data_dir, work):
        said = " ".join(filter(None, (event["kind"], event["category"], event["severity"])))
        table.add_row(
            f"{event['at']:%Y-%m-%d %H:%M:%S}",
            event["what"],
            f"{event['entry']} ({said})" if event["entry"] else " ".join(event["languages"]) or "any",
            event["moderator"] or event["actor"],
            event["note"] or "",
        )
    Console(markup=False).print(table)


def _set(
    site: str,
    wanted: list[Word],
    note: str | None,
    person: str | None,
    postgres: str | None,
    data_dir: Path | None,
) -> None:
    async def work(connection: asyncpg.Connection[Any], scope: str) -> list[Word]:
        return await words.set_words(connection, scope, wanted, by(person, note), SystemClock().now())

    try:
        changed = in_scope(site, postgres, data_dir, work)
    except WordRefused as error:
        raise Refused(str(error)) from None
    said = ", ".join(word.entry for word in changed)
    print(f"{said}: workers know from now on" if changed else "it was so already")
