"""Reads a batch of records and keeps the newest event of each key: nothing else of a batch can have an effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.projection.fold import ReplyFact
from shared.events.cloudevents import BadEvent, Decoded, DecodeError, Decoder, UnknownType, UnknownVersion
from shared.events.ids import MAX_REVIEW_ID, reply_id
from shared.events.models import Event, ReplyPosted, ReplyRemoved, ReviewModerated, ReviewWithdrawn, SiteSettingsChanged
from shared.events.topics import REPLY_POSTED, REVIEW_MODERATED, REVIEW_SUBMITTED, SITE_SETTINGS_CHANGED, TopicSpec
from shared.kafka.consumer import Failure, Poison, Systematic
from shared.kafka.record import Record, header

TOPICS: tuple[TopicSpec, ...] = (REVIEW_SUBMITTED, REVIEW_MODERATED, REPLY_POSTED, SITE_SETTINGS_CHANGED)
REVIEW_TOPICS = frozenset({REVIEW_SUBMITTED.name, REVIEW_MODERATED.name})

ReviewKey = tuple[str, int]
ReplyKey = tuple[str, int, int]
"""Site, review and slot."""

_SUBMITTED = b"review.submitted.v"
_WITHDRAWN = b"review.withdrawn"
_MAX_SEQUENCE = 2**63 - 1
_MAX_SLOT = 2**31 - 1


@dataclass(slots=True)
class Batch:
    """What is to be folded. The `hidden_` ones are keys of unreadable records, with their sequences where known."""

    moderated: dict[ReviewKey, ReviewModerated] = field(default_factory=dict)
    withdrawn: set[ReviewKey] = field(default_factory=set)
    replies: dict[ReplyKey, ReplyFact] = field(default_factory=dict)
    sites: dict[str, SiteSettingsChanged] = field(default_factory=dict)
    hidden_reviews: dict[ReviewKey, int | None] = field(default_factory=dict)
    hidden_replies: dict[ReplyKey, int | None] = field(default_factory=dict)
    hidden_sites: dict[str, int | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(
            self.moderated
            or self.withdrawn
            or self.replies
            or self.sites
            or self.hidden_reviews
            or self.hidden_replies
            or self.hidden_sites
        )

    def review_keys(self) -> list[ReviewKey]:
        """Every review whose public row may change, in the order in which they are locked."""
        keys = {*self.moderated, *self.withdrawn, *self.hidden_reviews}
        for replies in (self.replies, self.hidden_replies):
            keys.update((site, review_id) for site, review_id, _ in replies)
        return sorted(keys)

    def add(self, topic: str, key: bytes, decoded: Decoded[Event]) -> None:
        """Raises BadEvent when the event contradicts itself."""
        event = decoded.event
        if isinstance(event, ReviewModerated):
            _check_moderated(event)
            review = (event.site, event.review_id)
            known = self.moderated.get(review)
            if known is None or event.sequence > known.sequence:
                self.moderated[review] = event
        elif isinstance(event, ReviewWithdrawn):
            self.withdrawn.add((event.site, event.review_id))
        elif isinstance(event, ReplyPosted | ReplyRemoved):
            if event.reply_id != reply_id(event.review_id, event.slot):
                raise BadEvent("reply_id: is not that of the review and the slot")
            posted = event if isinstance(event, ReplyPosted) else None
            self._add_reply(ReplyFact(event.site, event.review_id, event.slot, event.sequence, posted))
        elif isinstance(event, SiteSettingsChanged):
            known_site = self.sites.get(event.site)
            if known_site is None or event.sequence > known_site.sequence:
                self.sites[event.site] = event
        elif event is None:
            self._add_tombstone(topic, key, decoded.sequence)
        else:
            raise BadEvent(f"{event.TYPE}: has no meaning here")

    def _add_tombstone(self, topic: str, key: bytes, sequence: int) -> None:
        if topic in REVIEW_TOPICS and (review := parse_review_key(key)) is not None:
            self.withdrawn.add(review)
        elif topic == REPLY_POSTED.name and (reply := parse_reply_key(key)) is not None:
            self._add_reply(ReplyFact(*reply, sequence, None))
        else:
            raise BadEvent("the event: there is none, and a tombstone has no meaning for this key")

    def _add_reply(self, fact: ReplyFact) -> None:
        reply = (fact.site, fact.review_id, fact.slot)
        known = self.replies.get(reply)
        if known is None or fact.sequence > known.sequence:
            self.replies[reply] = fact


def read(records: Sequence[Record], decoders: Mapping[str, Decoder]) -> Batch:
    """Raises Poison for a record that cannot be read, and Systematic for a type that this version does not know."""
    batch = Batch()
    submitted = REVIEW_SUBMITTED.name
    for record in records:
        topic = record.topic
        decoder = decoders[topic]
        try:
            # Submissions are moderation's to read: half of all records, so not even their JSON is parsed.
            if topic == submitted and record.value is not None and _is_submission(decoder, record):
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
    key = record.key or b""
    sequence = _sequence(header(record, "ce_sequence"))
    if record.topic in REVIEW_TOPICS and (review := parse_review_key(key)) is not None:
        if record.topic == REVIEW_MODERATED.name:
            batch.hidden_reviews[review] = sequence
        elif record.value is None or (header(record, "ce_type") or b"").startswith(_WITHDRAWN):
            # Whatever else it says, the review is gone, and that is final.
            batch.withdrawn.add(review)
        else:
            # Perhaps a withdrawal. Its sequence is intake's, moderation's counts here: until the next decision.
            batch.hidden_reviews[review] = None
    elif record.topic == REPLY_POSTED.name and (reply := parse_reply_key(key)) is not None:
        batch.hidden_replies[reply] = sequence
    elif record.topic == SITE_SETTINGS_CHANGED.name and (site := _text(key)):
        batch.hidden_sites[site] = sequence
    return batch


def parse_review_key(key: bytes) -> ReviewKey | None:
    site, _, review = _text(key).rpartition("/")
    number = _number(review, MAX_REVIEW_ID)
    return None if number is None or not site else (site, number)


def parse_reply_key(key: bytes) -> ReplyKey | None:
    site, _, reply = _text(key).rpartition("/")
    review, _, slot = reply.partition(".")
    review_number, slot_number = _number(review, MAX_REVIEW_ID), _number(slot, _MAX_SLOT)
    return None if review_number is None or slot_number is None or not site else (site, review_number, slot_number)


def _is_submission(decoder: Decoder, record: Record) -> bool:
    return decoder.type_of(record.headers).startswith(_SUBMITTED)


def _check_moderated(event: ReviewModerated) -> None:
    published = event.published
    if published is None:
        return
    if event.first_published_at is None:
        raise BadEvent("first_published_at: is missing from a public review")
    if published.revision > event.revision or (event.status == "rejected" and published.revision == event.revision):
        raise BadEvent("published.revision: is not one that can have been approved")
    if event.status == "withdrawn":
        raise BadEvent("published: a withdrawn review has none")


def _text(key: bytes) -> str:
    """Empty when Postgres could not store it."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return ""
    return "" if "\0" in text else text


def _number(text: str, most: int) -> int | None:
    """Of a key's one and only spelling: another spelling is another key."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    number = int(text)
    return number if str(number) == text and number <= most else None


def _sequence(value: bytes | None) -> int | None:
    if value is None or not value.isdigit() or len(value) > 19:
        return None
    number = int(value)
    return number if number <= _MAX_SEQUENCE else None
