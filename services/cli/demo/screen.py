"""What the demo shows: steps with a spinner while they last, and of the services' logs only what went wrong."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.text import Text

_WIDTH_OF_A_FILE = 120
_NOT_SAID = frozenset({"event", "level", "logger", "timestamp", "service"})


def open_console() -> Console:
    """As wide as the terminal, or as COLUMNS says; into a file or a pipe, wide enough for the tables."""
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return Console(highlight=False)
    return Console(highlight=False, width=_WIDTH_OF_A_FILE)


class Screen:
    """One step at a time: `begin` names it, `update` says how far it is, `done` leaves a line behind."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._status: Status | None = None
        self._text = ""
        self._begun = 0.0

    def heading(self, number: int, text: str) -> None:
        self.console.print()
        self.console.rule(f"[bold]{number}[/bold]  {text}", align="left", style="dim")

    def begin(self, text: str) -> None:
        """Ends the step before it."""
        self.done()
        self._text, self._begun = text, time.monotonic()
        if self.console.is_terminal:
            self._status = self.console.status(escape(text))
            self._status.start()

    def update(self, text: str) -> None:
        if self._status is not None:
            self._status.update(escape(f"{self._text}: {text}"))

    def done(self, result: str = "") -> None:
        if not self._text:
            return
        seconds = time.monotonic() - self._begun
        said = f"{self._text}: {result}" if result else self._text
        self.abandon()
        self.console.print(Text.assemble(("✓ ", "green"), said, (f"  {seconds:.1f} s", "dim")))

    def abandon(self) -> None:
        """Ends a step that did not succeed, without a word."""
        if self._status is not None:
            self._status.stop()
        self._status, self._text = None, ""

    def warn(self, text: str) -> None:
        self.console.print(Text.assemble(("! ", "yellow"), text))


class DownloadLine(io.StringIO):
    """Takes what a TerminalProgress writes, and shows it behind the step's name instead of on a line of its own."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen

    def isatty(self) -> bool:
        return self._screen.console.is_terminal

    def write(self, text: str) -> int:
        if self.isatty():
            self._screen.update(text.strip())
        else:
            self._screen.console.print(text.strip(), markup=False)
        return len(text)


class TroubleOnly(io.StringIO):
    """Takes the supervisor's lines, and shows warnings and errors; all of them stand in the log files.

    While everything `is_stopping`, services that lose sight of each other say so, and nobody needs to know.
    """

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self._screen = screen
        self.is_stopping = False

    def write(self, text: str) -> int:
        trouble = trouble_in(text, logs_too=not self.is_stopping)
        if trouble is not None:
            self._screen.warn(trouble)
        return len(text)


def trouble_in(line: str, *, logs_too: bool = True) -> str | None:
    """What a person should know of a line `process │ message`; None for the everyday ones.

    Services log JSON. What is not JSON comes from the supervisor (a process died) or is a traceback: both matter.
    """
    process, found, message = line.rstrip("\n").partition(" │ ")
    if not found or not message.strip():
        return None
    try:
        event = json.loads(message)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        return f"{process.strip()}: {message}"
    if not logs_too or event.get("level") not in ("warning", "error", "critical"):
        return None
    return f"{process.strip()}: {event.get('event', '')}{_details(event)}"


def _details(event: dict[str, Any]) -> str:
    return "".join(f" {name}={value}" for name, value in event.items() if name not in _NOT_SAID)
