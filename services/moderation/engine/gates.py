"""What a text might hold, seen at a glance: so that the detectors of contacts and links pass honest texts by.

A search for a substring of several bytes costs as much as a pass over the text, so there are two passes for all
detectors together: one that leaves of `Passage.shape` but its signs and digits, and one that looks for telling words,
see `glance`.
"""

import re
from typing import Final

from services.moderation.engine.passage import Passage
from services.moderation.engine.tlds import SURE


class Cue:
    """Bits, as plain integers: an IntFlag takes a microsecond to be tested."""

    MAIL: Final = 1
    LINK: Final = 2
    SPELT: Final = 4
    HANDLE: Final = 8
    STREET: Final = 16
    STREET_IN_SMALL: Final = 32
    STREET_ROMANCE: Final = 64
    STREET_GERMAN: Final = 128
    STREET_POLISH: Final = 256
    BOX: Final = 512
    STREET_FRENCH: Final = 1024
    STREETS: Final = STREET | STREET_IN_SMALL | STREET_ROMANCE | STREET_GERMAN | STREET_POLISH | STREET_FRENCH | BOX


_MAIL: Final = (
    "dot punkt punto ponto arroba gmail googlemail yahoo ymail hotmail outlook msn aol icloud protonmail proton gmx "
    "comcast verizon yandex rediffmail sbcglobal btinternet aim qq"
)
_LINK: Final = (
    "www http https hxxp hxxps ftp dot url website websites site visit domain link amazon ebay booking youtube youtu "
    "google facebook instagram etsy zalando airbnb expedia tripadvisor aliexpress alibaba shein walmart paypal netflix "
    "wikipedia twitch telegram goo tinyurl"
)
_HANDLE: Final = (
    "insta instagram ig snap snapchat kik telegram whatsapp whatsap whats discord skype wechat weixin viber tiktok tik "
    "twitter facebook fb messenger youtube yt channel canal kanal chaine subscribe subscribed suscribe twitch onlyfans "
    "gamertag psn venmo cashapp paypal reddit linkedin snapcode follow dm dms hmu pm inbox username "
    "vk qq zalo kakao kakaotalk"
)
_STREET: Final = (
    "street st road rd avenue ave av boulevard blvd drive dr lane ln court ct place pl square sq terrace "
    "parkway pkwy highway "
    "hwy circle cir close crescent cres gardens grove mews row way hill trail loop park alley quay wharf "
    "parade esplanade "
    "turnpike pike broadway route"
)
_STREET_IN_SMALL: Final = "street road avenue ave boulevard blvd lane rd"
_STREET_FRENCH: Final = "rue allee quai impasse chemin boulevard avenue av bd place cours ruelle faubourg"
_STREET_ROMANCE: Final = (
    "calle avda avenida av plaza paseo carretera carrer via viale piazza corso vicolo rua travessa alameda praca largo "
    "estrada rodovia ronda"
)
_BOX: Final = "box postfach apartado casella caixa"
_DIGIT_WORDS: Final = ["zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_STREET_ENDINGS: Final = [
    "strasse",
    "str",
    "platz",
    "allee",
    "gasse",
    "weg",
    "straat",
    "laan",
    "gracht",
    "plein",
    "gatan",
    "vagen",
]


def _cues() -> dict[bytes, int]:
    cues: dict[bytes, int] = {}

    def note(pattern: str, cue: int) -> None:
        cues[pattern.encode()] = cues.get(pattern.encode(), 0) | cue

    words = (
        (_MAIL, Cue.MAIL),
        (_LINK, Cue.LINK),
        (_HANDLE, Cue.HANDLE),
        (_STREET, Cue.STREET),
        (_STREET_IN_SMALL, Cue.STREET_IN_SMALL),
        (_STREET_FRENCH, Cue.STREET_FRENCH),
        (_STREET_ROMANCE, Cue.STREET_ROMANCE),
        ("ul al os", Cue.STREET_POLISH),
        (_BOX, Cue.BOX),
    )
    for listed, cue in words:
        for word in listed.split():
            note(f" {word} ", cue)
    for phrase in ("line id", "hit me up"):
        note(f" {phrase} ", Cue.HANDLE)
    # "I've" and "4th" are no endings; sites of Venezuela and Thailand mostly end in com.ve and co.th.
    for ending in SURE - {"ve", "th", "sz"}:
        note(f" {ending} ", Cue.LINK)
    for ending in _STREET_ENDINGS:
        note(f"{ending} ", Cue.STREET_GERMAN)
    for first in _DIGIT_WORDS:
        for second in _DIGIT_WORDS:
            note(f" {first} {second} ", Cue.SPELT)
            note(f" {first}  {second} ", Cue.SPELT)
    return cues


CUES: Final = _cues()
"""Byte strings of `Passage.letters`, with what each of them makes worth looking for."""

FEW_DIGITS: Final = 4
"""Fewer make no number that is worth a look."""
CUES_BITS: Final = (1 << 16) - 1
_OTHER_DIGITS: Final = re.compile("[²³¹٠-٩۰-۹०-९০-৯๐-๙０-９①-⑨⓪⁰-⁹₀-₉𝟎-𝟿\u20e3]")


def marks(passage: Passage) -> bytes:
    """The shape without small letters, capitals and blanks: some twenty bytes of an ordinary review."""
    known: bytes | None = passage.__dict__.get("marks")
    if known is None:
        known = passage.__dict__["marks"] = passage.shape.translate(None, b"aA ")
    return known


def digits(passage: Passage) -> int:
    """How many digits there are, at most: where there are digits of other scripts, any sign may be one."""
    found = marks(passage)
    count = found.count(b"9")
    if not passage.is_ascii and (others := found.count(b"?")) > 3 and _OTHER_DIGITS.search(passage.source):
        count += others
    return count
