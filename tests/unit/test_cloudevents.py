"""The strict decoder: every way in which a record can be wrong has its own error, and nothing else ever comes out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.cloudevents import (
    MAX_VALUE_BYTES,
    REQUIRED_ATTRIBUTES,
    BadEvent,
    BadHeader,
    BadJson,
    DecodeError,
    Decoder,
    Encoded,
    Headers,
    Oversize,
    UnknownType,
    UnknownVersion,
    encode,
    encode_tombstone,
    event_id,
    pack_headers,
    traceparent,
    unpack_headers,
)
from shared.events.examples import EXAMPLES
from shared.events.models import EVENTS, Event, ReplyPosted, ReviewSubmitted
from shared.events.topics import REVIEW_MODERATED, REVIEW_SUBMITTED, TOPICS, TopicSpec

SPECS: dict[type[Event], TopicSpec] = {event: spec for spec in TOPICS for event in spec.events}
SUBMITTED = EXAMPLES[ReviewSubmitted]
GOOD = encode(REVIEW_SUBMITTED, SUBMITTED)
DECODER = Decoder(REVIEW_SUBMITTED)
MODERATED_DECODER = Decoder(REVIEW_MODERATED)


def decode(record: Encoded, decoder: Decoder = DECODER) -> object:
    return decoder.decode(record.key, record.value, record.headers).event


def with_header(name: str, value: bytes | None) -> Headers:
    return [(n, value if n == name else v) for n, v in GOOD.headers]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_every_event_comes_back_as_it_went(event: type[Event]) -> None:
    example = EXAMPLES[event]
    spec = SPECS[event]
    encoded = encode(spec, example, traceparent())
    decoded = Decoder(spec).decode(encoded.key, encoded.value, encoded.headers)
    assert decoded.event == example
    assert (decoded.type, decoded.site, decoded.sequence) == (event.TYPE, example.site, example.sequence)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_records_are_cloudevents_in_binary_mode(event: type[Event]) -> None:
    encoded = encode(SPECS[event], EXAMPLES[event], "00-trace-01")
    headers = dict(encoded.headers)
    assert len(headers) == len(encoded.headers)
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == f"{event.TYPE}.v{event.VERSION}".encode()
    assert headers["ce_source"] == f"/plaudit/{SPECS[event].written_by}".encode()
    assert headers["ce_subject"] == encoded.key == EXAMPLES[event].key
    assert headers["ce_time"].endswith(b"Z")
    assert headers["content-type"] == b"application/json"
    assert headers["traceparent"] == b"00-trace-01"


def test_the_same_fact_has_the_same_id_whenever_it_is_sent() -> None:
    again = SUBMITTED.model_copy()
    assert dict(encode(REVIEW_SUBMITTED, again).headers)["ce_id"] == dict(GOOD.headers)["ce_id"]


def test_another_fact_has_another_id() -> None:
    later = SUBMITTED.model_copy(update={"sequence": 2})
    elsewhere = SUBMITTED.model_copy(update={"site": "other"})
    ids = {dict(encode(REVIEW_SUBMITTED, event).headers)["ce_id"] for event in (SUBMITTED, later, elsewhere)}
    assert len(ids) == 3


def test_the_id_leaves_the_version_out_for_an_upcast_fact_is_still_that_fact() -> None:
    assert event_id("review.submitted", b"shop/1", 7) == "review.submitted:shop/1:7"
    assert dict(GOOD.headers)["ce_id"].startswith(b"review.submitted:")


def test_a_tombstone_has_headers_and_no_value() -> None:
    encoded = encode_tombstone(REVIEW_SUBMITTED, SUBMITTED.model_copy(update={"sequence": 9}))
    assert encoded.value is None
    decoded = DECODER.decode(encoded.key, encoded.value, encoded.headers)
    assert decoded.event is None
    assert (decoded.type, decoded.site, decoded.sequence) == ("review.submitted", SUBMITTED.site, 9)


def test_fields_of_a_newer_writer_are_ignored() -> None:
    body = orjson.loads(GOOD.value or b"") | {"since_next_year": {"a": [1]}}
    body["content"]["mood"] = "sunny"
    assert decode(replace(GOOD, value=orjson.dumps(body))) == SUBMITTED


def test_headers_of_others_are_ignored() -> None:
    assert decode(replace(GOOD, headers=(*GOOD.headers, ("x-proxy", b"\xff\xfe")))) == SUBMITTED


@pytest.mark.parametrize("name", REQUIRED_ATTRIBUTES)
def test_a_missing_attribute(name: str) -> None:
    headers = [pair for pair in GOOD.headers if pair[0] != name]
    with pytest.raises(BadHeader, match=name):
        DECODER.decode(GOOD.key, GOOD.value, headers)


@pytest.mark.parametrize("name", REQUIRED_ATTRIBUTES)
def test_an_attribute_without_a_value_is_missing(name: str) -> None:
    with pytest.raises(BadHeader, match=name):
        DECODER.decode(GOOD.key, GOOD.value, with_header(name, None))


@pytest.mark.parametrize("name", REQUIRED_ATTRIBUTES)
def test_an_attribute_that_is_there_twice(name: str) -> None:
    with pytest.raises(BadHeader, match=f"{name} is there twice"):
        DECODER.decode(GOOD.key, GOOD.value, [*GOOD.headers, (name, dict(GOOD.headers)[name])])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_specversion", b"0.3"),
        ("ce_sequence", b"one"),
        ("ce_sequence", b"-1"),
        ("ce_sequence", b"1.0"),
        ("ce_sequence", b""),
        ("ce_sequence", "٣".encode()),
        ("ce_sequence", b"9" * 5000),
        ("ce_sequence", b"2"),  # not the event's own
        ("ce_time", b"yesterday"),
        ("ce_time", b"\xff"),
        ("ce_id", b"\xff"),
        ("ce_type", b"\xff"),
        ("ce_site", b"\xff"),
        ("ce_site", b"other"),
        ("ce_subject", b"shop/2"),
    ],
)
def test_an_attribute_that_is_not_what_it_must_be(name: str, value: bytes) -> None:
    with pytest.raises(BadHeader):
        DECODER.decode(GOOD.key, GOOD.value, with_header(name, value))


def test_a_record_without_a_key() -> None:
    with pytest.raises(BadHeader, match="no key"):
        DECODER.decode(None, GOOD.value, GOOD.headers)


def test_a_key_that_is_not_the_subject() -> None:
    with pytest.raises(BadHeader, match="ce_subject"):
        DECODER.decode(b"shop/1", GOOD.value, GOOD.headers)


def test_a_key_that_is_not_the_contents() -> None:
    with pytest.raises(BadHeader, match="differ"):
        DECODER.decode(b"shop/1", GOOD.value, with_header("ce_subject", b"shop/1"))


@pytest.mark.parametrize("value", [b"", b"{", b"\xff\xfe", b'{"site": "\xff"}', b"{} {}"])
def test_a_value_that_is_not_json(value: bytes) -> None:
    with pytest.raises(BadJson):
        decode(replace(GOOD, value=value))


def changed(**fields: object) -> bytes:
    return orjson.dumps(orjson.loads(GOOD.value or b"") | fields)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (b"[]", "the event"),
        (b"null", "the event"),
        (changed(revision=0), "revision"),
        (changed(sequence=None), "sequence"),
        (changed(channel="fax"), "channel"),
        (changed(submitted_at="noon"), "submitted_at"),
        (changed(content={"rating": 6, "locale": "en"}), "content.rating"),
        (changed(content={"rating": "5", "locale": "en"}), "content.rating"),
        (changed(content={"rating": 5}), "content.locale"),
    ],
)
def test_json_of_another_shape_names_the_field(value: bytes, place: str) -> None:
    with pytest.raises(BadEvent) as caught:
        decode(replace(GOOD, value=value))
    assert str(caught.value).startswith(f"{place}: ")


def test_messages_never_repeat_the_value() -> None:
    secret = "jane@example.com"
    for fields in ({"site": [secret]}, {"channel": secret}, {"submitted_at": secret}, {"revision": secret}):
        with pytest.raises(DecodeError) as caught:
            decode(replace(GOOD, value=changed(**fields)))
        assert secret not in str(caught.value)


def test_a_type_of_another_topic_is_unknown() -> None:
    with pytest.raises(UnknownType):
        MODERATED_DECODER.decode(GOOD.key, GOOD.value, GOOD.headers)


@pytest.mark.parametrize("name", [b"review.deleted.v1", b"review.submitted", b"v1", b"", b"review.submitted.vx"])
def test_a_type_that_nobody_knows(name: bytes) -> None:
    with pytest.raises(UnknownType):
        DECODER.decode(GOOD.key, GOOD.value, with_header("ce_type", name))


@pytest.mark.parametrize("value", [GOOD.value, b"{", None], ids=["readable", "broken", "tombstone"])
def test_a_version_of_the_future_is_told_from_a_broken_record(value: bytes | None) -> None:
    with pytest.raises(UnknownVersion):
        DECODER.decode(GOOD.key, value, with_header("ce_type", b"review.submitted.v2"))


def test_a_value_over_the_limit_is_not_even_parsed() -> None:
    with pytest.raises(Oversize):
        decode(replace(GOOD, value=b"{" * (MAX_VALUE_BYTES + 1)))


def test_a_value_at_the_limit_is_read() -> None:
    value = GOOD.value or b""
    assert decode(replace(GOOD, value=value + b" " * (MAX_VALUE_BYTES - len(value)))) == SUBMITTED


def test_nothing_is_written_that_nobody_would_read() -> None:
    reply = EXAMPLES[ReplyPosted].model_copy(update={"text": "x" * MAX_VALUE_BYTES})
    with pytest.raises(Oversize):
        encode(SPECS[ReplyPosted], reply)


def test_type_of_reads_nothing_but_the_type() -> None:
    assert DECODER.type_of([("ce_type", b"anything")]) == b"anything"
    with pytest.raises(BadHeader):
        DECODER.type_of([("ce_id", b"1")])
    with pytest.raises(BadHeader):
        DECODER.type_of([("ce_type", None)])


def test_every_error_has_a_code_of_its_own() -> None:
    kinds = [BadHeader, Oversize, BadJson, BadEvent, UnknownType, UnknownVersion]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(issubclass(kind, DecodeError) for kind in kinds)


def only_decode_errors(read: Callable[[], object]) -> None:
    """Whatever else is raised fails the test by itself."""
    with suppress(DecodeError):
        read()


some_headers = st.lists(
    st.tuples(
        st.sampled_from([*REQUIRED_ATTRIBUTES, "content-type", "traceparent"]) | st.text(max_size=8),
        st.none() | st.binary(max_size=24) | st.sampled_from([value for _, value in GOOD.headers]),
    ),
    max_size=12,
)


@given(key=st.none() | st.binary(max_size=20), value=st.none() | st.binary(max_size=64), headers=some_headers)
def test_no_garbage_raises_anything_but_a_decode_error(
    key: bytes | None, value: bytes | None, headers: Headers
) -> None:
    only_decode_errors(lambda: DECODER.decode(key, value, headers))


@given(value=st.binary(max_size=200))
def test_no_value_under_good_headers_raises_anything_but_a_decode_error(value: bytes) -> None:
    only_decode_errors(lambda: DECODER.decode(GOOD.key, value, GOOD.headers))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(event=st.sampled_from(EVENTS), data=st.data())
def test_no_field_of_any_value_raises_anything_but_a_decode_error(event: type[Event], data: st.DataObject) -> None:
    encoded = encode(SPECS[event], EXAMPLES[event])
    body = orjson.loads(encoded.value or b"")
    for name in data.draw(st.sets(st.sampled_from(sorted(body)), min_size=1, max_size=3)):
        body[name] = data.draw(json_values)

    value = json.dumps(body).encode()
    only_decode_errors(lambda: Decoder(SPECS[event]).decode(encoded.key, value, encoded.headers))


@given(
    position=st.integers(min_value=0, max_value=len(GOOD.headers) - 1), name=st.none() | st.text(), value=st.binary()
)
def test_no_spoilt_header_raises_anything_but_a_decode_error(position: int, name: str | None, value: bytes) -> None:
    headers = list(GOOD.headers)
    headers[position] = (headers[position][0] if name is None else name, value)
    only_decode_errors(lambda: DECODER.decode(GOOD.key, GOOD.value, headers))


@given(st.lists(st.tuples(st.text(max_size=10), st.none() | st.binary(max_size=30)), max_size=5))
def test_packed_headers_keep_every_byte(headers: list[tuple[str, bytes | None]]) -> None:
    assert unpack_headers(pack_headers(headers)) == headers


def test_a_trace_is_new_each_time_and_well_formed() -> None:
    first, second = traceparent(), traceparent()
    assert first != second
    version, trace, span, flags = first.split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")


def test_every_known_type_belongs_to_one_topic() -> None:
    on_topics = [event for spec in TOPICS for event in spec.events]
    assert Counter(on_topics) == Counter(EVENTS)
