"""Locales as the vendor writes them (`en_US`) and as they are stored (BCP 47: `en-US`)."""

from __future__ import annotations

import re

from services.query.bazaarvoice.errors import Code, refused

_LOCALE = re.compile(r"[A-Za-z]{2,8}(?:[_-][A-Za-z0-9]{1,8}){0,3}", re.ASCII)


def vendor_locale(tag: str) -> str:
    return tag.replace("-", "_")


def read_locale(text: str, default: str) -> str:
    """The locale of labels. Raises Refused."""
    if not text:
        return default
    if not _LOCALE.fullmatch(text):
        raise refused(Code.INVALID_LOCALE, "Invalid locale: send a language, or a language and a region, as in en_US.")
    return vendor_locale(text)
