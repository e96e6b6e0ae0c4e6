"""Which web pages may read answers. Nothing here depends on cookies, so any page may by default."""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.query.exchange import Header, Request, Response

_METHODS = b"GET, HEAD, POST, OPTIONS"
_EXPOSED = b"ETag, Retry-After, X-Request-Id"
_HEADER_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,1000}")
_DAY = b"86400"


class Cors:
    """`origins`: exact ones such as `https://shop.example`, or `*` for all."""

    def __init__(self, origins: Sequence[str] = ("*",)) -> None:
        self._any = "*" in origins
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    def headers(self, request: Request) -> list[Header]:
        """What goes with every answer. With a list of origins answers differ by origin, and caches must know."""
        if self._any:
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", _EXPOSED)]
        vary: Header = (b"vary", b"Origin")
        origin = request.header(b"origin")
        if origin.lower() not in self._origins:
            return [vary]
        allowed = origin.encode("latin-1")
        return [(b"access-control-allow-origin", allowed), (b"access-control-expose-headers", _EXPOSED), vary]

    def preflight(self, request: Request) -> Response | None:
        """The answer to a preflight, None when the request is none. A browser takes a missing header for a no."""
        if request.method != "OPTIONS" or not request.header(b"access-control-request-method"):
            return None
        headers: list[Header] = []
        if self._any or request.header(b"origin").lower() in self._origins:
            headers = [(b"access-control-allow-methods", _METHODS), (b"access-control-max-age", _DAY)]
            wanted = request.header(b"access-control-request-headers")
            if _HEADER_NAMES.fullmatch(wanted):
                # Any: clients send headers of their own making, and none of them gives a page more rights here.
                headers.append((b"access-control-allow-headers", wanted.encode("latin-1")))
        headers.append((b"vary", b"Access-Control-Request-Method, Access-Control-Request-Headers"))
        return Response("preflight", 204, b"", headers)
