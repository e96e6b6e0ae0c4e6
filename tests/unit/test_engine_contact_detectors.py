import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.contact_detectors import DETECTORS, find_contacts, is_quiet
from services.moderation.engine.context import NO_CONTEXT
from services.moderation.engine.gates import CUES, CUES_BITS, Cue, digits
from services.moderation.engine.glance import telling
from services.moderation.engine.hints import HINTS
from services.moderation.engine.passage import Passage
from services.moderation.engine.plain import plain
from services.moderation.engine.signal import MOST_SIGNALS, Detector


def found(text: str) -> list[tuple[str, str]]:
    return [(signal.detector, signal.matched) for signal in find_contacts(Passage("text", text), NO_CONTEXT)]


def test_a_part_of_a_finding_is_no_finding_of_its_own() -> None:
    assert found("joe@example.com") == [(Detector.EMAIL, "joe@example.com")]
    assert found("pay 4111 1111 1111 1111") == [(Detector.CARD, "4111 1111 1111 1111")]
    assert found("call the ip 192.168.100.200") == [(Detector.IP, "192.168.100.200")]


def test_a_link_may_hold_an_address() -> None:
    assert found("http://192.168.1.1/x") == [(Detector.URL, "http://192.168.1.1/x"), (Detector.IP, "192.168.1.1")]
    assert found("https://x.org/?m=joe@x.org") == [
        (Detector.EMAIL, "joe@x.org"),
        (Detector.URL, "https://x.org/?m=joe@x.org"),
    ]


def test_cues_are_seen_at_a_glance() -> None:
    assert telling(Passage("text", "see example.com")) & Cue.LINK
    assert not telling(Passage("text", "see the example")) & CUES_BITS
    assert all(0 < cue <= CUES_BITS for cue in CUES.values())
    assert all(hint > CUES_BITS for hint in HINTS.values())


def test_digits_of_other_scripts_count() -> None:
    assert digits(Passage("text", "٠٤١٥ 5")) > 4
    assert digits(Passage("text", "naïve 5 “so”")) == 1


@given(st.text(alphabet="@/:.19aA -www.com", max_size=60))
def test_in_quiet_texts_no_detector_finds_anything(text: str) -> None:
    passage = Passage("text", text)
    if is_quiet(passage):
        assert [signal for detector in DETECTORS for signal in detector(passage, NO_CONTEXT)] == []


@given(st.text(alphabet=st.characters(), max_size=200))
def test_any_text(text: str) -> None:
    passage = Passage("text", text)
    for signal in find_contacts(passage, NO_CONTEXT):
        assert signal.matched == text[signal.start : signal.end] != ""
    view = plain(passage)
    for index in range(len(view.text)):
        start, end = view.place(index, index + 1)
        assert 0 <= start < end <= len(text)


WORST = [
    "a@", "@a.", "a at b.com ", "(at)", "1.", "1-", "1 ", "www.", "((((", "a.a.", "a.com ", "http://", "x dot com ",
    "www dot a dot ",
    "insta & ", "follow me on insta ", "@a ", "12 Main ", "Calle ", "Aa-", "Straße 1 ", "five ", "1:", "::", "1::",
    "aa11 ", "4111 ",
    "e\u0301", "\u200b", "😂", "５", "\ud800", "微信", "a", " ", "a. com", "(dot)", "[.]",
]  # fmt: skip


@pytest.mark.parametrize("unit", WORST)
def test_worst_cases_take_linear_time(unit: str) -> None:
    """A hundred thousand characters: what looks at all of them at each of them would take minutes."""
    text = f"street rue strasse 1234567 @ insta {(unit * 100_000)[:100_000]}"
    began = time.process_time()
    signals = find_contacts(Passage("text", text), NO_CONTEXT)
    assert time.process_time() - began < 5
    assert len(signals) <= MOST_SIGNALS * 8
