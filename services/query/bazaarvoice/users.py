"""Who sends something: the user id of the site's own log-in, as its pages pass it on."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from services.query.bazaarvoice.parameters import Parameters
from shared.events.content import MAX_SOURCE_ID

# The vendor's user authentication string: a digest (MD5 or SHA-256), then a query string, both in hexadecimal.
_TOKEN = re.compile(r"[0-9a-f]{34,2048}", re.IGNORECASE)
_MD5 = 32
_SHA256 = 64


def user_id_of(sent: Parameters) -> str | None:
    """`UserId`, else the one inside of `User`.

    The digest of `User` is not checked: it needs a secret that the vendor shares with its client. So it counts for no
    more than a plain `UserId`, which anybody can send too.
    """
    return sent.scalar("userid") or _inside(sent.scalar("user"))


def _inside(token: str) -> str | None:
    if not _TOKEN.fullmatch(token):
        return None
    for digest in (_MD5, _SHA256):
        try:
            text = bytes.fromhex(token[digest:]).decode()
            data = {name.lower(): value for name, value in parse_qsl(text, max_num_fields=100)}
        except ValueError:
            continue
        found = data.get("userid", "")
        if found and found.isprintable() and len(found) <= MAX_SOURCE_ID:
            return found
    return None
