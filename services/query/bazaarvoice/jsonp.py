"""JSON as a script that calls a function of the page (JSONP), for pages that cannot read another origin otherwise."""

from __future__ import annotations

import re

from services.query.bazaarvoice.errors import Code, refused
from services.query.exchange import JSON, Header

MAX_CALLBACK = 200
JAVASCRIPT: Header = (b"content-type", b"application/javascript; charset=utf-8")

# The vendor's list of characters has no dot, and its clients send one.
_NAME = re.compile(r"[A-Za-z0-9_.]+", re.ASCII)
# Line ends in scripts of before 2019, and ordinary characters in JSON.
_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))


def read_callback(text: str) -> str | None:
    """None without a callback. Raises Refused for a name that could be more than a name."""
    if not text:
        return None
    if len(text) > MAX_CALLBACK or not _NAME.fullmatch(text):
        raise refused(
            Code.INVALID_CALLBACK,
            f"Invalid callback: a name takes letters, digits, '_' and '.', {MAX_CALLBACK} characters at the most.",
        )
    return text


def wrap(body: bytes, callback: str | None) -> tuple[bytes, Header]:
    """The body and its content type. A script has no status of its own, so errors are wrapped as answers are."""
    if callback is None:
        return body, JSON
    for plain, escaped in _LINE_ENDS:
        body = body.replace(plain, escaped)
    return b"%s(%s);" % (callback.encode(), body), JAVASCRIPT
