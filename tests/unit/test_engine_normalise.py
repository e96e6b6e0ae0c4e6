import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.confusables import CONFUSABLES
from services.moderation.engine.normalise import DROPPED, EXPANDED, FOREIGN, UNCASED, fold, fold_letters, unaccented
from services.moderation.engine.passage import Passage
from services.moderation.engine.reading import Reading, read


@pytest.mark.parametrize(
    ("written", "letters"),
    [
        ("Ｃafé—ﬁne,\u200b  Straße!", "cafe fine   strasse "),
        ("𝐟𝐮𝐜𝐤 𝒻𝓊𝒸𝓀 ⓕⓤⓒⓚ 🅵🆄🅲🅺 🇫🇺🇨🇰 ꜰᴜᴄᴋ", "fuck fuck fuck fuck fuck fuck"),
        ("ѕһіт ѕнιτ", "shit shit"),
        ("z̷a̴l͢g̵o̶", "zalgo"),
        ("ass\u00adho\u2060le", "asshole"),
        ("bläh ñandú ŁÓDŹ", "blah nandu lodz"),
        ("жук 好", "жyk 好"),
        ("", ""),
    ],
)
def test_letters_fold_to_the_plainest_that_they_look_like(written: str, letters: str) -> None:
    assert fold_letters(written) == letters


def test_folding_twice_is_folding_once_for_every_character_of_the_first_planes() -> None:
    characters = [chr(code) for code in (*range(0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x20000))]
    assert [char for char in characters if fold_letters(fold_letters(char)) != fold_letters(char)] == []


def test_confusables_fold_to_lower_case_latin_letters() -> None:
    assert {letters for letters in CONFUSABLES.values() if not (letters.isascii() and letters.islower())} == set()


def test_raw_has_a_byte_for_every_character() -> None:
    text = "“Très” — ½ price, 5\u00a0€ ❤\ufe0f e\u0301 ж 好 ＊"
    raw = fold(text).raw
    assert len(raw) == len(text)
    assert raw == b'"Tres" - %c price, 5 \x80    e%c %c %c *' % (EXPANDED, DROPPED, FOREIGN, UNCASED)


def test_a_text_of_western_signs_keeps_every_place() -> None:
    passage = Passage("text", "It’s “très” déjà-vu…")
    assert passage.letters == b" it s  tres  deja vu  "
    assert len(passage.letters) == len(passage.source) + 2


def test_a_span_takes_the_marks_on_its_last_letter_and_nothing_else_unseen() -> None:
    passage = Passage("text", "a e\u0301\u0301 b\u200b")
    reading = Reading(passage, read(passage))
    assert reading.text == b" a e b "
    assert reading.span(3, 4) == (2, 5)
    assert reading.span(5, 6) == (6, 7)


@given(st.text())
def test_every_letter_that_is_read_leads_back_to_the_character_it_was_read_from(text: str) -> None:
    passage = Passage("text", text)
    reading = Reading(passage, read(passage))
    for index, code in enumerate(reading.text):
        letter = chr(code)
        if letter.isalpha():
            start, end = reading.span(index, index + 1)
            assert 0 <= start < end <= len(text)
            assert letter in fold_letters(text[start]).lower()


@given(st.text())
def test_shape_raw_and_source_are_equally_long(text: str) -> None:
    passage = Passage("text", text)
    assert len(passage.raw) == len(passage.shape) == len(text)


def test_accents_are_taken_off_without_folding_anything_else() -> None:
    assert unaccented("Año Straße Łódź ﬁ") == "Ano Straße Łodz ﬁ"
