"""What is said to follow does follow, for every review; and what people would see at once is found."""

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from services.moderation.policy.expression import Expression
from services.moderation.policy.facts import Facts
from services.moderation.policy.implication import ALWAYS, NEVER, Formula, Reasoner, any_of, formula
from services.moderation.policy.schema import schema
from tests.unit.policy_strategies import conditions, facts


def formula_of(condition: str) -> Formula:
    return formula(Expression.compile(condition).tree)


def implies(one: str, other: str) -> bool:
    return Reasoner().implies(formula_of(one), formula_of(other))


def value(condition: str, of: Facts) -> bool | str:
    compiled = Expression.compile(condition)
    return compiled.evaluate(schema().activation(of, compiled.reads.review, compiled.reads.signals))


@settings(max_examples=400, deadline=None)
@given(conditions, conditions, st.lists(facts, min_size=1, max_size=5))
def test_what_follows_is_never_false(one: str, other: str, reviews: list[Facts]) -> None:
    for stronger, weaker in ((one, other), (other, one), (f"({one}) && ({other})", one), (one, f"{one} || {other}")):
        if implies(stronger, weaker):
            event(f"follows {'by chance' if {stronger, weaker} == {one, other} else 'by form'}")
            for review in reviews:
                assert value(stronger, review) is not True or value(weaker, review) is not False


@settings(max_examples=300, deadline=None)
@given(conditions, facts)
def test_what_is_never_true_is_not_and_what_always_is_is(condition: str, review: Facts) -> None:
    known = formula_of(condition)
    if known == NEVER:
        event("never")
        assert value(condition, review) is not True
    if known == ALWAYS:
        event("always")
        assert value(condition, review) is not False


@given(conditions)
def test_everything_follows_from_itself(condition: str) -> None:
    assert implies(condition, condition)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("review.has_text && review.is_edit", "review.is_edit"),
        ("review.is_edit", "review.has_text || review.is_edit"),
        ("review.is_edit && review.words > 3", "review.words > 3 && review.is_edit"),
        ("review.words > 5", "review.words >= 6"),
        ("review.words >= 6", "review.words > 5"),
        ("review.words == 7", "review.words > 5"),
        ("5 < review.words", "!(review.words <= 4)"),
        ('review.channel == "api"', 'review.channel in ["form", "api"]'),
        ('review.channel == "api"', 'review.channel != "form"'),
        ('review.channel in ["form", "api"]', 'review.channel == "api" || review.channel == "form"'),
        ('signals.exists(s, s.detector == "url" && s.start > 3)', 'signals.exists(t, t.detector == "url")'),
        ("signals.all(s, s.start > 3 && s.end > 5)", "signals.all(s, s.end > 5)"),
        ("!signals.exists(s, s.start > 3)", "signals.all(s, s.start <= 3)"),
        ("size(signals) > 3", "signals.size() > 3"),
        ("review.is_edit ? review.has_text : false", "review.has_text"),
        ("review.is_edit == true", "review.is_edit != false"),
        ("signals.exists(s, s.confidence >= 0.9)", "signals.exists(s, s.confidence > 0.5)"),
    ],
)
def test_what_people_would_see_is_found(one: str, other: str) -> None:
    assert implies(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("review.is_edit", "review.is_edit && review.has_text"),
        ("review.words > 3", "review.words > 4"),
        ("review.words < 4", "review.words > 3"),
        ('review.channel != "api"', 'review.channel == "form"'),
        ('signals.exists(s, s.detector == "url")', 'signals.all(s, s.detector == "url")'),
        ('signals.all(s, s.detector == "url")', 'signals.exists(s, s.detector == "url")'),
        (
            'signals.exists(s, s.detector == "url") && signals.exists(s, s.start > 3)',
            'signals.exists(s, s.detector == "url" && s.start > 3)',
        ),
        ("signals.exists(s, s.confidence > 0.5)", "signals.exists(s, s.confidence >= 0.6)"),
    ],
)
def test_what_does_not_follow_does_not(one: str, other: str) -> None:
    assert not implies(one, other)


def test_several_conditions_cover_together_what_none_covers_alone() -> None:
    form, imported = formula_of('review.channel == "form"'), formula_of('review.channel == "import"')
    both = formula_of('review.channel in ["import", "form"] && review.is_edit')
    assert Reasoner().implies(both, any_of([form, imported]))
    assert not Reasoner().implies(both, form)


def test_choices_within_choices_take_no_longer_than_they_are_long() -> None:
    condition = "review.words > 1"
    for number in range(25):
        condition = f"({condition} ? review.words > {number} : review.revision > {number})"
    assert implies(condition, condition)


def test_conditions_written_to_be_hard_are_given_up_on() -> None:
    one = " && ".join(f"(review.words > {n} || review.revision > {n})" for n in range(60))
    other = " && ".join(f"(review.revision > {n} || review.text.size() > {n})" for n in range(60))
    assert not Reasoner(steps=1000).implies(formula_of(one), formula_of(other))
