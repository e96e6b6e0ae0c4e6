"""How far an import has come, beside the file, so that a run that ended early can go on."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from services.cli.importing.errors import ImportProblem
from services.cli.importing.source import Identity

VERSION = 1


@dataclass
class Totals:
    created: int = 0
    edited: int = 0
    unchanged: int = 0
    refused: int = 0
    skipped: int = 0
    removed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    """How many were refused, by code and field."""

    @property
    def accepted(self) -> int:
        return self.created + self.edited + self.removed + self.unchanged

    @property
    def rows(self) -> int:
        return self.accepted + self.refused + self.skipped


@dataclass(frozen=True)
class Job:
    """What makes two runs the same import."""

    file: Identity
    site: str
    plan: str
    """Digest of mapping and dialect: with another of them, row 7 may be another review."""


@dataclass
class Progress:
    """Everything up to and including row `rows` has an answer, and its refusals are in the report's first bytes."""

    job: Job
    rows: int = 0
    totals: Totals = field(default_factory=Totals)
    report_bytes: int = 0
    last_review_id: int | None = None
    """Of a row that was accepted: tells whether the site that we send to is still the one that has them."""
    version: int = VERSION


_PROGRESS = TypeAdapter(Progress)


class Checkpoint:
    """The file is replaced whole; one that is lost or old only means that rows are sent again."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self, job: Job) -> Progress | None:
        """None where nothing was begun. Raises ImportProblem where something else was."""
        try:
            progress = _PROGRESS.validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise ImportProblem(f"the state {self.path} cannot be read; {_CURE}") from error
        if progress.rows == 0:
            return None
        begun = progress.job
        for same, what in (
            (progress.version == VERSION, "another version of Plaudit"),
            (begun.site == job.site, "another site"),
            (begun.file == job.file, "an earlier content of the file"),
            (begun.plan == job.plan, "another mapping, delimiter or encoding"),
        ):
            if not same:
                raise ImportProblem(f"the state {self.path} is of an import with {what}; {_CURE}")
        return progress

    def save(self, progress: Progress) -> None:
        """Raises ImportProblem."""
        beside = self.path.with_name(self.path.name + ".new")
        try:
            with beside.open("wb") as file:
                file.write(orjson.dumps(asdict(progress), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise ImportProblem(
                f"the state {self.path} cannot be written: {error.strerror}; name another with --state"
            ) from error

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


_CURE = "delete it or give --restart to begin again: what is in already stays as it is"
