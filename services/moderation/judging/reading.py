"""What is found in a revision before anything is locked: by the engine, by classifiers, and its sketch for copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from services.moderation.contents import Submitted, content_of
from services.moderation.engine.signal import Signal
from services.moderation.judging.classifier import Classified
from services.moderation.judging.classifiers import Classifiers
from services.moderation.judging.entries import Revision, sketch_of
from services.moderation.judging.judge import Judge, fields_of, writing
from services.moderation.judging.rulebook import Rulebook, Vocabulary
from services.moderation.judging.sketch import Sketch
from shared.events.content import ReviewContent

_UNASKED: Final = Classified()
_COMMENTS: Final = "/comments"
"""No site has a slash in its name."""


class Reading(NamedTuple):
    """`vocabulary` is the site's as it was known then."""

    event: Submitted
    vocabulary: Vocabulary
    signals: tuple[Signal, ...]
    fields: Mapping[str, str]
    sketch: Sketch
    classified: Classified = _UNASKED

    @property
    def revision(self) -> Revision:
        """As the history records it: comments apart from reviews, as if of another site, each on its review."""
        event, content = self.event, self.event.content
        kind, content_id, parent_id = content_of(event)
        return Revision(
            event.site if kind == "review" else f"{event.site}{_COMMENTS}",
            content_id,
            event.revision,
            content.author_id,
            content.entity_id if isinstance(content, ReviewContent) else str(parent_id),
            event.channel,
            event.submitted_at,
            self.fields,
            self.sketch,
        )


class Reader:
    def __init__(self, judge: Judge, rulebook: Rulebook, classifiers: Classifiers) -> None:
        self._judge = judge
        self._rulebook = rulebook
        self._classifiers = classifiers

    def read(self, event: Submitted) -> Reading:
        """By the words that the rulebook knows at the moment."""
        vocabulary = self._rulebook.of(event.site).vocabulary
        fields = fields_of(event)
        return Reading(event, vocabulary, self._judge.read(event, vocabulary, fields), fields, sketch_of(fields))

    async def ask(self, readings: Sequence[Reading]) -> list[Reading]:
        """With what the classifiers say; never raises."""
        if not self._classifiers.names or not readings:
            return list(readings)
        answers = await self._classifiers.classify([writing(reading.event) for reading in readings])
        return [reading._replace(classified=classified) for reading, classified in zip(readings, answers, strict=True)]

    def renewed(self, reading: Reading) -> Reading:
        """The same object, unless the site's words or languages have changed since."""
        vocabulary = self._rulebook.of(reading.event.site).vocabulary
        if reading.vocabulary is vocabulary:
            return reading
        return reading._replace(
            vocabulary=vocabulary, signals=self._judge.read(reading.event, vocabulary, reading.fields)
        )
