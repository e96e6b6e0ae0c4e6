"""What an import remembers, and the report that belongs to it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from services.cli.importing.batch import RefusedRow
from services.cli.importing.checkpoint import Checkpoint, Job, Progress, Totals
from services.cli.importing.errors import ImportProblem
from services.cli.importing.report import Report
from services.cli.importing.source import BAD_BYTES, Identity

JOB = Job(Identity(10, "abc"), "shop", "plan")


def refused(number: int, **more: object) -> RefusedRow:
    return replace(RefusedRow(number, number + 1, "VALIDATION_ERROR", "rating", "must be", ["secret"]), **more)  # type: ignore[arg-type]  # a field each


def test_progress_comes_back_as_it_was(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "state.json")
    assert checkpoint.load(JOB) is None
    progress = Progress(JOB, 7, Totals(created=5, refused=2, reasons={"STALE": 2}), 120, 2**53 - 1)
    checkpoint.save(progress)
    assert checkpoint.load(JOB) == progress
    assert list(tmp_path.iterdir()) == [checkpoint.path]
    checkpoint.remove()
    assert checkpoint.load(JOB) is None


@pytest.mark.parametrize(
    ("job", "what"),
    [
        (replace(JOB, site="other"), "another site"),
        (replace(JOB, file=Identity(11, "abc")), "an earlier content of the file"),
        (replace(JOB, plan="other"), "another mapping"),
    ],
)
def test_another_import_is_not_taken_for_this_one(tmp_path: Path, job: Job, what: str) -> None:
    checkpoint = Checkpoint(tmp_path / "state.json")
    checkpoint.save(Progress(JOB, 7))
    with pytest.raises(ImportProblem, match=f"{what}.*--restart"):
        checkpoint.load(job)
    checkpoint.save(Progress(JOB, 0))
    assert checkpoint.load(job) is None  # nothing was done, so nothing can be mixed up


@pytest.mark.parametrize("content", [b"", b"{}", b"{", b"[]"])
def test_a_damaged_state_is_told_with_its_cure(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.json").write_bytes(content)
    with pytest.raises(ImportProblem, match="cannot be read; delete it or give --restart"):
        Checkpoint(tmp_path / "state.json").load(JOB)


def test_places_that_cannot_be_written_are_told_with_the_option(tmp_path: Path) -> None:
    with pytest.raises(ImportProblem, match="--state"):
        Checkpoint(tmp_path / "missing" / "state.json").save(Progress(JOB))
    with pytest.raises(ImportProblem, match="--report"):
        Report(tmp_path / "missing" / "report", ["a"]).write([refused(1)])


def lines(report: Report) -> list[dict[str, object]]:
    return [json.loads(line) for line in report.path.read_text().splitlines()]


def test_the_report_has_no_content_unless_asked(tmp_path: Path) -> None:
    report = Report(tmp_path / "report", ["Rating"])
    report.begin()
    report.write([])
    assert not report.path.exists()
    report.write([refused(3)])
    report.close()
    assert lines(report) == [{"row": 3, "line": 4, "code": "VALIDATION_ERROR", "field": "rating", "message": "must be"}]
    assert report.path.stat().st_mode & 0o077 == 0

    full = Report(tmp_path / "full", ["Rating"], with_content=True)
    full.write(
        [refused(3), refused(4, values=[f"caf{BAD_BYTES}"]), refused(5, values={"a": 1}), refused(6, values=None)]
    )
    full.close()
    assert [line.get("content") for line in lines(full)] == [{"Rating": "secret"}, {"Rating": "caf?"}, {"a": 1}, None]


def test_a_report_goes_on_where_the_state_was_saved(tmp_path: Path) -> None:
    report = Report(tmp_path / "report", ["Rating"])
    report.write([refused(1)])
    saved = report.size
    report.write([refused(2), refused(3)])
    report.close()

    again = Report(report.path, ["Rating"])
    assert again.resume(saved)
    again.write([refused(2)])
    again.sync()
    assert again.size == report.path.stat().st_size
    again.close()
    assert [line["row"] for line in lines(again)] == [1, 2]

    assert not Report(report.path, ["Rating"]).resume(10_000)
    assert not Report(tmp_path / "gone", ["Rating"]).resume(1)
    assert Report(report.path, ["Rating"]).resume(0)
    assert not report.path.exists()
