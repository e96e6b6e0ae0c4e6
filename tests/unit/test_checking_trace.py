"""Every rule is accounted for: which one decided, and which part of the others was not true."""

from __future__ import annotations

import pytest

from services.cli.checking.trace import conjuncts, trace
from services.moderation.engine.signal import Category, Signal
from services.moderation.policy.facts import Facts
from services.moderation.policy.policy import compile_policy

POLICY = """
name: mine
rules:
  - name: several
    when: review.words > 2 && signals.size() > 0 && review.locale == "en"
    outcome: hold
    queue: a
    note: n
  - {name: fails, when: 'signals.size() == 3 && signals[7].field == "text"', outcome: hold, queue: a, note: n}
  - name: found
    when: signals.exists(s, s.category == "insult" && s.field == "text")
    outcome: hold
    queue: a
    note: n
  - {name: short, when: 'review.words < 3', outcome: hold, queue: a, note: n}
  - {name: long, when: 'review.words > 30', outcome: hold, queue: a, note: n}
default: {outcome: approve, note: n}
"""
INSULT = Signal("lexicon", Category.INSULT, None, "text", 0, 5, "idiot")


def facts(text: str, *signals: Signal, locale: str = "de") -> Facts:
    return Facts(5, locale, False, "api", signals, text=text)


def test_it_agrees_with_the_policy() -> None:
    policy = compile_policy(POLICY)

    for given in (facts("idiot", INSULT), facts("a"), facts("a b c d"), facts("a b c", INSULT, locale="en")):
        first = next((one.rule.name for one in trace(policy, given) if one.result is not False), "default")
        assert first == policy.decide(given).rule


def test_what_was_not_true_and_what_was_not_reached() -> None:
    several, fails, found, short, long = trace(compile_policy(POLICY), facts("idiot", INSULT))

    assert (several.result, several.untrue) == (False, ("review.words > 2", 'review.locale == "en"'))
    assert (fails.result, fails.untrue) == (False, ("signals.size() == 3", 'signals[7].field == "text"'))
    assert (found.result, found.untrue, found.reached) == (True, (), True)
    assert (short.result, short.reached) == (True, False)
    assert (long.result, long.reached) == (False, False)


def test_a_condition_that_fails_ends_the_way() -> None:
    _, fails, found, *_ = trace(compile_policy(POLICY), facts("idiot", *[INSULT] * 3))

    assert isinstance(fails.result, str)
    assert fails.reached
    assert not found.reached


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("a", ["a"]),
        ("a && b&&c", ["a", "b", "c"]),
        ("(a && b) && c", ["(a && b)", "c"]),
        ("x.exists(s, s && t) && [a && b][0]", ["x.exists(s, s && t)", "[a && b][0]"]),
        (""" a == "&& \\" &&" && 'it && \\' &&' == b """, ['a == "&& \\" &&"', "'it && \\' &&' == b"]),
        ('a == r"\\" && b == """x"&&"y""" ', ['a == r"\\"', 'b == """x"&&"y"""']),
        ("a // here && there ( \n && b", ["a", "b"]),
    ],
)
def test_parts_of_a_condition(source: str, parts: list[str]) -> None:
    assert conjuncts(source) == parts
