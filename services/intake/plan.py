"""A batch of submissions decided one after the other, and the rows and events that follow. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.intake.decide import Candidate, Create, Decision, Keep, Refuse, Registered, Revise, decide, decide_edit
from services.intake.refusal import Refusal
from services.intake.slug import slug
from shared.events.cloudevents import Encoded, encode
from shared.events.content import ReviewContent
from shared.events.ids import ReviewId
from shared.events.models import Channel, ReviewSubmitted
from shared.events.settings import SiteSettings
from shared.events.topics import REVIEW_SUBMITTED


@dataclass(frozen=True, slots=True)
class Site:
    site: str
    name: str
    settings: SiteSettings
    settings_version: int
    identity_key: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one submission. Says nothing of what the review says."""

    outcome: Literal["created", "edited", "unchanged", "refused"]
    review_id: int | None = None
    revision: int | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is the same for a whole submission, whatever it says."""

    channel: Channel
    traceparent: str | None


class Plan:
    """The registry's rows as they were found, and what a batch makes of them."""

    def __init__(self, site: Site, now: datetime, found: Iterable[Registered], new_ids: Iterator[ReviewId]) -> None:
        self.events: list[Encoded] = []
        self.created: dict[int, Registered] = {}
        self.changed: dict[int, Registered] = {}
        self.last_event: dict[int, Encoded] = {}
        self._site = site
        self._now = now
        self._new_ids = new_ids
        self._by_source: dict[tuple[str, str], Registered] = {}
        self._live: dict[tuple[str, str], int] = {}
        for row in found:
            self._remember(row)

    def submit(self, candidate: Candidate, stamp: Stamp) -> Result:
        known = None
        if candidate.source is not None and candidate.source_id is not None:
            known = self._by_source.get((candidate.source, candidate.source_id))
        digest = candidate.digest
        return self._follow(decide(candidate, digest, known, self._rival(candidate)), candidate, digest, known, stamp)

    def edit(self, candidate: Candidate, known: Registered, seen: int, stamp: Stamp) -> Result:
        digest = candidate.digest
        decision = decide_edit(digest, known, seen, self._rival(candidate))
        return self._follow(decision, candidate, digest, known, stamp)

    def _rival(self, candidate: Candidate) -> int | None:
        """The live review by the candidate's author of its entity; an unknown author has none."""
        if candidate.author_id is None:
            return None
        return self._live.get((candidate.entity_id or "", candidate.author_id))

    def _follow(
        self, decision: Decision, candidate: Candidate, digest: bytes, known: Registered | None, stamp: Stamp
    ) -> Result:
        match decision:
            case Refuse():
                return Result("refused", decision.review_id, decision.revision, decision.refusal)
            case Create():
                row = self._create(candidate, digest)
                self._emit(row, candidate, stamp)
                return Result("created", row.review_id, row.revision)
            case Keep():
                assert known is not None
                if decision.source_version != known.source_version:
                    self._change(known, replace(known, source_version=decision.source_version))
                return Result("unchanged", known.review_id, known.revision)
            case Revise():
                assert known is not None
                row = replace(
                    known,
                    revision=known.revision + 1,
                    sequence=known.sequence + 1,
                    entity_id=candidate.entity_id or "",
                    author_id=candidate.author_id,
                    source_version=decision.source_version,
                    content_hash=digest,
                    updated_at=self._now,
                )
                self._change(known, row)
                self._emit(row, candidate, stamp)
                return Result("edited", row.review_id, row.revision)

    def _create(self, candidate: Candidate, digest: bytes) -> Registered:
        row = Registered(
            review_id=next(self._new_ids),
            state="live",
            revision=1,
            sequence=1,
            entity_id=candidate.entity_id or "",
            author_id=candidate.author_id,
            source=candidate.source,
            source_id=candidate.source_id,
            source_version=candidate.source_version,
            content_hash=digest,
            created_at=self._now,
            updated_at=self._now,
        )
        self.created[row.review_id] = row
        self._remember(row)
        return row

    def _change(self, old: Registered, new: Registered) -> None:
        if old.author_id is not None:
            self._live.pop((old.entity_id, old.author_id), None)
        self._remember(new)
        (self.created if new.review_id in self.created else self.changed)[new.review_id] = new

    def _remember(self, row: Registered) -> None:
        if row.source is not None and row.source_id is not None:
            self._by_source[row.source, row.source_id] = row
        if row.state == "live" and row.author_id is not None:
            self._live[row.entity_id, row.author_id] = row.review_id

    def _emit(self, row: Registered, candidate: Candidate, stamp: Stamp) -> None:
        site = self._site
        content = ReviewContent(
            entity_id=candidate.entity_id,
            entity_name=candidate.entity_name,
            author_id=candidate.author_id,
            author_name=candidate.author_name,
            author_email_masked=candidate.email_masked if site.settings.show_masked_email else None,
            rating=candidate.rating,
            title=candidate.title,
            text=candidate.text,
            locale=candidate.locale or site.settings.default_locale,
            review_date=candidate.review_date,
            details=candidate.details,
        )
        event = ReviewSubmitted(
            site=site.site,
            sequence=row.sequence,
            review_id=row.review_id,
            revision=row.revision,
            slug=slug(candidate.title, candidate.author_name, row.review_id),
            created_at=row.created_at,
            submitted_at=self._now,
            content=content,
            channel=stamp.channel,
            source=row.source,
            source_id=row.source_id,
            source_version=row.source_version,
            settings_version=site.settings_version,
            require_approval=site.settings.require_approval,
        )
        encoded = encode(REVIEW_SUBMITTED, event, stamp.traceparent)
        self.events.append(encoded)
        self.last_event[row.review_id] = encoded
