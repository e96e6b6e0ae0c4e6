"""One revision of a review or comment, judged: read by the engine ahead, and decided by what is in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, Protocol

from services.moderation.case import Ruling
from services.moderation.contents import Submitted
from services.moderation.engine.context import Context
from services.moderation.engine.signal import Signal
from services.moderation.judging.classifier import Classified, Writing
from services.moderation.judging.rulebook import Ruler, Vocabulary
from services.moderation.policy.check import POLICY_ERROR
from services.moderation.policy.evidence import evidence
from services.moderation.policy.facts import Facts
from services.moderation.policy.verdict import Verdict
from shared.events.content import Photo, ReviewContent, ReviewDetails, Video
from shared.events.models import ReviewSubmitted
from shared.logging import get_logger

log = get_logger(__name__)

CLASSIFIERS: Final = "classifiers"
"""Queue of what a policy would approve, had a classifier not failed that must have its say."""
CLASSIFIER_FAILED: Final = "classifier-failed"
POLICY_FAILED: Final = POLICY_ERROR
"""Queue and rule of what the version in force cannot decide on."""


class PolicyFailed(Exception):
    """A version of a policy that cannot be used, or that breaks off."""


class Analyser(Protocol):
    """The text engine; see services.moderation.engine."""

    def analyse(self, fields: Mapping[str, str], context: Context) -> tuple[Signal, ...]: ...


class Judge:
    """Deterministic: the same revision under the same rules gets the same ruling."""

    def __init__(self, engine: Analyser) -> None:
        self._engine = engine

    def read(
        self, event: Submitted, vocabulary: Vocabulary, fields: Mapping[str, str] | None = None
    ) -> tuple[Signal, ...]:
        """What the engine finds; long texts take milliseconds. `fields` are the event's, where they are at hand."""
        context = _context(event.content.locale, _rating(event), vocabulary)
        return self._engine.analyse(fields_of(event) if fields is None else fields, context)

    def rule(self, ruler: Ruler, facts: Facts, classified: Classified) -> Ruling:
        """`classified` is what was asked of the classifiers, whose signals `facts` has among all others.

        A policy that fails approves nothing: a person looks at the review.
        """
        scope = ruler.reference.scope
        try:
            ruling = _ruling(verdict(ruler, facts), scope)
        except PolicyFailed as error:
            log.error("policy failed", scope=scope, policy=str(ruler.reference), because=str(error))
            ruling = _ruling(undecided(ruler), scope)
        if ruling.status == "approved" and classified.must_hold:
            failed = ", ".join(failure.name for failure in classified.failures if failure.behaviour == "hold")
            note = f"No word from {failed}, without which nothing is approved."
            ruling = ruling._replace(status="held", queue=CLASSIFIERS, rule=CLASSIFIER_FAILED, codes=(), note=note)
        return ruling._replace(signals=facts.signals) if facts.signals else ruling


def fields_of(event: Submitted) -> dict[str, str]:
    """All that the author wrote, without what is empty. Docs name the fields; they are part of every decision."""
    content = event.content
    written = {"title": content.title, "text": content.text, "author_name": content.author_name}
    fields = {field: text for field, text in written.items() if text}
    if isinstance(content, ReviewContent):
        return fields if content.details is None else fields | _of_details(content.details)
    if content.author_location:
        fields["author_location"] = content.author_location
    return fields | _captions(content.photos, content.videos)


def _of_details(details: ReviewDetails) -> dict[str, str]:
    written = {"pros": details.pros, "cons": details.cons, "author_location": details.author_location}
    fields = {field: text for field, text in written.items() if text}
    fields |= {f"additional_field.{name}": text for name, text in details.additional_fields.items() if text}
    for name, values in details.tags.items():
        fields |= {f"tag.{name}.{number}": value for number, value in enumerate(values, 1) if value}
    return fields | _captions(details.photos, details.videos)


def _captions(photos: Sequence[Photo], videos: Sequence[Video]) -> dict[str, str]:
    """Numbered from 1, by their places among all photos or videos."""
    captions = {f"photo_caption.{number}": photo.caption for number, photo in enumerate(photos, 1)}
    captions |= {f"video_caption.{number}": video.caption for number, video in enumerate(videos, 1)}
    return {field: text for field, text in captions.items() if text}


def writing(event: Submitted) -> Writing:
    """As classifiers get it."""
    return Writing(event.site, fields_of(event), event.content.locale, _rating(event))


def facts(event: Submitted, found: Sequence[Signal]) -> Facts:
    """As conditions see it. `found` are the signals of everybody, of which the facts have as many as are kept."""
    content = event.content
    signals, left_out = evidence(found)
    known = Facts(
        _rating(event),
        content.locale,
        event.require_approval,
        event.channel,
        signals,
        event.site,
        (content.entity_id or "") if isinstance(content, ReviewContent) else "",
        event.source,
        content.title,
        content.text,
        content.author_name,
        event.revision,
        author_known=content.author_id is not None,
        left_out=left_out,
    )
    if isinstance(content, ReviewContent):
        return known if content.details is None else _with_details(known, content.details)
    return known._replace(
        kind="comment",
        is_syndicated=content.syndication is not None,
        photos=len(content.photos),
        videos=len(content.videos),
        campaign_id=content.campaign_id,
    )


def _with_details(known: Facts, details: ReviewDetails) -> Facts:
    return known._replace(
        pros=details.pros,
        cons=details.cons,
        is_recommended=details.is_recommended is True,
        is_incentivized=details.is_incentivized,
        is_syndicated=details.syndication is not None,
        photos=len(details.photos),
        videos=len(details.videos),
        campaign_id=details.campaign_id,
    )


def _rating(event: Submitted) -> int | None:
    return event.content.rating if isinstance(event, ReviewSubmitted) else None


def verdict(ruler: Ruler, facts: Facts) -> Verdict:
    """Raises PolicyFailed, whose message holds nothing of the review."""
    if ruler.policy is None:
        raise PolicyFailed("this release cannot use the version as it was saved")
    try:
        return ruler.policy.decide(facts)
    except Exception as error:  # whatever it is: what a condition says of a text may hold the text
        raise PolicyFailed(type(error).__name__) from None


def undecided(ruler: Ruler) -> Verdict:
    """Instead of the verdict of a policy that failed: it approves nothing."""
    _, name, version = ruler.reference
    note = "The policy could not decide; see the worker's log."
    return Verdict("held", name, version, POLICY_FAILED, (), POLICY_FAILED, note)


@lru_cache(maxsize=1024)
def _context(locale: str | None, rating: int | None, vocabulary: Vocabulary) -> Context:
    return Context(locale, vocabulary.languages, rating, vocabulary.words)


@lru_cache(maxsize=1024)
def _ruling(verdict: Verdict, scope: str) -> Ruling:
    return Ruling(
        status=verdict.status,
        actor_kind="policy",
        actor=verdict.policy,
        queue=verdict.queue,
        rule=verdict.rule,
        policy=verdict.policy,
        policy_version=verdict.policy_version,
        policy_scope=scope,
        codes=verdict.codes,
        note=verdict.note,
    )
