"""Numbers of payment cards and bank accounts, told from other numbers by their check digits."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from services.moderation.engine.context import Context
from services.moderation.engine.gates import digits, marks
from services.moderation.engine.passage import Passage
from services.moderation.engine.patterns import lazy
from services.moderation.engine.plain import Plain, plain
from services.moderation.engine.signal import Category, Detector, Signal
from services.moderation.engine.spans import mark

# 4-4-4-4, with up to three digits more; 4-6-5 (American Express); 4-6-4 (Diners); or no blanks.
_GROUPED: Final = lazy(
    r"(?<![\w.,+])(?:\d{4}([ .\-/_]{1,2})\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{4}([ "
    r".\-/_]{1,2})\d{6}\2\d{4,5}|\d{12,19})(?!\w)"
)
# Grouped in a way of one's own, digit by digit too.
_RUN: Final = lazy(r"(?<![\w.,+])(?:\d(?:[ .\-/_]\d){12,18}|\d{2,8}(?:[ .\-/_]{1,2}\d{2,10}){1,5})(?!\w)")
_NO_DIGIT: Final = lazy(r"\D")
_ASKED: Final = lazy(
    r"\b(?:card|cc|visa|master ?card|amex|debit|credit|tarjeta|karte|carte|carta|cart[aã]o)\b", re.IGNORECASE
)
_ASKED_REACH: Final = 40
_MOST_CARDS: Final = 100


def find_cards(passage: Passage, context: Context) -> Iterable[Signal]:
    return _cards(passage, plain(passage)) if _may_hold(passage) else ()


def _may_hold(passage: Passage) -> bool:
    if passage.is_ascii:
        return b"999999999999" in marks(passage) or (b"9999" in marks(passage) and b"9999" in passage.shape)
    return digits(passage) > 11


def _cards(passage: Passage, view: Plain) -> Iterator[Signal]:
    text = view.text
    taken: list[tuple[int, int]] = []
    for group in _GROUPED.finditer(text):
        whole = group.end()
        # "4012 8888 8888 1881 25": what follows may be no part of the number.
        for end in (whole, group.start() + len(group[0].rpartition(group[1])[0])) if group[1] else (whole,):
            asked = _is_asked(text, group.start())
            if name := issuer(_NO_DIGIT.sub("", text[group.start() : end]), asked=asked):
                taken.append((group.start(), end))
                yield _payment(passage, view, Detector.CARD, group.start(), end, 0.95 if asked else 0.9, name)
                break
    for run in _RUN.finditer(text):
        if any(start < run.end() and run.start() < end for start, end in taken[:_MOST_CARDS]):
            continue
        asked = _is_asked(text, run.start())
        if name := issuer(_NO_DIGIT.sub("", run[0]), asked=asked):
            yield _payment(passage, view, Detector.CARD, run.start(), run.end(), 0.8 if asked else 0.6, name)


def _is_asked(text: str, start: int) -> bool:
    return _ASKED.search(text, max(0, start - _ASKED_REACH), start) is not None


# First digits from, to, lengths.  Shorter numbers of the ranges of Maestro look like any number: see `issuer`.
_ISSUERS: Final = (
    ("amex", "34", "34", (15,)),
    ("amex", "37", "37", (15,)),
    ("diners", "300", "305", (14, 16)),
    ("diners", "3095", "3095", (14, 16)),
    ("diners", "36", "36", (14, 16)),
    ("diners", "38", "39", (14, 16)),
    ("jcb", "3528", "3589", (16, 17, 18, 19)),
    ("jcb", "1800", "1800", (15,)),
    ("jcb", "2131", "2131", (15,)),
    ("uatp", "1", "1", (15,)),
    ("mir", "2200", "2204", (16, 17, 18, 19)),
    ("mastercard", "2221", "2720", (16,)),
    ("visa", "4", "4", (13, 16, 18, 19)),
    ("dankort", "5019", "5019", (16,)),
    ("mastercard", "51", "55", (16,)),
    ("discover", "6011", "6011", (16, 17, 18, 19)),
    ("unionpay", "62", "62", (16, 17, 18, 19)),
    ("discover", "644", "659", (16, 17, 18, 19)),
    ("hipercard", "606282", "606282", (16,)),
    ("rupay", "60", "60", (16,)),
    ("rupay", "81", "82", (16,)),
    ("maestro", "50", "50", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("maestro", "56", "58", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("maestro", "60", "69", (12, 13, 14, 15, 16, 17, 18, 19)),
    ("uzcard", "8600", "8600", (16,)),
    ("humo", "9860", "9860", (16,)),
    ("troy", "9792", "9792", (16,)),
)


def issuer(number: str, *, asked: bool = False) -> str | None:
    """Whose card has this number, of digits alone; None when it is none. `asked`: the text speaks of a card."""
    if not 12 <= len(number) <= 19 or not luhn(number) or len(set(number)) < 2:
        return None
    for name, first, last, lengths in _ISSUERS:
        if first <= number[: len(first)] <= last and len(number) in lengths:
            if name == "maestro" and len(number) < 16 and not asked:
                return None
            # Bar codes of goods begin with 4 too; their last digit checks in another way.
            return None if len(number) == 13 and not asked and _is_bar_code(number) else name
    return None


def luhn(number: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _is_bar_code(number: str) -> bool:
    return sum(int(digit) * (1 + 2 * (place % 2)) for place, digit in enumerate(number)) % 10 == 0


# ISO 13616: country and length, from the IBAN registry, and the countries that use the form without being in it.
_REGISTRY: Final = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 "
    "EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 "
    "KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 "
    "PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 "
    "UA29 VA22 VG24 XK20 YE30 AO25 BF28 BJ28 CF27 CG27 CI28 CM27 CV25 DZ26 GA27 GQ27 GW25 IR26 KM27 MA28 MG27 "
    "ML28 MZ25 NE28 SN28 TD27 TG28"
)
_LENGTHS: Final = {entry[:2]: int(entry[2:]) for entry in _REGISTRY.split()}
_IBAN_START: Final = lazy(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ \-]?[A-Za-z0-9])")
_IBAN_REST: Final = {
    length: lazy(rf"(?:[ \-]?[A-Za-z0-9]){{{length - 4}}}(?![A-Za-z0-9])") for length in set(_LENGTHS.values())
}


def find_ibans(passage: Passage, context: Context) -> Iterable[Signal]:
    return _ibans(passage, plain(passage)) if _may_hold(passage) else ()


def _ibans(passage: Passage, view: Plain) -> Iterator[Signal]:
    text = view.text
    for start in _IBAN_START.finditer(text):
        country = start[0][:2].upper()
        length = _LENGTHS.get(country)
        if length is None:
            continue
        rest = _IBAN_REST[length].match(text, start.end())
        if rest and _one_case(start[0] + rest[0]) and checks_out(start[0] + re.sub(r"[ \-]", "", rest[0])):
            yield _payment(passage, view, Detector.IBAN, start.start(), rest.end(), 1.0, country)


def _one_case(text: str) -> bool:
    return text.upper() == text or text.lower() == text


def checks_out(iban: str) -> bool:
    """ISO 7064: modulo 97, letters counted from 10."""
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def _payment(
    passage: Passage, view: Plain, detector: Detector, start: int, end: int, confidence: float, detail: str
) -> Signal:
    first, last = view.place(start, end)
    return mark(passage, detector, Category.PAYMENT, first, last, confidence, detail)
