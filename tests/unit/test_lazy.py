"""Commands are imported when they are asked for, and all of them are listed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
import typer
from typer.testing import CliRunner

from services.cli.app import Plaudit, app
from services.cli.lazy import LazyGroup
from services.cli.main import is_bare_check

PLAIN = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
HEAVY = ("aiokafka", "asyncpg", "faststream", "starlette", "uvicorn", "httpx", "pydantic", "typer", "rich", "structlog")


def single(
    name: Annotated[str, typer.Option(help="Whose. [default: nobody's]", show_default=False)] = "nobody",
) -> None:
    """Say a name."""
    print(f"hello {name}")


group = typer.Typer(help="Several.", no_args_is_help=True)


@group.command()
def first() -> None:
    """The first."""
    print("first")


class Some(LazyGroup):
    places: ClassVar[dict[str, str]] = {
        "single": f"{__name__}:single",
        "several": f"{__name__}:group",
        "broken": "nowhere.to.be.found:command",
    }


def _app() -> typer.Typer:
    made = typer.Typer(cls=Some, no_args_is_help=True)

    @made.callback()
    def callback() -> None: ...

    return made


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["single"], "hello nobody"), (["single", "--name", "you"], "hello you"), (["several", "first"], "first")],
)
def test_functions_and_groups(arguments: list[str], says: str) -> None:
    answer = CliRunner().invoke(_app(), arguments, env=PLAIN)

    assert (answer.exit_code, answer.output) == (0, f"{says}\n")


def test_only_what_is_asked_for_is_imported() -> None:
    assert isinstance(CliRunner().invoke(_app(), ["broken"]).exception, ModuleNotFoundError)
    assert CliRunner().invoke(_app(), ["single"]).exit_code == 0


def test_a_name_that_is_nearly_one() -> None:
    answer = CliRunner().invoke(_app(), ["sigle"], env=PLAIN)

    assert answer.exit_code == 2
    assert "Did you mean 'single'" in answer.output


def test_help_of_a_command() -> None:
    answer = CliRunner().invoke(_app(), ["single", "--help"], env=PLAIN)

    assert answer.exit_code == 0
    assert "Say a name." in answer.output
    assert "--name" in answer.output
    assert "Whose. [default: nobody's]" in answer.output


def test_the_list_of_commands_has_all_with_what_they_do() -> None:
    answer = CliRunner().invoke(app, ["--help"], env=PLAIN)

    assert answer.exit_code == 0
    listed = {line.split()[1]: line.split()[2:-1] for line in answer.output.splitlines() if line.startswith("│ ")}
    assert set(Plaudit.places) <= set(listed)
    assert all(len(listed[name]) > 2 for name in Plaudit.places)


def test_what_a_check_imports() -> None:
    code = (
        "import sys; sys.argv = ['plaudit', 'check']\n"
        "from services.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=b'{"id":1,"text":"It fits."}\n', capture_output=True, check=True
    )

    assert b'"approved"' in done.stdout
    assert not set(HEAVY) & set(done.stderr.decode().split())


def test_options_are_left_to_typer(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.touch()

    assert is_bare_check(["check"])
    assert is_bare_check(["check", "-", str(there)])
    assert not is_bare_check([])
    assert not is_bare_check(["explain"])
    assert not is_bare_check(["check", "--help"])
    assert not is_bare_check(["check", str(there), "--summary"])
    assert not is_bare_check(["check", str(tmp_path / "not there")])
    assert not is_bare_check(["check", str(tmp_path)])
