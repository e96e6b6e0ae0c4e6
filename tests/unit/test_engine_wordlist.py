import re

import pytest

from services.moderation.engine.signal import Category, Severity
from services.moderation.engine.wordlist import load_word_lists, parse, parse_entry


def test_alternatives_are_spelt_out() -> None:
    assert [word.letters for word in parse_entry("fuck(|s|er(|s))")] == ["fuck", "fucks", "fucker", "fuckers"]


def test_an_entry_of_several_words_is_one_phrase_with_alternatives() -> None:
    [phrase] = parse_entry("what the (fuck|bloody hell)")
    assert phrase.parts == (("what",), ("the",), ("fuck", "bloody hell"))


def test_open_ends_canonical_spelling_and_accents() -> None:
    [stem] = parse_entry("*Fuck*")
    assert (stem.letters, stem.open_start, stem.open_end, stem.canonical) == ("fuck", True, True, "fuck")
    assert [word.canonical for word in parse_entry("phuck(|s) = fuck")] == ["fuck", "fuck"]
    [accented] = parse_entry("coño", language="es")
    assert (accented.letters, accented.accented) == ("cono", "coño")


def test_digits_and_other_alphabets_are_matched_as_written() -> None:
    assert [word.literal for word in parse_entry("2g1c")] == ["2g1c"]
    assert [word.literal for word in parse_entry("сука")] == ["сука"]


@pytest.mark.parametrize(
    ("entry", "cure"),
    [
        ("fuck(s", "add the ')'"),
        ("fuck)s", "write a(b|c)"),
        ("fu*ck", "may only open the start or the end"),
        ("fuck =", "name the word that it stands for"),
        ("!!!", "an entry needs at least one"),
        ("+ fuck", "'+' stands between two words"),
        ("a + + + + b", "at most 3"),
        ("(a|b|c|d|e|f|g)" * 5, "split it"),
        ("(fuck|) (you|)", "at least one of its words must be firm"),
    ],
)
def test_an_entry_that_breaks_the_format_is_refused_with_a_cure(entry: str, cure: str) -> None:
    with pytest.raises(ValueError, match=re.escape(cure)) as refused:
        parse_entry(entry)
    assert repr(entry) in str(refused.value)


def test_sections_grade_what_stands_in_them() -> None:
    lists = parse(
        """
        # A comment
        [slur severe anywhere]
        perro  # another
        [profanity mild]
        caca
        [allow]
        caca de la vaca
        [ignored]
        cacatua
        [innocent]
        dick
        [profanity mild disguised]
        culos
        """,
        "es",
    )
    slur, mild = lists.words
    assert (slur.letters, slur.category, slur.severity, slur.anywhere) == (
        "perro",
        Category.SLUR,
        Severity.SEVERE,
        True,
    )
    assert (mild.letters, mild.severity, mild.anywhere, mild.language) == ("caca", Severity.MILD, False, "es")
    assert [phrase.letters for phrase in lists.allowed] == ["caca de la vaca"]
    assert lists.ignored == {"cacatua"}
    assert lists.innocent == (("es", frozenset({"dick"})),)
    assert [word.letters for word in lists.disguised] == ["culos"]


def test_the_first_grade_counts_and_a_word_written_out_is_not_ignored() -> None:
    lists = parse("[slur mild]\nx\n[profanity strong]\nx\n[ignored]\nx")
    assert [(word.letters, word.category) for word in lists.words] == [("x", Category.SLUR)]
    assert lists.ignored == frozenset()


@pytest.mark.parametrize(
    ("source", "complaint"),
    [("fuck", "en.txt, line 1: 'fuck' stands in no section"), ("\n[rude words]", "en.txt, line 2: unknown section")],
)
def test_a_file_that_breaks_the_format_is_refused_by_line(source: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse(source)


def test_the_built_in_lists_load_and_are_in_six_languages() -> None:
    assert {word.language for word in load_word_lists().words} == {"en", "es", "fr", "de", "it", "pt"}
