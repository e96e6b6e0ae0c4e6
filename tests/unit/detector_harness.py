"""What the tests of all detectors need: to run one on a text, and texts that break careless code."""

import time
from collections.abc import Callable, Iterable

from hypothesis import strategies as st

from services.moderation.engine.context import NO_CONTEXT, Context
from services.moderation.engine.passage import Passage
from services.moderation.engine.signal import Signal

Detect = Callable[[Passage, Context], Iterable[Signal]]

HOSTILE = (
    "f.", "aaaa", "a b ", "e\u0301", "\u0300", "😀", "子", "asdf ", "sdfghjkl",
    "no comment ", "subscribe to my ",
    "earn 1 ", "check out my x ", "use my code a1b2 ", "terrible ", "love it ", "http://a", "a@", "The. ", "_",
    "\n", "\x00",
    "don't ", "İ", "\ud800",
)  # fmt: skip
"""Units that a text of a hundred thousand characters is made of."""


def texts(*pieces: str) -> st.SearchStrategy[str]:
    """Any text at all, and text with `pieces` in it."""
    return st.lists(st.one_of(st.text(max_size=8), st.sampled_from([*pieces, *HOSTILE])), max_size=14).map("".join)


def signals(detect: Detect, text: str, context: Context = NO_CONTEXT, field: str = "text") -> list[Signal]:
    found = list(detect(Passage(field, text), context))
    for signal in found:
        assert 0 <= signal.start < signal.end <= len(text)
        assert signal.matched == text[signal.start : signal.end]
        assert signal.field == field
        assert 0 < signal.confidence <= 1
    return found


def matches(detect: Detect, text: str, context: Context = NO_CONTEXT, field: str = "text") -> list[str]:
    return [signal.matched for signal in signals(detect, text, context, field)]


def assert_linear(detect: Detect, context: Context = NO_CONTEXT) -> None:
    """Eight times the text may take twenty-four times as long; quadratic work would take sixty-four times."""
    for unit in HOSTILE:
        small, large = (unit * 100_000)[:12_500], (unit * 100_000)[:100_000]
        list(detect(Passage("text", small), context))
        floor = 0.002  # below this the clock measures the machine
        assert _fastest(detect, large, context) < 24 * max(_fastest(detect, small, context), floor), unit


def _fastest(detect: Detect, text: str, context: Context) -> float:
    times = []
    for _ in range(3):
        passage = Passage("text", text)
        passage.letters  # noqa: B018 - made outside the measured time
        start = time.process_time()
        list(detect(passage, context))
        times.append(time.process_time() - start)
    return min(times)
