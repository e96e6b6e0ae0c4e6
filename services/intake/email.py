"""E-mail addresses: syntax, the form in which they are compared, and the form in which they may be shown."""

from __future__ import annotations

import re
import unicodedata

MAX_EMAIL = 254
"""Of a forward path; see RFC 5321, 4.5.3.1.3."""

# What mail systems take in practice: no quoted local parts, no address literals, at least two labels.
_ADDRESS = re.compile(
    r"""[^\s@<>()\[\],;:\\"\x00-\x1f\x7f]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_](?:[\w-]{0,61}[^\W_])""",
)


def normalise(address: str) -> str | None:
    """In lower case and NFC, without spaces around; None when it is no address.

    Providers that tell upper case from lower in the local part have died out; one person with two identities is worse.
    """
    address = address.strip()
    # Before it is normalised, for that takes time by the square of the marks on one letter.
    if len(address) > MAX_EMAIL:
        return None
    # Full-width and other compatible forms of @ and letters are left as they are: NFKC would make two addresses one.
    plain = unicodedata.normalize("NFC", address).lower()
    if len(plain) > MAX_EMAIL or ".." in plain or _ADDRESS.fullmatch(plain) is None:
        return None
    local = plain.partition("@")[0]
    return None if local.startswith(".") or local.endswith(".") else plain


def mask(address: str) -> str:
    """`j***@example.com`; the number of stars says nothing of the length."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}***@{domain}"
