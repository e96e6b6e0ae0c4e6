"""The name of a revision in addresses: a pure function of its content and id.

It belongs to the revision, not to the review: the words of a title that was never approved must not show in the
address of the revision that was. The id at its end makes it unique, never all digits, and never the name of a route.
"""

from __future__ import annotations

import re
import unicodedata

from services.intake.ids import base36

MAX_WORDS = 60
_GAPS = re.compile(r"[^a-z0-9]+")
# Letters that do not decompose into an ASCII letter and marks.
_FOLDED = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l"})


def slug(title: str | None, author_name: str | None, review_id: int) -> str:
    words = _slugify(title) or _slugify(author_name) or "review"
    return f"{words}-{base36(review_id)}"


def _slugify(text: str | None) -> str:
    if text is None:
        return ""
    # Far more than fits is never looked at: a title may have thousands of characters.
    ascii_text = (
        unicodedata.normalize("NFKD", text[: 4 * MAX_WORDS].translate(_FOLDED)).encode("ascii", "ignore").decode()
    )
    words = _GAPS.sub("-", ascii_text.lower()).strip("-")
    if len(words) <= MAX_WORDS:
        return words
    whole, _, _ = words[: MAX_WORDS + 1].rpartition("-")
    return whole or words[:MAX_WORDS]
