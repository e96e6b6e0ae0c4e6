"""Bytes that no client sends, over a socket: never a fault of ours, and always the vendor's envelope."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import NamedTuple
from urllib.parse import quote_from_bytes

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.query.bazaarvoice.conversations import SUBMISSION
from services.query.bazaarvoice.display import ENDPOINTS
from services.query.bazaarvoice.posted import FORM, MAX_BODY_BYTES
from shared.http.server import MAX_HEAD_BYTES
from tests.bazaarvoice_queries import QUERIES
from tests.parts import Database
from tests.public_edge import KEYS, SHOP, PublicEdge, public_edge

# What HTTP allows in the target of a request; of anything else the server knows no path, and so no dialect.
_TARGET = re.compile(rb"[!-~]*")
_JSONP = re.compile(rb"[A-Za-z0-9_.]{1,200}\((.*)\);", re.DOTALL)
GOOD = f"ApiVersion=5.4&PassKey={KEYS[SHOP]}&".encode()
PIECES = [
    *(
        b"%",
        b"%2",
        b"%zz",
        b"%00",
        b"%ED%A0%80",
        b"%u0041",
        b"%25%30%30",
        b"%2525",
        b"%F0%9F%98%80",
        b"%E2%80%A8",
        b"%FF",
    ),
    *(
        b"\\",
        b"\\\\\\:\\,",
        b";",
        b"=",
        b"&",
        b"&&=",
        b"?",
        b"/",
        b"'; drop table x; --",
        b'"$1"',
        b"+",
        b"{}",
        b"<script>",
    ),
    *(
        b"Filter=",
        b"filter=Rating:eq:",
        b"Filter=ContentLocale:*a*%25_",
        b"Sort=Rating:asc",
        b"Include=Products,,Authors,",
    ),
    *(
        b"Limit=",
        b"Offset=300000",
        b"Callback=a.b",
        b"callback=alert(1)",
        b"PassKey=",
        b"&passkey=x",
        b"Search=%22a%20b%22",
    ),
    *(
        b"Stats=Reviews",
        b"FilteredStats=Reviews",
        b"Filter_Comments=",
        b"Locale=",
        b"Action=Submit",
        b"User=",
        b"Rating=",
    ),
    *(b"99999999999999999999", b"-9223372036854775809", b"NaN", b"1e308", b"%D9%A3", b"0" * 3000, b"a" * 40, b"5.4"),
]
RAW = st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=12).map(b"".join)
QUERY = st.one_of(RAW, RAW.map(lambda raw: GOOD + raw), QUERIES.map(lambda query: GOOD + query), st.binary(max_size=50))
PATHS = st.sampled_from(sorted([*ENDPOINTS, *SUBMISSION])).map(lambda name: f"/data/{name}".encode())


class Answer(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes


@pytest.fixture(scope="module")
async def edge(module_database: Database) -> AsyncIterator[PublicEdge]:
    async with public_edge(module_database, reviews=20, comments=10) as running:
        yield running


async def send(edge: PublicEdge, method: bytes, target: bytes, head: bytes = b"", body: bytes = b"") -> Answer:
    reader, writer = await asyncio.open_connection(edge.host, edge.port)
    try:
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        writer.write(
            method + b" " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + length + head + b"\r\n"
        )
        writer.write(body)
        answer = await asyncio.wait_for(reader.read(-1), 60)
    finally:
        writer.close()
    first, *lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, answer.partition(b"\r\n\r\n")[2])


def assert_envelope(answer: Answer) -> None:
    assert answer.status in (200, 405, 413, 415), answer
    assert answer.headers[b"x-content-type-options"] == b"nosniff"
    body = answer.body
    if answer.headers[b"content-type"] == b"application/javascript; charset=utf-8":
        called = _JSONP.fullmatch(body)
        assert called is not None
        body = called[1]
    else:
        assert answer.headers[b"content-type"] == b"application/json; charset=utf-8"
    envelope = orjson.loads(body)
    assert {"Locale", "HasErrors", "Errors"} <= envelope.keys()
    if answer.status != 200:
        assert envelope["HasErrors"] is True
    assert all(error.keys() == {"Message", "Code"} for error in envelope["Errors"])


@settings(max_examples=300)
@given(path=PATHS, query=QUERY)
@example(path=b"/data/reviews.json", query=GOOD + b"&".join(b"Filter=Rating:%d" % one for one in range(400)))
@example(path=b"/data/reviews.json", query=GOOD + b"Filter=ProductId:" + b"a," * 10_000)
@example(path=b"/data/reviews.json", query=GOOD + b"Search=" + b"word+" * 6_000)
@example(path=b"/data/reviews.json", query=GOOD + b"Include=" + b"Products,Authors," * 1_500)
@example(path=b"/data/reviews.json", query=b"a" * 65_536)
@example(path=b"/data/authors.json", query=GOOD + b"Filter_%ED%A0%80=x&%00=%00")
@example(path=b"/data/submitreview.json", query=GOOD + b"PhotoUrl_999999999999=x&Tag_Pro_%D9%A1=x&ProductId=%ED%A0%80")
async def test_any_address_gets_the_envelope(edge: PublicEdge, path: bytes, query: bytes) -> None:
    answer = await send(edge, b"GET", path + b"?" + query)
    if _TARGET.fullmatch(query) is None or len(query) > MAX_HEAD_BYTES - 200:
        # Some of these are addresses all the same; the others are no HTTP.
        assert answer.status in (200, 400, 431)
        if _TARGET.fullmatch(query) is not None and len(query) >= MAX_HEAD_BYTES:
            assert answer.status == 431
    else:
        assert_envelope(answer)
    # What stands in a form stands in an address, escaped once more.
    if len(query) < 5_000:
        assert_envelope(await send(edge, b"GET", path + b"?" + quote_from_bytes(query, safe=b"&=").encode()))


TYPES = st.sampled_from(
    [FORM] * 5
    + [f"{FORM}; charset={one}" for one in ("utf-8", "iso-8859-1", "utf-16", "x")]
    + ["multipart/form-data", ""]
)


@settings(max_examples=300)
@given(path=PATHS, body=QUERY, media_type=TYPES, query=st.just(b"") | RAW)
@example(path=b"/data/submitreview.json", body=b"a" * MAX_BODY_BYTES, media_type=FORM, query=b"")
@example(path=b"/data/submitreview.json", body=GOOD + b"ReviewText=" + b"%ff" * 80_000, media_type=FORM, query=b"")
@example(path=b"/data/submitfeedback.json", body=GOOD + b"a=1&" * 60_000, media_type=FORM, query=b"")
@example(path=b"/data/submitfeedback.json", body=GOOD + b"UserId=%00%01%0d%0aSet-Cookie:x", media_type=FORM, query=b"")
async def test_any_form_gets_the_envelope(
    edge: PublicEdge, path: bytes, body: bytes, media_type: str, query: bytes
) -> None:
    head = f"Content-Type: {media_type}\r\n".encode() if media_type else b""
    target = path + b"?" + quote_from_bytes(query, safe=b"&=%").encode()
    assert_envelope(await send(edge, b"POST", target, head, body))


SEGMENTS = st.lists(
    st.sampled_from(
        [SHOP, "reviews", "1", "0", "-1", "9" * 30, "%00", "%2F", "..", "%FF", "00000000-0000-8000-8000-0", ""]
    )
    | st.binary(max_size=8).map(quote_from_bytes),
    max_size=5,
).map("/".join)
JSON = st.binary(max_size=40) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["attributes", "response", "Name", "department", "x"]), inner, max_size=3)
    ),
).map(lambda value: orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATACLASS) if _small(value) else b"[]")


def _small(value: object) -> bool:
    return all(abs(one) < 2**63 for one in _numbers(value))


def _numbers(value: object) -> list[int]:
    match value:
        case bool():
            return []
        case int():
            return [value]
        case list():
            return [number for one in value for number in _numbers(one)]
        case dict():
            return [number for one in value.values() for number in _numbers(one)]
        case _:
            return []


@settings(max_examples=300)
@given(
    method=st.sampled_from([b"GET", b"POST", b"PATCH", b"DELETE", b"PUT"]),
    path=SEGMENTS,
    body=JSON,
    key=st.sampled_from([b"", b"Authorization: Bearer plk_x\r\n", b"Authorization: Basic \xff\r\n"]),
)
@example(method=b"POST", path="shop/reviews/1", body=b"[" * 200_000, key=b"Authorization: Bearer plk_x\r\n")
@example(method=b"POST", path="shop/reviews/1", body=b'{"response": "\\ud800"}', key=b"Authorization: Bearer plk_x\r\n")
async def test_any_client_response_gets_its_envelope(
    edge: PublicEdge, method: bytes, path: str, body: bytes, key: bytes
) -> None:
    edge.intake.replies.clear()
    target = f"/response/v1/clientResponses/{path}".encode()
    answer = await send(edge, method, target, key, body if method in (b"POST", b"PATCH") else b"")
    assert answer.status in (200, 204, 400, 401, 404, 405, 413, 422), answer
    if answer.status != 204:
        told = orjson.loads(answer.body)
        assert told["errors"] if answer.status != 200 else {"data", "type"} & told.keys()
