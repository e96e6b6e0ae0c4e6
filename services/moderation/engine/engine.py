"""The text engine: fields of text in, signals with exact places out. It judges nothing; a policy does."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, Self

from services.moderation.engine.contact_detectors import find_contacts
from services.moderation.engine.context import NO_CONTEXT, Context
from services.moderation.engine.contradiction import find_contradiction
from services.moderation.engine.gibberish import find_gibberish
from services.moderation.engine.language import find_language
from services.moderation.engine.lexicon import Lexicon
from services.moderation.engine.passage import Passage
from services.moderation.engine.repetition import find_repetition
from services.moderation.engine.shouting import find_shouting
from services.moderation.engine.signal import MOST_SIGNALS, Severity, Signal
from services.moderation.engine.site_words import NO_SITE_WORDS
from services.moderation.engine.spam import find_spam
from services.moderation.engine.vacuous import find_vacuous

_OF_THE_WHOLE: Final[tuple[Callable[[Passage, Context], Iterable[Signal]], ...]] = (
    find_shouting,
    find_repetition,
    find_gibberish,
    find_vacuous,
    find_spam,
    find_language,
    find_contradiction,
)


class Engine:
    """Deterministic and linear in the text. Build one per process and share it between threads."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    @classmethod
    def default(cls) -> Self:
        return cls(Lexicon.default())

    def analyse(self, fields: Mapping[str, str], context: Context = NO_CONTEXT) -> tuple[Signal, ...]:
        """Everything found in `fields`, by field name and place. An empty result is the common case."""
        signals: list[Signal] = []
        for field, text in fields.items():
            if text:
                signals += self._analyse(Passage(field, text), context)
        return tuple(sorted(signals, key=_by_place)) if len(signals) > 1 else tuple(signals)

    def _analyse(self, passage: Passage, context: Context) -> list[Signal]:
        words = self._lexicon.find(passage, context)
        if len(words) > MOST_SIGNALS:
            words = sorted(words, key=_by_gravity)[:MOST_SIGNALS]
        found = find_contacts(passage, context)
        if found and words:
            # Names of mail boxes and sites are often innocent; what is plainly foul stays foul inside an address.
            words = [word for word in words if word.severity is not Severity.MILD or _is_apart(word, found)]
        found += words
        for find in _OF_THE_WHOLE:
            if signals := find(passage, context):
                found += islice(signals, MOST_SIGNALS)
        if context.words is not NO_SITE_WORDS:
            found += islice(context.words.find_competitors(passage), MOST_SIGNALS)
        return found


def _is_apart(signal: Signal, taken: Sequence[Signal]) -> bool:
    return all(signal.end <= other.start or other.end <= signal.start for other in taken)


def _by_place(signal: Signal) -> tuple[str, int, int, str]:
    return signal.field, signal.start, signal.end, signal.detector


def _by_gravity(signal: Signal) -> tuple[int, int]:
    return -signal.severity.rank if signal.severity else 0, signal.start
