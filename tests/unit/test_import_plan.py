"""What is settled before the first row is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.importing.errors import ImportProblem
from services.cli.importing.plan import Plan, choose_dialect, make_plan, place_beside
from services.cli.importing.source import Dialect, Source


def plan(file: Path, content: str, mapping: str | None = None, source: str | None = None) -> Plan:
    file.write_text(content)
    dialect = choose_dialect(file, None, None, "utf-8-sig")
    map_file = None
    if mapping is not None:
        map_file = file.with_name("mapping.yaml")
        map_file.write_text(mapping)
    with Source(file, dialect) as opened:
        return make_plan(opened, dialect, map_file, source)


@pytest.mark.parametrize(
    ("name", "delimiter", "expected"),
    [("a.csv", None, ","), ("a.tsv.gz", None, "\t"), ("a.csv", "tab", "\t"), ("a.csv", ";", ";")],
)
def test_delimiters(tmp_path: Path, name: str, delimiter: str | None, expected: str) -> None:
    assert choose_dialect(tmp_path / name, None, delimiter, "utf-8") == Dialect("csv", expected, "utf-8")


@pytest.mark.parametrize(("delimiter", "encoding"), [("ab", "utf-8"), ('"', "utf-8"), ("", "utf-8"), (",", "rot13")])
def test_dialects_that_there_are_not(tmp_path: Path, delimiter: str, encoding: str) -> None:
    with pytest.raises(ImportProblem):
        choose_dialect(tmp_path / "a.csv", None, delimiter, encoding)


def test_the_source_is_the_option_else_the_mapping_else_the_name(tmp_path: Path) -> None:
    content, mapping = "stars\n5\n", "source: mapped\nfields: {rating: stars}"
    assert plan(tmp_path / "shop.2024.csv", content).source == "shop.2024"
    assert plan(tmp_path / "a.csv", content, mapping).source == "mapped"
    assert plan(tmp_path / "a.csv", content, mapping, "option").source == "option"
    with pytest.raises(ImportProblem, match="--source"):
        plan(tmp_path / "a.csv", content, None, "x" * 101)


def test_what_a_person_should_know_is_said(tmp_path: Path) -> None:
    described = "\n".join(plan(tmp_path / "a.csv", "stars,date\n5,1 May\n").describe())
    assert "rating     column stars" in described
    assert "column date is left out" in described
    assert "another file of that source would overwrite them" in described
    assert not plan(tmp_path / "a.csv", "stars,id\n5,1\n").notes
    assert "give --delimiter" in plan(tmp_path / "a.csv", "rating\n5\n").notes[0]


def test_ndjson_with_keys_of_others_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ImportProblem, match=r"no line has the key `rating`.*Keys: stars, words"):
        plan(tmp_path / "a.ndjson", '{"stars": 5}\n{"words": "x"}\n')
    assert plan(tmp_path / "a.ndjson", '{"rating": 5}\n').mapping is None
    assert plan(tmp_path / "a.ndjson", "").mapping is None


def test_another_mapping_or_source_is_another_job(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    one = plan(file, "stars,t\n5,x\n", "fields: {rating: stars, text: t}").job(file, "shop")
    same = plan(file, "stars,t\n5,x\n", "fields:\n  rating: stars\n  text: t").job(file, "shop")
    others = [
        plan(file, "stars,t\n5,x\n", "fields: {rating: stars, title: t}").job(file, "shop"),
        plan(file, "stars,t\n5,x\n", None, "other").job(file, "shop"),
        plan(file, "stars,t\n4,x\n", "fields: {rating: stars, text: t}").job(file, "shop"),
    ]
    assert one == same
    assert one not in others


def test_state_and_report_lie_beside_the_file_or_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    file = there / "a.csv"
    assert place_beside(file, ".x") == there / "a.csv.x"
    there.chmod(0o555)
    try:
        assert place_beside(file, ".x") == here / "a.csv.x"
    finally:
        there.chmod(0o755)
