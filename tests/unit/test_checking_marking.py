"""Marks stand under what they mark, whatever the text does to a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from services.cli.checking.marking import NARROWEST, mark_lines


def shown(text: str, *spans: tuple[int, int], width: int = 40) -> list[str]:
    return [row for line in mark_lines(text, spans, width) for row in (line.text, line.marks) if row]


def test_marks_stand_under_the_span() -> None:
    assert shown("you f*ck off", (4, 8)) == ["you f*ck off", "    ^^^^"]


def test_several_and_overlapping() -> None:
    assert shown("abcdefgh", (0, 2), (1, 3), (6, 8)) == ["abcdefgh", "^^^   ^^"]


def test_wide_signs_take_two_cells() -> None:
    assert shown("日本 ｆｕ x", (3, 5)) == ["日本 ｆｕ x", "     ^^^^"]


def test_accents_take_none_of_their_own() -> None:
    assert shown("fu\u0301\u0302ck!", (0, 6)) == ["fu\u0301\u0302ck!", "^^^^"]


def test_long_texts_are_broken_at_blanks_and_marks_with_them() -> None:
    assert shown("one two three four five", (8, 18), width=10) == ["one two ", "three four", "^^^^^^^^^^", " five"]


def test_a_word_that_is_too_long_is_broken_anywhere() -> None:
    assert shown("a" * 25, (9, 11), width=10) == ["a" * 10, "         ^", "a" * 10, "^", "a" * 5]


def test_lines_of_the_text_stay_lines() -> None:
    assert shown("a\nshit\n\nb", (2, 6)) == ["a", "shit", "^^^^", "b"]


def test_what_a_terminal_would_obey_is_shown_by_its_number() -> None:
    assert shown("a\x1b[2Jb\u202ec\u200bd\te", (1, 2), (6, 7)) == [
        "a<1B>[2Jb<202E>c<200B>d e",
        " ^^^^    ^^^^^^",
    ]


@given(st.text(), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9))), st.integers(1, 60))
def test_nothing_is_lost_and_nothing_is_wider_than_the_terminal(
    text: str, places: list[tuple[int, int]], width: int
) -> None:
    spans = [(start, min(start + length, len(text))) for start, length in places if start < len(text)]

    lines = mark_lines(text, spans, width)

    pieces = [piece for line in lines for piece in line.pieces]
    assert len(pieces) == len(text) - text.count("\n")
    marked = {at for start, end in spans for at in range(start, end) if text[at] != "\n"}
    assert sum(piece.is_marked for piece in pieces) == len(marked)
    assert sum(line.marks.count("^") for line in lines) == sum(piece.width for piece in pieces if piece.is_marked)
    for line in lines:
        assert line.text.isprintable()
        assert sum(piece.width for piece in line.pieces) <= max(width, NARROWEST)
        assert cell_len(line.text) <= max(width, NARROWEST)
