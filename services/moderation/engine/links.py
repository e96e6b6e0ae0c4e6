"""Web addresses: with a scheme or www, and bare domains that cannot be two sentences without a space between them."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from services.moderation.engine.signal import Category, Detector, Signal

LINK_HINT: Final = "link"
LINK_HINTS: Final = dict.fromkeys(("http", "https", "hxxp", "hxxps", "www", "dot com", "dot net", "dot org"), LINK_HINT)

# Endings that are no word: "a.com" is a domain wherever it stands.
_SURE: Final = "com net org edu gov biz xyz io eu uk fr nl pl cz ru jp kr cn au br mx ca nz tv gg fm ly co"
# Endings that are words too ("loved it.is great", "this app.app"): a domain only when a path follows.
_UNSURE: Final = (
    "info online store shop app site live club me it in is to so us my at be de es se no la ai ws cc link click top "
    "pro vip page blog dev cloud tech space website art bio news today world life one ch gl ms vu sh st sc pw re li "
    "dk fi"
)
_LABEL: Final = r"[^\W_](?:[\w\-]{0,61}[^\W_])?"
_TAIL: Final = r"[^\s<>\"']"
_ADDRESS: Final = re.compile(
    rf"(?:https?|hxxps?|ftp)://{_TAIL}+"
    rf"|(?<![\w@.\-])www\.[^\W_]{_TAIL}+"
    rf"|(?<![\w@.\-])(?:{_LABEL}\.)+(?:(?:{'|'.join(_SURE.split())})(?![\w\-])(?:[/:?#]{_TAIL}*)?"
    rf"|(?:{'|'.join(_UNSURE.split())})/{_TAIL}+)"
    r"|(?<![\w@.\-])[a-z0-9\-]{2,63}\s{1,2}dot\s{1,2}(?:com|net|org)(?!\w)",
    re.IGNORECASE,
)
# Begins with a literal, which the regex engine finds far faster than the start of a label.
_ENDING: Final = re.compile(
    rf"\.(?=[a-z])(?:(?:{'|'.join(_SURE.split())})(?![\w\-])|(?:{'|'.join(_UNSURE.split())})/)", re.IGNORECASE
)
_CLOSING: Final = ".,;:!?)]}…"


def find_links(field: str, text: str, hints: frozenset[str]) -> Iterable[Signal]:
    return _addresses(field, text) if LINK_HINT in hints or _ENDING.search(text) else ()


def _addresses(field: str, text: str) -> Iterator[Signal]:
    for address in _ADDRESS.finditer(text):
        start = address.start()
        end = start + len(address[0].rstrip(_CLOSING))
        if not any(map(str.isalpha, address[0].partition(".")[0])) and "//" not in address[0]:
            continue  # "3.5.co" is a slip of the pen
        yield Signal(Detector.URL, Category.LINK, None, field, start, end, text[start:end])
