"""The default policy, rule by rule; and what holds for every policy and every review."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.moderation.engine.signal import Category, Detector, Severity, Signal
from services.moderation.policy.codes import ModeratorCode
from services.moderation.policy.expression import Expression
from services.moderation.policy.facts import Facts
from services.moderation.policy.policy import DEFAULT_VERSION, Policy, compile_policy, default_policy, load_policy
from services.moderation.policy.schema import REVIEW_FIELDS, SIGNAL_FIELDS, schema
from services.moderation.policy.verdict import Status, Verdict
from tests.unit.policy_strategies import conditions, facts

POLICY = default_policy()


def word(severity: Severity | None, matched: str = "word", category: Category = Category.PROFANITY) -> Signal:
    return Signal(Detector.LEXICON, category, severity, "text", 0, len(matched), matched, detail=matched.lower())


def sign(detector: str, category: Category, severity: Severity | None = None) -> Signal:
    return Signal(detector, category, severity, "text", 0, 1, "x")


def review(*signals: Signal, require_approval: bool = False) -> Facts:
    return Facts(rating=3, locale="en", require_approval=require_approval, channel="api", signals=signals)


EMAIL = sign(Detector.EMAIL, Category.CONTACT)
LINK = sign(Detector.URL, Category.LINK)
MILD = [word(Severity.MILD, matched) for matched in ("crap", "damn", "ass")]


@pytest.mark.parametrize(
    ("signals", "status", "codes", "rule"),
    [
        ([], "approved", (), "default"),
        (MILD[:2], "approved", (), "default"),
        ([MILD[0], word(Severity.MILD, "CRAP"), word(Severity.MILD, "Crap")], "approved", (), "default"),
        (MILD, "held", ("PRF",), "several-mild-words"),
        ([word(Severity.STRONG)], "rejected", ("PRF",), "strong-profanity"),
        ([EMAIL, word(Severity.SEVERE, category=Category.SLUR)], "rejected", ("PRF",), "slurs"),
        ([word(Severity.MILD, category=Category.SLUR)], "held", ("PRF",), "possible-slur"),
        ([word(Severity.STRONG), word(Severity.SEVERE, category=Category.THREAT)], "held", ("GIU",), "threats"),
        ([word(None, category=Category.THREAT)], "held", ("GIU",), "threats"),
        ([word(Severity.SEVERE, category=Category.SEXUAL)], "rejected", ("PRF",), "sexual-content"),
        ([word(Severity.STRONG, category=Category.SEXUAL)], "held", ("PRF",), "possibly-sexual"),
        ([word(Severity.MILD, category=Category.SEXUAL)], "approved", (), "default"),
        ([word(Severity.STRONG, category=Category.INSULT)], "held", ("GIU",), "personal-attacks"),
        ([word(Severity.MILD, category=Category.INSULT)], "approved", (), "default"),
        # A plug-in rejects nothing by itself.
        ([sign("model", Category.PROFANITY, Severity.SEVERE)], "held", ("PRF",), "possible-profanity"),
        ([sign("model", Category.SLUR, Severity.SEVERE)], "held", ("PRF",), "possible-slur"),
        ([sign("model", Category.OTHER, Severity.STRONG)], "held", ("PRF",), "possible-profanity"),
        ([sign("model", Category.SPAM)], "held", ("SPM",), "spam"),
        ([EMAIL], "held", ("PII",), "contact-details"),
        ([LINK, sign(Detector.PHONE, Category.CONTACT)], "held", ("PII",), "contact-details"),
        ([sign(Detector.ADDRESS, Category.CONTACT)], "held", ("PII",), "contact-details"),
        ([sign(Detector.HANDLE, Category.CONTACT)], "held", ("PII",), "contact-details"),
        ([sign(Detector.IP, Category.CONTACT)], "held", ("PII",), "contact-details"),
        ([EMAIL, sign(Detector.CARD, Category.PAYMENT)], "held", ("PII",), "payment-details"),
        ([sign(Detector.IBAN, Category.PAYMENT)], "held", ("PII",), "payment-details"),
        ([LINK], "held", ("URL",), "links"),
        ([sign(Detector.SPAM, Category.SPAM)], "held", ("SPM",), "spam"),
        ([sign(Detector.DUPLICATE, Category.SPAM)], "held", ("SPM",), "duplicates"),
        ([sign(Detector.BURST, Category.SPAM)], "held", ("SPM",), "bursts"),
        ([sign(Detector.COMPETITOR, Category.COMPETITOR)], "held", ("CR",), "competitors"),
        ([sign(Detector.LANGUAGE, Category.CONTENT)], "held", ("FL",), "foreign-language"),
        ([sign(Detector.GIBBERISH, Category.CONTENT)], "held", ("VAC",), "gibberish"),
        ([sign(Detector.VACUOUS, Category.CONTENT)], "held", ("VAC",), "vacuous"),
        ([sign(Detector.REPETITION, Category.STYLE)], "held", ("VAC",), "repetition"),
        ([sign(Detector.SHOUTING, Category.STYLE)], "held", ("IU",), "shouting"),
        ([sign(Detector.CONTRADICTION, Category.CONTENT)], "approved", (), "default"),
    ],
)
def test_default_policy(signals: list[Signal], status: Status, codes: tuple[str, ...], rule: str) -> None:
    verdict = POLICY.decide(review(*signals))
    assert (verdict.status, verdict.codes, verdict.rule) == (status, codes, rule)
    assert (verdict.policy, verdict.policy_version) == ("default", DEFAULT_VERSION)


def test_every_rule_of_the_default_policy_is_tested() -> None:
    (mark,) = test_default_policy.pytestmark  # type: ignore[attr-defined]  # pytest's
    tested = {row[3] for row in mark.args[1]} | {"approval-required"}
    assert tested == {rule.name for rule in POLICY.rules} | {"default"}


def test_a_site_that_requires_approval_holds_the_rest_without_a_code() -> None:
    verdict = POLICY.decide(review(require_approval=True))
    assert (verdict.status, verdict.codes, verdict.queue) == ("held", (), "approval")
    assert POLICY.decide(review(word(Severity.STRONG), require_approval=True)).status == "rejected"


def test_the_default_policy_tells_reviews_apart_by_few_facts() -> None:
    assert POLICY.reads.review == {"kind", "require_approval"}
    assert POLICY.reads.signals == {"detector", "category", "severity", "confidence", "repeated"}


@given(facts, st.none() | st.integers(1, 5))
def test_no_rule_looks_at_the_rating(given_facts: Facts, rating: int | None) -> None:
    assert POLICY.decide(given_facts._replace(rating=rating)) == POLICY.decide(given_facts)


@given(facts)
def test_every_facts_get_one_accountable_verdict(given_facts: Facts) -> None:
    verdict = POLICY.decide(given_facts)
    assert verdict.status in get_args(Status)
    assert verdict.note
    assert (verdict.queue is not None) == (verdict.status == "held")
    assert set(verdict.codes) <= {code.value for code in ModeratorCode}
    assert verdict.status != "rejected" or verdict.codes


def policy_of(written: list[str]) -> Policy:
    """Rules that are what they are told to be, however senseless: as saved policies are loaded."""
    rules = "".join(
        f"  - {{name: r{number}, when: '{condition}', outcome: reject, codes: [IU], note: n}}\n"
        for number, condition in enumerate(written)
    )
    return load_policy(f"name: p\nrules:\n{rules}default: {{outcome: approve}}\n" if rules else EMPTY, version=7)


EMPTY = "name: p\ndefault: {outcome: approve}\n"
of_the_text = st.sampled_from(
    ['review.text.contains("a")', 'review.title != ""', 'review.text.matches("^[a-m]*$")', "int(review.text) > 3"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(conditions | of_the_text, max_size=5), st.lists(facts, min_size=1, max_size=6))
def test_the_first_rule_that_applies_decides_whatever_was_decided_before(
    written: list[str], reviews: list[Facts]
) -> None:
    policy = policy_of(written)
    expected = [_one_by_one(written, given_facts) for given_facts in reviews]
    # Twice, so that all are answered from memory as well.
    assert [policy.decide(given_facts).rule for given_facts in [*reviews, *reviews]] == [*expected, *expected]
    assert [policy_of(written).decide(given_facts) for given_facts in reviews] == list(map(policy.decide, reviews))


def _one_by_one(written: list[str], given_facts: Facts) -> str:
    activation = schema().activation(given_facts, REVIEW_FIELDS, SIGNAL_FIELDS)
    for number, condition in enumerate(written):
        value = Expression.compile(condition).evaluate(activation)
        if value is not False:
            return f"r{number}" if value is True else "policy-error"
    return "default"


def test_a_condition_that_fails_holds_the_review_and_says_nothing_of_its_text() -> None:
    policy = policy_of(["review.is_edit", "int(review.text) > 3", "true"])
    assert policy.decide(review()._replace(text="secret")) == Verdict(
        "held",
        "p",
        7,
        "policy-error",
        (),
        "policy-error",
        "The condition of rule r1 could not be evaluated on this review.",
    )
    assert policy.decide(review()._replace(text="4")).rule == "r1"
    assert policy.decide(review()._replace(text="secret", revision=2)).rule == "r0"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.moderation.policy.policy._MOST_VERDICTS", 10)
    policy = policy_of(["review.words > 30"])
    decided = [policy.decide(review()._replace(text="word " * count)).rule for count in range(60)]
    assert decided == ["default"] * 31 + ["r0"] * 29
    assert len(policy._known) <= 10


def test_a_text_is_not_remembered() -> None:
    policy = policy_of(['review.text.contains("b")', "review.words > 3"])
    for text in ("a", "b", "c", "a b c d"):
        policy.decide(review()._replace(text=text))
    assert len(policy._known) == 2


def test_what_signals_matched_is_not_remembered() -> None:
    policy = policy_of(['signals.exists(s, s.matched.contains("b"))'])
    decided = [policy.decide(review(word(Severity.MILD, text))).rule for text in ("a", "b", "c")]
    assert decided == ["default", "r0", "default"]
    assert policy.decide(review()).rule == "default"
    assert len(policy._known) == 1


def test_codes_are_the_vocabulary_of_the_vendor_with_its_editable_ones() -> None:
    assert {code.value for code in ModeratorCode if code.editable} == {
        "CR", "DBA", "IMG", "MSR", "PII", "PRI", "SI", "URL", "VAC",
    }  # fmt: skip
    assert len(ModeratorCode) == 21
    assert ModeratorCode.PRF.label == "Profanity"


def test_a_policy_keeps_its_source_and_its_name() -> None:
    policy = compile_policy(EMPTY, version=3)
    assert (policy.name, policy.version, policy.source, policy.rules) == ("p", 3, EMPTY, ())
    assert policy.decide(review(word(Severity.SEVERE))).rule == "default"
