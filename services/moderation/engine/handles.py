"""Ways to reach or follow somebody elsewhere: names on social networks and messengers, and invitations to them."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from services.moderation.engine.context import Context
from services.moderation.engine.gates import Cue
from services.moderation.engine.glance import telling
from services.moderation.engine.passage import Passage
from services.moderation.engine.patterns import lazy
from services.moderation.engine.plain import Plain, plain
from services.moderation.engine.signal import Category, Detector, Signal
from services.moderation.engine.spans import mark
from services.moderation.engine.tlds import ORDINARY, word_set

_NAME: Final = r"[A-Za-z0-9_](?:[\w.\-]{0,38}\w)?"
_MENTION: Final = lazy(r"(?<![\w@./&;=+\-])@{1,2}(?P<name>[A-Za-z_](?:[\w.]{0,28}\w)?)(?![\w@]|\.\w)")
# "@home" is no person.
_NOT_MENTIONED: Final = ORDINARY | word_set(
    "home work school night noon midnight store each least present gym office house church target walmart "
    "retailer checkout times midnight lunch dinner breakfast bay beach hotel mall airport everyone everybody "
    "here channel half random large best worst media import param override"
)

# What each network is called, and whether people give names there to be written to in private.
_NETWORKS: Final = {
    "instagram": r"insta(?:gram+l?)?|ig|instagr\.am",
    "snapchat": r"snap(?:chat|code)?|sc",
    "kik": r"kik",
    "telegram": r"telegram|tg",
    "whatsapp": r"what'?s\s?app?|wh?atsap",
    "discord": r"discord|disc",
    "skype": r"skype",
    "wechat": r"we\s?chat|weixin|微信|薇信|vx",
    "line": r"line(?=\s?(?:id|:))",
    "viber": r"viber",
    "tiktok": r"tik\s?tok",
    "twitter": r"twitter",
    "facebook": r"face\s?book|fb|messenger",
    "youtube": r"you\s?tube|yt",
    "twitch": r"twitch",
    "onlyfans": r"only\s?fans",
    "reddit": r"reddit",
    "linkedin": r"linked\s?in",
    "cashapp": r"cash\s?app|venmo",
    "paypal": r"paypal",
    "gaming": r"psn|gamer\s?tag|xbox(?:\s?live)?|steam(?:\s?id)?|game\s?center|epic\s?id",
    "qq": r"qq|企鹅",
    "kakaotalk": r"kakao(?:\s?talk)?",
    "zalo": r"zalo",
    "vk": r"vk(?:ontakte)?",
}
_WHICH: Final = lazy("|".join(f"(?P<{name}>(?:{form}))" for name, form in _NETWORKS.items()), re.IGNORECASE)
_NETWORK: Final = f"(?:{'|'.join(_NETWORKS.values())})"
# "on instagram & twitter", "insta/snap"
_SOME_NETWORKS: Final = rf"(?:my\s)?{_NETWORK}(?:\s?(?:[&/,+]|and|or|und|y|et|e)\s?(?:my\s|on\s)?{_NETWORK}){{0,3}}"
_ACCOUNT: Final = (
    r"(?:\s(?:id|user\s?name|name|nick(?:name)?|handle|acc(?:oun)?t|page|channel|profile|number|no|tag|at|is|"
    r"under|as|me|@|usr|user))"
)

_NAMED: Final = lazy(rf"(?<![\w@/.])(?P<networks>{_SOME_NETWORKS})", re.IGNORECASE)
_GIVEN: Final = lazy(
    rf"(?P<account>{_ACCOUNT}{{0,3}})\s{{0,2}}(?P<joint>[:=@→>»~]+|-+>?|//|\.(?=\s?_)|\s(?=\S))\s{{0,3}}"
    rf"(?P<name>@?{_NAME}(?:#\d{{4}})?)(?![\w@]|\.\w|:/)",
    re.IGNORECASE,
)
_INVITE: Final = lazy(
    r"(?<![\w'])(?P<verb>follow|add|dm|pm|im|inbox|message|msg|text|txt|contact|hit|find|reach|write|hmu|"
    r"catch|join|subscribe(?:\sto)?|"
    r"sub(?:\sto)?|suscribe(?:\sto)?|check(?:\sout)?|visit|see|call|ping|sígueme|sigueme|agrégame|folge|"
    r"folgt|suivez|segui(?:mi|temi)|siga)"
    r"(?:\s(?P<whom>me|us|my|our|moi|mir|uns))(?:\s(?:up|out|back|over))?(?:\s(?P<where>on|at|in|via|"
    r"through|by|using|en|auf|sur|su|no))?"
    r"(?:\s(?:the|my))?\s$",
    re.IGNORECASE,
)
_CHANNEL: Final = lazy(
    r"(?<!\w)(?:(?:check|subscrib\w*|suscrib\w*|sub|visit|see|watch|look|go|come|follow|view|support|try|"
    r"grow|promote|share)\s"
    r"(?:(?:out|to|at|for|on|in|please|plz|pls|and|2|of|over|by|my|me|help)\s){0,4})"
    r"(?P<what>(?:my|our)\s(?:(?:new|own|small|little|gaming|music|official|other|first|"
    r"latest)\s){0,2}(?:you\s?tube|yt|twitch|insta(?:gram)?|ig|tik\s?tok|facebook|fb|snap(?:chat)?)?"
    r"\s?(?:channel|chanel|chanell|page|account|acc|profile|stream))(?!\w)",
    re.IGNORECASE,
)
_PRIVATE: Final = lazy(
    r"(?<!\w)(?:(?:whats?\s?app?|kik|dm|pm|hmu|inbox|skype|telegram|viber)\s(?:me|us)(?:\s(?:on|at|up|for|"
    r"if|now|please|pls|plz))?|hit me up)(?!\w)",
    re.IGNORECASE,
)
_TAG: Final = lazy(r"(?<![\w#&])(?P<name>[A-Za-z_][\w.]{1,31}#\d{4})(?!\w)")
_TAG_CUE: Final = lazy(r"\b(?:discord|disc|add|friend|my|battle\s?tag|riot|epic)\b", re.IGNORECASE)
_WECHAT: Final = lazy(
    r"(?:微信|薇信|加微|加V|加v|V信|v信|威信|QQ群?|扣扣|企鹅)号?\s?(?:[::是]|号)?\s?(?P<name>[A-Za-z0-9][\w\-]{4,19})"
)
_HAN: Final = ("微", "信", "扣", "企", "加")

# What follows the name of a network in a sentence about it.
_NOT_NAME: Final = _NOT_MENTIONED | word_set(
    "account accounts add ads app apps audio bot button call calls chat chats connect connection contact "
    "content crashes crashing delete doesn doesnt don dont download feature features feed feeds filter "
    "filters follow followers friend friends group groups id ids integration keeps link links live login logo "
    "market me message messages messenger names notification notifications page pages people photo photos pic "
    "pics picture pictures post posts posted premium profile profiles server servers should sign someone "
    "started status sticker stickers stories story support tag text that users user version video videos was "
    "website web wont worked working addict famous worthy model models influencer through without while "
    "username name number handle channel store lite feeds and or & plus credit cards card gift live closure "
    "closures buttons front fronts shut on open together it them shot shots judgement decision back button- "
    "down is isn isnt has have had lets let makes make made may might must needs need never only always asks "
    "ask says say stopped stop stops opens open loads load logs log works work runs run uses use using sucks "
    "rocks pls plz thanks thx facebook instagram twitter youtube snapchat whatsapp telegram skype viber "
    "discord tiktok google amazon"
)
_MY: Final = lazy(r"\bmy\s$", re.IGNORECASE)
_ASKS: Final = lazy(
    r"(?:\b(?:follow|add|dm|pm|message|msg|text|contact|hit|find|reach|write|hmu|join|subscribe|sub|catch|"
    r"check|chat with)\b"
    r"[^.!?]{0,12}\b(?:me|us|my|our|back)\b|\b(?:follow|add|subscribe|hmu|join)\b)[^.!?]{0,30}$",
    re.IGNORECASE,
)
_ENDS: Final = lazy(r"\s*(?:$|[.,;!?)\n]|(?:and|or|for|if|on|thanks|please|pls|plz|to)\b)", re.IGNORECASE)
_MOST_LOOKS: Final = 300


def find_handles(passage: Passage, context: Context) -> Iterable[Signal]:
    source = passage.source
    mention = "@" in source or (not passage.is_ascii and "＠" in source)
    han = not passage.is_ascii and any(sign in source for sign in _HAN)
    network = bool(telling(passage) & Cue.HANDLE)
    if not mention and not network and not han:
        return ()
    return _handles(passage, plain(passage), mention=mention, network=network, han=han)


def _handles(passage: Passage, view: Plain, *, mention: bool, network: bool, han: bool) -> Iterator[Signal]:
    text = view.text
    taken: list[tuple[int, int]] = []
    found: list[tuple[int, int, float, str]] = []
    if network:
        found += _networks(text)
        found += ((*tag.span("name"), 0.8, "discord") for tag in _TAG.finditer(text) if _is_tag(text, tag))
        found += ((*invite.span(), 0.6, "channel") for invite in islice(_CHANNEL.finditer(text), _MOST_LOOKS))
        found += ((*invite.span(), 0.6, "private message") for invite in islice(_PRIVATE.finditer(text), _MOST_LOOKS))
    if mention:
        found += _mentioned(text)
    if han:
        found += ((*id_.span(), 0.9, "wechat") for id_ in _WECHAT.finditer(text))
    for start, end, confidence, detail in islice(found, _MOST_LOOKS):
        if all(end <= first or last <= start for first, last in taken):
            taken.append((start, end))
            first, last = view.place(start, end)
            yield mark(passage, Detector.HANDLE, Category.CONTACT, first, last, confidence, detail)


def _mentioned(text: str) -> Iterator[tuple[int, int, float, str]]:
    for mention in islice(_MENTION.finditer(text), _MOST_LOOKS):
        name = mention["name"]
        if len(name) < 3 or name.lower() in _NOT_MENTIONED:
            continue
        yield *mention.span(), 0.9 if _is_coined(name) else 0.7, "mention"


def _is_coined(name: str) -> bool:
    """Spelt as no ordinary word is."""
    return re.search(r"[\d_]|[a-z][A-Z]|\w\.\w", name) is not None


def _networks(text: str) -> Iterator[tuple[int, int, float, str]]:
    for named in islice(_NAMED.finditer(text), _MOST_LOOKS):
        which = _network(named[0])
        invite = _INVITE.search(text, max(0, named.start() - 50), named.start())
        if (given := _GIVEN.match(text, named.end())) and (confidence := _how_sure(text, named, given)):
            yield named.start(), given.end(), confidence, which
        elif (
            invite
            and (invite["where"] or invite["whom"].lower() in ("my", "our") or named[0].lower().startswith("my "))
            and lazy(r"\w").match(text, named.end()) is None
        ):
            yield invite.start(), named.end(), 0.7, which


def _how_sure(text: str, named: re.Match[str], given: re.Match[str]) -> float:
    """How sure the word after a network is somebody's name there."""
    name = given["name"].lstrip("@")
    joint = given["joint"].strip()
    account = given["account"].strip().lower()
    coined = _is_coined(name) or "#" in name
    if len(name) < 3 or (not coined and (name.lower() in _NOT_NAME or name.lower() in _NOT_MENTIONED)):
        return 0
    mine = named[0].lower().startswith("my ") or _MY.search(text, max(0, named.start() - 4), named.start()) is not None
    asked = mine or _ASKS.search(text, max(0, named.start() - 60), named.start()) is not None
    sign = joint not in ("", "-", ".") or given["name"].startswith("@")
    plainly = sign or (account != "" and account not in ("page", "number", "channel", "me", "at", "as"))
    if name.isdigit() and not (plainly and len(name) > 4):
        return 0
    ends = _ENDS.match(text, given.end()) is not None
    if coined and (plainly or asked):
        return 0.95
    if plainly and (ends or asked) and (asked or sign or account != "is"):
        return 0.8
    return 0.7 if asked and ends else 0


def _is_tag(text: str, tag: re.Match[str]) -> bool:
    return _TAG_CUE.search(text, max(0, tag.start() - 30), tag.start()) is not None


def _network(text: str) -> str:
    which = _WHICH.search(text)
    return (which.lastgroup or "") if which else ""
