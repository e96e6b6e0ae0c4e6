"""A form as browsers post it: names in any case, what is repeated or unknown tolerated, text in a known charset."""

from __future__ import annotations

from urllib.parse import parse_qsl

from services.query.bazaarvoice.errors import Code, refused
from services.query.bazaarvoice.parameters import Parameters
from services.query.core.query import storable
from services.query.exchange import Request
from services.query.problem import problem

MAX_BODY_BYTES = 256 * 1024
"""Room for the longest texts with every character escaped."""
MAX_FIELDS = 500
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
# Those that pages are written in; a codec of Python's is not always a charset of the web.
_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
}


async def read_form(request: Request) -> Parameters:
    """Raises Problem 413 or 415, or Refused."""
    media_type, _, parameters = request.header(b"content-type").partition(";")
    media_type = media_type.strip().lower()
    if media_type == JSON and _holds_nothing(await request.body(MAX_BODY_BYTES)):
        return Parameters(())
    if media_type and media_type != FORM:
        raise problem(415, f"send the fields as {FORM}, and photos and videos by their addresses")
    return parse_form(await request.body(MAX_BODY_BYTES), _charset(parameters))


def parse_form(body: bytes, charset: str = "utf-8") -> Parameters:
    """Raises Refused for what is no text in the charset, or more fields than any form has."""
    try:
        text = body.decode(charset)
        pairs = parse_qsl(text, keep_blank_values=True, encoding=charset, errors="strict", max_num_fields=MAX_FIELDS)
    except UnicodeDecodeError:
        raise refused(
            Code.BAD_REQUEST, "The form is not text in its charset: send it as UTF-8, percent-encoded."
        ) from None
    except ValueError:
        raise refused(Code.INVALID_PARAMETERS, f"Too many fields: send {MAX_FIELDS} at the most.") from None
    if not all(storable(name) and storable(value) for name, value in pairs):
        raise refused(Code.BAD_REQUEST, "A field holds a NUL, which no text has: remove it.")
    return Parameters(pairs)


def _holds_nothing(body: bytes) -> bool:
    """HTTP clients set to JSON send its type, and `{}` or nothing, also where all fields stand in the address."""
    return b"".join(body.split()) in (b"", b"{}")


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = _CHARSETS.get(value.strip().strip('"').lower())
            if charset is None:
                raise problem(415, "the form's charset is not known here; send it as UTF-8")
            return charset
    return "utf-8"
