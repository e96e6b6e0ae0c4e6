"""IP addresses, with the prefix length where one follows."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from itertools import chain
from typing import Final, TypeVar

from services.moderation.engine.context import Context
from services.moderation.engine.gates import digits, marks
from services.moderation.engine.passage import Passage
from services.moderation.engine.patterns import lazy
from services.moderation.engine.plain import Plain, plain
from services.moderation.engine.signal import Category, Detector, Signal
from services.moderation.engine.spans import mark

_V4_SHAPE: Final = lazy(rb"9\.9{1,3}\.9{1,3}\.9")
_V4: Final = lazy(
    r"(?<![\w.:])(?P<address>\d{1,3}(?:\.\d{1,3}){3})(?P<more>(?:\.\d{1,5})*)(?!\w|\.\w)(?P<prefix>/(?:3[0-2]|[12]?\d)(?!\d))?"
)
_V6: Final = lazy(
    r"(?<![\w:.])(?P<run>[\w:]*:[\w:.]*)(?P<zone>%[\w\-]{1,16})?(?P<prefix>/(?:12[0-8]|1[01]\d|\d?\d)(?!\d))?"
)
_TAIL_V4: Final = lazy(r":(\d{1,3}(?:\.\d{1,3}){3})$")
_LABEL: Final = lazy(r"(?:ip(?:v[46])?|addr(?:ess)?|host|server|src|dst):(?=[\da-f:])", re.IGNORECASE)
_LONGEST_V6: Final = 64

_ASKED: Final = lazy(
    r"\b(?:ip(?:v[46])?s?|address(?:es)?|subnets?|hosts?|servers?|dns|gateway|router|routes?|ping|localhost|proxy|vpn|lan|"
    r"src|dst|dest(?:ination)?|source|bind|listen(?:ing)?|unspecified|loopback|multicast|prefix|port|connect(?:ed|ing)?)\b",
    re.IGNORECASE,
)
_VERSION: Final = lazy(
    r"\b(?:v|ver|vers|versions?|firmware|fw|build|release|updated?|upgraded?|android|ios|os|software|driver|chrome|patch|app|"
    r"section|chapter|rev|revision|sdk|kernel|bios|flash|java|win|windows|version is|version:)"
    r"(?: (?:to|from|is|of|now|the|number|no|latest|version|current))*\s?[:#.(=]*\s?$",
    re.IGNORECASE,
)
_REACH: Final = 32

_Address = TypeVar("_Address", IPv4Address, IPv6Address)


def find_ips(passage: Passage, context: Context) -> Iterable[Signal]:
    found = marks(passage)
    v4 = found.count(b".9") >= 3 and _V4_SHAPE.search(passage.shape) is not None
    v4 = v4 or (not passage.is_ascii and digits(passage) > 3)
    v6 = b"::" in found or found.count(b":") >= 6
    if not v4 and not v6:
        return ()
    view = plain(passage)
    return chain(_v4(passage, view) if v4 else (), _v6(passage, view) if v6 else ())


def _v4(passage: Passage, view: Plain) -> Iterator[Signal]:
    text = view.text
    for found in _V4.finditer(text):
        address = _parse(IPv4Address, found["address"])
        if address is None:
            continue
        before = text[max(0, found.start() - _REACH) : found.start()]
        asked = _ASKED.search(before) is not None
        octets = address.packed
        if not asked and (_VERSION.search(before) or (found["more"] and max(octets) < 32)):
            continue
        # "1.2.3.4" may count paragraphs or releases as well.
        confidence = 0.95 if asked or max(octets) > 99 or address.is_private else 0.6
        end = found.end("address") if found["more"] else found.end()
        yield _ip(passage, view, found.start(), end, confidence, str(address))


def _v6(passage: Passage, view: Plain) -> Iterator[Signal]:
    text = view.text
    for found in _V6.finditer(text):
        run = found["run"]
        start = found.start()
        if len(run) > _LONGEST_V6 or run.count(":") < 2:
            continue
        if label := _LABEL.match(run):
            run, start = run[label.end() :], start + label.end()
        address = run.rstrip(".")
        cut = len(address) < len(run)
        asked = _ASKED.search(text, max(0, start - _REACH), start) is not None
        parsed = _parse(IPv6Address, address)
        if parsed is not None:
            after = "" if cut else (found["zone"] or "") + (found["prefix"] or "")
            if asked or after or _is_telling(address):
                yield _ip(
                    passage,
                    view,
                    start,
                    start + len(address) + len(after),
                    0.95 if len(address) > 4 else 0.5,
                    str(parsed),
                )
        elif (tail := _TAIL_V4.search(address)) and (inner := _parse(IPv4Address, tail[1])):
            yield _ip(passage, view, start + tail.start(1), start + tail.end(1), 0.6, str(inner))


def _is_telling(address: str) -> bool:
    """No time of day ("12::30"), name in a program ("add::bed") or ornament ("::")."""
    groups = [group for group in address.split(":") if group]
    if address == "::1" or "." in address:
        return True
    if len(groups) == 8:
        return any(len(group) > 2 for group in groups)
    if not any(map(str.isdigit, address)):
        return False
    return len(groups) > 2 or any(len(group) == 4 for group in groups)


def _parse(kind: type[_Address], text: str) -> _Address | None:
    try:
        return kind(text)
    except AddressValueError:
        return None


def _ip(passage: Passage, view: Plain, start: int, end: int, confidence: float, address: str) -> Signal:
    first, last = view.place(start, end)
    return mark(passage, Detector.IP, Category.CONTACT, first, last, confidence, address)
