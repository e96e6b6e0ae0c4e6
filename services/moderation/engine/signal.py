"""What the engine reports: one signal per finding, with the exact place in the text that the author wrote.

The names here are the one vocabulary of detectors, categories and severities: policies, decisions, `plaudit check` and
the docs use them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Detector(StrEnum):
    """What found it. A plug-in's signals carry the plug-in's own name instead, which is none of these."""

    LEXICON = "lexicon"
    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"
    HANDLE = "handle"
    IP = "ip"
    CARD = "card"
    IBAN = "iban"
    URL = "url"
    SHOUTING = "shouting"
    REPETITION = "repetition"
    GIBBERISH = "gibberish"
    VACUOUS = "vacuous"
    SPAM = "spam"
    LANGUAGE = "language"
    CONTRADICTION = "contradiction"
    COMPETITOR = "competitor"
    DUPLICATE = "duplicate"
    BURST = "burst"


class Category(StrEnum):
    """What it is about."""

    # Of the lexicon
    PROFANITY = "profanity"
    SLUR = "slur"
    SEXUAL = "sexual"
    INSULT = "insult"
    THREAT = "threat"
    # Of the other detectors
    CONTACT = "contact"
    PAYMENT = "payment"
    LINK = "link"
    STYLE = "style"
    CONTENT = "content"
    SPAM = "spam"
    COMPETITOR = "competitor"
    # Of plug-ins that name none of the above
    OTHER = "other"


class Severity(StrEnum):
    """How bad a word is. A mild slur is a word that is a slur in one sense and harmless in another."""

    MILD = "mild"
    STRONG = "strong"
    SEVERE = "severe"

    @property
    def rank(self) -> int:
        return _RANK[self]


MOST_SIGNALS: Final = 100
"""Evidence kept per field and detector: a page of abuse needs no thousand rows as proof."""

_RANK: Final = {Severity.MILD: 1, Severity.STRONG: 2, Severity.SEVERE: 3}


@dataclass(frozen=True, slots=True)
class Signal:
    """A finding in one field.

    `start` and `end` are code points (Python string indices) in the text as submitted, end exclusive, and
    `matched == text[start:end]`; a finding about a whole field spans it. `severity` is None for detectors that do not
    grade what they find. `confidence` is from 0 to 1. `detail` says what was recognised: the lexicon's own spelling of
    a disguised word, a language's code, the id of the review that was copied. `matched` and `detail` are personal data
    like the text they come from: they belong into evidence, never into logs.
    """

    detector: str
    category: Category
    severity: Severity | None
    field: str
    start: int
    end: int
    matched: str
    confidence: float = 1.0
    detail: str | None = None
