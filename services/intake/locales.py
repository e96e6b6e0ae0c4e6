"""Locales of labels, as storefronts name them: a language, and a country or none (`en`, `en_US`)."""

from __future__ import annotations

import re

LOCALE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
CURE = "is not a locale; write it like en or en_US"

_SUBTAG = re.compile(r"[-_]")


def label_locale(text: str) -> str | None:
    """`en-US` and `en_US` are `en_US`; None for what is no locale."""
    written = text.replace("-", "_")
    return written if LOCALE.fullmatch(written) else None


def nearest_locale(language_tag: str) -> str | None:
    """What a language tag comes to without script and variants: `zh_TW` of `zh-Hant-TW`."""
    language, *rest = _SUBTAG.split(language_tag)
    country = next((part.upper() for part in rest if len(part) == 2 and part.isalpha()), None)
    return label_locale(f"{language.lower()}_{country}" if country else language.lower())
