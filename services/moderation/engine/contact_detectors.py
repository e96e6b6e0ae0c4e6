"""The detectors of contacts, payments and links, in their order of precedence."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from services.moderation.engine.addresses import find_addresses
from services.moderation.engine.context import Context
from services.moderation.engine.emails import find_emails
from services.moderation.engine.gates import CUES_BITS, FEW_DIGITS, Cue, marks
from services.moderation.engine.glance import telling
from services.moderation.engine.handles import find_handles
from services.moderation.engine.links import find_links
from services.moderation.engine.networks import find_ips
from services.moderation.engine.passage import Passage
from services.moderation.engine.payments import find_cards, find_ibans
from services.moderation.engine.phones import find_phones
from services.moderation.engine.signal import MOST_SIGNALS, Signal
from services.moderation.engine.spans import apart

"""Evidence kept per detector."""

DETECTORS: Final[tuple[Callable[[Passage, Context], Iterable[Signal]], ...]] = (
    find_emails,
    find_ibans,
    find_cards,
    find_links,
    find_ips,
    find_phones,
    find_handles,
    find_addresses,
)
"""Of two findings that overlap, the detector named first is right: the domain of an e-mail address is no link."""


def find_contacts(passage: Passage, context: Context) -> list[Signal]:
    """What all of them find, of what overlaps only that of the first."""
    found: list[Signal] = []
    if is_quiet(passage):
        return found
    for detector in DETECTORS:
        if signals := detector(passage, context):
            some = islice(signals, MOST_SIGNALS)
            found += apart(some, found) if found else some
    return found


def is_quiet(passage: Passage) -> bool:
    """None of the detectors could find anything: what is true of most honest texts."""
    if not passage.is_ascii or "@" in passage.source:
        return False
    cues, found = telling(passage) & CUES_BITS, marks(passage)
    if not found:
        return not cues & ~Cue.STREETS
    count = found.count(b"9")
    if count < FEW_DIGITS and b"/" not in found and found.count(b":") < 2:
        return not (cues if count else cues & ~Cue.STREETS)
    return False
