"""Of what is found in one review no more is looked at and kept than anybody needs."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.signal import Category, Detector, Severity, Signal
from services.moderation.policy.check import TOO_MUCH_FOUND
from services.moderation.policy.evidence import MOST_KEPT, evidence
from services.moderation.policy.facts import Facts
from services.moderation.policy.policy import compile_policy, default_policy

WORD = Signal(Detector.LEXICON, Category.PROFANITY, Severity.STRONG, "text", 0, 4, "fuck")
MILD = Signal(Detector.LEXICON, Category.PROFANITY, Severity.MILD, "text", 0, 4, "damn")
SEVERE = Signal(Detector.LEXICON, Category.SLUR, Severity.SEVERE, "text", 0, 4, "slur")
LINK = Signal(Detector.URL, Category.LINK, None, "title", 0, 5, "x.com")
SHOUT = Signal(Detector.SHOUTING, Category.STYLE, None, "text", 0, 5, "AAAAA")

EASY = """\
name: easy
rules:
  - name: words
    when: signals.exists(s, s.category == "profanity")
    outcome: approve
    note: Words.
default: {outcome: approve, note: Fine.}
"""


def facts(*signals: Signal) -> Facts:
    kept, left_out = evidence(signals)
    return Facts(3, "en", False, "api", kept, text="x", left_out=left_out)


def test_what_is_little_is_kept_as_it_is() -> None:
    assert evidence([]) == ((), 0)
    assert evidence([MILD] * MOST_KEPT) == ((MILD,) * MOST_KEPT, 0)


def test_of_too_much_the_gravest_stay_and_one_of_each_kind_in_their_order() -> None:
    found = [MILD] * MOST_KEPT + [SHOUT] * 3 + [WORD] * MOST_KEPT + [LINK, SEVERE, SEVERE]
    kept, left_out = evidence(found)
    assert left_out == len(found) - MOST_KEPT
    assert kept == (MILD, SHOUT, *[WORD] * (MOST_KEPT - 5), LINK, SEVERE, SEVERE)


_SIGNALS = st.lists(st.sampled_from([WORD, MILD, SEVERE, LINK, SHOUT]), max_size=12).flatmap(
    lambda few: st.integers(0, 60).map(lambda times: few * times)
)


@given(_SIGNALS)
def test_nothing_is_invented_and_no_kind_is_lost(found: list[Signal]) -> None:
    kept, left_out = evidence(found)
    assert len(kept) + left_out == len(found)
    assert len(kept) == min(len(found), MOST_KEPT)
    assert set(kept) == set(found)
    rest = iter(found)
    assert all(signal in rest for signal in kept), "they are in their order"


def test_what_has_more_than_can_be_looked_at_is_approved_by_no_policy() -> None:
    seen = facts(*[SHOUT] * (MOST_KEPT + 9))
    verdict = compile_policy(EASY).decide(seen)
    assert (verdict.status, verdict.rule, verdict.queue) == ("held", TOO_MUCH_FOUND, TOO_MUCH_FOUND)
    assert verdict.note == "Only 250 of 259 findings were looked at and kept."


def test_other_outcomes_stay_and_say_what_was_left_out() -> None:
    verdict = default_policy().decide(facts(*[WORD] * (MOST_KEPT + 1)))
    assert (verdict.status, verdict.rule, verdict.codes) == ("rejected", "strong-profanity", ("PRF",))
    assert verdict.note == "Contains strong profanity. Only 250 of 251 findings were looked at and kept."
    assert default_policy().decide(facts(*[WORD] * MOST_KEPT)).note == "Contains strong profanity."


def test_the_built_in_policy_goes_through_all_that_is_kept() -> None:
    """CEL gives a condition 10,000 steps: more would be a policy that fails where there is most to see."""
    innocent = Signal("a-plug-in", Category.OTHER, None, "text", 0, 1, "x")
    assert default_policy().decide(facts(*[innocent] * MOST_KEPT)).rule == "default"
    assert default_policy().decide(facts(*[innocent] * (MOST_KEPT - 1), SHOUT)).rule == "shouting"


def test_the_places_of_all_that_is_kept_fit_into_an_event() -> None:
    """With the longest names that a field and a plug-in may have; 240 KiB are left of every event for a decision."""
    longest = {
        "detector": "d" * 64, "category": "competitor", "severity": "severe", "field": f"additional_field.{'x' * 100}",
        "start": 10_000, "end": 10_000,
    }  # fmt: skip
    assert len(orjson.dumps([longest] * MOST_KEPT)) < 240 * 1024
