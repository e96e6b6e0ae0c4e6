"""Every character of a policy's texts is found again in the file, however YAML had it written."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.moderation.policy.policy import check_policy
from services.moderation.policy.source import MAX_RULES, MAX_SOURCE_BYTES, Text, read_source

_WORDS = st.lists(st.sampled_from(["review.words", ">", "3", '"日本"', "'it'", "&&", "\\", "🅰", "true"]), min_size=1)
_GAPS = st.sampled_from([" ", "  ", "\n", "\n\n", " \n "])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Words with white space between them, which starts on no line of its own."""
    words = draw(_WORDS)
    return "".join(word + draw(_GAPS) for word in words[:-1]) + words[-1]


def _literal(text: str) -> str:
    return "|2-\n" + "\n".join(f"      {line}" for line in text.split("\n"))


def _folded(text: str) -> str:
    return ">2-  # folded\n" + "\n".join(f"      {line}" for line in text.split("\n"))


def _single_quoted(text: str) -> str:
    return "'" + text.replace("'", "''").replace("\n", "\n      ") + "'"


def _double_quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _escaped(text: str) -> str:
    return '"' + "".join(f"\\U{ord(char):08x}" if ord(char) > 127 else json.dumps(char)[1:-1] for char in text) + '"'


@given(texts(), st.sampled_from([_literal, _folded, _single_quoted, _double_quoted, _escaped]))
def test_each_character_is_found_in_the_file(text: str, write: object) -> None:
    assert callable(write)
    source = f"# 🅰\nname: n\nrules:\n  - name: a\n    when: {write(text)}\n"
    read, problems = read_source(source)
    assert problems == []
    assert read is not None
    when = read.rules[0].when
    assert when is not None
    _check_places(when, source, escaped=write is _escaped)


@given(texts())
def test_plain_ones_as_well(text: str) -> None:
    source = "name: n\nrules:\n  - name: a\n    when: x " + text.replace("\n", "\n      ") + "\n"
    read, problems = read_source(source)
    assume(read is not None and problems == [])
    assert read is not None
    assert read.rules[0].when is not None
    _check_places(read.rules[0].when, source, escaped=False)


def _check_places(text: Text, source: str, *, escaped: bool) -> None:
    lines = source.split("\n")
    for offset, char in enumerate(text.value):
        if char.isspace():
            continue
        line, column = text.place_at(offset)
        found = lines[line - 1][column - 1 :]
        if found.startswith("\\") and (char != "\\" or escaped):
            char = json.dumps(char)[1:-1] if ord(char) < 128 else f"\\U{ord(char):08x}"
        assert found.startswith(char)
    line, column = text.place_at(len(text.value))
    assert 0 <= column - 1 <= len(lines[line - 1])


@pytest.mark.parametrize(
    "source",
    [
        "",
        "\x00",
        "x: \x01",
        "name: \ud800",
        "a: [",
        "\t- a",
        "a: b: c",
        "a: *nowhere",
        "---\na: 1\n---\nb: 2",
        "%YAML 9.9\n---\na: b",
        "[" * 30_000,
        "{" * 30_000,
        "- " * 20_000,
        "&a [*a]",
        "&a {rules: *a, default: *a, name: *a}",
        "!!python/object/apply:os.system ['true']",
        "? [a]\n: b",
        "rules: [[[[]]]]\ndefault: []",
        "rules: {a: b}",
        "\ufeffname: \u2028x\n",
        "name: é\r\nrules:\r\n- when: >\r\n    review.nothing\r\n",
    ],
)
def test_whatever_is_no_policy_is_refused_with_a_place(source: str) -> None:
    problems = check_policy(source)
    assert any(problem.severity == "error" for problem in problems)
    lines = source.count("\n") + 1
    assert all(1 <= problem.line <= lines and problem.column >= 1 for problem in problems)


@given(st.text() | st.text(st.sampled_from("namewhrulsdft:-[]{}&*!|>'\"#%@` \n\t")))
def test_any_text_is_answered(source: str) -> None:
    assert check_policy(source)


def test_windows_line_ends_keep_the_places() -> None:
    source = "name: n\r\nrules:\r\n  - name: a\r\n    when: >\r\n      review.has_text &&\r\n      review.nothing\r\n"
    (problem,) = [problem for problem in check_policy(source) if "nothing" in problem.message]
    assert (problem.line, problem.column) == (6, 14)


def test_sizes_are_limited() -> None:
    rule = "  - {name: r%d, when: review.words == %d, outcome: approve, note: n}\n"
    rules = "".join(rule % (number, number) for number in range(MAX_RULES + 5))
    head, tail = "name: n\nrules:\n", "default: {outcome: approve}\n"
    (problem,) = check_policy(head + rules + tail)
    assert (problem.message, problem.line) == (f"a policy has at most {MAX_RULES} rules", MAX_RULES + 3)

    (problem,) = check_policy(head + "#" * MAX_SOURCE_BYTES)
    assert problem.message == "a policy has at most 64 KiB"
