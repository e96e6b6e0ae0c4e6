"""The text engine: fields of text in, signals with exact places out. It judges nothing; a policy does."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, Self

from services.moderation.engine.contacts import MAIL_HINTS, find_emails, find_phones
from services.moderation.engine.lexicon import STRETCHED, Lexicon
from services.moderation.engine.links import LINK_HINTS, find_links
from services.moderation.engine.normalise import Normaliser
from services.moderation.engine.signal import Severity, Signal
from services.moderation.engine.style import find_repetition, find_shouting
from services.moderation.engine.wordlist import load_word_list

MOST_SIGNALS: Final = 100
"""Evidence kept per field and detector, the gravest words first: a page of abuse needs no thousand rows as proof."""

_NATIONAL_PHONES: Final = ("US", "GB")


class Engine:
    """Deterministic and linear in the text. Build one per process and share it between threads."""

    def __init__(self, lexicon: Lexicon, phone_regions: Sequence[str] = _NATIONAL_PHONES) -> None:
        self._lexicon = lexicon
        self._phone_regions = tuple(phone_regions)

    @classmethod
    def default(cls) -> Self:
        normaliser = Normaliser()
        return cls(Lexicon(load_word_list(normaliser), normaliser, MAIL_HINTS | LINK_HINTS))

    def analyse(self, fields: Mapping[str, str]) -> tuple[Signal, ...]:
        """Everything found in `fields`, by field name and place. An empty result is the common case."""
        signals: list[Signal] = []
        for field, text in fields.items():
            if text:
                signals.extend(self._analyse(field, text))
        return tuple(sorted(signals, key=_by_place)) if len(signals) > 1 else tuple(signals)

    def _analyse(self, field: str, text: str) -> list[Signal]:
        words, hints, view = self._lexicon.find(field, text)
        if len(words) > MOST_SIGNALS:
            words = sorted(words, key=_by_gravity)[:MOST_SIGNALS]
        found = [*islice(find_emails(field, text, hints), MOST_SIGNALS)]
        found += _apart(islice(find_links(field, text, hints), MOST_SIGNALS), found)
        found += _apart(islice(find_phones(field, text, self._phone_regions), MOST_SIGNALS), found)
        if found and words:
            # Names of mail boxes and sites are often innocent; what is plainly foul stays foul inside an address.
            words = [word for word in words if word.severity is not Severity.MILD or _is_apart(word, found)]
        found += words
        found += find_shouting(field, text)
        found += islice(find_repetition(field, text, view, stretched=STRETCHED in hints), MOST_SIGNALS)
        return found


def _apart(candidates: Iterable[Signal], taken: Sequence[Signal]) -> list[Signal]:
    """Those that overlap none of `taken`: part of an address is not an address of its own."""
    return [signal for signal in candidates if _is_apart(signal, taken)]


def _is_apart(signal: Signal, taken: Sequence[Signal]) -> bool:
    return all(signal.end <= other.start or other.end <= signal.start for other in taken)


def _by_place(signal: Signal) -> tuple[str, int, int, str]:
    return signal.field, signal.start, signal.end, signal.detector


def _by_gravity(signal: Signal) -> tuple[int, int]:
    return -signal.severity.rank if signal.severity else 0, signal.start
