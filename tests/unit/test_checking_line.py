"""A line of NDJSON is a text to judge, or says what is wrong with it, and quotes nothing."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.checking.line import Fault, Item, read_line


def test_all_fields() -> None:
    line = b'{"id": "r-1", "text": "Fits", "title": "Good", "rating": 5, "locale": "en-GB", "colour": "red"}'

    assert read_line(line) == Item("r-1", "Fits", "Good", 5, "en-GB")
    more = b'{"text": "Fits", "pros": "Warm", "cons": "Dear", "kind": "comment"}'
    assert read_line(more) == Item(None, "Fits", pros="Warm", cons="Dear", kind="comment")


@pytest.mark.parametrize(
    "line", [b'{"text":"a"}', b'{"id":null,"text":"a","title":null,"rating":null,"locale":null,"kind":null}']
)
def test_only_the_text_is_needed(line: bytes) -> None:
    assert read_line(line) == Item(None, "a")


@pytest.mark.parametrize(
    ("line", "field", "says"),
    [
        (b'{"id":7}', "text", "is missing"),
        (b'{"id":7,"text":null}', "text", "is not a string but null"),
        (b'{"id":7,"text":["a"]}', "text", "is not a string but an array"),
        (b'{"id":7,"text":"a","title":{}}', "title", "is not a string but an object"),
        (b'{"id":7,"text":"a","locale":1}', "locale", "is not a string but a number"),
        (b'{"id":7,"text":"a","pros":["b"]}', "pros", "is not a string but an array"),
        (b'{"id":7,"text":"a","cons":false}', "cons", "is not a string but a boolean"),
        (b'{"id":7,"text":"a","kind":"reply"}', "kind", "is neither review nor comment"),
        (b'{"id":7,"text":"a","kind":[]}', "kind", "is neither review nor comment"),
        (b'{"id":7,"text":"a","rating":"5"}', "rating", "is not a whole number but a string"),
        (b'{"id":7,"text":"a","rating":true}', "rating", "is not a whole number but a boolean"),
        (b'{"id":7,"text":"a","rating":4.5}', "rating", "is not a whole number but a fraction"),
        (b'{"id":7,"text":"a","rating":6}', "rating", "is not from 1 to 5"),
        (b'{"id":7,"text":"\\ud83d"}', "text", "holds half of a surrogate pair; send whole characters"),
        (b'{"id":7,"text":"a","title":"\\udc00b"}', "title", "holds half of a surrogate pair; send whole characters"),
    ],
)
def test_a_wrong_field_is_named_and_the_id_kept(line: bytes, field: str, says: str) -> None:
    assert read_line(line) == Fault(7, field, says)


@pytest.mark.parametrize(
    ("line", "given", "says"),
    [
        (b"nope", None, "not JSON"),
        (b'{"id":7,"text":"a"', None, "not JSON"),
        (b'{"id":7,"text":"a\x00"}', None, "not JSON"),
        (b'{"id":7,"text":NaN}', 7, "not JSON"),
        (b'{"id":7,"text":"a\xff"}', 7, "not UTF-8 from byte 18 on"),
        (b"[1]", None, "not a JSON object but an array"),
        (b'"text"', None, "not a JSON object but a string"),
        (b"null", None, "not a JSON object but null"),
        (b"[" * 100_000, None, "not JSON"),
        (b'{"a":' * 100_000, None, "not JSON"),
    ],
)
def test_a_line_that_is_no_object_at_all(line: bytes, given: int | None, says: str) -> None:
    fault = read_line(line)

    assert isinstance(fault, Fault)
    assert (fault.id, fault.field) == (given, None)
    assert says in fault.message


@pytest.mark.parametrize("given", [b"[1]", b"{}", b"true"])
def test_an_id_is_a_string_or_a_number(given: bytes) -> None:
    fault = read_line(b'{"id":%b,"text":"a"}' % given)

    assert isinstance(fault, Fault)
    assert (fault.id, fault.field) == (None, "id")


@pytest.mark.parametrize("given", [0, -1, 2**53 + 1, 2**64 - 1, 2**64, -(2**63) - 1, 10**40, 1.5, 1e300, "", "ü"])
def test_an_id_comes_back_as_it_was(given: Any) -> None:
    for line in ({"id": given, "text": "a"}, {"id": given}):
        read = read_line(json.dumps(line).encode())

        assert json.loads(orjson.dumps({"id": read.id})) == {"id": given}


def test_nul_and_other_signs_that_json_can_write_are_text() -> None:
    assert read_line(rb'{"text":"a\u0000\u001b\ud83d\ude00\u202e"}') == Item(None, "a\0\x1b\U0001f600\u202e")


@given(st.binary(max_size=60))
def test_whatever_the_bytes_it_is_one_or_the_other(line: bytes) -> None:
    assert isinstance(read_line(line), Item | Fault)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)


@given(st.dictionaries(st.sampled_from(["id", "text", "title", "rating", "locale"]), _VALUES))
def test_whatever_the_values_the_answer_can_be_written(values: dict[str, Any]) -> None:
    read = read_line(json.dumps(values).encode())

    assert orjson.dumps({"id": read.id})
    if isinstance(read, Item):
        assert read.text == values["text"]
