"""What a policy may cost is bounded by what is written in it."""

from __future__ import annotations

import time

import pytest

from services.moderation.policy.facts import Facts
from services.moderation.policy.limits import MOST_CHOICES, MOST_LOOKS, MOST_MATCHES, Measured, measure
from services.moderation.policy.policy import check_policy, compile_policy, load_policy
from services.moderation.policy.problem import Problem

WORDS = "[" + ", ".join(f'"word{number}"' for number in range(90)) + "]"


def policy(*conditions: str) -> str:
    rule = "  - name: r{}\n    when: |-\n      {}\n    outcome: hold\n    queue: q\n    note: n\n"
    rules = "".join(rule.format(number, condition) for number, condition in enumerate(conditions))
    return f"name: n\nrules:\n{rules}default: {{outcome: approve}}\n"


def errors(*conditions: str) -> list[Problem]:
    return [problem for problem in check_policy(policy(*conditions)) if problem.severity == "error"]


def matching(pattern: str) -> str:
    return f'review.text.matches(r"{pattern}")'


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        (matching("(a|b| )*a(a|b| ){900}c"), "repeats more than 50 times"),
        (matching("a{51}"), "repeats more than 50 times"),
        (matching("a{2,51}"), "repeats more than 50 times"),
        (matching("(a{2}b){3}"), "repeats counted repetitions"),
        (matching("(?:x(a{2}|b)+){3}"), "repeats counted repetitions"),
        (matching("a" * 201), "a pattern has at most 200 characters, this one 201"),
        ("review.text.matches(review.title)", "a pattern is a text in quotes"),
        ('review.text.matches("a" + "b")', "a pattern is a text in quotes"),
        (f"{WORDS}.exists(w, review.text.matches(w))", "a pattern is a text in quotes"),
        (matching(r"a\pL{6}"), "the patterns of a policy have at most 50 choices"),
        (matching("x" + "." * 51), "the patterns of a policy have at most 50 choices"),
        (f"{WORDS}.exists(w, {WORDS}.exists(v, review.text.contains(w + v)))", "contains() for each element of a list"),
        (f'signals.exists(s, {WORDS}.exists(w, s.detail.endsWith(w)) && s.field == "text")', "endsWith() for each"),
        ("[review.text].map(t, t + t).map(t, t + t).exists(t, t == review.title)", "joins texts or lists"),
        ("[review.words].map(n, [[n], [n]]).size() > 1", "makes lists of lists"),
    ],
)
def test_what_takes_too_long_is_refused(condition: str, says: str) -> None:
    found = errors(condition)
    assert [problem for problem in found if problem.message.startswith(says)], found
    assert all(problem.line == 5 and problem.column >= 7 for problem in found)
    assert load_policy(policy(condition)).rules, "what was saved stays usable"


def test_the_place_is_that_of_the_pattern() -> None:
    (problem,) = errors('review.is_edit && review.text.matches("a{60}b") && review.words > 1')[:1]
    assert (problem.line, problem.column, problem.hint) == (5, 45, "use * or +, or look at review.words")


@pytest.mark.parametrize(
    "condition",
    [
        matching("(?i)gift ?card|free (money|shipping)"),
        matching(r"\d{3}[- ]?\d{3}[- ]?\d{4}"),
        matching("[^ ]{50}"),
        'signals.exists(s, s.detail.matches("(?i)[.](example|test)$"))',
        f"{WORDS}.exists(w, review.text.contains(w))",
        'signals.exists(s, s.field == "text" && review.author_name.contains(s.matched))',
        'signals.exists(s, s.detector == "url" && !s.detail.endsWith(".example.com"))',
        '(review.title + " " + review.text).contains("boots")',
        "signals.filter(s, !s.repeated).map(s, s.detail).size() > 3",
    ],
)
def test_what_honest_policies_say_is_taken(condition: str) -> None:
    assert errors(condition) == []


@pytest.mark.parametrize(
    ("allowed", "condition", "says"),
    [
        (MOST_MATCHES, 'review.text.matches("word{}")', "a policy matches at most 20 patterns"),
        (MOST_LOOKS, 'review.text.contains("word{}")', "text functions of a policy look at most 100 times"),
        (MOST_LOOKS, 'review.author_name.size() == {} && review.words > 3', "text functions of a policy look"),
        (MOST_LOOKS // 2, '(review.title + review.text).startsWith("word{}")', "text functions of a policy look"),
        (MOST_CHOICES // 5, 'review.text.matches("word{}.{{5}}")', "the patterns of a policy have at most 50 choices"),
        (10, "signals.exists(s, signals.exists(t, t.start == s.end + {}))", "a policy goes at most 10 times"),
        (2, "signals.exists(s, s.detail.matches('" + "a" * 195 + "{:03}'))", "the patterns of a policy have at most 4"),
    ],
)  # fmt: skip
def test_limits_of_a_policy_count_over_its_rules(allowed: int, condition: str, says: str) -> None:
    conditions = [condition.format(number) for number in range(allowed + 3)]
    assert errors(*conditions[:allowed]) == []
    (problem,) = errors(*conditions)
    assert problem.message.startswith(says)
    assert problem.line == 5 + 6 * allowed, "the first beyond the limit is told, and only that"
    assert load_policy(policy(*conditions)).rules


@pytest.mark.parametrize(
    ("pattern", "measured"),
    [
        ("(?i)gift ?card", Measured(1, 0, False)),
        (r"\bfoo\b|bar", Measured(0, 0, False)),
        (r"\d{3}[- ]?\d{3}[- ]?\d{4}", Measured(12, 4, False)),
        ("https?://[^ ]+", Measured(2, 0, False)),
        (r"[\]{9}]\{9}\Q{9}\E", Measured(1, 0, False)),
        ("((ab){3}){4}", Measured(24, 4, True)),
        ("(abc){10}", Measured(30, 10, False)),
        (r"\pL{2}\p{Greek}[^\PN]", Measured(40, 2, False)),
        ("(?:aa|ab)(?P<n>aa|ab)", Measured(2, 0, False)),
        (")(|{2}*?[", Measured(1, 2, False)),
    ],
)
def test_patterns_are_measured(pattern: str, measured: Measured) -> None:
    assert measure(pattern) == measured


def test_the_worst_that_is_taken_keeps_nobody_waiting() -> None:
    whole = compile_policy(policy(*(matching(f"a.{{12}}{end}") + " && review.is_edit" for end in "wxyz")))
    text = "".join("a漢é"[(number * number // 7 + number // 3) % 3] for number in range(10_000))
    begun = time.perf_counter()
    assert whole.decide(Facts(5, "en", False, "api", (), text=text, revision=2)).rule == "default"
    assert time.perf_counter() - begun < 3  # 0.2 seconds on an idle core
