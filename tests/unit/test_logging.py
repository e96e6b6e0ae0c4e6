"""Logs: readable, one line each, and without what a person wrote."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from shared.logging import configure, get_logger

SECRET = "jane@example.com"


Capture = pytest.CaptureFixture[str]


@pytest.fixture
def output(capsys: Capture) -> Iterator[Capture]:
    """What goes to standard error; the run's own logging is put back afterwards."""
    config, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level
    levels = {name: logger.level for name, logger in _loggers().items()}
    yield capsys
    structlog.configure(**config)
    structlog.contextvars.clear_contextvars()
    root.handlers = handlers
    root.setLevel(level)
    for name, logger in _loggers().items():
        logger.setLevel(levels.get(name, logging.NOTSET))


def _loggers() -> dict[str, logging.Logger]:
    return {name: it for name, it in logging.Logger.manager.loggerDict.items() if isinstance(it, logging.Logger)}


def lines(output: Capture) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.readouterr().err.splitlines()]


def test_each_entry_is_a_line_of_json_with_the_service(output: Capture) -> None:
    configure("intake", "json")
    get_logger("shared.somewhere").info("ready", part="api")
    [entry] = lines(output)
    assert entry["event"] == "ready"
    assert (entry["service"], entry["part"], entry["level"], entry["logger"]) == (
        "intake",
        "api",
        "info",
        "shared.somewhere",
    )
    assert entry["timestamp"].endswith("Z")


def test_libraries_log_the_same_way(output: Capture) -> None:
    configure("intake", "json")
    logging.getLogger("some.library").warning("%d things", 3)
    [entry] = lines(output)
    assert (entry["event"], entry["level"], entry["service"]) == ("3 things", "warning", "intake")


def test_the_level_is_kept(output: Capture) -> None:
    configure("intake", "json", "WARNING")
    get_logger("a").info("not said")
    get_logger("a").warning("said")
    assert [entry["event"] for entry in lines(output)] == ["said"]


def test_people_read_lines_without_colours_when_it_is_no_terminal(output: Capture) -> None:
    configure("intake", "console")
    get_logger("a").info("ready", part="api")
    text = output.readouterr().err
    assert "ready" in text
    assert "part=api" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_an_error_is_told_by_type_and_place_and_never_by_its_message(output: Capture, log_format: Any) -> None:
    configure("intake", log_format)
    try:
        raise ValueError(f"duplicate key: {SECRET}")
    except ValueError as error:
        get_logger("a").exception("failed")
        get_logger("a").error("failed", exc_info=error)
        logging.getLogger("library").exception("failed")
    text = output.readouterr().err
    assert SECRET not in text
    assert text.count("ValueError") == 3
    assert text.count("test_an_error_is_told_by_type") == 3


def test_a_message_of_a_library_that_quotes_its_error_is_not_ours_to_hide(output: Capture) -> None:
    """The limit of it: what a library formats into its own message stays. Ours never do, and chatty ones are off."""
    configure("intake", "json")
    logging.getLogger("faststream").warning("handler failed: %s", SECRET)
    logging.getLogger("aiokafka.consumer.group_coordinator").error("cannot connect")
    logging.getLogger("httpx").info("GET https://%s", SECRET)
    assert output.readouterr().err == ""
