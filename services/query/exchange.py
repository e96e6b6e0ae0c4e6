"""One request and its answer over ASGI, and no framework: it would double the cost of reads this short."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from services.query.problem import problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Header = tuple[bytes, bytes]
JSON: Header = (b"content-type", b"application/json; charset=utf-8")
NO_STORE: Header = (b"cache-control", b"no-store")


class Request:
    __slots__ = ("_receive", "answer_headers", "headers", "method", "path", "peer", "query")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: list[Header] = scope["headers"]
        client = scope.get("client")
        self.peer: str = client[0] if client else ""
        self._receive = receive
        # What goes with the answer whatever becomes of the request, errors and 304 included.
        self.answer_headers: list[Header] = []

    def header(self, name: bytes) -> str:
        """Several headers of one name joined by commas; '' when there is none."""
        values = [value for key, value in self.headers if key == name]
        return b",".join(values).decode("latin-1") if values else ""

    async def body(self, limit: int) -> bytes:
        """The whole body; refused as soon as it is known to be over `limit` bytes."""
        too_large = problem(413, f"the body must not be larger than {limit} bytes", Connection="close")
        declared = self.header(b"content-length")
        if declared.isdecimal() and int(declared) > limit:
            raise too_large
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise problem(400, "the connection ended before the body did")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise too_large
            chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks)


@dataclass(slots=True)
class Response:
    """`route` names what answered, for metrics: one of a few words, never a part of the request's path."""

    route: str
    status: int
    body: bytes
    headers: list[Header] = field(default_factory=list)


def cacheable(route: str, body: bytes, cache_control: bytes) -> Response:
    """An answer with a strong tag: equal tags mean equal bytes."""
    tag = b'"%s"' % hashlib.sha256(body).hexdigest()[:32].encode()
    return Response(route, 200, body, [JSON, (b"cache-control", cache_control), (b"etag", tag)])


def not_modified(response: Response, if_none_match: str) -> bool:
    """RFC 9110, 13.1.2: weak comparison, `*` takes any."""
    tag = next((value.decode() for name, value in response.headers if name == b"etag"), None)
    if tag is None or not if_none_match:
        return False
    candidates = [candidate.strip() for candidate in if_none_match.split(",")]
    return "*" in candidates or any(candidate.removeprefix("W/") == tag for candidate in candidates)
