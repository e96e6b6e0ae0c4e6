"""`Search=words`: each of them has to stand somewhere in the text, in any case."""

from __future__ import annotations

from services.query.bazaarvoice.errors import Code, refused
from services.query.core.query import Condition, Contains

MAX_SEARCH = 200
MAX_WORDS = 10


def read_search(text: str) -> tuple[Condition, ...]:
    """Nothing without a search. Raises Refused."""
    # Quotation marks hold words together for the vendor; here each word has to stand somewhere on its own.
    words = tuple(dict.fromkeys(text.replace('"', " ").split()))
    if not words:
        return ()
    if len(text) > MAX_SEARCH or len(words) > MAX_WORDS:
        raise refused(
            Code.INVALID_SEARCH_ATTRIBUTE,
            f"The search is too long: send {MAX_WORDS} words of {MAX_SEARCH} characters in all at the most.",
        )
    return (Contains(words),)
