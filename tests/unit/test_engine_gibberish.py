import pytest
from hypothesis import given

from services.moderation.engine.gibberish import find_gibberish
from services.moderation.engine.signal import Category, Detector
from tests.unit.detector_harness import assert_linear, matches, signals, texts


@pytest.mark.parametrize(
    "text",
    [
        "asdfghjkl",
        "sdfghjkl; sdfghjk",
        "qwertyuiop",
        "lkjhgfdsa lkjhgf",
        "zxcvbnm,./",
        "dfgdfgdfg dfg",
        "hgfhgfhgf",
        "kjhsdf kjhsdf",
        "aksjdhaksjdh",
        "fgjkdlfjg dfklgj dflkgj",
        "xkcqvz pqzjx",
        "GHJKGHJKGHJK",
    ],
)
def test_struck_keys_and_consonant_noise_are_gibberish(text: str) -> None:
    (signal,) = signals(find_gibberish, f" {text} ")
    assert (signal.detector, signal.category, signal.matched) == (Detector.GIBBERISH, Category.STYLE, text)


def test_in_a_sentence_only_the_noise_is_marked() -> None:
    assert matches(find_gibberish, "The kettle boils fast sdkfjhskdjfh and the lid is good") == ["sdkfjhskdjfh"]


@pytest.mark.parametrize(
    "text",
    [
        "soooo hmmmm lol xoxo pfffft brrrr tsktsk zzzz jajaja kkkk wkwkwk haha",
        "thx pls msg btw wtf omg tbh smh nvm rn fr",
        "I bought the QWERTY keyboard, my brother the qwertz and my aunt the azerty one",
        "B07XJ8C8F5 KX-2000 M479fdw SN74HC595N WH1000XM4 RTX 4090",
        "SKF FKM PTFE HDPE NVMe PCIe DXF STL",
        "Fjällräven Bjørn Mjölnir Hjalmar fjord kjøkken skjorte",
        "Chrząszcz brzmi w trzcinie w Szczebrzeszynie, wszystko przyszło szybko",
        "Strumpfhose Herbstwind Pflichtfeld Angstschweiß Knirps",
        "vlk zmrzl čtvrtek smrt hvězdný prst",
        "rhythms, lengths, twelfths and Knightsbridge",
        "Afghan rug, sawasdee, Nijmegen, Thijs, Uzbek, Qatar, Iqbal, Tkemali, Xhosa, jazz",
        "Visit https://example.org/sdfghjkl/xkcqvz?id=qzxjkvb for pictures",
        "مرحبا 你好 สวัสดี здравствуйте",
        "",
    ],
)
def test_abbreviations_brands_part_numbers_and_other_languages_are_not(text: str) -> None:
    assert matches(find_gibberish, text) == []


def test_names_are_not_judged() -> None:
    assert matches(find_gibberish, "asdfghjkl", field="author_name") == []
    assert matches(find_gibberish, "asdfghjkl", field="title") == ["asdfghjkl"]


@given(texts("sdkfjhskdjfh", "QWERTY ", "xkcqvz "))
def test_spans_are_right_for_any_text(text: str) -> None:
    signals(find_gibberish, text)


def test_work_is_linear() -> None:
    assert_linear(find_gibberish)
