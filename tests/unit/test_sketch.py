"""Copies are told from reviews that only sound alike."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.judging.sketch import (
    KEPT,
    PROBES,
    SOUGHT,
    Sketch,
    likeness,
    number,
    pack,
    probes,
    sketch,
    unpack,
    unpack_probes,
    words,
)

ORIGINAL = (
    "I bought this kettle in March and have used it every morning since. It boils two litres in under five minutes, "
    "the lid closes firmly, and the handle stays cool even when the water inside does not. My only wish would be a "
    "longer cord, because our sockets are at the other end of the counter."
)
APPENDED = " Also the parcel came two days early and the driver was very kind to our dog."
# The same subject in other words, with turns of phrase that everybody uses.
OTHER = (
    "We have used this kettle every morning for a year. It boils quickly, the handle stays cool, and I would buy it "
    "again. The lid does not close firmly any more, but for this price I can live with that."
)
LONG = " ".join(f"word{at % 211} then{at % 89} goes{at % 53} on{at}" for at in range(500))


def hashes(made: Sketch) -> tuple[int, ...]:
    return struct.unpack(f"<{len(made.values) // 4}I", made.values)


def replaced(text: str, *at: int) -> str:
    parts = text.split()
    for place in at:
        parts[place] = "something"
    return " ".join(parts)


def is_copy(one: str, other: str) -> bool:
    return likeness(sketch(one), sketch(other)).is_copy


@pytest.mark.parametrize(
    ("copy", "least"),
    [
        pytest.param(ORIGINAL.upper(), 1.0, id="other case"),
        pytest.param(ORIGINAL.replace(",", " –").replace(".", "!!"), 1.0, id="other punctuation"),
        pytest.param(ORIGINAL.replace("e", "é"), 1.0, id="accents"),
        pytest.param(ORIGINAL.replace("a", "а"), 1.0, id="letters that look the same"),
        pytest.param(ORIGINAL.replace("kettle", "ket\u200btle"), 1.0, id="nothing between letters"),
        pytest.param("\n\n".join(ORIGINAL.split()), 1.0, id="other white space"),
        pytest.param(replaced(ORIGINAL, 5), 0.9, id="a word changed"),
        pytest.param(replaced(ORIGINAL, 5, 20, 41), 0.7, id="three words changed"),
        pytest.param(ORIGINAL + APPENDED, 0.8, id="a sentence appended"),
        pytest.param(APPENDED + " " + ORIGINAL, 0.8, id="a sentence in front"),
        pytest.param(ORIGINAL.split(". ", 1)[1], 0.8, id="the first sentence left out"),
    ],
)
def test_a_copy_is_one_whatever_is_done_to_it(copy: str, least: float) -> None:
    found = likeness(sketch(ORIGINAL), sketch(copy))
    assert found.is_copy
    assert least <= found.similarity <= 1.0


def changed(parts: list[str], rng: random.Random) -> list[str]:
    at = rng.randrange(len(parts))
    return [*parts[:at], "something", *parts[at + 1 :]]


@pytest.mark.parametrize(
    ("copy", "least"),
    [
        pytest.param(lambda parts, _: parts, 1.0, id="the same"),
        pytest.param(changed, 0.98, id="a word changed"),
        pytest.param(
            lambda parts, rng: changed(changed(changed(parts, rng), rng), rng), 0.95, id="three words changed"
        ),
        pytest.param(lambda parts, _: parts + APPENDED.split(), 0.98, id="a sentence appended"),
        pytest.param(lambda parts, _: APPENDED.split() + parts, 0.98, id="a sentence in front"),
        pytest.param(lambda parts, _: parts[len(parts) // 3 :], 0.92, id="a third left out"),
    ],
)
def test_a_copy_shares_a_probe_with_its_original_nearly_always(
    copy: Callable[[list[str], random.Random], list[str]], least: float
) -> None:
    rng = random.Random(7)
    vocabulary = [f"word{number}" for number in range(300)]
    texts = [rng.choices(vocabulary, k=60) for _ in range(500)]
    found = 0
    for parts in texts:
        kept = probes("shop", None, sketch(" ".join(parts)))[:PROBES]
        sought = probes("shop", None, sketch(" ".join(copy(parts, rng))))
        found += not set(kept).isdisjoint(sought)
    assert found / len(texts) >= least


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(ORIGINAL, OTHER, id="the same subject"),
        pytest.param(ORIGINAL, f"{OTHER} {OTHER} " + "It boils two litres in under five minutes.", id="a phrase"),
        pytest.param("Comfortable, and easy to dress up or down, and runs true to size.",
                     "Easy to dress up or down, runs true to size. I love it!", id="commonplaces"),
        pytest.param(ORIGINAL, "", id="nothing"),
        pytest.param("", "", id="nothing twice"),
    ],
)  # fmt: skip
def test_what_only_sounds_alike_is_no_copy(one: str, other: str) -> None:
    assert not is_copy(one, other)
    assert not is_copy(other, one)


def test_a_quotation_is_no_copy() -> None:
    assert not is_copy("It boils two litres in under five minutes and the lid closes firmly.", f"{LONG} {ORIGINAL}")


def test_short_texts_are_found_by_the_same_words_of_the_same_author_only() -> None:
    one, other = sketch("Great value, would buy again!"), sketch("great value would buy AGAIN")
    assert probes("shop", "jane", one) == probes("shop", "jane", other) != ()
    assert probes("shop", "jane", one) != probes("shop", "john", one)
    assert probes("shop", "jane", one) != probes("shop", "jane", sketch("Great value, would buy it again"))
    assert probes("shop", None, one) == ()
    assert not likeness(one, other).is_copy
    assert probes("shop", "jane", sketch("Love it")) == ()


def test_the_same_text_has_the_same_first_probe() -> None:
    """Which no other text has, however common its phrases are."""
    first = probes("shop", None, sketch(ORIGINAL))[0]
    assert probes("shop", "jane", sketch(ORIGINAL.upper()))[0] == first
    assert probes("shop", None, sketch(replaced(ORIGINAL, 5)))[0] != first


def test_sites_have_no_probe_in_common() -> None:
    assert not set(probes("shop", "a", sketch(ORIGINAL))) & set(probes("other", "a", sketch(ORIGINAL)))
    assert probes("shop", "a", sketch("Great value for money")) != probes("other", "a", sketch("Great value for money"))


def test_names_do_not_run_into_each_other() -> None:
    assert len({number("ab", "c"), number("a", "bc"), number("abc", ""), number("", "abc")}) == 4


def test_languages_without_spaces_have_words() -> None:
    one = "このケトルは毎朝使っています。二リットルの水が五分以内に沸きます。"
    assert is_copy(one, one.replace("。", "！") + "とても良い。")
    assert not is_copy(one, "配送が遅く、箱も壊れていました。返品したいと思います。")


@pytest.mark.parametrize("kept", [0.9, 0.7, 0.5])
def test_likeness_of_long_texts_is_a_good_estimate(kept: float) -> None:
    parts = LONG.split()
    cut = " ".join(parts[: int(len(parts) * kept)])
    found = likeness(sketch(LONG), sketch(cut))
    assert sketch(cut).size > KEPT
    assert found.jaccard == pytest.approx(kept, abs=0.2)  # three standard errors


def test_another_process_makes_the_same_numbers() -> None:
    code = (
        "from services.moderation.judging.sketch import probes, sketch, number; import sys; "
        "print(sketch(sys.argv[1]), probes('shop', 'a', sketch(sys.argv[1])), number('shop', 'a'))"
    )
    done = subprocess.run([sys.executable, "-c", code, ORIGINAL], capture_output=True, text=True, check=True)
    made = sketch(ORIGINAL)
    assert done.stdout.strip() == f"{made} {probes('shop', 'a', made)} {number('shop', 'a')}"


def test_what_is_stored_today_is_found_by_later_versions() -> None:
    """Changing these numbers cuts a history in two: nothing new would be a copy of anything older."""
    made = sketch("Zwölf Äpfel, that's what I've bought: nine were good, three weren't.")
    values = (23883779, 108709970, 180579331, 662829032, 671633905, 818768840, 902015917, 1012145023)
    assert made == Sketch(8, struct.pack("<8I", *values), values[: SOUGHT - 1])
    assert probes("shop", "a", made)[:2] == (-6862295459813826607, 452358990864347139)
    assert number("shop", "a") == 605419833684270246


@pytest.mark.parametrize("count", [8, 9, 63, 64, 65, 1023, 1024, 1025, 3000])
def test_each_four_words_in_a_row_have_a_hash_of_their_own(count: int) -> None:
    """However many there are, and wherever they stand: a text has the hashes of its parts."""
    parts = [f"word{at}" for at in range(count)]
    whole = sketch(" ".join(parts))
    assert whole.size == count - 3
    of_parts = {value for first in range(count - 7) for value in hashes(sketch(" ".join(parts[first : first + 8])))}
    assert list(hashes(whole)) == sorted(of_parts)[:KEPT]
    assert list(hashes(whole)) == sorted(hashes(whole))
    assert len(hashes(whole)) == min(whole.size, KEPT)


def test_the_order_of_words_counts() -> None:
    one, other = sketch("one two three four five six seven eight"), sketch("eight seven six five four three two one")
    assert not set(hashes(one)) & set(hashes(other))


def test_words_that_come_again_count_once() -> None:
    text = "one two three four five six seven eight "
    assert sketch(text * 5).size == 8
    assert sketch(text * 500) == sketch(text * 5)


def test_a_sketch_is_small_whatever_the_text() -> None:
    made = sketch(LONG)
    found_by = probes("shop", "a", made)
    assert len(pack(made, found_by)) == 4 * KEPT
    assert len(found_by) == SOUGHT > PROBES
    assert unpack(made.size, pack(made, found_by)) == made
    assert unpack_probes("shop", made.size, pack(made, found_by)) == found_by


def test_of_a_short_text_only_the_probe_is_kept() -> None:
    for text in ("Great value, would buy again!", "Love it", ""):
        made = sketch(text)
        found_by = probes("shop", "jane", made)
        assert unpack(made.size, pack(made, found_by)) == Sketch(0, b"")
        assert unpack_probes("shop", made.size, pack(made, found_by)) == found_by


@given(st.text(), st.text())
def test_any_text_has_a_sketch(one: str, other: str) -> None:
    made = sketch(one)
    assert all(-(2**63) <= value < 2**63 for value in probes(one, other, made))
    found = likeness(made, sketch(other))
    assert found == likeness(sketch(other), made)
    assert 0 <= found.jaccard <= found.contained <= 1
    assert made.size == 0 or likeness(made, made).similarity == 1
    # However it is written: normalising is done when it is done once.
    assert words(b" ".join(words(one)).decode()) == words(one)


@given(
    st.lists(st.sampled_from(["\ud800", "\0", "e\u0301" * 9, "🅰", "שלום", "𝔣𝔲𝔫", "ไทย", "ß", "Ǆ", "a'b"]), max_size=40)
)
def test_any_odd_text_has_a_sketch(parts: list[str]) -> None:
    text = " ".join(parts)
    assert likeness(sketch(text), sketch(text)).is_copy == bool(sketch(text).values)
