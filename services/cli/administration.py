"""`plaudit migrate`, `plaudit site` and `plaudit key`: what an operator does to the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from rich.table import Table

from services.cli.migrations import migrate, open_roles
from services.cli.target import DataDirOption, KafkaOption, PostgresOption, Result, Target, find_target, on_database
from services.cli.topic_commands import create_topics
from services.intake import keys, sites
from services.intake.refusal import Refused
from shared.access import SCOPES
from shared.clock import SystemClock
from shared.events.settings import FieldSettings, FormFields, SiteSettings
from shared.events.topics import ingest_topic

site_app = typer.Typer(help="Create and list sites; map ingest topics to them.", no_args_is_help=True)
key_app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)

OPERATOR = "operator"
SiteArgument = Annotated[str, typer.Argument(help="Id of the site: lower-case letters, digits and hyphens.")]


def migrate_database(
    postgres: PostgresOption = None,
    role_password: Annotated[
        str | None,
        typer.Option(
            envvar="PLAUDIT_ROLE_PASSWORD",
            show_envvar=True,
            help="Lets the services' roles (plaudit_intake, … plaudit_query) log in with it.",
        ),
    ] = None,
    data_dir: DataDirOption = None,
) -> None:
    """Bring the database to the schema of this version. Safe to run again, and by several at once.

    Needs a role that may create schemas and roles. Without --role-password the services' roles cannot log in until you
    let them: `alter role plaudit_query login password '…'`.
    """
    dsn = find_target(data_dir, postgres=postgres).need("postgres", "--postgres")
    migrate(dsn)
    if role_password:
        asyncio.run(open_roles(dsn, role_password))
    print("the database is up to date")


@site_app.command("create")
def create_site(
    site: SiteArgument,
    name: Annotated[str | None, typer.Option(help="Name for people. [default: the id]")] = None,
    require_approval: Annotated[bool, typer.Option(help="Every review waits for a moderator.")] = False,
    locale: Annotated[str, typer.Option(help="BCP 47; of reviews that name none.")] = "en",
    min_rating: Annotated[int, typer.Option(min=1, max=5)] = 1,
    max_rating: Annotated[int, typer.Option(min=1, max=5)] = 5,
    allow_anonymous: Annotated[bool, typer.Option(help="Public forms may leave the e-mail out.")] = True,
    show_masked_email: Annotated[bool, typer.Option(help="Show `j***@example.com` beside a review.")] = False,
    require_title: Annotated[bool, typer.Option(help="Public forms must have a title.")] = False,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Create a site. Its settings can be changed later: PUT /v1/sites/{site}/settings."""
    settings = SiteSettings(
        require_approval=require_approval,
        default_locale=locale,
        min_rating=min_rating,
        max_rating=max_rating,
        allow_anonymous=allow_anonymous,
        show_masked_email=show_masked_email,
        fields=FormFields(title=FieldSettings(required=require_title)),
    )
    _run(
        find_target(data_dir, postgres=postgres),
        lambda connection: sites.create_site(connection, SystemClock(), site, name or site, settings, by=OPERATOR),
    )
    print(f'site {site} is there; next: plaudit key create {site} --scope submit --label "my shop"')


@site_app.command("list")
def list_sites(postgres: PostgresOption = None, data_dir: DataDirOption = None) -> None:
    """Show all sites."""
    table = Table("site", "name", "enabled", "approval", "locale", "ratings", "ingest topics", "created")
    for entry in _run(find_target(data_dir, postgres=postgres), sites.list_sites):
        settings = entry.settings
        table.add_row(
            entry.site,
            entry.name,
            "yes" if settings.enabled else "no",
            "every review" if settings.require_approval else "by policy",
            settings.default_locale,
            f"{settings.min_rating}–{settings.max_rating}",
            ", ".join(entry.ingest_topics),
            f"{entry.created_at:%Y-%m-%d %H:%M}",
        )
    Console().print(table)


@site_app.command("ingest")
def map_ingest_topic(
    site: SiteArgument,
    topic: Annotated[str, typer.Argument(help="Kafka topic on which another system sends reviews of this site.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take the topic from the site instead.")] = False,
    postgres: PostgresOption = None,
    kafka: KafkaOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Read submissions for a site from a Kafka topic, which is created when it is missing.

    Who may write to the topic is for Kafka's ACLs to say: whatever arrives there counts as this site's.
    """
    target = find_target(data_dir, postgres=postgres, kafka=kafka)
    if remove:
        there = _run(target, lambda connection: sites.unmap_ingest_topic(connection, topic, site))
        print(f"{topic} no longer feeds {site}" if there else f"{topic} did not feed {site}")
        return
    asyncio.run(create_topics(target, (ingest_topic(topic),)))
    _run(target, lambda connection: sites.map_ingest_topic(connection, topic, site))
    print(f"{topic} feeds {site}; intake reads it within seconds")


@key_app.command("create")
def create_key(
    site: Annotated[str | None, typer.Argument(help="Site of the key.")] = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help=f"One of {', '.join(SCOPES)}; may be given again.")
    ] = None,
    label: Annotated[str, typer.Option(help="Who uses it.")] = "",
    days: Annotated[int | None, typer.Option(min=1, help="Expires after so many days.")] = None,
    all_sites: Annotated[bool, typer.Option("--all-sites", help="A key of our own services, for every site.")] = False,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Create an API key and print its token, which is shown this once and stored only as a hash.

    submit: send, edit and withdraw reviews. reply: answer reviews as the owner. moderate: decide. read: read what is
    not public. admin: everything on the site, its settings included.
    """
    if (site is None) != all_sites:
        raise typer.BadParameter("name a site, or give --all-sites (and not both)")
    if not scope:
        raise typer.BadParameter(f"give at least one --scope: {', '.join(SCOPES)}")
    if not label:
        raise typer.BadParameter('say who uses the key: --label "checkout of my shop"')
    now = SystemClock().now()
    key = _run(
        find_target(data_dir, postgres=postgres),
        lambda connection: keys.create_key(
            connection, site, scope, label, now, now + timedelta(days=days) if days else None
        ),
    )
    print(key.token)


@key_app.command("list")
def list_keys(
    site: Annotated[str | None, typer.Argument(help="Of this site only.")] = None,
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show API keys, revoked ones included."""
    table = Table("key", "site", "scopes", "label", "created", "expires", "revoked")
    for entry in _run(find_target(data_dir, postgres=postgres), lambda connection: keys.list_keys(connection, site)):
        dates = [f"{date:%Y-%m-%d}" if date else "" for date in (entry.created_at, entry.expires_at, entry.revoked_at)]
        table.add_row(entry.key_id, entry.site or "(all)", " ".join(entry.scopes), entry.label, *dates)
    Console().print(table)


@key_app.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The id: the part of the token between plk_ and the next _.")],
    postgres: PostgresOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Revoke an API key; it stops working everywhere within seconds."""
    target = find_target(data_dir, postgres=postgres)
    if not _run(target, lambda connection: keys.revoke_key(connection, key_id, SystemClock().now())):
        raise typer.BadParameter("there is no key of this id; `plaudit key list` shows them")
    print(f"{key_id} is revoked")


def _run(target: Target, work: Callable[[asyncpg.Connection[Any]], Awaitable[Result]]) -> Result:
    try:
        return on_database(target, work)
    except Refused as refused:
        raise typer.BadParameter(str(refused)) from None
