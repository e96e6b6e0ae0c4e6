"""Moderator codes: why a review was held or rejected. The vocabulary is that of Bazaarvoice Conversations 5.4."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from services.moderation.engine.signal import Category, Detector


class ModeratorCode(StrEnum):
    """A code, what it says to people, and whether the author may mend the text and send it again."""

    label: str
    editable: bool

    def __new__(cls, code: str, label: str, editable: bool) -> "ModeratorCode":
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        member.editable = editable
        return member

    CR = "CR", "Competitor reference", True
    CS = "CS", "Customer service", False
    CSN = "CSN", "Customer service, negative", False
    DBA = "DBA", "Directs business away", True
    GIU = "GIU", "Generally inappropriate", False
    IU = "IU", "Inappropriate or unusable", False
    IMG = "IMG", "Image", True
    VID = "VID", "Video", False
    LI = "LI", "Legal issue", False
    MSR = "MSR", "Misleading star rating", True
    FL = "FL", "Foreign or false language", False
    PII = "PII", "Personal information", True
    PRF = "PRF", "Profanity", False
    PRI = "PRI", "Price", True
    PUX = "PUX", "Purchase experience", False
    SI = "SI", "Shipping", True
    SPM = "SPM", "Spam, fraud or duplicate", False
    URL = "URL", "Contains a URL", True
    UA = "UA", "Underage", False
    VAC = "VAC", "Vacuous or irrelevant", True
    WP = "WP", "Wrong product", False


_OF_DETECTORS: Final[Mapping[str, ModeratorCode]] = {
    Detector.EMAIL: ModeratorCode.PII,
    Detector.PHONE: ModeratorCode.PII,
    Detector.ADDRESS: ModeratorCode.PII,
    Detector.HANDLE: ModeratorCode.PII,
    Detector.IP: ModeratorCode.PII,
    Detector.CARD: ModeratorCode.PII,
    Detector.IBAN: ModeratorCode.PII,
    Detector.URL: ModeratorCode.URL,
    Detector.SHOUTING: ModeratorCode.IU,
    Detector.REPETITION: ModeratorCode.VAC,
    Detector.GIBBERISH: ModeratorCode.VAC,
    Detector.VACUOUS: ModeratorCode.VAC,
    Detector.SPAM: ModeratorCode.SPM,
    Detector.DUPLICATE: ModeratorCode.SPM,
    Detector.BURST: ModeratorCode.SPM,
    Detector.LANGUAGE: ModeratorCode.FL,
    Detector.CONTRADICTION: ModeratorCode.MSR,
    Detector.COMPETITOR: ModeratorCode.CR,
}
_OF_CATEGORIES: Final[Mapping[str, ModeratorCode]] = {
    Category.PROFANITY: ModeratorCode.PRF,
    Category.SLUR: ModeratorCode.PRF,
    Category.SEXUAL: ModeratorCode.PRF,
    Category.INSULT: ModeratorCode.GIU,
    Category.THREAT: ModeratorCode.GIU,
    Category.CONTACT: ModeratorCode.PII,
    Category.PAYMENT: ModeratorCode.PII,
    Category.LINK: ModeratorCode.URL,
    Category.SPAM: ModeratorCode.SPM,
    Category.COMPETITOR: ModeratorCode.CR,
}


def code_of(detector: str, category: str) -> ModeratorCode | None:
    """The code that fits a signal; None where none does. The lexicon and plug-ins go by category."""
    return _OF_DETECTORS.get(detector) or _OF_CATEGORIES.get(category)
