"""What the engine reports: one signal per finding, with the exact place in the text that the author wrote."""

from dataclasses import dataclass
from enum import StrEnum


class Detector(StrEnum):
    LEXICON = "lexicon"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    SHOUTING = "shouting"
    REPETITION = "repetition"


class Category(StrEnum):
    PROFANITY = "profanity"
    SEXUAL = "sexual"
    SLUR = "slur"
    CONTACT = "contact"
    LINK = "link"
    STYLE = "style"


class Severity(StrEnum):
    """How bad a word is. A mild slur is a word that is a slur in one sense and harmless in another."""

    MILD = "mild"
    STRONG = "strong"
    SEVERE = "severe"

    @property
    def rank(self) -> int:
        return _RANK[self]


_RANK = {Severity.MILD: 1, Severity.STRONG: 2, Severity.SEVERE: 3}


@dataclass(frozen=True, slots=True)
class Signal:
    """A finding in one field.

    `start` and `end` are code points (Python string indices) in the text as submitted, end exclusive, and
    `matched == text[start:end]`. `severity` is None for detectors that do not grade what they find.
    `matched` is personal data like the text it comes from: it belongs into evidence, never into logs.
    """

    detector: Detector
    category: Category
    severity: Severity | None
    field: str
    start: int
    end: int
    matched: str
