"""One look through the letters of a text, for whatever several detectors would each have to search for.

Honest text has few telling words, and one pass of an automaton costs less than a handful of substring searches: so each
detector names its words, and asks here whether any of them is there before it looks any closer.
"""

from collections.abc import Callable
from functools import cache
from typing import Final

from ahocorasick_rs import BytesAhoCorasick, Implementation

from services.moderation.engine.gates import CUES
from services.moderation.engine.hints import HINTS
from services.moderation.engine.passage import Passage

_KEY: Final = "seen"


def telling(passage: Passage) -> int:
    """The bits of all CUES (below 2^16) and HINTS in the text, found at the first call and kept with the passage."""
    known: int | None = passage.__dict__.get(_KEY)
    if known is None:
        find, bits = _automaton()
        known = 0
        for pattern, _, _ in find(passage.letters, overlapping=True):
            known |= bits[pattern]
        passage.__dict__[_KEY] = known
    return known


@cache
def _automaton() -> tuple[Callable[..., list[tuple[int, int, int]]], list[int]]:
    bits = dict(CUES)
    for letters, bit in HINTS.items():
        bits[letters] = bits.get(letters, 0) | bit
    automaton = BytesAhoCorasick(list(bits), implementation=Implementation.DFA)
    return automaton.find_matches_as_indexes, list(bits.values())
