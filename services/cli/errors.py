"""What every command may fail with."""

from __future__ import annotations

from typing import Final

UNSOUND: Final = 2
"""Exit code where what a command was given cannot be used: the same as of options that there are not."""


class CommandError(Exception):
    """A person can put it right. The message says in a line or two what is wrong, and how."""

    exit_code = 1

    def __init__(self, message: str = "", exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
