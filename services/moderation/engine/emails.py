"""E-mail addresses: plain ones, and those that are written so that a machine should not see them."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final

from services.moderation.engine.context import Context
from services.moderation.engine.gates import Cue
from services.moderation.engine.glance import telling
from services.moderation.engine.passage import Passage
from services.moderation.engine.patterns import lazy
from services.moderation.engine.plain import Plain, plain
from services.moderation.engine.signal import Category, Detector, Signal
from services.moderation.engine.spans import mark
from services.moderation.engine.tlds import ORDINARY, host_end, top_level_domains, word_set

_LONGEST_LOCAL: Final = 64
_LOCAL: Final = frozenset("._+%-'&")
_LABEL: Final = r"[^\W_](?:[\w\-]{0,61}[^\W_])?"
_DOMAIN: Final = lazy(rf"(?:{_LABEL}\.){{1,8}}(?:xn--[a-z0-9\-]{{1,59}}|[^\W\d_]{{2,24}})", re.IGNORECASE)
_USER_OF_LINK: Final = lazy(r"://[^\s/@]{0,80}$")

_DOT_WORD: Final = r"(?:dot|punto|punkt|ponto)"
_DOT: Final = rf"(?:\s?\.\s?|\s{{1,3}}{_DOT_WORD}\s{{1,3}}|\s?[(\[{{<_*]\s?(?:{_DOT_WORD}|\.)\s?[)\]}}>_*]\s?)"
_DOTS: Final = lazy(_DOT, re.IGNORECASE)
_AT_WORD: Final = r"(?:at|arroba|chez|ät)"
# "(at)", "[@]", "_at_"; then " at " and " @ ", which are words of ordinary sentences too.
_JOINTS: Final = lazy(
    rf"[(\[{{<_*]\s?(?:{_AT_WORD}|@)\s?[)\]}}>_*]\s{{0,2}}|(?P<word>\s{_AT_WORD}\s{{1,2}})|(?P<sign>@\s{{0,2}})",
    re.IGNORECASE,
)
_SPELT_DOMAIN: Final = lazy(
    rf"{_LABEL}(?:{_DOT}{_LABEL}){{0,3}}?{_DOT}(?P<end>[^\W\d_]{{2,12}})(?!\w)(?:{_DOT}(?:uk|au|br|jp|nz|za|mx|ar|kr|tr|sg|hk)(?!\w))?",
    re.IGNORECASE,
)
_SPELT_LOCAL: Final = lazy(
    rf"(?:(?<![\w.+%\-])[\w+%\-]{{1,30}}(?:\s{_DOT_WORD}\s|\s?[(\[]\s?{_DOT_WORD}\s?[)\]]\s?)){{0,2}}(?<![\w.+%\-])(?P<last>[\w.+%\-]{{1,64}})(?P<gap>\s{{0,2}})$",
    re.IGNORECASE,
)
_PROVIDERS: Final = word_set(
    "gmail googlemail yahoo ymail hotmail outlook live msn aol aim icloud protonmail proton gmx web comcast "
    "verizon yandex rediffmail att sbcglobal btinternet mail inbox libero wanadoo orange t-online qq 163 126 "
    "zoho fastmail hotmial gmial rocketmail earthlink cox charter bellsouth uol bol terra free sfr laposte "
    "virgilio tiscali"
)
_FEW_WORD_ENDS: Final = word_set("com net org edu gov co de fr it es uk br pt in ru nl us ca info biz")
_CONTACT: Final = lazy(
    r"\b(?:e-?mails?|mails?|contact(?:ed|ing)?|reach(?:ed)?|write|wrote|adress|address|correo|courriel|kontakt|"
    r"contacto|contatto|contato|send|forward|replies|reply|thoughts|questions)\b",
    re.IGNORECASE,
)
_CONTACT_REACH: Final = 48
# "Look at gmail.com" is no address.
_NOT_LOCAL: Final = ORDINARY | word_set(
    "account accounts address arrive arrived available check checked contact email find found item items look "
    "looked looking looks mail men online people photo pictures sale sell selling sold staff team website "
    "working browse shopping shop deals arrived store stores reviews review book booked reservation stay site "
    "reach code delivered page price prices cheaper sells listed based located company customers service "
    "friends shopped"
)
_AT: Final = lazy(rb" (?:at|arroba|chez) ")
_MOST_LOOKS: Final = 300
"""Disguises are looked for around this many joints; a text with more of them is no list of addresses."""


def find_emails(passage: Passage, context: Context) -> Iterable[Signal]:
    source = passage.source
    sign = "@" in source or (not passage.is_ascii and ("＠" in source or "﹫" in source))
    if not sign:
        seen = telling(passage)
        if not seen & (Cue.MAIL | Cue.LINK) or not _AT.search(passage.letters):
            return ()
    view = plain(passage)
    spelt = _disguised(passage, view)
    return chain(_plain(passage, view), spelt) if sign else spelt


def _plain(passage: Passage, view: Plain) -> Iterator[Signal]:
    text = view.text
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        if domain and (start := _local_start(text, at)) < at:
            length = host_end(domain[0]) or (len(domain[0]) if domain[0].rpartition(".")[2].islower() else 0)
            if length and not _USER_OF_LINK.search(text, max(0, start - 90), start):
                known = 1.0 if host_end(domain[0]) else 0.7
                yield _email(passage, view, start, at + 1 + length, known, text[start : at + 1 + length])
        at = text.find("@", at + 1)


def _local_start(text: str, at: int) -> int:
    """Where the name before the sign at `at` begins; `at` itself when there is none."""
    start = at
    while start > 0 and at - start < _LONGEST_LOCAL and ((char := text[start - 1]).isalnum() or char in _LOCAL):
        start -= 1
    while start < at and text[start] in ".-'&%":
        start += 1
    return start if start < at and text[at - 1] not in ".'" else at


def _disguised(passage: Passage, view: Plain) -> Iterator[Signal]:
    text = view.text
    end_of_last = 0
    for joint in islice(_JOINTS.finditer(text), _MOST_LOOKS):
        domain = _SPELT_DOMAIN.match(text, joint.end())
        if domain is None or domain["end"].lower() not in top_level_domains():
            continue
        local = _SPELT_LOCAL.search(text, max(end_of_last, joint.start() - 100), joint.start())
        if local is None or (confidence := _likelihood(text, local, joint, domain)) == 0:
            continue
        name = text[local.start() : local.end("last")]
        start = local.start() + len(name) - len(name.lstrip(".-%+_" if joint["word"] else ".-%+"))
        end_of_last = domain.end()
        name, host = _DOTS.sub(".", text[start : local.end("last")]), _DOTS.sub(".", domain[0])
        yield _email(passage, view, start, domain.end(), confidence, f"{name}@{host}")


def _likelihood(text: str, local: re.Match[str], joint: re.Match[str], domain: re.Match[str]) -> float:
    """How sure it is that this is an address; 0 when it is a sentence."""
    name = text[local.start() : local.end("last")].lower()
    host = domain[0].lower()
    written_dot = re.search(_DOT_WORD, host[: domain.start("end") - domain.start()], re.IGNORECASE) is not None
    provider = re.split(r"[^\w\-]", host, maxsplit=1)[0] in _PROVIDERS
    # "at work. In the morning": a blank after a full stop is believed before few endings only.
    loose = re.search(r"\.\s|\s\.", host) is not None and domain["end"].lower() not in _FEW_WORD_ENDS
    if loose:
        return 0
    if joint["word"] is None and joint["sign"] is None:
        return 0.95
    if name in _NOT_LOCAL or (len(name) < 2 and not provider):
        return 0
    telling = re.search(r"[\d._+]", name) is not None
    asked = _CONTACT.search(text, max(0, local.start() - _CONTACT_REACH), local.start()) is not None
    if joint["sign"] is not None:
        before, after = bool(local["gap"]), joint["sign"] != "@"
        if not before and not after and not re.search(r"\s", host):
            return 0  # plain; not ours
        attached = not (before and after)
        return 0.9 if provider or asked or (attached and (telling or written_dot)) or (telling and written_dot) else 0
    if provider or (written_dot and domain["end"].lower() in _FEW_WORD_ENDS):
        return 0.9
    return 0.7 if asked else 0


def _email(passage: Passage, view: Plain, start: int, end: int, confidence: float, address: str) -> Signal:
    first, last = view.place(start, end)
    return mark(passage, Detector.EMAIL, Category.CONTACT, first, last, confidence, address.lower())
