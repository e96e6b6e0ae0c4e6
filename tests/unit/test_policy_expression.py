"""Conditions: what they depend on, how they fail, and that asking many at once is the same as one by one."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.moderation.engine.signal import Category, Signal
from services.moderation.policy.expression import Expression, ExpressionError, FirstOf, Reads
from services.moderation.policy.facts import Facts
from services.moderation.policy.schema import REVIEW_FIELDS, SIGNAL_FIELDS, schema
from tests.unit.policy_strategies import conditions, facts

NOTHING = Facts(None, None, False, "api", ())
WHOLE_REVIEW = frozenset(REVIEW_FIELDS)
WHOLE_SIGNAL = frozenset(SIGNAL_FIELDS)


def value(expression: Expression, of: Facts) -> bool | str:
    return expression.evaluate(schema().activation(of, expression.reads.review, expression.reads.signals))


def test_facts_have_every_field_of_the_schema() -> None:
    assert all(hasattr(NOTHING, name) for name in REVIEW_FIELDS)
    assert set(SIGNAL_FIELDS) == {field.name for field in fields(Signal)} | {"repeated"}


@pytest.mark.parametrize(
    ("condition", "review", "signals", "has_signals"),
    [
        ("true", (), (), False),
        ("review.words > 3 && has(review.locale)", ("words", "locale"), (), False),
        ('signals.exists(review, review.detector == "url")', (), ("detector",), True),
        ("signals.size() > 2", (), (), True),
        ('signals.filter(s, s.field == "text").map(s, s.detail) == []', (), ("field", "detail"), True),
        ("[review, review].exists(r, r.rating > 3)", ("rating",), (), False),
        ("(review.is_edit ? review : review).words > 1", ("is_edit", "words"), (), False),
        ("review == review", WHOLE_REVIEW, (), False),
        ("signals[0] == signals[1]", (), WHOLE_SIGNAL, True),
        ("signals[0] in signals", (), WHOLE_SIGNAL, True),
        ("dyn(review).words > 1", WHOLE_REVIEW, (), False),
        ('{"r": review}["r"].words > 1', WHOLE_REVIEW, (), False),
        ("[review, 1] == [1]", WHOLE_REVIEW, (), False),
        ("plaudit.Review{words: 1} == review", WHOLE_REVIEW, (), False),
    ],
)  # fmt: skip
def test_what_a_condition_depends_on(condition: str, review: Any, signals: Any, has_signals: bool) -> None:
    expected = Reads(frozenset(review), frozenset(signals), has_signals)
    assert Expression.compile(condition).reads == expected


@settings(max_examples=300, deadline=None)
@given(conditions, facts, facts)
def test_nothing_else_changes_its_value(condition: str, one: Facts, other: Facts) -> None:
    expression = Expression.compile(condition)
    reads = expression.reads
    changed = one._replace(
        **{
            name: getattr(other, name)
            for name in Facts._fields
            if name not in reads.review and name != "signals" and not _derives(name, reads)
        },
        signals=tuple(_changed(signal, other.signals, reads) for signal in one.signals)
        if reads.has_signals
        else other.signals,
    )
    assert value(expression, changed) == value(expression, one)


def _derives(name: str, reads: Reads) -> bool:
    written = {"has_text", "words"}
    derived = {**dict.fromkeys(("title", "text", "pros", "cons"), written), "revision": {"is_edit"}}
    return not reads.review.isdisjoint(derived.get(name, set()))


def _changed(signal: Signal, others: tuple[Signal, ...], reads: Reads) -> Signal:
    if not others:
        return signal
    kept = reads.signals | (_SAYS_THE_SAME if "repeated" in reads.signals else set())
    return replace(
        signal, **{field.name: getattr(others[0], field.name) for field in fields(Signal) if field.name not in kept}
    )


_SAYS_THE_SAME = {"detector", "category", "severity", "detail", "matched"}


@pytest.mark.parametrize(
    "condition",
    [
        "1 / (review.words - 1) == 1",
        'signals[7].detector == "url"',
        "int(review.text) > 3",
        "review.text.matches(review.title)",
        'timestamp(review.text) > timestamp("2020-01-01T00:00:00Z")',
        "signals.all(a, signals.all(b, signals.all(c, true)))",
    ],
)
def test_a_condition_that_fails_is_neither_true_nor_false(condition: str) -> None:
    signal = Signal("x", Category.OTHER, None, "text", 0, 1, "x")
    many = NOTHING._replace(title="(", signals=(signal,) * (50 if "all" in condition else 1))
    assert isinstance(value(Expression.compile(condition), many), str)


def test_mistakes_have_a_place_in_code_points() -> None:
    condition = 'review.title == "🅰🅰" &&\n  review.txt == ""\n  || nothing'
    with pytest.raises(ExpressionError) as caught:
        Expression.compile(condition)
    places = [condition.index(".txt"), condition.index("nothing")]
    assert [mistake.offset for mistake in caught.value.mistakes] == places


@settings(max_examples=150, deadline=None)
@given(st.lists(conditions, max_size=40), facts)
def test_many_at_once_are_as_one_by_one(written: list[str], of: Facts) -> None:
    expressions = [Expression.compile(condition) for condition in written]
    activation = schema().activation(of, REVIEW_FIELDS, SIGNAL_FIELDS)
    expected = None
    for index, expression in enumerate(expressions):
        found = expression.evaluate(activation)
        if found is not False:
            expected = index, found
            break
    assert FirstOf(expressions).evaluate(activation) == expected


def test_conditions_that_end_in_comments_or_are_deeply_nested_go_together_too() -> None:
    deep = f"{'(' * 12}review.words > 3{')' * 12} // not this"
    conditions = [Expression.compile(deep), Expression.compile("review.is_edit // nor this")] * 9
    activation = schema().activation(NOTHING._replace(revision=2), REVIEW_FIELDS, ())
    assert FirstOf(conditions).evaluate(activation) == (1, True)
