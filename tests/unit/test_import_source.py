"""Reading files that others wrote."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from services.cli.importing import source as source_module
from services.cli.importing.errors import ImportProblem
from services.cli.importing.source import BAD_BYTES, Dialect, Identity, Row, Source, guess_format

CSV = Dialect("csv")
NDJSON = Dialect("ndjson")


def read(path: Path, content: bytes, dialect: Dialect = CSV) -> list[Row]:
    path.write_bytes(content)
    with Source(path, dialect) as source:
        return list(source.rows())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "reviews"


def test_rows_know_their_number_and_the_line_where_they_begin(file: Path) -> None:
    rows = read(file, b'\xef\xbb\xbfrating,text\r\n5,"two\r\nlines"\r\n\r\n4,"say ""hi"", twice"\r\n3,end')
    assert rows == [
        Row(1, 2, ["5", "two\r\nlines"]),
        Row(2, 5, ["4", 'say "hi", twice']),
        Row(3, 6, ["3", "end"]),
    ]


@pytest.mark.parametrize("dialect", [CSV, NDJSON])
def test_gzip_is_known_by_its_content(file: Path, dialect: Dialect) -> None:
    content = b"a,b\n1,2\n" if dialect is CSV else b'{"a": 1}\n'
    assert read(file, gzip.compress(content), dialect) == read(file, content, dialect) != []


def test_a_row_with_too_many_or_too_few_columns_is_refused_and_the_rest_is_read(file: Path) -> None:
    rows = read(file, b"a,b\n1,2,3\n1\n1,2\n")
    assert [row.values for row in rows] == [None, None, ["1", "2"]]
    assert "has 3 columns, the header 2" in rows[0].problem
    assert "has 1 columns" in rows[1].problem


def test_a_quotation_mark_that_is_never_closed_takes_no_other_row_with_it(file: Path) -> None:
    content = b'a,b\n1,"never closed\n2,fine\n3,"also fine"\n4,"never closed\n5,last\n'
    rows = read(file, content)
    assert [(row.number, row.line, row.values) for row in rows] == [
        (1, 2, None),
        (2, 3, ["2", "fine"]),
        (3, 4, ["3", "also fine"]),
        (4, 5, None),
        (5, 6, ["5", "last"]),
    ]
    assert "quotation marks" in rows[0].problem
    assert "never closed" not in rows[0].problem


def test_a_field_without_end_does_not_fill_the_memory(file: Path) -> None:
    rows = read(file, b'a,b\n1,"open\n' + b"2,x\n" * 60_000)
    assert rows[0].values is None
    assert [row.values for row in rows[1:]] == [["2", "x"]] * 60_000


def test_bytes_that_are_no_text_are_marked_and_nothing_else_is_touched(file: Path) -> None:
    rows = read(file, b"a,b\n1,caf\xe9\n2,caf\xc3\xa9\n")
    assert [row.values for row in rows] == [["1", f"caf{BAD_BYTES}"], ["2", "café"]]


def test_other_encodings_and_delimiters(file: Path) -> None:
    rows = read(file, "a;b\n1;größer\n".encode("cp1252"), Dialect("csv", ";", "cp1252"))
    assert rows == [Row(1, 2, ["1", "größer"])]
    rows = read(file, "a\tb\n1\tgrößer\n".encode("utf-16"), Dialect("csv", "\t", "utf-16"))
    assert rows == [Row(1, 2, ["1", "größer"])]


def test_ndjson_refuses_what_is_no_object_line_by_line(file: Path) -> None:
    rows = read(file, b'\xef\xbb\xbf{"a": 1}\n\n[1]\n{"a": \n{"a": "\xff"}\n{"a": 2}', NDJSON)
    assert [(row.number, row.line, row.values) for row in rows] == [
        (1, 1, {"a": 1}),
        (2, 3, None),
        (3, 4, None),
        (4, 5, None),
        (5, 6, {"a": 2}),
    ]


def test_a_line_that_is_too_long_is_passed_over(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "LONGEST_LINE", 16)
    rows = read(file, b'{"a": "' + b"x" * 100 + b'"}\n{"a": 1}\n', NDJSON)
    assert [row.values for row in rows] == [None, {"a": 1}]
    with pytest.raises(ImportProblem, match=r"line 2 .* longer"):
        read(file, b"a,b\n" + b"x" * 100)


def test_a_damaged_archive_says_where(file: Path) -> None:
    words = random.Random(1)
    packed = gzip.compress(b"a,b\n" + b"".join(b"1,%x\n" % words.getrandbits(400) for _ in range(20_000)))
    file.write_bytes(packed[: len(packed) // 2])
    with Source(file, CSV) as source, pytest.raises(ImportProblem, match=r"damaged after row [1-9]\d+"):
        for _ in source.rows():
            pass


def test_a_sample_uses_nothing_up(file: Path) -> None:
    file.write_bytes(b"a,b\n1,2\n3,4\n")
    with Source(file, CSV) as source:
        assert len(source.sample(1)) == 1
        assert len(source.sample(10)) == 2
        assert [row.number for row in source.rows()] == [1, 2]
        assert source.position == source.size


def test_an_empty_file_says_what_is_missing(file: Path) -> None:
    with pytest.raises(ImportProblem, match="name the columns"):
        read(file, b"")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", b"", "csv"),
        ("a.tsv.gz", b"", "csv"),
        ("a.JSONL", b"", "ndjson"),
        ("a.ndjson.gz", b"", "ndjson"),
        ("reviews-2024.05.export", b'\n {"rating": 5}', "ndjson"),
        ("reviews", gzip.compress(b'{"rating": 5}'), "ndjson"),
        ("reviews", b"rating,text", "csv"),
    ],
)
def test_the_format_is_guessed_by_name_then_by_content(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert guess_format(tmp_path / name) == expected


def test_a_file_is_known_by_its_size_and_its_head(file: Path) -> None:
    seen = set()
    for content in (b"a", b"b", b"ab"):
        file.write_bytes(content)
        seen.add(Identity.of(file))
        assert Identity.of(file) in seen
    assert len(seen) == 3
