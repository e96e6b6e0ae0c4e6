import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.moderation.engine.context import Context
from services.moderation.engine.lexicon import Lexicon
from services.moderation.engine.normalise import fold_letters
from services.moderation.engine.passage import Passage
from services.moderation.engine.signal import Severity, Signal
from services.moderation.engine.wordlist import load_word_lists

LEXICON = Lexicon.default()
OTHER_LEXICON = Lexicon(load_word_lists())
CONTEXT = Context(locale="en")  # what language a text is in is not the matter here


def find(text: str, lexicon: Lexicon = LEXICON) -> list[Signal]:
    return lexicon.find(Passage("text", text), CONTEXT)


PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["fuck", "f.u.c.k", "sh!t", "a$$", "f**k", "fuuuck", "ѕhіt", "blow job", "son of a bitch", "crap", "the hell",
         "n1pples", "fu ck", "2g1c", "ok", "nice dress", " ", "\n", ".", "\u0301", "\u200b", "é", "ﬁ", "İ", "ß",
         "’", "…", "a@b.org", "1️⃣", "🅵🆄🅲🅺", "&#39;", "AAAA", "aaa", "\ud800", "\x00", "好", "ж", "€", "$",
         "*", "1", "|"]
    ),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=12).map("".join)

ORDINARY = (
    "the dress fits well and my sister loves its colour class assess cocktail sooo size 4 34b 115lbs great! nice, a i "
    "as Essex pen is good stroke of luck R&B it's 5'4\" soft wool (blue) café naïve très bien 好 hit who pass if c k u "
    "b suspicious can't won't 100% $50 #1 w/ A55 b4 USB-C x-ray t-shirt – “quoted” it’s Scunthorpe spick hello vacuum"
)
INNOCENT = st.lists(st.sampled_from(ORDINARY.split()), min_size=1, max_size=10).map(" ".join)


@given(TEXTS)
def test_spans_index_the_text_as_written_in_order_and_apart(text: str) -> None:
    signals = find(text)
    for signal in signals:
        assert 0 <= signal.start < signal.end <= len(text)
        assert signal.matched == text[signal.start : signal.end]
        assert signal.matched == signal.matched.strip()
        assert signal.severity is not None
        assert signal.detail
    assert [signal.start for signal in signals] == sorted(signal.start for signal in signals)


@given(TEXTS)
def test_the_same_text_gives_the_same_words_in_every_lexicon(text: str) -> None:
    first = find(text)
    assert find(text) == first
    assert find(text, OTHER_LEXICON) == first


@given(TEXTS)
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = fold_letters(text)
    assert fold_letters(once) == once
    letters = Passage("text", text).letters
    assert b" %b " % letters.strip() == b" %b " % Passage("text", letters.decode("utf-8", "replace")).letters.strip()


@given(INNOCENT, st.sampled_from([" ", ". ", "\n", "\n\n", "! ", ", ", " - "]), INNOCENT)
@settings(max_examples=500)
def test_innocent_text_beside_innocent_text_stays_innocent(one: str, border: str, other: str) -> None:
    if find(one) or find(other):
        return  # some words are not innocent in every order
    assert [signal.matched for signal in find(one + border + other)] == []


@given(TEXTS, st.sampled_from(["fuck", "f u c k", "sh!t", "f**k", "fuuuck", "ѕhit", "s-h-1-t"]), TEXTS)
@settings(max_examples=200)
def test_a_strong_word_between_lines_is_found_whatever_stands_around_it(before: str, word: str, after: str) -> None:
    text = f"{before}\nzebra {word} zebra\n{after}"
    start = len(before) + len("\nzebra ")
    assert any(
        signal.start <= start and start + len(word) <= signal.end and signal.severity is not Severity.MILD
        for signal in find(text)
    )


HOSTILE = (
    "f.", "f ", "a*", "fu", "f\u0308\u0308\u0308\u0308", "\u0300", "sh!", "a@", "fuuu", "fuck", "fuck ", "$@", "f*",
    "*", "1-", "1", "!", "aaab", "a b c. ", "crap ", "f u c ", "s h 1 ", "kill ", "you ", "son of a ", "what the ", "ß",
    "ﬁ f", "😀", "❤\ufe0f", "ж", "好", "\u200b", "f\u200b", "&#39;", "@a1", "s**t ", "f.u.c.k", "i will ",
    "a\n", "0f", "x0",
    "\x01",
)  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_work_grows_with_the_text_and_not_with_its_square(unit: str) -> None:
    """Ten times the text may take thirty times as long; quadratic work would take a hundred times."""
    small, large = (unit * 100_000)[:10_000], (unit * 100_000)[:100_000]
    find(small)
    floor = 0.003  # below this the clock measures the machine
    quick = max(_fastest(lambda: find(small)), floor)
    assert _fastest(lambda: find(large)) < 30 * quick


def _fastest(action: Callable[[], object]) -> float:
    times = []
    for _ in range(2):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)
