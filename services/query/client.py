"""Which client a request counts against."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from services.query.exchange import Request
from shared.http.client_address import Network, client_address, rate_limit_group

ForwardedHeader = Literal["x-forwarded-for", "forwarded"]

_USED = 1024

_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*"?([^";]+)"?', re.IGNORECASE)


class Clients:
    """Believes `header` as far as trusted proxies wrote it.

    One header only: a proxy that writes one of the two passes the other on as the client made it up.
    """

    def __init__(self, trusted: Sequence[Network], header: ForwardedHeader = "x-forwarded-for") -> None:
        self._trusted = tuple(trusted)
        self._header = header.encode()
        self._group = lru_cache(maxsize=10_000)(self._find_group)

    def group(self, request: Request) -> str:
        return self._group(request.peer, _end(request.header(self._header)) if self._trusted else "")

    def _find_group(self, peer: str, forwarded: str) -> str:
        hops = forwarded_for(forwarded) if self._header == b"forwarded" else forwarded
        return rate_limit_group(client_address(peer, hops, self._trusted))


def _end(header: str) -> str:
    """The last whole hops, which trusted proxies wrote: the client decides on the length of what stands before them."""
    return header if len(header) <= _USED else header[-_USED:].partition(",")[2]


def forwarded_for(header: str) -> str:
    """RFC 7239's `Forwarded` as X-Forwarded-For would have put it; an element without an address stays as `unknown`."""
    hops = []
    for element in header.split(","):
        match = _FOR.search(element)
        hops.append(match.group(1).strip() if match else "unknown")
    return ", ".join(hops)
