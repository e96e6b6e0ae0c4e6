from services.moderation.engine.engine import MOST_SIGNALS, Engine
from services.moderation.engine.signal import Detector

ENGINE = Engine.default()


def found(text: str) -> list[tuple[Detector, str]]:
    return [(signal.detector, signal.matched) for signal in ENGINE.analyse({"text": text})]


def test_a_long_text_in_capitals_is_shouting() -> None:
    text = "THIS IS THE WORST THING THAT I HAVE EVER BOUGHT ANYWHERE"
    assert found(f" {text}\n") == [(Detector.SHOUTING, text)]
    assert found("ТОВАР НЕ ПОНРАВИЛСЯ СОВСЕМ НИКОМУ ИЗ НАШЕЙ СЕМЬИ")[0][0] is Detector.SHOUTING


def test_short_capitals_and_a_loud_sentence_are_not() -> None:
    assert found("LOVE THIS DRESS!!!") == []
    assert found("I LOVE THIS DRESS. It fits me well, it looks good, and the colour is right for the season.") == []


def test_repeated_letters_words_and_sentences() -> None:
    assert found("w" + "o" * 20 + "w") == [(Detector.REPETITION, "o" * 20)]
    assert found("soooo nice") == []
    assert found("So good good good good good.") == [(Detector.REPETITION, "good good good good good")]
    assert found("It is very very very good, and the colour too.") == []
    assert found("Buy it now. Buy it now! Buy it now. ok") == [
        (Detector.REPETITION, "Buy it now. Buy it now! Buy it now")
    ]


def test_signals_come_by_field_and_place_and_are_bounded() -> None:
    signals = ENGINE.analyse({"title": "crap", "author_name": "damn", "text": "shit and a@b.org and crap"})
    assert [(signal.field, signal.start) for signal in signals] == [
        ("author_name", 0), ("text", 0), ("text", 9), ("text", 21), ("title", 0),
    ]  # fmt: skip
    crowded = ENGINE.analyse({"text": "crap and " * 500 + "shit"})
    lexicon = [signal for signal in crowded if signal.detector is Detector.LEXICON]
    assert len(lexicon) == MOST_SIGNALS
    assert lexicon[-1].matched == "shit"


def test_no_fields_and_empty_fields_give_nothing() -> None:
    assert ENGINE.analyse({}) == ()
    assert ENGINE.analyse({"title": "", "text": " \n"}) == ()
