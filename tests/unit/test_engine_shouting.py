import pytest
from hypothesis import given

from services.moderation.engine.shouting import find_shouting
from services.moderation.engine.signal import Category, Detector
from tests.unit.detector_harness import assert_linear, matches, signals, texts


@pytest.mark.parametrize(
    "text",
    [
        "THE HANDLE CAME OFF AND NOBODY ANSWERS THE PHONE",
        "WHY WOULD ANYBODY SELL THIS TO A CHILD?!?! 1 STAR",
        "LE MANCHE S'EST CASSÉ ET PERSONNE NE RÉPOND",
        "РУЧКА ОТВАЛИЛАСЬ И НИКТО НЕ ОТВЕЧАЕТ НА ЗВОНКИ",
        "I REALLY LIKED IT AT FIRST BUT NO MORE, it broke",
    ],
)
def test_most_of_a_text_in_capitals_is_shouting(text: str) -> None:
    (signal,) = signals(find_shouting, f"  {text}\n")
    assert (signal.detector, signal.category, signal.matched) == (Detector.SHOUTING, Category.STYLE, text)


@pytest.mark.parametrize(
    "text",
    [
        "LOVE THIS KETTLE!!!",
        "BEST. KETTLE. EVER.",
        "DO NOT BUY. The handle came off within a week and nobody answers the phone when I call them about it.",
        "USB HDMI DVI VGA",
        "Model KX-2000 BLK EU PLUG, bought in the UK for my mum, boils fast and looks nice on the shelf.",
        "这个水壶很好用，烧水很快，外观也漂亮，值得购买",
        "1234567890 1234567890 1234567890 1234567890",
        "",
    ],
)
def test_joy_abbreviations_and_a_loud_sentence_are_not(text: str) -> None:
    assert matches(find_shouting, text) == []


def test_titles_and_names_may_be_in_capitals() -> None:
    text = "THE HANDLE CAME OFF AND NOBODY ANSWERS THE PHONE"
    assert matches(find_shouting, text, field="title") == []
    assert matches(find_shouting, text, field="author_name") == []


@given(texts("THE HANDLE CAME OFF ", "É", "ß", "ǅ"))
def test_spans_are_right_for_any_text(text: str) -> None:
    signals(find_shouting, text)


def test_work_is_linear() -> None:
    assert_linear(find_shouting)
