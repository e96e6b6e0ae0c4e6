"""What authors of policies are told: compared with the files beside the policies in `policies/`."""

import time
from pathlib import Path
from typing import get_args

import pytest

from services.moderation import case
from services.moderation.engine.signal import Category, Detector
from services.moderation.judging import judge
from services.moderation.policy.check import DEFAULT, MAX_NOTE, POLICY_ERROR, RESERVED, TOO_MUCH_FOUND
from services.moderation.policy.codes import ModeratorCode, code_of
from services.moderation.policy.facts import CHANNELS, KINDS
from services.moderation.policy.policy import check_policy, compile_policy, default_source, load_policy
from services.moderation.policy.problem import PolicyErrors, describe_problems, render_problems
from shared.events.models import ContentKind, ReviewSubmitted, ReviewWithdrawn

POLICIES = sorted((Path(__file__).parent / "policies").glob("*.yaml"))
RULE = "name: n\nrules:\n  - {name: a, when: WHEN, outcome: hold, queue: q, note: n}\ndefault: {outcome: approve}\n"


@pytest.mark.parametrize("file", POLICIES, ids=lambda file: file.stem)
def test_problems_as_authors_read_them(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    assert render_problems(check_policy(source), source, file.name) == file.with_suffix(".txt").read_text("utf-8")


def test_there_are_policies_to_compare() -> None:
    assert len(POLICIES) >= 8


@pytest.mark.parametrize("file", POLICIES, ids=lambda file: file.stem)
def test_errors_keep_a_policy_from_being_used_and_warnings_do_not(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    problems = check_policy(source)
    if all(problem.severity == "warning" for problem in problems):
        assert compile_policy(source).warnings == tuple(problems)
        return
    with pytest.raises(PolicyErrors) as caught:
        compile_policy(source)
    assert caught.value.problems == tuple(problems)
    first = next(problem for problem in problems if problem.severity == "error")
    assert str(caught.value).startswith(f"line {first.line}, column {first.column}: {first.message}")


def test_the_default_policy_has_no_problem() -> None:
    assert check_policy(default_source()) == []


def test_what_was_saved_is_loaded_whatever_the_check_has_learnt_since() -> None:
    source = (Path(__file__).parent / "policies/unreachable.yaml").read_text()
    assert len(load_policy(source).rules) > 5
    assert load_policy(RULE.replace("WHEN", "true").replace("name: a", "name: unreadable")).rules
    with pytest.raises(PolicyErrors):
        load_policy(RULE.replace("WHEN", "review.nothing"))


@pytest.mark.parametrize("pattern", ['"é\\n\\"\U0001f170"', 'r"\\d+\\b"', '"a\\tb\\u2028"', "'[^\"]*'"])
def test_patterns_that_are_right_are_taken(pattern: str) -> None:
    when = "|-\n      review.text.matches(" + pattern + ")\n    "
    source = RULE.replace("{name: a, when: WHEN, outcome: hold, queue: q, note: n}", "name: a\n    when: " + when)
    source = source.replace("\n    \ndefault", "\n    outcome: hold\n    queue: q\n    note: n\ndefault")
    assert check_policy(source) == []


def test_the_name_may_come_from_elsewhere() -> None:
    source = RULE.replace("WHEN", "true").replace("name: n\n", "", 1)
    assert compile_policy(source, "house-rules", 7).name == "house-rules"
    assert [problem.message for problem in check_policy(source)] == ["the policy has no name"]


def test_names_of_rules_that_the_system_cites_are_reserved() -> None:
    reasons = get_args(ReviewWithdrawn.model_fields["reason"].annotation)
    assert {
        DEFAULT,
        POLICY_ERROR,
        TOO_MUCH_FOUND,
        case.UNREADABLE,
        case.REPAIRED,
        case.ABUSE_REPORTS,
        judge.CLASSIFIER_FAILED,
        *reasons,
    } == RESERVED


def test_channels_are_those_of_events() -> None:
    assert set(get_args(ReviewSubmitted.model_fields["channel"].annotation)) == set(CHANNELS)
    assert get_args(ContentKind) == KINDS


def test_problems_as_json() -> None:
    problems = check_policy(RULE.replace("WHEN", "review.word > 3"))
    assert describe_problems(problems) == [
        {
            "line": 3,
            "column": 28,
            "severity": "error",
            "message": "a review has no field 'word'",
            "hint": "did you mean 'words'?",
        }
    ]


def test_long_lines_are_cut_around_the_place() -> None:
    source = RULE.replace("WHEN", f"'{' && '.join(['review.has_text'] * 40)} && review.word'")
    shown = render_problems(check_policy(source), source, "p.yaml").splitlines()
    assert all(len(line) < 180 for line in shown)
    assert shown[1][shown[2].index("^") :].startswith("word")


def test_of_many_problems_the_first_errors_are_told() -> None:
    many = "".join(
        f"  - {{name: r{number}, when: review.words == {number}, outcome: approve}}\n" for number in range(150)
    )
    problems = check_policy(f"name: n\nrules:\n{many}default: {{outcome: reject}}\n")
    assert len(problems) == 100
    assert problems[-1].severity == "error"


def test_notes_are_limited() -> None:
    source = RULE.replace("WHEN", "review.is_edit").replace("note: n", f"note: {'n' * (MAX_NOTE + 1)}")
    assert [problem.message for problem in check_policy(source)] == ["a note has at most 500 characters, this one 501"]


def test_the_largest_policy_is_checked_in_seconds() -> None:
    rule = (
        '  - {name: r%d, outcome: hold, queue: q, note: n, when: \'signals.exists(s, s.detail == "%d" && '
        's.severity in ["mild", "strong"] && (s.field == "text" || s.field == "title"))\'}\n'
    )
    source = "name: n\nrules:\n" + "".join(rule % (n, n) for n in range(200)) + "default: {outcome: approve}\n"
    begun = time.perf_counter()
    assert check_policy(source) == []
    assert time.perf_counter() - begun < 20


def test_signals_have_the_code_that_fits() -> None:
    codes = {detector: code_of(detector, Category.OTHER) for detector in Detector}
    assert codes.pop(Detector.LEXICON) is None
    assert None not in codes.values()
    assert (code_of("lexicon", Category.SLUR), code_of("lexicon", Category.THREAT)) == (
        ModeratorCode.PRF,
        ModeratorCode.GIU,
    )
    assert code_of("a-plug-in", Category.PAYMENT) is ModeratorCode.PII
    assert code_of("a-plug-in", Category.OTHER) is None
