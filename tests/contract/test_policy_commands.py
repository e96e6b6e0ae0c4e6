"""`plaudit policy` on a real database, as an operator runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from services.cli.app import app
from services.cli.errors import CommandError
from services.intake.sites import create_site
from services.moderation.policies import built_in
from services.moderation.policy.policy import default_policy
from shared.clock import SystemClock
from shared.events.settings import SiteSettings
from shared.postgres.pool import create_pool
from tests.moderation_world import NOW, decision, holding, process, submission, worker
from tests.parts import Database

Plaudit = Callable[..., Awaitable[Result]]


@pytest.fixture
async def plaudit(database: Database, monkeypatch: pytest.MonkeyPatch) -> Plaudit:
    """The command, on the test's database and with a site `shop`."""
    connection = await asyncpg.connect(database.dsn)
    await create_site(connection, SystemClock(), "shop", "Shop", SiteSettings(), by="test")
    await connection.close()
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PLAUDIT_POSTGRES", database.dsn)

    async def run(*arguments: object, expected: int = 0) -> Result:
        # In a thread: the command runs an event loop of its own.
        result = await asyncio.to_thread(CliRunner().invoke, app, [str(argument) for argument in arguments])
        if not isinstance(result.exception, CommandError | SystemExit | None):
            raise result.exception
        assert result.exit_code == expected, result.output + str(result.exception)
        return result

    return run


@pytest.fixture
def strict(tmp_path: Path) -> Path:
    file = tmp_path / "strict.yaml"
    file.write_text(holding())
    return file


async def test_a_policy_from_file_to_force_and_back(plaudit: Plaudit, strict: Path, database: Database) -> None:
    assert "sound" in (await plaudit("policy", "check", strict)).output
    saved = await plaudit("policy", "save", strict, "--site", "shop", "--note", "no boots", "--as", "Ada")
    assert "strict@1 is saved" in saved.output
    assert "nothing new" in (await plaudit("policy", "save", strict, "--site", "shop")).output
    assert "strict@1 decides on shop" in (await plaudit("policy", "activate", "strict@1", "--site", "shop")).output
    assert "already" in (await plaudit("policy", "activate", "strict@1", "--site", "shop")).output

    listed = (await plaudit("policy", "list", "--site", "shop")).output
    assert "active" in next(line for line in listed.splitlines() if "strict@1" in line)
    assert (await plaudit("policy", "show", "--site", "shop")).output == holding()
    log = (await plaudit("policy", "log", "--site", "shop")).output
    assert log.index("activated") < log.index("saved")
    assert "Ada (operator)" in log

    async with await create_pool(database.role("moderation"), application_name="test") as pool:
        processor = worker()
        await process(pool, processor, submission(1))
        assert "decides on shop" in (await plaudit("policy", "follow", "shop")).output
        await process(pool, processor, submission(2))
        assert [(await decision(pool, number))["policy"] for number in (1, 2)] == ["strict", "default"]


@pytest.fixture
def unsound(tmp_path: Path) -> Path:
    file = tmp_path / "unsound.yaml"
    file.write_text(holding().replace("review.text", "review.txt"))
    return file


async def test_errors_are_shown_with_their_place_and_nothing_is_saved(plaudit: Plaudit, unsound: Path) -> None:
    checked = await plaudit("policy", "check", unsound, expected=2)
    assert "unsound.yaml:4:" in checked.output
    assert "error" in checked.output
    assert "^" in checked.output
    assert "was not saved" in (await plaudit("policy", "save", unsound, expected=2)).output
    assert "strict" not in (await plaudit("policy", "list")).output


async def test_what_cannot_be_done_is_said_in_a_line(plaudit: Plaudit, strict: Path) -> None:
    for arguments, said in (
        (("activate", "strict@1"), "there is no policy strict@1"),
        (("list", "--site", "shpo"), "there is no site shpo"),
        (("show", "strict@3"), "there is no policy strict@3"),
        (("shadow",), "no candidate runs"),
        (("stop", "rollout"), "no rollout runs"),
    ):
        result = await plaudit("policy", *arguments, expected=1)
        assert said in str(result.exception)
    await plaudit("policy", "activate", "strict", expected=2)
    await plaudit("policy", "save", strict)
    moved = await plaudit("policy", "activate", "strict@1", "--expect", "easy@4", expected=1)
    assert "nothing was changed" in str(moved.exception)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    file = tmp_path / "other.yaml"
    file.write_text(holding(queue="shoes"))
    return file


async def test_versions_are_compared(plaudit: Plaudit, strict: Path, other: Path) -> None:
    await plaudit("policy", "save", strict)
    await plaudit("policy", "save", other)
    difference = (await plaudit("policy", "diff", "strict@1", "strict@2", expected=1)).output
    assert "-    queue: words" in difference
    assert "+    queue: shoes" in difference
    assert (await plaudit("policy", "diff", "strict@2", other)).output == ""


async def test_two_files_are_compared_without_a_database(
    plaudit: Plaudit, strict: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAUDIT_POSTGRES", "postgres://nobody@127.0.0.1:1/none")
    assert "+    queue: shoes" in (await plaudit("policy", "diff", strict, other, expected=1)).output
    assert (await plaudit("policy", "diff", strict, strict)).output == ""


async def test_a_candidate_is_tried_and_stopped(plaudit: Plaudit, strict: Path, database: Database) -> None:
    async with await create_pool(database.role("moderation"), application_name="test") as pool:
        await built_in.register(pool, NOW)
        await plaudit("policy", "save", strict)
        await plaudit("policy", "shadow", "strict@1")
        await process(pool, worker(), submission(1), submission(2, "Nice hat, and warm."))
    shown = (await plaudit("policy", "shadow")).output
    assert "2 reviews" in shown
    assert "1 decided otherwise" in shown
    assert "has-word" in shown
    await plaudit("policy", "stop", "shadow")
    assert "1 decided otherwise" in (await plaudit("policy", "shadow", "--results", "strict@1")).output

    await plaudit("policy", "rollout", "strict@1", "--percent", 30)
    listed = (await plaudit("policy", "list")).output
    assert "rollout 30 %" in next(line for line in listed.splitlines() if "strict@1" in line)
    assert "active" in next(line for line in listed.splitlines() if f"default@{default_policy().version}" in line)
    await plaudit("policy", "stop", "rollout")
    assert "rollout" not in (await plaudit("policy", "list")).output


async def test_a_backtest_of_what_is_not_there_is_refused_in_a_line(plaudit: Plaudit, tmp_path: Path) -> None:
    odd = tmp_path / "odd.yaml"
    odd.write_bytes(b"name: caf\xe9")
    nowhere = ("--postgres", "postgres://nobody@127.0.0.1:1/none")
    for arguments, says in (
        (("default@1", "--site", "shpo"), "there is no site shpo"),
        ((odd,), "is not UTF-8"),
        (("default@1", *nowhere), "is it running"),
        (("default@1", "--postgres", "127.0.0.1:5432"), "no address of a database"),
    ):
        refused = await plaudit("policy", "backtest", *arguments, expected=1)
        assert isinstance(refused.exception, CommandError)
        assert says in str(refused.exception)
    for command in (("policy", "list"), ("words", "list", "shop")):
        refused = await plaudit(*command, "--postgres", "sesame@127.0.0.1", expected=1)
        assert isinstance(refused.exception, CommandError)
        assert "sesame" not in str(refused.exception)


def test_what_is_built_in_is_shown_without_a_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLAUDIT_POSTGRES", "postgres://nobody@127.0.0.1:1/none")
    result = CliRunner().invoke(app, ["policy", "show", "default"])
    assert result.exit_code == 0
    edited = tmp_path / "mine.yaml"
    edited.write_text(result.output.replace("name: default", "name: mine", 1))
    assert CliRunner().invoke(app, ["policy", "check", str(edited)]).exit_code == 0


async def test_words_are_set_listed_and_forgotten(plaudit: Plaudit) -> None:
    assert "from now on" in (await plaudit("words", "add", "shop", "blorp(|s)", "--category", "insult")).output
    assert "already" in (await plaudit("words", "add", "shop", "blorp(|s)", "--category", "insult")).output
    await plaudit("words", "remove", "shop", "hell", "damn")
    await plaudit("words", "allow", "*", "kill switch")
    await plaudit("words", "competitor", "shop", "Acme Tools", "--as", "Ada")
    listed = (await plaudit("words", "list", "shop")).output.splitlines()
    for entry, kind, scope in (
        ("blorp(|s)", "insult", "shop"),
        ("damn", "remove", "shop"),
        ("kill switch", "allow", "every site"),
        ("Acme Tools", "competitor", "shop"),
    ):
        line = next(line for line in listed if entry in line)
        assert kind in line
        assert scope in line
    assert listed[-1] == "languages: any"

    await plaudit("words", "forget", "shop", "damn")
    missing = await plaudit("words", "forget", "shop", "damn", expected=1)
    assert "no such entry" in str(missing.exception)
    assert (await plaudit("words", "languages", "shop", "es", "en")).output == "languages: en es\n"
    assert (await plaudit("words", "languages", "shop", "--any")).output == "languages: any\n"
    log = (await plaudit("words", "log", "shop")).output
    assert log.count("languages") == 2
    assert "Ada" in log


async def test_bad_words_are_refused_with_the_cure(plaudit: Plaudit) -> None:
    for arguments in (
        ("add", "shop", "br(oken"),
        ("add", "shop", "word", "--category", "rudeness"),
        ("languages", "shop", "english"),
        ("add", "shpo", "word"),
    ):
        refused = await plaudit("words", *arguments, expected=1)
        assert str(refused.exception)
    assert "add" not in (await plaudit("words", "list", "shop")).output
