"""Ways to reach a person: e-mail addresses, lightly disguised ones too, and telephone numbers."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from phonenumbers import Leniency, PhoneNumberMatcher

from services.moderation.engine.signal import Category, Detector, Signal

MAIL_HINT: Final = "mail"
# Phrases of plain words without which no address can be written with "at" in letters and without brackets.
_PROVIDERS: Final = (
    "gmail googlemail yahoo ymail hotmail outlook live msn aol icloud protonmail proton gmx web comcast verizon "
    "yandex rediffmail att sbcglobal btinternet"
)
MAIL_HINTS: Final = dict.fromkeys([*_PROVIDERS.split(), "dot"], MAIL_HINT)

_LONGEST_LOCAL: Final = 64
_LOCAL: Final = re.compile(r"[\w.+%\-]")
_DOMAIN: Final = re.compile(r"(?:[^\W_](?:[\w\-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}")
_BRACKETED: Final = re.compile(r"[(\[]\s?(?:at|@)\s?[)\]]\s{0,2}", re.IGNORECASE)
_SPOKEN: Final = re.compile(r"\s{1,2}(?:at|@)\s{1,2}", re.IGNORECASE)
_DOT: Final = r"(?:\s?\.\s?|\s{1,2}dot\s{1,2}|\s?[(\[{]\s?dot\s?[)\]}]\s?)"
_SPELT_DOMAIN: Final = re.compile(rf"[\w\-]{{1,63}}(?:{_DOT}[\w\-]{{2,63}}){{0,3}}?{_DOT}[a-z]{{2,6}}\b", re.IGNORECASE)
# After a spoken "at", "yahoo.com" alone may be a shop: only mail providers count, or a dot in letters as well.
_SPOKEN_DOMAIN: Final = re.compile(
    rf"(?:(?:{'|'.join(_PROVIDERS.split())}){_DOT}[a-z]{{2,4}}(?:\.[a-z]{{2}})?|[\w\-]{{1,63}}\s{{1,2}}dot\s{{1,2}}[a-z]{{2,4}})\b",
    re.IGNORECASE,
)
# "Look at gmail.com" is no address.
_NO_LOCAL: Final = (
    "account accounts address again also and arrive arrived available bought buy called check checked contact email "
    "find found good here her him in is it look looked looking looks mail me men more now on online only order ordered "
    "out people read sale see sell selling sold staff team them there these this time up us was website work worked "
    "working works you"
)
_NOT_LOCAL: Final = frozenset(_NO_LOCAL.split())


def find_emails(field: str, text: str, hints: frozenset[str]) -> Iterable[Signal]:
    spoken = MAIL_HINT in hints
    if "@" in text or "＠" in text or "(" in text or "[" in text or spoken:
        return chain(
            _plain(field, text),
            _disguised(field, text, _BRACKETED, _SPELT_DOMAIN),
            _disguised(field, text, _SPOKEN, _SPOKEN_DOMAIN) if spoken else (),
        )
    return ()


def _plain(field: str, text: str) -> Iterator[Signal]:
    written = text.replace("＠", "@")  # as long as the text, so places agree
    at = written.find("@")
    while at >= 0:
        domain = _DOMAIN.match(written, at + 1)
        start = _local_start(text, at) if domain else at
        if domain and start < at:
            yield _email(field, text, start, domain.end())
        at = written.find("@", at + 1)


def _disguised(field: str, text: str, joint: re.Pattern[str], domain_form: re.Pattern[str]) -> Iterator[Signal]:
    for at in joint.finditer(text):
        end = at.start()
        while end > 0 and at.start() - end < 2 and text[end - 1].isspace():
            end -= 1
        start = _local_start(text, end)
        local = text[start:end]
        if len(local) < 2 or local.casefold() in _NOT_LOCAL:
            continue
        if domain := domain_form.match(text, at.end()):
            yield _email(field, text, start, domain.end())


def _local_start(text: str, end: int) -> int:
    start = end
    while start > 0 and end - start < _LONGEST_LOCAL and _LOCAL.match(text[start - 1]):
        start -= 1
    while start < end and text[start] in ".-":
        start += 1
    return start


def _email(field: str, text: str, start: int, end: int) -> Signal:
    return Signal(Detector.EMAIL, Category.CONTACT, None, field, start, end, text[start:end])


_FEWEST_DIGITS: Final = 7
_DIGITS: Final = b"0123456789"
_NOT_DATE: Final = r"(?!(?:19|20)\d\d[-/.][01]?\d[-/.][0-3]?\d(?!\d))"
_NUMBER: Final = re.compile(rf"(?<!\w){_NOT_DATE}[+(]{{0,2}}\d(?:[\s().\-/]{{0,3}}\d){{6,16}}(?!\w)")
# Each look costs tens of microseconds; a text with more number-like runs than this is a table of numbers.
_MOST_LOOKS: Final = 20


def find_phones(field: str, text: str, regions: Sequence[str]) -> Iterable[Signal]:
    """Numbers that are valid by the numbering plan: international ones, and national ones of `regions`."""
    return _numbers(field, text, regions) if _may_hold_number(text) else ()


def _numbers(field: str, text: str, regions: Sequence[str]) -> Iterator[Signal]:
    for looks, run in enumerate(_NUMBER.finditer(text)):
        if looks == _MOST_LOOKS:
            return
        for region in (None,) if "+" in run[0] else regions:
            number = next(iter(PhoneNumberMatcher(run[0], region, leniency=Leniency.VALID, max_tries=2)), None)
            if number is not None:
                start, end = run.start() + number.start, run.start() + number.end
                yield Signal(Detector.PHONE, Category.CONTACT, None, field, start, end, text[start:end])
                break


def _may_hold_number(text: str) -> bool:
    if not text.isascii():
        return _NUMBER.search(text) is not None
    encoded = text.encode("ascii")
    return len(encoded) - len(encoded.translate(None, _DIGITS)) >= _FEWEST_DIGITS
