import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.moderation.engine.engine import Engine
from services.moderation.engine.signal import Detector

ENGINE = Engine.default()
OTHER_ENGINE = Engine.default()

PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["fuck", "f.u.c.k", "sh!t", "a$$", "f**k", "fuuuck", "ѕhіt", "blow job", "crap", "the hell", "ok", "nice dress",
         " ", "\n", ".", "\u0301", "\u200b", "é", "ﬁ", "İ", "a@b.org", "joe at gmail dot com", "www.a.org", "b.com",
         "212-736-5000", "AAAA BBBB", "aaa", "\ud800"]
    ),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=12).map("".join)

ORDINARY = (
    "the dress fits well and my sister loves its colour class assess cocktail sooo size 4 34b 115lbs great! nice, "
    "Essex pen is good stroke of luck R&B it's 5'4\" soft wool (blue) café naïve très bien 好"
)
INNOCENT_WORDS = st.sampled_from(ORDINARY.split())
INNOCENT = st.lists(INNOCENT_WORDS, min_size=1, max_size=12, unique=True).map(" ".join)


@given(st.dictionaries(st.sampled_from(["title", "text", "author_name"]), TEXTS))
def test_spans_index_the_text_as_written_and_results_are_ordered(fields: dict[str, str]) -> None:
    signals = ENGINE.analyse(fields)
    for signal in signals:
        text = fields[signal.field]
        assert 0 <= signal.start < signal.end <= len(text)
        assert signal.matched == text[signal.start : signal.end]
    assert list(signals) == sorted(signals, key=lambda signal: (signal.field, signal.start))


@given(TEXTS)
def test_analysis_is_deterministic_across_calls_and_engines(text: str) -> None:
    first = ENGINE.analyse({"text": text})
    assert ENGINE.analyse({"text": text}) == first
    assert OTHER_ENGINE.analyse({"text": text}) == first


@given(INNOCENT, INNOCENT)
def test_innocent_text_beside_innocent_text_stays_innocent(one: str, other: str) -> None:
    together = [signal for signal in ENGINE.analyse({"text": f"{one}\n{other}"}) if signal.detector is Detector.LEXICON]
    assert together == []


@given(TEXTS, st.sampled_from(["fuck", "f u c k", "sh!t", "f**k", "fuuuck", "ѕhit"]), TEXTS)
@settings(max_examples=200)
def test_a_strong_word_between_lines_is_found_whatever_stands_around_it(before: str, word: str, after: str) -> None:
    signals = ENGINE.analyse({"text": f"{before}\nzebra {word} zebra\n{after}"})
    assert any(signal.detector is Detector.LEXICON and signal.severity == "strong" for signal in signals)


HOSTILE = (
    "f.", "f\u0308\u0308\u0308\u0308", "\u0300", "sh!", "a@", "fuuu", "fuck", "$@", "f*", "1-", "1234567 ", "a.com ",
    "a-", "a.", "(at) x", "😀", "ab at gmail dot com ", "www.", "+1 2", "aaab", "a b c. ", "crap ",
)  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_work_grows_with_the_text_and_not_with_its_square(unit: str) -> None:
    """Eight times the text may take twenty-four times as long; quadratic work would take sixty-four times."""
    small, large = (unit * 100_000)[:12_500], (unit * 100_000)[:100_000]
    ENGINE.analyse({"text": small})
    floor = 0.002  # below this the clock measures the machine
    quick = max(_fastest(lambda: ENGINE.analyse({"text": small})), floor)
    assert _fastest(lambda: ENGINE.analyse({"text": large})) < 24 * quick


def _fastest(action: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)
