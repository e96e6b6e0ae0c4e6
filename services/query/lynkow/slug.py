"""Slugs name a review by their end: `-` and its id in base 36."""

from __future__ import annotations

import re

from shared.events.ids import MAX_REVIEW_ID

_ID = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_SLUG = re.compile(r"(?s:.*)-([1-9a-z][0-9a-z]{0,10})", re.ASCII)


def review_id_of(slug_or_id: str) -> int | None:
    """The review that a slug or an id names, None when it can name none.

    Only the end of a slug counts. Its words change with the title, and links that were given out before must stay good.
    """
    if _ID.fullmatch(slug_or_id):
        number = int(slug_or_id)
    else:
        match = _SLUG.fullmatch(slug_or_id)
        if match is None:
            return None
        number = int(match.group(1), 36)
    return number if number <= MAX_REVIEW_ID else None
