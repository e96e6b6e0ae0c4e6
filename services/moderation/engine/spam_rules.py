"""The wording of promotion, read from spam.txt, whose head describes its format."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Final

from services.moderation.engine.patterns import lazy

_WORD: Final = r"[^\W_]{1,30}"
_ENDING: Final = r"[^\W_]{0,20}"
_GAP: Final = r"[\W_]{1,4}"
_JOINT: Final = r"[\W_]?"
_ADDRESSED: Final = (
    r"(?:\A|[.!?:;,\n(\-]|(?<![^\W_])(?:please|plz|pls|and|just|now|guys|so|or|then|everyone|everybody|also|hey))"
    r"[\s\"'*]{0,4}"
)
_NAME: Final = lazy(r"\b[A-Z]{2,}\b")


@dataclass(frozen=True)
class SpamRule:
    """`hints` are in letters as a Passage has them; where none of these stands, the pattern matches nothing."""

    detail: str
    confidence: float
    hints: tuple[str, ...]
    phrases: tuple[str, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """For text in lower case. A match may begin with signs that are no part of the finding."""
        addressed = [phrase for phrase in self.phrases if _ADDRESSED in phrase]
        anywhere = [phrase for phrase in self.phrases if _ADDRESSED not in phrase]
        # The look behind stands before all alternatives, so that most places fail by it alone.
        parts = [f"(?<![^\\W_])(?:{'|'.join(anywhere)})"] if anywhere else []
        return lazy(f"(?:{'|'.join(parts + addressed)})(?![^\\W_])")


@cache
def spam_rules() -> tuple[SpamRule, ...]:
    package = __name__.rpartition(".")[0]
    return tuple(parse_spam_rules(files(package).joinpath("spam.txt").read_text("utf-8")))


def parse_spam_rules(source: str) -> Iterator[SpamRule]:
    lists: dict[str, str] = {}
    lines = [line for line in source.splitlines() if line.strip() and not line.startswith("#")]
    lead, *sections = "\n".join(lines).split("\n[")
    for line in lead.splitlines():
        name, _, words = line.partition(" = ")
        lists[name] = words
    for section in sections:
        head, hints, *phrases = section.splitlines()
        detail, confidence = head.rstrip("]").split()
        starts = tuple(f" {hint.strip()}".replace("_", " ") for hint in hints.removeprefix("hints:").split(","))
        yield SpamRule(detail, float(confidence), starts, tuple(_expand(phrase, lists) for phrase in phrases))


def _expand(phrase: str, lists: dict[str, str]) -> str:
    pattern = _NAME.sub(lambda name: f"(?:{lists[name[0]]})", phrase)
    pattern = pattern.replace(r"\w+", _WORD).replace(r"\w*", _ENDING)
    for written, meant in ((" ?", _JOINT), ("^ ", _ADDRESSED), (" ", _GAP)):
        pattern = pattern.replace(written, meant)
    return pattern
