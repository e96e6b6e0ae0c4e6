"""Revisions as the history keeps them, and what one says beside the others. No SQL here: all of it is pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from services.moderation.engine.signal import Category, Detector, Signal
from services.moderation.judging.bursts import Counts, Limits, Tally, bursts
from services.moderation.judging.sketch import (
    IDENTICAL,
    NONE,
    PROBES,
    Likeness,
    Sketch,
    likeness,
    number,
    pack,
    probes,
    sketch,
    unpack,
    unpack_probes,
)

MOST_ALIKE = 4
"""Reviews that are looked at under one probe, the newest. A probe of so many says little, and counts only together with
another one: a turn of phrase of thousands of reviews must not cost thousands of comparisons."""

_number: Final = lru_cache(maxsize=4096)(number)


class Revision(NamedTuple):
    """What a review says from now on. `sketch` may be made beforehand by `sketch_of`, outside of any lock."""

    site: str
    review_id: int
    revision: int
    author_id: str | None
    entity_id: str | None
    channel: str
    submitted_at: datetime
    fields: Mapping[str, str]
    sketch: Sketch | None = None


class Row(NamedTuple):
    """Of moderation.history."""

    review_id: int
    site: str
    revision: int
    author: int | None
    entity: int | None
    counted_at: datetime | None
    written_at: datetime
    size: int
    sketch: bytes
    copy_of: int | None
    similarity: float | None
    author_burst: bool
    entity_burst: bool

    @property
    def bursts(self) -> tuple[str, ...]:
        return (("author",) if self.author_burst else ()) + (("entity",) if self.entity_burst else ())

    def precedes(self, revision: Revision) -> bool:
        """Whether that one may take its place: ids are of one site for ever."""
        return self.site == revision.site and self.revision < revision.revision

    @property
    def text(self) -> Text:
        return Text(self.review_id, self.site, self.written_at, self.size, self.sketch)


class Text(NamedTuple):
    """The part of a row that copies are found by."""

    review_id: int
    site: str
    written_at: datetime
    size: int
    sketch: bytes

    @property
    def probes(self) -> tuple[int, ...]:
        """Under which it is found."""
        return unpack_probes(self.site, self.size, self.sketch)[:PROBES]


class Entry(NamedTuple):
    """A revision on its way into the history. `probes` are those under which copies of it are looked for."""

    revision: Revision
    sketch: Sketch
    probes: tuple[int, ...]

    @property
    def author(self) -> int | None:
        author_id = self.revision.author_id
        return None if author_id is None else _number(self.revision.site, author_id)

    @property
    def entity(self) -> int:
        return _number(self.revision.site, self.revision.entity_id or "")


class Before(NamedTuple):
    """What is recorded of the time before a review, and what would be in order for its entity."""

    counts: Counts
    most_of_entity: int


class Batch:
    """The revisions of a batch, one after the other: each may be a copy of one before it, or in a burst with it."""

    def __init__(self, limits: Limits, known: Mapping[int, Row]) -> None:
        self.changed: dict[int, Row] = {}
        self.kept_under: dict[int, tuple[int, ...]] = {}
        """Probes of those."""
        self._limits = limits
        self._rows = dict(known)
        self._said: dict[tuple[int, int], Row] = {(row.review_id, row.revision): row for row in known.values()}
        self._tally = Tally()
        self._by_probe: dict[int, list[int]] = {}

    def counts(self, entry: Entry) -> bool:
        """Whether it is a new review of a channel on which people write."""
        new = entry.revision.review_id not in self._rows and entry.revision.revision == 1
        return new and entry.revision.channel not in self._limits.exempt

    def take(self, entry: Entry, alike: Sequence[Text], before: Before | None) -> None:
        """`alike` are candidates that were recorded before the batch."""
        revision = entry.revision
        old = self._rows.get(revision.review_id)
        if old is not None and not old.precedes(revision):
            return
        author = entity = counted_at = None
        written_at = revision.submitted_at
        found: tuple[str, ...] = ()
        originals = self._candidates(entry, alike)
        if old is not None:
            author, entity, counted_at, found = old.author, old.entity, old.counted_at, old.bursts
            if _compare(entry, old.text).is_copy:
                written_at = old.written_at
                originals = [text for text in originals if text.written_at < written_at]
        elif before is not None:
            author, entity, counted_at = entry.author, entry.entity, revision.submitted_at
            found = self._bursts(author, entity, counted_at, before)
        copy_of, similarity = _original(entry, originals) if originals else (None, None)
        row = Row(
            revision.review_id, revision.site, revision.revision, author, entity, counted_at, written_at,
            entry.sketch.size, pack(entry.sketch, entry.probes), copy_of, similarity, "author" in found,
            "entity" in found,
        )  # fmt: skip
        self._rows[row.review_id] = self.changed[row.review_id] = self._said[row.review_id, row.revision] = row
        self.kept_under[row.review_id] = kept = entry.probes[:PROBES]
        for value in kept:
            self._by_probe.setdefault(value, []).append(row.review_id)

    def said(self, revision: Revision) -> Row | None:
        """What was found in this very revision, now or before."""
        row = self._said.get((revision.review_id, revision.revision))
        return row if row is not None and row.site == revision.site else None

    def _bursts(self, author: int | None, entity: int, at: datetime, before: Before) -> tuple[str, ...]:
        together = self._tally.before(self._limits, author, entity, at)
        self._tally.add(author, entity, at)
        return bursts(self._limits, before.counts, together, before.most_of_entity)

    def _candidates(self, entry: Entry, alike: Sequence[Text]) -> list[Text]:
        """What other reviews of the site say by now."""
        own, site = entry.revision.review_id, entry.revision.site
        here: set[int] = set()
        for value in entry.probes:
            if review_ids := self._by_probe.get(value):
                here.update(review_ids[-MOST_ALIKE:])
        if not here and not alike:
            return []
        found = {text.review_id: text for text in alike}
        for review_id in here | (found.keys() & self.changed.keys()):
            found[review_id] = self._rows[review_id].text
        return [text for text in found.values() if text.review_id != own and text.site == site]


def sketch_of(fields: Mapping[str, str]) -> Sketch:
    return sketch(fields.get(_field(fields), ""))


def entry_of(revision: Revision) -> Entry:
    made = sketch_of(revision.fields) if revision.sketch is None else revision.sketch
    return Entry(revision, made, probes(revision.site, revision.author_id, made))


def _compare(entry: Entry, text: Text) -> Likeness:
    """Of short texts only the probe is kept, which stands for the words and their author."""
    if entry.sketch.values:
        return likeness(entry.sketch, unpack(text.size, text.sketch))
    return IDENTICAL if entry.probes and not text.size and entry.probes == text.probes else NONE


def _original(entry: Entry, candidates: Iterable[Text]) -> tuple[int, float] | tuple[None, None]:
    """The review that it is most like, the earliest of several."""
    copied = [(found.similarity, -text.review_id) for text in candidates if (found := _compare(entry, text)).is_copy]
    if not copied:
        return None, None
    similarity, before = max(copied)
    return -before, similarity


def signals_of(revision: Revision, row: Row | None) -> tuple[Signal, ...]:
    if row is None or (row.copy_of is None and not row.bursts):
        return ()
    name = _field(revision.fields)
    text = revision.fields.get(name, "")
    signals = [
        Signal(Detector.BURST, Category.SPAM, None, name, 0, len(text), text, detail=detail) for detail in row.bursts
    ]
    if row.copy_of is not None and row.similarity is not None:
        signals.insert(
            0,
            Signal(Detector.DUPLICATE, Category.SPAM, None, name, 0, len(text), text, row.similarity, str(row.copy_of)),
        )
    return tuple(signals)


def _field(fields: Mapping[str, str]) -> str:
    """What a review says is its text, and its title where it has no text."""
    return "text" if fields.get("text") or not fields.get("title") else "title"
