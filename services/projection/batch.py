"""Reads a batch of records and keeps the newest event of each key: nothing else of a batch can have an effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TypeVar

from services.projection.catalog import EntryFact
from services.projection.feedback import FeedbackFact
from services.projection.keys import (
    CommentKey,
    EntryKey,
    FeedbackKey,
    ReplyKey,
    ReviewKey,
    parse_catalog_key,
    parse_feedback_key,
    parse_reply_key,
    parse_review_key,
    parse_sequence,
    text_of,
)
from services.projection.replies import ReplyFact
from shared.events.cloudevents import BadEvent, Decoded, DecodeError, Decoder, UnknownType, UnknownVersion
from shared.events.ids import reply_id
from shared.events.models import (
    BrandUpdated,
    CatalogEntryRemoved,
    CategoryUpdated,
    CommentModerated,
    CommentWithdrawn,
    Event,
    FeedbackGiven,
    FeedbackRemoved,
    ProductUpdated,
    ReplyPosted,
    ReplyRemoved,
    ReviewModerated,
    ReviewWithdrawn,
    SiteSettingsChanged,
    VocabularyUpdated,
)
from shared.events.topics import (
    CATALOG_UPDATED,
    COMMENT_MODERATED,
    COMMENT_SUBMITTED,
    REPLY_POSTED,
    REVIEW_FEEDBACK,
    REVIEW_MODERATED,
    REVIEW_SUBMITTED,
    SITE_SETTINGS_CHANGED,
    TopicSpec,
)
from shared.kafka.consumer import Failure, Poison, Systematic
from shared.kafka.record import Record, header

TOPICS: tuple[TopicSpec, ...] = (
    REVIEW_SUBMITTED,
    REVIEW_MODERATED,
    REPLY_POSTED,
    SITE_SETTINGS_CHANGED,
    COMMENT_SUBMITTED,
    COMMENT_MODERATED,
    REVIEW_FEEDBACK,
    CATALOG_UPDATED,
)
REVIEW_TOPICS = frozenset({REVIEW_SUBMITTED.name, REVIEW_MODERATED.name})
COMMENT_TOPICS = frozenset({COMMENT_SUBMITTED.name, COMMENT_MODERATED.name})
MODERATED_TOPICS = frozenset({REVIEW_MODERATED.name, COMMENT_MODERATED.name})

_SUBMITTED: Mapping[str, bytes] = {
    REVIEW_SUBMITTED.name: b"review.submitted.v",
    COMMENT_SUBMITTED.name: b"comment.submitted.v",
}
_WITHDRAWN = (b"review.withdrawn", b"comment.withdrawn")

Key = TypeVar("Key")
Fact = TypeVar("Fact", ReviewModerated, CommentModerated, SiteSettingsChanged, ReplyFact, FeedbackFact, EntryFact)


@dataclass(slots=True)
class Batch:
    """What is to be folded. The `hidden_` ones are keys of unreadable records, with their sequences where known."""

    moderated: dict[ReviewKey, ReviewModerated] = field(default_factory=dict)
    withdrawn: set[ReviewKey] = field(default_factory=set)
    replies: dict[ReplyKey, ReplyFact] = field(default_factory=dict)
    sites: dict[str, SiteSettingsChanged] = field(default_factory=dict)
    comments: dict[CommentKey, CommentModerated] = field(default_factory=dict)
    withdrawn_comments: set[CommentKey] = field(default_factory=set)
    feedback: dict[FeedbackKey, FeedbackFact] = field(default_factory=dict)
    catalog: dict[EntryKey, EntryFact] = field(default_factory=dict)
    hidden_reviews: dict[ReviewKey, int | None] = field(default_factory=dict)
    hidden_replies: dict[ReplyKey, int | None] = field(default_factory=dict)
    hidden_sites: dict[str, int | None] = field(default_factory=dict)
    hidden_comments: dict[CommentKey, int | None] = field(default_factory=dict)
    hidden_feedback: dict[FeedbackKey, int | None] = field(default_factory=dict)
    hidden_catalog: dict[EntryKey, int | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(getattr(self, part.name) for part in fields(self))

    def review_keys(self) -> set[ReviewKey]:
        """Every review of which the batch itself says something."""
        keys = {*self.moderated, *self.withdrawn, *self.hidden_reviews}
        for replies in (self.replies, self.hidden_replies):
            keys.update((site, review_id) for site, review_id, _ in replies)
        return keys

    def comment_keys(self) -> set[CommentKey]:
        return {*self.comments, *self.withdrawn_comments, *self.hidden_comments}

    def add(self, topic: str, key: bytes, decoded: Decoded[Event]) -> None:
        """Raises BadEvent when the event contradicts itself."""
        event = decoded.event
        if isinstance(event, ReviewModerated):
            _check_moderated(event)
            if event.published is not None and event.first_published_at is None:
                raise BadEvent("first_published_at: is missing from a public review")
            _keep_newest(self.moderated, (event.site, event.review_id), event)
        elif isinstance(event, FeedbackGiven):
            if (event.vote == "inappropriate") != (event.kind == "inappropriate"):
                raise BadEvent("vote: is not one of this kind of feedback")
            self._add_feedback(event, event.vote)
        elif isinstance(event, FeedbackRemoved):
            self._add_feedback(event, None)
        elif isinstance(event, CommentModerated):
            _check_moderated(event)
            _keep_newest(self.comments, (event.site, event.comment_id), event)
        elif isinstance(event, ReviewWithdrawn):
            self.withdrawn.add((event.site, event.review_id))
        elif isinstance(event, CommentWithdrawn):
            self.withdrawn_comments.add((event.site, event.comment_id))
        elif isinstance(event, ReplyPosted | ReplyRemoved):
            if event.reply_id != reply_id(event.review_id, event.slot):
                raise BadEvent("reply_id: is not that of the review and the slot")
            posted = event if isinstance(event, ReplyPosted) else None
            self._add_reply((event.site, event.review_id, event.slot), event.sequence, posted)
        elif isinstance(event, SiteSettingsChanged):
            _keep_newest(self.sites, event.site, event)
        elif isinstance(event, ProductUpdated):
            self._add_entry(EntryKey(event.site, "product", event.product.id), event.sequence, event)
        elif isinstance(event, CategoryUpdated):
            self._add_entry(EntryKey(event.site, "category", event.category.id), event.sequence, event)
        elif isinstance(event, BrandUpdated):
            self._add_entry(EntryKey(event.site, "brand", event.brand.id), event.sequence, event)
        elif isinstance(event, VocabularyUpdated):
            self._add_entry(EntryKey(event.site, "vocabulary", event.locale), event.sequence, event)
        elif isinstance(event, CatalogEntryRemoved):
            self._add_entry(EntryKey(event.site, event.kind, event.entry_id), event.sequence, None)
        elif event is None:
            self._add_tombstone(topic, key, decoded.sequence)
        else:
            raise BadEvent(f"{event.TYPE}: has no meaning here")

    def _add_tombstone(self, topic: str, key: bytes, sequence: int) -> None:
        if topic in REVIEW_TOPICS and (review := parse_review_key(key)) is not None:
            self.withdrawn.add(review)
        elif topic in COMMENT_TOPICS and (comment := parse_review_key(key)) is not None:
            self.withdrawn_comments.add(comment)
        elif topic == REPLY_POSTED.name and (reply := parse_reply_key(key)) is not None:
            self._add_reply(reply, sequence, None)
        elif topic == REVIEW_FEEDBACK.name and (feedback := parse_feedback_key(key)) is not None:
            _keep_newest(self.feedback, feedback, FeedbackFact(sequence, None))
        elif topic == CATALOG_UPDATED.name and (entry := parse_catalog_key(key)) is not None:
            self._add_entry(entry, sequence, None)
        else:
            raise BadEvent("the event: there is none, and a tombstone has no meaning for this key")

    def _add_reply(self, key: ReplyKey, sequence: int, posted: ReplyPosted | None) -> None:
        _keep_newest(self.replies, key, ReplyFact(*key, sequence, posted))

    def _add_feedback(self, event: FeedbackGiven | FeedbackRemoved, vote: str | None) -> None:
        key = FeedbackKey(event.site, event.content_kind, event.content_id, event.voter, event.kind)
        _keep_newest(self.feedback, key, FeedbackFact(event.sequence, vote))

    def _add_entry(
        self,
        key: EntryKey,
        sequence: int,
        event: ProductUpdated | CategoryUpdated | BrandUpdated | VocabularyUpdated | None,
    ) -> None:
        _keep_newest(self.catalog, key, EntryFact(sequence, event))


def read(records: Sequence[Record], decoders: Mapping[str, Decoder]) -> Batch:
    """Raises Poison for a record that cannot be read, and Systematic for a type that this version does not know."""
    batch = Batch()
    for record in records:
        topic = record.topic
        decoder = decoders[topic]
        try:
            # Submissions are moderation's to read: half of all records, so not even their JSON is parsed.
            submitted = _SUBMITTED.get(topic)
            if (
                submitted is not None
                and record.value is not None
                and decoder.type_of(record.headers).startswith(submitted)
            ):
                continue
            decoded = decoder.decode(record.key, record.value, record.headers)
            batch.add(topic, record.key or b"", decoded)
        except (UnknownType, UnknownVersion) as error:
            raise Systematic(f"{topic}/{record.partition} at {record.offset}: {error}") from error
        except DecodeError as error:
            raise Poison(record, Failure(error.code, str(error))) from error
    return batch


def unreadable(record: Record) -> Batch:
    """What a record that cannot be processed hides; empty when not even its key can be read."""
    batch = Batch()
    topic, key = record.topic, record.key or b""
    sequence = parse_sequence(header(record, "ce_sequence"))
    if topic in REVIEW_TOPICS or topic in COMMENT_TOPICS:
        withdrawn, hidden = (
            (batch.withdrawn, batch.hidden_reviews)
            if topic in REVIEW_TOPICS
            else (batch.withdrawn_comments, batch.hidden_comments)
        )
        content = parse_review_key(key)
        if content is None:
            pass
        elif topic in MODERATED_TOPICS:
            hidden[content] = sequence
        elif record.value is None or (header(record, "ce_type") or b"").startswith(_WITHDRAWN):
            # Whatever else it says, the content is gone, and that is final.
            withdrawn.add(content)
        else:
            # Perhaps a withdrawal. Its sequence is intake's, moderation's counts here: until the next decision.
            hidden[content] = None
    elif topic == REPLY_POSTED.name and (reply := parse_reply_key(key)) is not None:
        batch.hidden_replies[reply] = sequence
    elif topic == REVIEW_FEEDBACK.name and (feedback := parse_feedback_key(key)) is not None:
        batch.hidden_feedback[feedback] = sequence
    elif topic == CATALOG_UPDATED.name and (entry := parse_catalog_key(key)) is not None:
        batch.hidden_catalog[entry] = sequence
    elif topic == SITE_SETTINGS_CHANGED.name and (site := text_of(key)):
        batch.hidden_sites[site] = sequence
    return batch


def _keep_newest(known: dict[Key, Fact], key: Key, fact: Fact) -> None:
    before = known.get(key)
    if before is None or fact.sequence > before.sequence:
        known[key] = fact


def _check_moderated(event: ReviewModerated | CommentModerated) -> None:
    published = event.published
    if published is None:
        return
    if published.revision > event.revision or (event.status == "rejected" and published.revision == event.revision):
        raise BadEvent("published.revision: is not one that can have been approved")
    if event.status == "withdrawn":
        raise BadEvent("published: withdrawn content has none")
