"""Phrases around words in disguise."""

import pytest

from services.moderation.engine.lexicon import Lexicon
from services.moderation.engine.passage import Passage
from services.moderation.engine.signal import Category, Severity
from services.moderation.engine.wordlist import merge, parse
from tests.unit.detector_harness import assert_linear

SOURCE = "[profanity strong]\n*zork*\n[insult strong]\n(zork|zorking) (you|fools)\nbig zork = zorkish\n"
LEXICON = Lexicon(merge(iter([parse(SOURCE, "en")])))


def insults(text: str) -> list[str]:
    signals = LEXICON.find(Passage("text", text))
    assert all(text[signal.start : signal.end] == signal.matched for signal in signals)
    assert all(signal.severity is Severity.STRONG for signal in signals)
    return [signal.matched for signal in signals if signal.category is Category.INSULT]


@pytest.mark.parametrize(
    "wording",
    ["zork you", "z*rk you", "Z0RK YOU", "z o r k you", "z.o.r.k you", "zoooork you", "z*rking fools", "big z0rk"],
)
def test_a_wording_is_found_around_a_word_in_disguise(wording: str) -> None:
    assert insults(f"Well “then”, {wording} and the z*rk, z0rk rest") == [wording]


def test_every_disguise_in_a_text_is_placed_where_it_stands() -> None:
    assert insults("é z*rk you, ooo z0rk you") == ["z*rk you", "z0rk you"]


def test_words_in_disguise_without_such_a_wording_are_words_only() -> None:
    assert insults("you z*rk; fools, z0rk") == []


def test_cost_grows_with_the_text_alone() -> None:
    assert_linear(LEXICON.find)
