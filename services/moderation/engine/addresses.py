"""Postal addresses: a street with the number of a house, in the forms of English-speaking and European countries."""

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
from services.moderation.engine.tlds import word_set

# The digit first, then what may not stand before it: so the search is for digits only.
_NUMBER: Final = r"\d(?<![\w$€£¥#.,:/'\-]\d)\d{0,4}(?:\s?[A-Da-d](?![\w']))?(?:\s?[\-–/&]\s?\d{1,5})?"
_CAPITALISED: Final = r"(?:[A-ZÀ-ÞŁŚŻ][\w'’.\-]{0,24}|\d{1,3}(?:st|nd|rd|th)|of|the|de|la|le|du)"

# Streets, as they are called in full and in short. The second list names much else besides.
_STREET: Final = (
    r"Street|Avenue|Road|Boulevard|Lane|Drive|Highway|Parkway|Turnpike|Terrace|Crescent|Gardens|Mews|"
    r"Expressway|Str|Ave|Av|Rd|Blvd|Ln|Hwy|Pkwy|Tpke|Ter|Terr|Cres|Gdns|Expy|Fwy|Cir|Ct|Sq|Dr|St|Pl|Trl|Bvd"
)
_LOOSE_STREET: Final = (
    r"Way|Court|Place|Square|Circle|Close|Grove|Row|Hill|Walk|Trail|Loop|Plaza|Alley|Quay|Wharf|Parade|"
    r"Esplanade|Pike|Park|"
    r"Ridge|Crossing|Broadway"
)
_DIRECTION: Final = r"(?:(?:North|South|East|West|N\.?E\.?|N\.?W\.?|S\.?E\.?|S\.?W\.?|[NSEW])\.?\s+)?"
_STATE: Final = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|"
    "UT|V[AT]|W[AIVY]|"
    "NSW|VIC|QLD|TAS|ACT|ON|QC|BC|AB|MB|SK|NS|NB"
)
_POSTCODE: Final = (
    rf"(?:(?:{_STATE})\.?,?\s+)?(?:\d{{5}}(?:-\d{{4}})?|[A-Z]{{1,2}}\d[A-Z\d]?\s?\d[A-Z]{{2}}|"
    rf"[A-Z]\d[A-Z]\s?\d[A-Z]\d|(?<=[A-Z]\s)\d{{4}})(?!\w)"
)
_UNIT: Final = (
    r"(?:,?\s+(?:Apt|Apartment|Unit|Suite|Ste|Flat|Floor|Fl|Room|Rm|Bldg|Building|Box|#)\.?\s?#?\s?[\dA-Z][\w\-]{0,5})?"
)
_TOWN: Final = rf"(?:,?\s+(?:[A-Z][\w'’.\-]{{1,20}},?\s+){{0,4}}{_POSTCODE})"
_TAIL: Final = rf"{_UNIT}(?P<town>{_TOWN})?"

_ENGLISH: Final = lazy(
    rf"{_NUMBER},?\s+{_DIRECTION}(?P<name>(?:{_CAPITALISED}\s+){{1,4}})(?:(?P<sure>{_STREET})|"
    rf"(?P<loose>{_LOOSE_STREET}))(?![\w'’])\.?"
    rf"(?:\s+(?:North|South|East|West|N\.?[EW]?\.?|S\.?[EW]?\.?|[EW]\.?)(?!\w))?{_TAIL}"
)
_NAMELESS: Final = lazy(
    rf"{_NUMBER}\s+(?P<name>(?:(?:Fifth|Sixth|Park|Madison|Lexington)\s+Avenue|Broadway|"
    rf"Avenue\s+of\s+the\s+\w+|(?:High|Main)\s+St(?:reet|\.)?|Avenue\s+[A-Z]|(?:Highway|Route|"
    rf"Hwy)\s+\d{{1,4}}))(?!\w){_TAIL}"
)
# In small letters, "123 main street" only: "5 minute drive", "3 way street".
_LOWER: Final = lazy(
    rf"{_NUMBER}\s+(?P<name>(?:[a-zA-Z][a-z]{{2,20}}\s+){{1,2}}?)(?:street|avenue|boulevard|road|lane|ave|"
    rf"blvd|rd)(?![\w'’\-])\.?{_TAIL}",
    re.IGNORECASE,
)
_PO_BOX: Final = lazy(
    r"(?<!\w)(?:P\.?\s?O\.?\s?Box|Post\s?Office\s?Box|Postfach|Apartado(?:\s(?:de\sCorreos|Postal))?|"
    r"Casella\sPostale|Caixa\sPostal|Boîte\spostale)"
    rf"\s?(?:#|n[º°o.]\s?)?\s?\d{{1,6}}(?!\w)(?P<town>{_TOWN})?",
    re.IGNORECASE,
)

_PLACE_PARTICLE: Final = (
    r"(?:d[eu]s?|de\sl[a']|de\sl['’]|d['’]|l['’]|la|le|les|aux?|del|della|delle|dei|degli|di|da|do|das|dos|"
    r"los|las|el|san|santa|sant['’]|saint|sainte|st|y|e)"
)
_NAME: Final = (
    rf"(?:{_PLACE_PARTICLE}\s?){{0,3}}[A-ZÀ-Þ][\w'’.\-]{{1,24}}(?:[\s\-](?:(?:{_PLACE_PARTICLE}\s?){{0,2}}[A-ZÀ"
    rf"-Þ][\w'’.\-]{{1,24}})){{0,4}}"
)
_LOWER_NAME: Final = (
    rf"(?:(?:{_PLACE_PARTICLE})\s?){{0,3}}[^\W\d_][\w'’.\-]{{2,24}}(?:[\s\-][^\W\d_][\w'’.\-]{{2,24}}){{0,2}}?"
)
_TOWN_AFTER: Final = r"(?P<town>,?\s+(?:[A-Z]{1,2}-)?\d{4,5}(?:-\d{3})?\s+[A-ZÀ-Þ][\w'’.\-]+)?"
_FRENCH: Final = lazy(
    rf"\d(?<![\w€$.,]\d)\d{{0,3}}(?:\s?(?:bis|ter|quater))?,?\s+(?i:rue|avenue|av\.|boulevard|bd\.?|bld|"
    rf"chemin|impasse|all[ée]es?|ruelle|faubourg|quai|cours|"
    rf"place(?=\s(?:de|du|des|d['’]|St|Saint))|route(?=\s(?:de|du|des|d['’]))|square(?=\s(?:de|du|des|"
    rf"d['’]))|passage(?=\s(?:de|du|des|d['’])))\s+"
    rf"(?:{_NAME}|(?:d[eu]s?|de\sla|de\sl['’]|d['’]|l['’]|la|le)\s?[^\W\d_][\w'’\-]{{2,24}}){_TOWN_AFTER}"
)
_ROMANCE: Final = lazy(
    rf"(?<![\w.])(?P<kind>(?i:calle|c/|c\.|avda\.?|avenida|av\.|plaza|pza\.|paseo|carretera|ctra\.|ronda|"
    rf"traves[ií]a|carrer|passeig|"
    rf"via|viale|v\.le|piazza|p\.zza|piazzale|corso|c\.so|vicolo|lungotevere|largo|"
    rf"rua|r\.|travessa|alameda|pra[çc]a|estrada|rodovia))\s?(?:{_NAME}|"
    rf"(?P<lower>{_LOWER_NAME})),?\s+(?i:n[º°o]?\.?\s?|#\s?|num\.?\s?)?\d{{1,5}}(?![\w%€$]|"
    rf"[.,:]\d){_TOWN_AFTER}"
)
_GERMANIC: Final = lazy(
    r"(?<!\w)(?P<street>(?:[A-ZÄÖÜ][\w.]{1,24}+[\s\-]){0,2}(?:[A-ZÄÖÜ][a-zäöüß]{2,24}(?P<ending>stra(?:ß|"
    r"ss)e|str\.|platz|allee|gasse|weg|ring|damm|ufer|chaussee|straat|laan|gracht|plein|kade|gatan|vägen|"
    r"gade)"
    r"|(?<=[\s\-])(?:Stra(?:ß|ss)e|Str\.|Platz|Allee|Weg|Ring|Damm|Ufer|Chaussee)))"
    r"\s?\d{1,4}(?:\s?[a-hA-H](?!\w))?(?:\s?-\s?\d{1,4})?(?![\w%€$°]|[.,:]\d|\s?(?:Uhr|Std|Stunden?|"
    r"Minuten?|Min|Euro|EUR|Sterne?n?|Personen|Tage?n?|Wochen?|Jahre?n?|Monate?n?|km|m|x|mal|Mal|von|of|"
    r"out|stars?|minutes?|hours?)\b)"
    r"(?P<town>,?\s+(?:[A-Z]{1,2}-)?\d{4,5}\s+[A-ZÄÖÜ][\w.\-]+)?"
)
_POLISH: Final = lazy(
    r"(?<!\w)(?:ul|al|os|"
    r"pl)\.\s[A-ZŁŚŻŹĆ]\w{2,24}(?:\s[A-ZŁŚŻŹĆ]\w{2,24}){0,2}\s\d{1,4}(?:[a-zA-Z](?!\w))?(?:/\d{1,4})?(?!\w"
    r")"
)

# Endings of German words that are mostly no streets: "Parkplatz 3", "Rückweg 2", "Spring 2019".
_LOOSE_ENDINGS: Final = frozenset(("platz", "weg", "ring", "damm", "ufer", "plein", "laan", "kade", "gade"))
_NO_STREETS: Final = lazy(
    r"(?:Park|Spiel|Stell|Sitz|Arbeits|Camping|Zelt|Steck|Schlaf|Liege|Lade|Speicher|Flug|Fußball|Einbahn|"
    r"Haupteinkaufs|Einkaufs|Auto)(?:platz|stra(?:ß|ss)e)$"
)
# Words between a number and "street" that are no name of one.
_NO_NAMES: Final = word_set(
    "way minute minutes min mins mile miles hour hours block blocks lane day days star stars different great "
    "good bad busy main-stream sided long short story times time year years old new metres meters meter metre "
    "km feet foot yards and or of the on in from to at is are off down across per for with by more most only "
    "other same whole level levels season seasons car cars men man people kids girls boys nights night week "
    "weeks month months out test hard rough smooth one two three four wheel gear speed rooms room bedroom "
    "beds tracks songs hit hits wins million thousand hundred percent very really dirt gravel open rocky road "
    "this that these those my your his her our their its random"
)
_NO_CAPITALISED: Final = word_set(
    "Day Days Hour Minute Minutes Mile Miles Night Nights Star Stars Way Lane Season Year Years Week Weeks "
    "Month Out Of Season Ways The I It My Disc Part Chapter Episode Level Reasons Things Times Speed Gear "
    "Wheel Men Feet Foot People And Or Percent GB MB TB Hours Million"
)
# Films, books and shows are talked of far more than the houses in their titles.
_TITLES: Final = lazy(
    r"(?:21|22|23)\sJump\sSt|10\sCloverfield\sL|84\sCharing\sCross|10\sRillington|8\sMile\sR|"
    r"12\sGrimmauld|221\s?B?\sBaker|4\sPrivet\sDr|"
    r"64\sZoo\sL|112\sOcean\sAv|77\sSunset\sStr|1313\sMockingbird|124\sConch|42nd\sStr|34th\sStr|"
    r"742\sEvergreen|99\sPark\sAve",
    re.IGNORECASE,
)
_NO_VIA: Final = word_set(
    "bluetooth usb wifi wi-fi hdmi amazon app iphone android windows email e-mail ios google alexa ethernet "
    "lan web internet mail online sms ups"
)
_SHORT_NAME: Final = 9
_MOST_LOOKS: Final = 300
# A number, and a word with a capital after it.
_SHAPE: Final = lazy(rb"9[a,A]?,? +(?:A|9{1,3}aa A)")


def find_addresses(passage: Passage, context: Context) -> Iterable[Signal]:
    seen = telling(passage) & Cue.STREETS
    if not seen or not digits(passage):
        return ()
    if seen & Cue.STREET and passage.is_ascii and not _SHAPE.search(passage.shape):
        seen &= ~Cue.STREET
    return _addresses(passage, plain(passage), seen) if seen else ()


def _addresses(passage: Passage, view: Plain, seen: int) -> Iterator[Signal]:
    text = view.text
    taken: list[tuple[int, int]] = []
    for start, end, confidence in islice(_candidates(text, seen), _MOST_LOOKS):
        end = start + len(text[start:end].rstrip(" ,\n\t\r"))
        if all(end <= first or last <= start for first, last in taken):
            taken.append((start, end))
            first, last = view.place(start, end)
            yield mark(passage, Detector.ADDRESS, Category.CONTACT, first, last, confidence)


def _candidates(text: str, seen: int) -> Iterator[tuple[int, int, float]]:
    if seen & Cue.STREET:
        yield from _english(text)
    if seen & Cue.STREET_FRENCH:
        for found in _FRENCH.finditer(text):
            yield *found.span(), 0.95 if found["town"] else 0.85
    if seen & Cue.STREET_ROMANCE:
        for found in _ROMANCE.finditer(text):
            if confidence := _romance(found):
                yield *found.span(), confidence
    if seen & Cue.STREET_GERMAN:
        yield from _german(text)
    if seen & Cue.STREET_POLISH:
        for found in _POLISH.finditer(text):
            yield *found.span(), 0.9
    if seen & Cue.BOX:
        for found in _PO_BOX.finditer(text):
            yield *found.span(), 0.95
    if seen & Cue.STREET_IN_SMALL:
        for found in _LOWER.finditer(text):
            words = found["name"].lower().split()
            if not _NO_NAMES.intersection(words) and not _is_title(text, found):
                yield *found.span(), 0.9 if found["town"] else 0.6


def _is_title(text: str, found: re.Match[str]) -> bool:
    """Of a film or a book: a known one, or one in quotation marks."""
    return text[found.start() - 1 : found.start()] in ('"', "'", "*", "_") or _TITLES.match(found[0]) is not None


def _german(text: str) -> Iterator[tuple[int, int, float]]:
    for found in _GERMANIC.finditer(text):
        loose = found["ending"] in _LOOSE_ENDINGS
        if found["town"]:
            yield *found.span(), 0.95
        elif not _NO_STREETS.search(found["street"]) and not (loose and len(found["street"]) < _SHORT_NAME):
            yield *found.span(), 0.6 if loose else 0.85


def _english(text: str) -> Iterator[tuple[int, int, float]]:
    for found in _ENGLISH.finditer(text):
        words = found["name"].split()
        if (
            _is_title(text, found)
            or _NO_CAPITALISED.intersection(words)
            or not any(word[0].isupper() or word[0].isdigit() for word in words)
        ):
            continue
        if found["town"]:
            yield *found.span(), 0.95
        elif found["sure"]:
            yield *found.span(), 0.9 if len(words) < 3 else 0.7
        elif len(words) < 3:
            yield *found.span(), 0.6
    for found in _NAMELESS.finditer(text):
        if not _is_title(text, found):
            yield *found.span(), 0.95 if found["town"] else 0.7


def _romance(found: re.Match[str]) -> float:
    kind = found["kind"].lower()
    if found["town"]:
        return 0.95
    if found["lower"] is not None:
        # "via email 24", "largo plazo 3": of the small ones only those that are streets and nothing else.
        return (
            0.6
            if kind in ("calle", "rua", "avenida", "avda", "avda.", "carrer") and len(found["lower"].split()) < 3
            else 0.0
        )
    name = found[0][len(found["kind"]) :].split()[0].lower()
    if kind in ("via", "corso", "largo", "ronda", "r.", "c.") and (name in _NO_VIA or not found["kind"][0].isupper()):
        return 0.0
    return 0.8
