from hypothesis import given
from hypothesis import strategies as st

from services.moderation.engine.confusables import CONFUSABLES
from services.moderation.engine.normalise import FoldTable, Normaliser

NORMALISER = Normaliser()


def test_a_view_is_folded_words_between_spaces() -> None:
    assert NORMALISER.read("Ｃafé—ﬁne,\u200b  Straße!").text == " cafe fine strasse "
    assert NORMALISER.read("").text == "  "


def test_confusables_fold_to_one_lower_case_latin_letter() -> None:
    assert {letter for letter in CONFUSABLES.values() if not ("a" <= letter <= "z" and len(letter) == 1)} == set()


def test_a_span_takes_the_marks_on_its_last_letter() -> None:
    view = NORMALISER.read("a e\u0301\u0301 b")
    assert view.text == " a e b "
    assert view.span(3, 4) == (2, 5)


@given(st.text())
def test_every_letter_of_every_view_leads_back_to_the_character_it_was_read_from(text: str) -> None:
    for table in (NORMALISER.plain, NORMALISER.leet, NORMALISER.mask):
        view = type(NORMALISER.read(""))(text, table)
        for index, letter in enumerate(view.text):
            if letter != " ":
                assert letter in table[ord(text[view.origin(index)])]


@given(st.text())
def test_tables_do_not_grow_beyond_the_basic_plane(text: str) -> None:
    table = FoldTable({})
    text.translate(table)
    assert max(table) < 0x10000
