"""Facts, and conditions over them, for property tests of policies."""

from __future__ import annotations

from hypothesis import strategies as st

from services.moderation.engine.signal import Category, Detector, Severity, Signal
from services.moderation.policy.facts import CHANNELS, KINDS, Facts

DETECTORS = [Detector.LEXICON.value, Detector.URL.value, Detector.SHOUTING.value, "a-plug-in"]
CATEGORIES = [Category.PROFANITY, Category.SLUR, Category.LINK]
SEVERITIES = [Severity.MILD, Severity.STRONG, Severity.SEVERE]

signals = st.builds(
    Signal,
    st.sampled_from(DETECTORS),
    st.sampled_from(CATEGORIES),
    st.none() | st.sampled_from(SEVERITIES),
    st.sampled_from(["title", "text"]),
    st.integers(0, 3),
    st.integers(3, 5),
    st.sampled_from(["a", "b", "\ud800"]),
    st.sampled_from([0.25, 0.5, 1.0]),
    st.none() | st.sampled_from(["a", "b", "c"]),
)
facts = st.builds(
    Facts,
    st.none() | st.integers(1, 5),
    st.none() | st.sampled_from(["en", "pt-BR"]),
    st.booleans(),
    st.sampled_from(CHANNELS),
    st.lists(signals, max_size=4).map(tuple),
    title=st.none() | st.sampled_from(["", "so good", "\ud800 é"]),
    text=st.none() | st.text(max_size=5),
    revision=st.integers(1, 3),
    author_known=st.booleans(),
    kind=st.sampled_from(KINDS),
    pros=st.none() | st.text(max_size=3),
    photos=st.integers(0, 3),
    videos=st.integers(0, 3),
    left_out=st.just(0),
)


def _quoted(words: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from([f'"{word}"' for word in words])


def _among(field: str, words: list[str]) -> st.SearchStrategy[str]:
    some = st.lists(_quoted(words), min_size=1, max_size=3)
    return st.one_of(
        _quoted(words).map(lambda word: f"{field} == {word}"),
        _quoted(words).map(lambda word: f"{word} != {field}"),
        some.map(lambda listed: f"{field} in [{', '.join(listed)}]"),
    )


def _bounded(field: str, most: int) -> st.SearchStrategy[str]:
    bounds = st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.integers(0, most))
    return bounds.map(lambda bound: f"{field} {bound[0]} {bound[1]}") | bounds.map(
        lambda bound: f"{bound[1]} {bound[0]} {field}"
    )


def _joined(conditions: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        conditions.map(lambda one: f"!({one})"),
        st.tuples(conditions, conditions).map(lambda two: f"({two[0]} && {two[1]})"),
        st.tuples(conditions, conditions).map(lambda two: f"({two[0]} || {two[1]})"),
        st.tuples(conditions, conditions, conditions).map(lambda all: f"({all[0]} ? {all[1]} : {all[2]})"),
    )


of_a_signal = st.recursive(
    st.one_of(
        _among("s.detector", DETECTORS),
        _among("s.severity", [*SEVERITIES, ""]),
        _bounded("s.start", 3),
        st.sampled_from(["s.confidence > 0.3", "s.confidence >= 0.5", "s.matched == s.detail", "s.repeated"]),
    ),
    _joined,
    max_leaves=3,
)
conditions = st.recursive(
    st.one_of(
        st.sampled_from(
            [
                "review.is_edit",
                "review.has_text",
                "review.author_known == false",
                "has(review.locale)",
                "true",
                "1 > 2",
                "signals == []",
                "signals[0].start < 2",
                "10 / (review.words - 1) > 2",
            ]
        ),
        _among("review.channel", list(CHANNELS)),
        _among("review.kind", list(KINDS)),
        _bounded("review.words", 3),
        _bounded("review.photos", 3),
        _bounded("signals.size()", 3),
        of_a_signal.map(lambda of: f"signals.exists(s, {of})"),
        of_a_signal.map(lambda of: f"signals.all(s, {of})"),
        of_a_signal.map(lambda of: f"signals.filter(s, {of} && !s.repeated).size() > 1"),
    ),
    _joined,
    max_leaves=4,
)
