"""`plaudit explain`: what was found where, and why the policy decided as it did."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.app import app
from services.moderation.policy.policy import default_policy

POLICY = """
name: house
rules:
  - {name: low, when: 'signals.size() > 0 && review.words > 9', outcome: hold, queue: q, note: n}
  - name: mail
    when: signals.exists(s, s.detector == "email")
    outcome: reject
    codes: [PII]
    note: Holds an e-mail address.
  - {name: late, when: 'review.has_text', outcome: hold, queue: q, note: n}
default: {outcome: approve, note: Nothing found.}
"""


@pytest.fixture
def policy(tmp_path: Path) -> str:
    file = tmp_path / "house.yaml"
    file.write_text(POLICY)
    return str(file)


def explain(*arguments: str, given: str = "", columns: int = 80) -> str:
    done = CliRunner().invoke(
        app, ["explain", *arguments], input=given, env={"COLUMNS": str(columns)}, catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return done.stdout


def test_it_says_who_decided_and_why_the_others_did_not(policy: str) -> None:
    said = explain("write to jane@example.com", "--title", "Hello", "--policy", policy)

    assert said.startswith("rejected by rule mail of the policy house\n  Holds an e-mail address.\n  PII: Personal")
    assert "✗ low   not true: review.words > 9\n" in said
    assert "✓ mail  true: rejected\n" in said
    assert "late  not reached; its condition is true as well" in said


def test_the_default_decides(policy: str) -> None:
    said = explain("", "--policy", policy)

    assert said.startswith("approved by no rule of the policy house")
    assert "nothing was found" in said
    assert "✓ default  approved" in said


def test_marks_stand_under_what_was_found(policy: str) -> None:
    said = explain("日本: write to jane@example.com", "--policy", policy)

    assert "  日本: write to jane@example.com\n                 ^^^^^^^^^^^^^^^^\n" in said
    assert re.search(r"email +contact +text 13-29 +jane@example\.com", said)


def test_a_long_text_is_broken_to_the_terminal(policy: str) -> None:
    said = explain(
        "The seller told me, when I asked what to do with a shirt that does not fit and had been washed once, to "
        "write to jane@example.com",
        "--policy",
        policy,
        columns=40,
    )

    text = said.partition("text\n")[2].partition("\n\n")[0].splitlines()
    assert len(text) == 5
    assert all(len(line) <= 40 for line in text)
    marked = text.index(next(line for line in text if "^" in line))
    assert text[marked].index("^") == text[marked - 1].index("jane")


def test_standard_input(policy: str) -> None:
    assert "jane@example.com" in explain("--policy", policy, given="write to jane@example.com\n")
    assert "jane@example.com" in explain("-", "--policy", policy, given="write to jane@example.com\n")


def test_what_a_terminal_would_obey_is_not_sent_to_it(policy: str) -> None:
    said = explain("--policy", policy, given="a\x1b]0;owned\x07 jane@example.com\u202e")

    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "<1B>" in said


def test_for_programs() -> None:
    said = json.loads(explain("write to jane@example.com", "--json", "--rating", "5", "--locale", "en"))

    assert said["decision"] == "held"
    assert [flag["matched"] for flag in said["flags"] if flag["detector"] == "email"] == ["jane@example.com"]
    assert [rule["name"] for rule in said["rules"]] == [rule.name for rule in default_policy().rules]
    deciding = next(rule for rule in said["rules"] if rule["is_true"])
    assert deciding["name"] == said["rule"]
    assert deciding["reached"]
    assert not said["rules"][-1]["reached"]
