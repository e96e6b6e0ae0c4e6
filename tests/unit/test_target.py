from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from services.cli.app import app
from services.cli.target import NoTarget, Unusable

COMMANDS = ["site list", "key list", "passkey list", "policy list", "recount"]


def outcome(command: str, postgres: str) -> BaseException | None:
    return CliRunner().invoke(app, [*command.split(), "--postgres", postgres]).exception


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("address", ["nonsense", "postgres://user:hunter2@host:port/base", "127.0.0.1:5432"])
def test_what_is_no_address_is_said_without_a_password(command: str, address: str) -> None:
    error = outcome(command, address)
    assert isinstance(error, NoTarget)
    assert "postgres://USER@HOST:PORT/DATABASE" in str(error)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_that_is_not_there_is_said_with_the_cure(command: str) -> None:
    error = outcome(command, "postgres://user:hunter2@127.0.0.1:1/base")
    assert isinstance(error, Unusable)
    assert re.fullmatch(r"Postgres: \w+; is it running, and migrated \(`plaudit migrate`\)\?", str(error))
