"""The `plaudit` command."""

from __future__ import annotations

import sys

import typer

from services.cli import administration, serving, topic_commands
from services.cli.demo.command import demo
from services.cli.embedded.errors import EmbeddedError
from services.cli.importing.command import import_file
from services.cli.migrations import MigrationFailed
from services.cli.supervisor import SupervisorError
from services.cli.target import NoTarget
from services.cli.up import up

app = typer.Typer(
    help="Plaudit: a self-hosted reviews backend. Every review is moderated; the public sees approved ones only.",
    epilog="Start with `plaudit demo`; `plaudit up` keeps a whole system running on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its tracebacks show local variables, and those may be what a person wrote
    add_completion=False,
)
app.command("up")(up)
app.command("demo")(demo)
app.command("import")(import_file)
app.command("serve")(serving.serve)
app.command("migrate")(administration.migrate_database)
app.add_typer(administration.site_app, name="site")
app.add_typer(administration.key_app, name="key")
app.add_typer(topic_commands.app, name="topics")


def main() -> None:
    """Errors that a person can put right are said in a line or two; only faults of ours end in a traceback."""
    try:
        app()
    except (EmbeddedError, MigrationFailed, SupervisorError, NoTarget) as error:
        print(f"plaudit: {error}", file=sys.stderr)
        sys.exit(1)
