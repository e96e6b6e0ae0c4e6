"""All commands of `plaudit`, and where each is."""

from __future__ import annotations

from typing import ClassVar

import typer

from services.cli.lazy import LazyGroup


class Plaudit(LazyGroup):
    """In the order in which `plaudit --help` lists them."""

    places: ClassVar[dict[str, str]] = {
        "up": "services.cli.up:up",
        "demo": "services.cli.demo.command:demo",
        "check": "services.cli.check:check",
        "explain": "services.cli.explain:explain",
        "import": "services.cli.importing.command:import_file",
        "catalog": "services.cli.catalog_commands:app",
        "vocabulary": "services.cli.vocabulary_commands:app",
        "serve": "services.cli.serving:serve",
        "migrate": "services.cli.administration:migrate_database",
        "site": "services.cli.administration:site_app",
        "key": "services.cli.administration:key_app",
        "passkey": "services.cli.pass_key_commands:app",
        "policy": "services.cli.policy_commands:app",
        "words": "services.cli.word_commands:app",
        "topics": "services.cli.topic_commands:app",
        "recount": "services.cli.recount:recount",
    }


app = typer.Typer(
    cls=Plaudit,
    help="Plaudit: a self-hosted reviews backend. Every review is moderated; the public sees approved ones only.",
    epilog="Start with `plaudit demo`; `plaudit up` keeps a whole system running on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks show local variables, and those may be what a person wrote
    add_completion=False,
)


@app.callback()
def plaudit() -> None:
    """Makes it a group; all its commands are in `Plaudit`."""
