"""Web addresses: with a scheme or www, bare domains, and those with the dot written out or set apart."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from services.moderation.engine.context import Context
from services.moderation.engine.gates import Cue, marks
from services.moderation.engine.glance import telling
from services.moderation.engine.passage import Passage
from services.moderation.engine.patterns import lazy
from services.moderation.engine.plain import Plain, plain
from services.moderation.engine.signal import Category, Detector, Signal
from services.moderation.engine.spans import mark
from services.moderation.engine.tlds import FUNCTION_WORDS, ORDINARY, SURE, host_end, top_level_domains, word_set

_LABEL: Final = r"[^\W_][\w\-]{0,62}+"
_TLD: Final = r"(?:xn--[a-z0-9\-]{1,59}|[^\W\d_]{2,24})"
_REST: Final = r"(?::\d{1,5})?(?:[/?#][^\s<>\"“”«»]*)?"
_BRACKETED_DOT: Final = r"\s?[(\[{<]\s?(?:dot|\.|punto|punkt|point|ponto)\s?[)\]}>]\s?"
_IP_HOST: Final = r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]{2,45}\])"
_SPOKEN_ENDS: Final = "com|net|org|edu|gov|info|biz|io|co|uk|de|fr|it|es|tv|us|ca|au|in"

_SCHEME: Final = (
    r"(?<![\w@])(?P<scheme>(?:h[tx]{2}ps?|s?ftps?|wss?)\s?(?:\[:\]|:)\s?//\s?(?:[^\s/@<>]{1,64}@)?)"
    rf"(?:(?P<ip>{_IP_HOST})|(?P<host>{_LABEL}(?:(?:\.|{_BRACKETED_DOT}){_LABEL}){{0,10}}))(?P<rest>{_REST})"
)
_WWW: Final = (
    rf"(?P<www>www\d?\s?(?:\.|\sdot\s|{_BRACKETED_DOT})\s?)"
    rf"(?P<wwwhost>{_LABEL}(?:\s?(?:\.|\sdot\s|{_BRACKETED_DOT})\s?{_LABEL}){{1,8}})(?P<wwwrest>{_REST})"
)
_BRACKETED: Final = (
    rf"(?P<bracketed>{_LABEL}(?:(?:\.|{_BRACKETED_DOT}){_LABEL}){{0,4}}?{_BRACKETED_DOT}{_TLD})(?!\w)"
    rf"(?P<bracketedrest>{_REST})"
)
_SPOKEN: Final = (
    rf"(?P<spoken>{_LABEL}(?:\.{_LABEL}){{0,3}}(?:\s{{1,2}}dot\s{{1,2}}co)?\s{{1,2}}dot\s{{1,2}}"
    rf"(?:{_SPOKEN_ENDS}))(?!\w)"
)
_SPACED: Final = (
    rf"(?P<spaced>{_LABEL}(?:\.\s{{0,2}}{_LABEL}){{0,3}}?(?:\s{{1,2}}\.\s{{0,2}}|\.\s{{1,2}})(?:com|net|org))(?!\w)"
    rf"(?P<spacedrest>{_REST})"
)
_BARE: Final = rf"(?P<bare>(?:{_LABEL}\.){{1,10}}{_TLD})(?![\w@])(?P<barerest>{_REST})"
# Words that no dot follows in any way are passed by at once.
_ADDRESS: Final = lazy(
    rf"{_SCHEME}|(?<![\w@.\-])(?={_LABEL}\s{{0,2}}(?:[.(\[{{<]|dot\s))(?:{_WWW}|{_BRACKETED}|{_SPOKEN}|"
    rf"{_SPACED}|{_BARE})",
    re.IGNORECASE,
)
_ANCHOR: Final = lazy(
    r"www\d?\.|\.(?:[^\W\d_]|\s{0,2}(?:www|com|net|org)\b)|://|(?:dot|punkt|punto|ponto)(?:\s{1,2}(?:com?|"
    r"net|org|edu|gov|info|biz|io|uk|de|fr|it|es|tv|us|ca|au|in)\b|\s?[)\]}>])|www\d?\s{1,2}(?:\.|dot)|"
    r"[(\[{<]\s?\.",
    re.IGNORECASE,
)
# In shapes: an ending that is no cue, with a path after it, or in another script.
_OTHER_ENDING: Final = lazy(rb"\.(?:[aA]+/|\?\?)")
_ANY_DOT: Final = lazy(rf"{_BRACKETED_DOT}|\s{{1,2}}dot\s{{1,2}}|\s{{0,2}}\.\s{{0,2}}", re.IGNORECASE)

# What is called so wherever it is: "amazon.it" is a shop, "awesome.it" two sentences.
_KNOWN: Final = word_set(
    "amazon ebay google youtube youtu facebook fb instagram twitter tiktok booking tripadvisor expedia airbnb "
    "hotels agoda kayak trivago yelp etsy zalando asos shein aliexpress alibaba temu wish walmart target "
    "bestbuy rakuten flipkart mercadolibre mercadolivre allegro otto ikea mediamarkt idealo check24 leboncoin "
    "fnac cdiscount bol paypal netflix spotify apple microsoft wikipedia reddit twitch discord telegram "
    "whatsapp linkedin pinterest trustpilot yahoo bing msn gmx web blogspot wordpress tumblr weebly wix "
    "shopify github medium vimeo soundcloud imdb rottentomatoes groupon craigslist gumtree bit t goo tinyurl "
    "ow is buff lnkd rebrand cutt shorturl wa m linktr"
)
_STRONG_CUE: Final = lazy(
    r"(?:\bvisit(?:ed|ing)?|\bweb ?site|\bweb ?page|\bsite|\burl|\blink|\bdomain|\bhomepage|\bhttp|\bbrowse(?: to)?|"
    r"\bgo(?:ing)? to|\bcheck out|\bcheck|\bavailable (?:at|on)|\b(?:find|found) (?:\w+ )?(?:at|on)|\bsee|\bvia)"
    r"(?: (?:is|the|at|on|our|my|their|called|named|us at|me at))?\s?[:=\-–>]*\s{0,2}$",
    re.IGNORECASE,
)
_WEAK_CUE: Final = lazy(r"\b(?:at|on|from|through|by|using|use|with|called|of)\s$", re.IGNORECASE)
# Products that are written like domains.
_NAMES: Final = word_set("asp.net ado.net vb.net ml.net")
_FILES: Final = word_set("md py sh rs zip mov ps so cc pl app cab in ai bz pm ms la cpp am")
_ROMANCE: Final = frozenset(("es", "fr", "pt", "it", "ca", "gl"))
# What follows "com" when it is the Portuguese "with".
_PORTUGUESE: Final = lazy(
    r"\s{1,3}(?:certeza|a|o|as|os|um|uma|meu|minha|muit[oa]s?|ess?[ea]s?|est[ea]s?|el[ea]|tod[oa]s?|seu|"
    r"sua|mais|bo[ma]|"
    r"ótim[oa]|pouc[oa]|d[uo]is|duas|cuidado|carinho|você|ele|defeito|problemas?)\b",
    re.IGNORECASE,
)
_NOT_SPOKEN: Final = ORDINARY | word_set("polka dot dots echo eco first second every single pre post")
_ERA: Final = lazy(
    r"\s{1,2}(?:bubble|boom|era|crash|bust|millionaires?|billionaires?|compan(?:y|ies)|startups?|days|years)\b",
    re.IGNORECASE,
)
_CLOSING: Final = ".,;:!?'\"*_~`…|"
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}


def find_links(passage: Passage, context: Context) -> Iterable[Signal]:
    if not telling(passage) & Cue.LINK and not (
        (b"/" in marks(passage) or not passage.is_ascii) and _OTHER_ENDING.search(passage.shape)
    ):
        return ()
    view = plain(passage)
    return _addresses(passage, view, context) if _ANCHOR.search(view.text) else ()


def _addresses(passage: Passage, view: Plain, context: Context) -> Iterator[Signal]:
    text = view.text
    place = 0
    while found := _ADDRESS.search(text, place):
        place = found.end()
        kind = found.lastgroup or ""
        start, end, confidence = _judge(text, found, context)
        if confidence:
            end = _trim(text, start, end)
            first, last = view.place(start, end)
            yield mark(passage, Detector.URL, Category.LINK, first, last, confidence, _host(text, found))
            place = max(end, found.start() + 1)
        elif kind:
            # Two sentences without a blank between them: what follows the dot may begin an address of its own.
            place = max(found.start() + 1, min(found.end(), _first_break(text, found)))


def _first_break(text: str, found: re.Match[str]) -> int:
    blank = lazy(r"\s").search(text, found.start(), found.end())
    return blank.end() if blank else found.end()


def _host(text: str, found: re.Match[str]) -> str | None:
    host = (
        found["host"] or found["wwwhost"] or found["bare"] or found["bracketed"] or found["spoken"] or found["spaced"]
    )
    if host is None:
        return found["ip"]
    plain_host = _ANY_DOT.sub(".", host).lower()
    return plain_host[: host_end(plain_host) or len(plain_host)]


def _judge(text: str, found: re.Match[str], context: Context) -> tuple[int, int, float]:
    """Where the address begins and ends, and how sure it is one; 0 when it is none."""
    start = found.start()
    if found["scheme"] is not None:
        return _with_scheme(found)
    if found["www"] is not None:
        return _with_www(found)
    if (bare := found["bare"]) is not None:
        return _bare(text, found, bare, context)
    if (host := found["bracketed"]) is not None:
        last = _ANY_DOT.sub(".", host).rpartition(".")[2].lower()
        return start, found.end(), 0.9 if last in top_level_domains() else 0.0
    if (host := found["spoken"]) is not None:
        first = host.split()[0].lower()
        usual = first in _NOT_SPOKEN or _ERA.match(text, found.end()) is not None or first.isdigit()
        if (
            host.lower().endswith((" it", " in", " us", " es", " de", " co"))
            and _STRONG_CUE.search(text, max(0, start - 40), start) is None
        ):
            usual = True
        return start, found.end(), 0.0 if usual else 0.8
    return _spaced(text, found, context)


def _with_scheme(found: re.Match[str]) -> tuple[int, int, float]:
    start, host = found.start(), found["host"]
    if host is None:
        return start, found.end(), 1.0
    plain_host = _ANY_DOT.sub(".", host)
    if "." not in plain_host:
        # "http://microsoft" names nothing; "http://localhost:8080/" and an address behind a port do.
        return start, found.end(), 0.7 if len(found["rest"]) > 1 else 0.0
    end = host_end(plain_host)
    if plain_host == host and 0 < end < len(host) and not found["rest"]:
        return start, found.start("host") + end, 1.0  # "http://example.com.Please"
    return start, found.end(), 1.0 if end else 0.7


def _with_www(found: re.Match[str]) -> tuple[int, int, float]:
    host = found["wwwhost"]
    if _ANY_DOT.sub(".", host) == host:
        end = host_end(host)
        if not end:
            return found.start(), found.end(), 0.0
        whole = end == len(host)
        return found.start(), found.end() if whole else found.start("wwwhost") + end, 1.0
    # Set apart: the shortest beginning that ends in a domain, "www . example . com and so on. It".
    for label in re.finditer(_LABEL, host):
        if label.start() and label[0].lower() in SURE | {"info", "net"}:
            whole = label.end() == len(host)
            return found.start(), found.end() if whole else found.start("wwwhost") + label.end(), 0.95
    return found.start(), found.end(), 0.0


def _bare(text: str, found: re.Match[str], bare: str, context: Context) -> tuple[int, int, float]:
    start = found.start()
    length = host_end(bare)
    if not length:
        return start, found.end(), 0.0
    host, rest = bare[:length], found["barerest"] if length == len(bare) else ""
    end = found.end() if length == len(bare) else start + length
    labels = host.lower().split(".")
    last, before = labels[-1], labels[-2]
    if ".".join(labels) in _NAMES and not rest:
        return start, end, 0.0
    sure = last in SURE or (before in ("com", "co", "org", "net", "gov", "edu", "ac") and len(labels) > 2)
    if last in ("de", "ca", "co") and context.declared_language in _ROMANCE:
        sure = False
    path = len(rest) > 1
    if not any(map(str.isalpha, "".join(labels[:-1]))):
        # "163.com" is a site, "3.5.co" is a slip of the pen.
        return start, end, 0.9 if len(labels) == 2 and len(before) > 1 and last in ("com", "net", "org", "cn") else 0.0
    short = len(before) == 1 and len(labels) == 2
    if sure and not (short and last not in ("com", "net", "org") and not path):
        common = len(labels) == 2 and before in ORDINARY and len(last) == 2 and not path
        if not common:
            return start, end, 1.0
    if before in _KNOWN and (len(before) > 2 or path) and last not in _FILES - {"in", "pl"}:
        return start, end, 0.95
    if (
        path
        and (rest[0] != "/" or "/" in rest[1:] or len(rest) > 3)
        and not (before in ORDINARY and last in FUNCTION_WORDS)
    ):
        return start, end, 0.9
    if last in FUNCTION_WORDS and before in ORDINARY:
        return start, end, 0.0
    if host.islower() and len(before) > 1 and last not in _FILES:
        if _STRONG_CUE.search(text, max(0, start - 40), start):
            return start, end, 0.8
        named = last not in FUNCTION_WORDS and before not in ORDINARY
        if named and len(labels) > 2 and not any(label in ORDINARY or len(label) < 2 for label in labels[:-1]):
            return start, end, 0.7
        if named and ("-" in before or _WEAK_CUE.search(text, max(0, start - 12), start)):
            return start, end, 0.6
    return start, end, 0.0


def _spaced(text: str, found: re.Match[str], context: Context) -> tuple[int, int, float]:
    """ "example . com", "www.example. com": before a blank, the end of a sentence is likelier."""
    host = found["spaced"]
    start, end = found.start(), found.end()
    label = re.split(r"[.\s]", host, maxsplit=1)[0].lower()
    before_blank = re.search(r"\s\.\s{0,2}\w+$", host) is None  # "example. com", as at the end of a sentence
    last = host[-3:]
    if not last.islower() and not host.isupper():
        return start, end, 0.0
    if found["spacedrest"]:
        return start, end, 0.9
    if last == "com" and (context.declared_language == "pt" or _PORTUGUESE.match(text, end)):
        return start, end, 0.0
    if label in ORDINARY or not any(map(str.isalpha, label)):
        return start, end, 0.0
    if before_blank and (last != "com" or lazy(r"\s*\w").match(text, end)):
        return start, end, 0.0
    return start, end, 0.8


def _trim(text: str, start: int, end: int) -> int:
    """Signs that end a sentence or close a bracket around the address are none of it."""
    opened = {
        close: text.count(opening, start, end) - text.count(close, start, end) for close, opening in _BRACKETS.items()
    }
    while end > start + 1:
        last = text[end - 1]
        if last in _BRACKETS and opened[last] < 0:
            opened[last] += 1
        elif last not in _CLOSING:
            break
        end -= 1
    return end
