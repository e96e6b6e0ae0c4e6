from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.signal import Category, Detector, Severity, Signal
from services.moderation.policy.codes import ModeratorCode
from services.moderation.policy.policy import Facts, Policy, Rule, Verdict, decide, default_policy
from services.moderation.policy.verdict import Status

POLICY = default_policy()


def word(severity: Severity, matched: str = "word", category: Category = Category.PROFANITY) -> Signal:
    return Signal(Detector.LEXICON, category, severity, "text", 0, len(matched), matched)


def sign(detector: Detector, category: Category) -> Signal:
    return Signal(detector, category, None, "text", 0, 1, "x")


def facts(*signals: Signal, require_approval: bool = False) -> Facts:
    return Facts(rating=3, locale="en", require_approval=require_approval, channel="api", signals=signals)


EMAIL = sign(Detector.EMAIL, Category.CONTACT)
PHONE = sign(Detector.PHONE, Category.CONTACT)
LINK = sign(Detector.URL, Category.LINK)
SHOUTING = sign(Detector.SHOUTING, Category.STYLE)
REPETITION = sign(Detector.REPETITION, Category.STYLE)
MILD = [word(Severity.MILD, matched) for matched in ("crap", "damn", "ass")]


@pytest.mark.parametrize(
    ("signals", "status", "codes", "rule"),
    [
        ([], "approved", (), "default"),
        (MILD[:2], "approved", (), "default"),
        ([MILD[0], word(Severity.MILD, "CRAP"), word(Severity.MILD, "Crap")], "approved", (), "default"),
        (MILD, "held", ("PRF",), "several-mild-words"),
        ([word(Severity.STRONG)], "rejected", ("PRF",), "grave-words"),
        ([EMAIL, word(Severity.SEVERE, category=Category.SLUR)], "rejected", ("PRF",), "grave-words"),
        ([word(Severity.MILD, category=Category.SLUR)], "held", ("PRF",), "possible-slur"),
        ([EMAIL], "held", ("PII",), "contact-details"),
        ([LINK, PHONE], "held", ("PII",), "contact-details"),
        ([LINK], "held", ("URL",), "links"),
        ([SHOUTING], "held", ("IU",), "shouting"),
        ([REPETITION], "held", ("VAC",), "repetition"),
    ],
)
def test_default_policy(signals: list[Signal], status: Status, codes: tuple[str, ...], rule: str) -> None:
    verdict = decide(POLICY, facts(*signals))
    assert (verdict.status, verdict.codes, verdict.rule) == (status, codes, rule)
    assert (verdict.policy, verdict.policy_version) == ("default", 1)


def test_a_site_that_requires_approval_holds_the_rest_without_a_code() -> None:
    verdict = decide(POLICY, facts(require_approval=True))
    assert (verdict.status, verdict.codes, verdict.queue) == ("held", (), "approval")
    assert decide(POLICY, facts(word(Severity.STRONG), require_approval=True)).status == "rejected"


SIGNALS = st.builds(
    Signal,
    st.sampled_from(Detector),
    st.sampled_from(Category),
    st.none() | st.sampled_from(Severity),
    st.sampled_from(["title", "text"]),
    st.just(0),
    st.just(1),
    st.sampled_from(["a", "b", "c", "d"]),
)
FACTS = st.builds(
    Facts,
    st.none() | st.integers(1, 5),
    st.none() | st.sampled_from(["en", "pt-BR"]),
    st.booleans(),
    st.sampled_from(["api", "ingest", "file"]),
    st.lists(SIGNALS, max_size=5).map(tuple),
    st.booleans(),
)


@given(FACTS)
def test_every_facts_get_one_accountable_verdict(given_facts: Facts) -> None:
    verdict = decide(POLICY, given_facts)
    assert verdict == decide(POLICY, given_facts)
    assert isinstance(verdict, Verdict)
    assert verdict.status in get_args(Status)
    assert verdict.note
    assert (verdict.queue is not None) == (verdict.status == "held")
    assert set(verdict.codes) <= {code.value for code in ModeratorCode}
    assert verdict.status != "rejected" or verdict.codes


@given(FACTS, st.none() | st.integers(1, 5))
def test_no_rule_looks_at_the_rating(given_facts: Facts, rating: int | None) -> None:
    assert decide(POLICY, replace(given_facts, rating=rating)) == decide(POLICY, given_facts)


def test_the_first_rule_that_applies_decides() -> None:
    held = Rule("one", lambda _: True, "held", (ModeratorCode.IU,), "One.", "queue")
    rejected = Rule("two", lambda _: True, "rejected", (ModeratorCode.GIU,), "Two.")
    assert decide(Policy("p", 7, (held, rejected)), facts()) == Verdict("held", "p", 7, "one", ("IU",), "queue", "One.")
    assert decide(Policy("p", 7, (rejected, held)), facts()).rule == "two"


def test_a_policy_refuses_what_could_not_be_accounted_for() -> None:
    rule = Rule("one", lambda _: True, "rejected", (ModeratorCode.IU,), "One.")
    with pytest.raises(ValueError, match="same name"):
        Policy("p", 1, (rule, rule))
    with pytest.raises(ValueError, match="queue"):
        Rule("one", lambda _: True, "held", (), "One.")


def test_codes_are_the_vocabulary_of_the_vendor_with_its_editable_ones() -> None:
    assert {code.value for code in ModeratorCode if code.editable} == {
        "CR", "DBA", "IMG", "MSR", "PII", "PRI", "SI", "URL", "VAC",
    }  # fmt: skip
    assert len(ModeratorCode) == 21
    assert ModeratorCode.PRF.label == "Profanity"
