"""Telephone numbers: what libphonenumber finds valid in a numbering plan, and what surrounds such numbers in a text.

Nearly every run of ten digits is a number somewhere, so the plans that are tried depend on what else is known: those of
the review's own country, of the site's languages, of the United States and Great Britain always; those of many more
countries where the text speaks of calling.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from services.moderation.engine.context import Context
from services.moderation.engine.gates import Cue, digits
from services.moderation.engine.glance import telling
from services.moderation.engine.passage import Passage
from services.moderation.engine.patterns import lazy
from services.moderation.engine.plain import Plain, plain
from services.moderation.engine.signal import Category, Detector, Signal
from services.moderation.engine.spans import mark

_FEWEST_DIGITS: Final = 7
# The digit first, then what may not stand before it: so the search is for digits only.
_NUMBER: Final = lazy(
    r"\d(?<![\w.,$€£¥#=]\d)(?:[\s().\-/*_~|]{0,3}\d){6,18}(?:\s?(?:x|ext\.?|#)\s?\d{1,5})?(?![\w%€£°])"
)
_NOT_AFTER: Final = lazy(r"[$€£¥#=]\s?$|\d[.,:]\s?$")
# Telephone numbers pronounced in letters: "1-800-FLOWERS".
_VANITY: Final = lazy(
    r"(?<![\w\-])(?:\+?1[\s.\-]{0,2})?\(?8(?:00|33|44|55|66|77|"
    r"88)\)?[\s.\-]{1,2}(?=[\dA-Z\-]*[A-Z]{3})[\dA-Z](?:-?[\dA-Z]){6,9}(?![\w\-])"
)
_LETTERS_FOR_DIGITS: Final = lazy(r"(?<![A-Za-z])[oOlI]{1,3}(?=\d)|(?<=\d)[oOlI]{1,3}(?![A-Za-z])")
_LETTERS: Final = str.maketrans("oOlI", "0011")
# In shapes: seven digits near each other; a word in capitals after "800-".
_NEAR: Final = lazy(rb"9(?:[^aA]{0,3}9){6}")
_OTHER_NEAR: Final = lazy(rb"[9?](?:[^aA]{0,3}[9?]){6}")
_CAPITALS: Final = lazy(rb"999-A")
_MASKED: Final = lazy(r"\d[oOlI]{1,3}[\d\s.\-]")

_DIGIT_WORDS: Final = {
    word: str(max(0, place - 2))
    for place, word in enumerate(
        ("zero", "oh", "o", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    )
}
_SPELT: Final = lazy(
    rf"(?<!\w)(?:\+\s?|plus\s)?(?:(?:(?:double|triple)\s)?(?:{'|'.join(_DIGIT_WORDS)}|"
    rf"\d{{1,4}})[\s,.\-()]{{1,3}}){{6,18}}"
    rf"(?:{'|'.join(_DIGIT_WORDS)}|\d{{1,4}})(?!\w)",
    re.IGNORECASE,
)
_SPELT_PART: Final = lazy(rf"(double|triple)\s|({'|'.join(_DIGIT_WORDS)})(?![a-z])|(\d+)", re.IGNORECASE)

_DATE: Final = lazy(
    r"(?<!\d)(?:(?:19|20)\d\d([./\-])[01]?\d\1[0-3]?\d|[0-3]?\d([./\-])[01]?\d\2(?:19|20)?\d\d|"
    r"[01]?\d([/\-])[0-3]?\d\3(?:19|20)?\d\d)(?![./\-]?\d)"
)
_YEARS: Final = lazy(r"(?<!\d)(?:19|20)\d\d\s?[\-/]\s?(?:(?:19|20)\d\d|\d\d)(?!\d)")
_IP: Final = lazy(r"(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?![.\d])")
_THOUSANDS: Final = lazy(r"\d{1,3}(?:\.\d{3}){2,}|\d{1,3}(?: \d{3}){2,}")
_DECIMAL: Final = lazy(r"\d+\.\d{1,2}|\d+\.\d+\s*-\s*\d.*|.*(?<!\d)\d{1,3}\.\d(?!\d).*")

_CALL: Final = lazy(
    r"\b(?:call(?:s|ed|ing)?|phones?|tel(?:ephone)?s?|tél(?:éphone)?|mobile|cell(?:phone)?|cel|fax|text(?:ed|ing)?|txt|"
    r"whats?\s?app|viber|telegram|signal|imo|wechat|zalo|sms|dial|ring|contact|reach|hot ?line|help ?line|"
    r"toll ?free|landline|"
    r"my (?:\w+ ){0,2}(?:number|no|nr)|(?:our|his|her|their|this|the|at|international|phone|us) (?:\w+ "
    r")?number|ph|numbers?|"
    r"telefon\w*|teléfono|téléphone|móvil|movil|celular|ll[aá]m\w+|fone|appel\w*|anruf\w*|handy|rufnummer|"
    r"tel\.?nr|chiam\w+|cellulare|"
    r"ligu?e|zap|numero|número|numéro|nummer|ara|arayin)\b",
    re.IGNORECASE,
)
_NOT_CALL: Final = lazy(
    r"\b(?:orders?|items?|model|sku|upc|ean|gtin|asin|isbn(?:-1[03])?|issn|serial|s/n|imei|tracking|"
    r"invoice|ref(?:erence)?|ticket|case|"
    r"confirmation|account|acct|part|article|style|product|code|bar ?code|lot|batch|patent|version|"
    r"booking|reservation|policy|"
    r"claim|vin|iban|routing|ssn|nhs|passport|licen[cs]e|id|pin|score|rechnung|bestellung|bestellnummer|"
    r"pedido|commande)s?"
    r"(?:\s?(?:number|nummer|no|nr|num|id|code|is|was)\b)*[\s.:#=]{0,4}$",
    re.IGNORECASE,
)
_UNIT: Final = lazy(
    r"\s{0,2}(?:lbs?|pounds?|kgs?|cm|mm|ml|oz|inch(?:es)?|in|ft|feet|gb|mb|kb|tb|mhz|ghz|px|usd|eur|"
    r"dollars?|euros?|views?|"
    r"subs(?:cribers)?|people|times|years?|hours?|points?|coins?|gems?|stars?|likes?|downloads?|percent|"
    r"copies|pages|m|km|x)\b",
    re.IGNORECASE,
)
_CALL_REACH: Final = 48

_ALWAYS: Final = ("US", "GB")
_REGIONS_ON_CALL: Final = (
    "DE FR ES IT PT BR IN AU CA IL JP CN MX NL BE CH AT IE NZ ZA PL SE NO DK FI TR PH SG MY HK KR ID TH VN TW RU UA GR "
    "CZ HU RO AR CL CO PE EG SA AE PK BD NG KE"
)
_ON_CALL: Final = _REGIONS_ON_CALL.split()
_LANGUAGES: Final = (
    "en:US GB CA AU IE NZ IN/de:DE AT CH/fr:FR BE CH CA/es:ES MX AR CO/it:IT CH/pt:BR PT/nl:NL BE/pl:PL/sv:SE/da:DK/"
    "nb:NO/no:NO/fi:FI/tr:TR/ja:JP/zh:CN TW/ko:KR/ru:RU/uk:UA/he:IL/el:GR/cs:CZ/hu:HU/ro:RO/hi:IN/id:ID/th:TH/vi:VN/"
    "ar:AE SA EG"
)
_OF_LANGUAGE: Final = dict(entry.split(":") for entry in _LANGUAGES.split("/"))
_MOST_LOOKS: Final = 20
"""Each look costs tens of microseconds; a text with more number-like runs than this is a table of numbers."""


def find_phones(passage: Passage, context: Context) -> Iterable[Signal]:
    spelt = bool(telling(passage) & Cue.SPELT)
    masked = False
    if not spelt:
        count = digits(passage)
        if count < _FEWEST_DIGITS - 3:
            return ()
        shape = passage.shape
        masked = _MASKED.search(passage.source) is not None
        near = count >= _FEWEST_DIGITS and (_NEAR.search(shape) or (not passage.is_ascii and _OTHER_NEAR.search(shape)))
        if not near and not masked and not _CAPITALS.search(shape):
            return ()
    return _phones(passage, plain(passage), context, spelt=spelt, masked=masked)


def _phones(passage: Passage, view: Plain, context: Context, *, spelt: bool, masked: bool) -> Iterator[Signal]:
    text = view.text
    if masked:
        text = _LETTERS_FOR_DIGITS.sub(_digit_of, text)
    last_end = -_CALL_REACH - 1
    for run in islice(_NUMBER.finditer(text), _MOST_LOOKS):
        start, end = run.span()
        while start > 0 and run.start() - start < 3 and text[start - 1] in "+(":
            start -= 1
        number = text[start:end]
        before = text[max(0, start - _CALL_REACH) : start]
        asked = start - last_end < 16 or _CALL.search(before) is not None
        if _NOT_AFTER.search(before) or _NOT_CALL.search(before) or not _may_be_number(number, asked=asked):
            continue
        if not asked and "+" not in number and _UNIT.match(text, end):
            continue
        for first, last, confidence, form in _valid(number, context, asked=asked):
            last_end = start + last
            yield _phone(passage, view, start + first, start + last, confidence, form)
    for vanity in islice(_VANITY.finditer(text), _MOST_LOOKS):
        yield _phone(passage, view, *vanity.span(), 0.9, None)
    if spelt:
        for run in islice(_SPELT.finditer(text), _MOST_LOOKS):
            written = _read_words(run[0])
            asked = _CALL.search(text, max(0, run.start() - _CALL_REACH), run.start()) is not None
            if (asked and 7 <= len(written) <= 15) or any(True for _ in _valid(written, context, asked=asked)):
                yield _phone(passage, view, *run.span(), 0.8, None)


def _digit_of(letters: re.Match[str]) -> str:
    return letters[0].translate(_LETTERS)


def _read_words(text: str) -> str:
    number = "+" if text[0] == "+" or text.lower().startswith("plus") else ""
    times = 1
    for many, word, figures in _SPELT_PART.findall(text):
        if many:
            times = 2 if many.lower() == "double" else 3
            continue
        number += (figures or _DIGIT_WORDS[word.lower()]) * times
        times = 1
    return number


def _may_be_number(run: str, *, asked: bool) -> bool:
    """No date, decimal, range, size chart, IP address, thousands or filler."""
    if "+" in run:
        return True
    groups = re.findall(r"\d+", run)
    figures = "".join(groups)
    if len(set(figures)) < (2 if asked else 3) or _DATE.search(run) or _IP.search(run) or _DECIMAL.fullmatch(run):
        return False
    if len(groups) > 1 and len(figures) < 2 * len(groups) and (max(map(len, groups)) > 1 or len(groups) < 10):
        return False  # "0 2 4 6 8 10": few set digits apart, and those who do set all of them apart
    if not asked:
        if "123456789" in figures or "987654321" in figures:
            return False
        if (
            _YEARS.search(run)
            or _THOUSANDS.fullmatch(run)
            or (figures.startswith(("978", "979")) and len(figures) == 13)
        ):
            return False
        if (len(groups) > 5 and len(figures) > len(groups)) or "*" in run or "|" in run or run.count("/") > 1:
            return False
    return True


def _valid(run: str, context: Context, *, asked: bool) -> Iterator[tuple[int, int, float, str]]:
    """Start, end and confidence of the number in `run`, and its international form."""
    from phonenumbers import Leniency, PhoneNumberFormat, PhoneNumberMatcher, format_number  # takes long to import

    cleaned = re.sub(r"[*_~|]", "-", run)
    if "+" in run:
        regions: tuple[str | None, ...] = (None,)
    else:
        regions = _regions(context, asked=asked)
    bare = run.isdigit()
    # Whoever sets groups of digits apart does it the way of the country.
    leniency = Leniency.VALID if asked or "+" in run else Leniency.STRICT_GROUPING
    for region in regions:
        found = next(iter(PhoneNumberMatcher(cleaned, region, leniency=leniency, max_tries=2)), None)
        if found is not None:
            confidence = 0.95 if asked or region is None else 0.6 if bare else 0.9
            yield found.start, found.end, confidence, format_number(found.number, PhoneNumberFormat.E164)
            return
    figures = re.sub(r"\D", "", run)
    if asked and re.fullmatch(r"[2-9]\d{2}[\s.\-]?\d{4}", run):
        yield 0, len(run), 0.6, figures  # without an area code
    elif re.fullmatch(r"\d(?:\D{1,3}\d){9,}", run):
        # Each digit by itself; libphonenumber takes no such number.
        together = next(iter(PhoneNumberMatcher(figures, "US", leniency=Leniency.VALID, max_tries=2)), None)
        if together is not None or asked:
            yield 0, len(run), 0.7, figures


def _regions(context: Context, *, asked: bool) -> tuple[str, ...]:
    regions: dict[str, None] = {}
    if context.locale and len(parts := context.locale.replace("_", "-").split("-")) > 1 and len(parts[-1]) == 2:
        regions[parts[-1].upper()] = None
    languages = [context.declared_language, *sorted(context.languages)]
    for language in languages:
        if language and language != "en":
            regions.update(dict.fromkeys(_OF_LANGUAGE.get(language, "").split()[: None if asked else 1]))
    regions.update(dict.fromkeys(_ALWAYS))
    if asked:
        regions.update(dict.fromkeys(_ON_CALL))
    return tuple(regions)


def _phone(passage: Passage, view: Plain, start: int, end: int, confidence: float, number: str | None) -> Signal:
    first, last = view.place(start, end)
    return mark(passage, Detector.PHONE, Category.CONTACT, first, last, confidence, number)
