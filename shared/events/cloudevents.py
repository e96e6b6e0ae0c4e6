"""CloudEvents 1.0 binary mode on Kafka: attributes are headers, the value is JSON, a tombstone has none.

DecodeError
├── BadHeader        an attribute is missing, twice there, or not what it must be
├── Oversize         the value is larger than any writer of ours may send
├── BadJson          the value is not JSON
├── BadEvent         JSON, but not of the shape that its type promises
├── UnknownType      a type that this reader has never heard of
└── UnknownVersion   a known type in a version that this reader cannot read
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Generic, TypeVar

import orjson
from pydantic import ValidationError

from shared.events.models import Event
from shared.events.topics import TopicSpec

MAX_VALUE_BYTES = 512 * 1024
"""Intake's limits keep the largest event well below; brokers take 1 MiB by default."""
MAX_SEQUENCE_DIGITS = 19
CONTENT_TYPE = b"application/json"

Headers = Sequence[tuple[str, bytes | None]]
"""Kafka allows a header without a value, and so must readers of what others wrote."""
E = TypeVar("E", bound=Event)


class DecodeError(Exception):
    """A record that cannot be read; `code` is stable, the message names the field and never its value."""

    code = "decode_error"


class BadHeader(DecodeError):
    code = "bad_header"


class Oversize(DecodeError):
    code = "oversize"


class BadJson(DecodeError):
    code = "bad_json"


class BadEvent(DecodeError):
    code = "bad_event"


class UnknownType(DecodeError):
    code = "unknown_type"


class UnknownVersion(DecodeError):
    code = "unknown_version"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record ready to be sent."""

    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Decoded(Generic[E]):
    """A record as read: `event` is None for a tombstone, and `type` then says of what."""

    id: str
    type: str
    site: str
    sequence: int
    event: E | None


def event_id(event_type: str, key: bytes, sequence: int) -> str:
    """The same for every sending of the same fact; the version is left out, for an upcast fact is still that fact."""
    return f"{event_type}:{key.decode()}:{sequence}"


def encode(spec: TopicSpec, event: Event, traceparent: str | None = None) -> Encoded:
    """Raises Oversize when the event is too large for any reader; the caller's limits must not let it come to that."""
    value = to_json(event)
    if len(value) > MAX_VALUE_BYTES:
        raise Oversize(f"{event.TYPE} of {len(value)} bytes is over the limit of {MAX_VALUE_BYTES}")
    return _encoded(spec, event, event.key, value, traceparent)


def to_json(event: Event) -> bytes:
    """The very bytes of `model_dump_json`, in two fifths of the time."""
    return orjson.dumps(event, default=vars, option=orjson.OPT_UTC_Z)


@lru_cache(maxsize=256)
def _rfc3339(moment: datetime) -> bytes:
    """Kept, for all facts of a batch share their time."""
    return moment.isoformat().replace("+00:00", "Z").encode()


def encode_tombstone(spec: TopicSpec, last: Event) -> Encoded:
    """Deletes the key at compaction. `last` is the fact that it follows; give it the tombstone's own sequence."""
    return _encoded(spec, last, last.key, None, None)


def _encoded(spec: TopicSpec, event: Event, key: bytes, value: bytes | None, traceparent: str | None) -> Encoded:
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id(event.TYPE, key, event.sequence).encode()),
        ("ce_type", f"{event.TYPE}.v{event.VERSION}".encode()),
        ("ce_source", f"/plaudit/{spec.written_by}".encode()),
        ("ce_time", _rfc3339(event.time)),
        ("ce_subject", key),
        ("ce_site", event.site.encode()),
        ("ce_sequence", str(event.sequence).encode()),
        ("content-type", CONTENT_TYPE),
    ]
    if traceparent is not None:
        headers.append(("traceparent", traceparent.encode()))
    return Encoded(spec.name, key, value, tuple(headers))


class Decoder:
    """Reads the records of one topic; made once, then pure."""

    def __init__(self, spec: TopicSpec) -> None:
        self._known: dict[bytes, type[Event]] = {f"{e.TYPE}.v{e.VERSION}".encode(): e for e in spec.events}
        self._names = {e.TYPE for e in spec.events}

    def type_of(self, headers: Headers) -> bytes:
        """The `ce_type` as it stands, for readers that skip some types without reading them."""
        for name, value in headers:
            if name == "ce_type" and value is not None:
                return value
        raise BadHeader("ce_type is missing")

    def decode(self, key: bytes | None, value: bytes | None, headers: Headers) -> Decoded[Event]:
        """Raises a DecodeError; the record's key must be the one that its content says."""
        attributes = _attributes(headers)
        model = self._model(attributes["ce_type"])
        site = attributes["ce_site"].decode()
        sequence = int(attributes["ce_sequence"])
        if key is None:
            raise BadHeader("the record has no key")
        if key != attributes["ce_subject"]:
            raise BadHeader("ce_subject is not the record's key")
        kind, _, _ = attributes["ce_type"].decode().rpartition(".v")
        if value is None:
            return Decoded(attributes["ce_id"].decode(), kind, site, sequence, None)
        if len(value) > MAX_VALUE_BYTES:
            raise Oversize(f"value of {len(value)} bytes is over the limit of {MAX_VALUE_BYTES}")
        try:
            event = model.model_validate_json(value)
        except ValidationError as error:
            raise _unreadable(error) from None
        if event.site != site or event.sequence != sequence or event.key != key:
            raise BadHeader("ce_site, ce_sequence or the key differ from the event's own")
        return Decoded(attributes["ce_id"].decode(), kind, site, sequence, event)

    def _model(self, ce_type: bytes) -> type[Event]:
        model = self._known.get(ce_type)
        if model is not None:
            return model
        text = ce_type.decode("utf-8", "replace")
        name, _, version = text.rpartition(".v")
        if name in self._names and version.isdigit():
            raise UnknownVersion(f"{text}: this reader knows {name} in other versions only")
        raise UnknownType(f"{text!r} does not belong on this topic")


REQUIRED_ATTRIBUTES = (
    "ce_specversion",
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_time",
    "ce_subject",
    "ce_site",
    "ce_sequence",
)


def _attributes(headers: Headers) -> Mapping[str, bytes]:
    attributes: dict[str, bytes] = {}
    for name, value in headers:
        if name in attributes:
            raise BadHeader(f"{name} is there twice")
        if value is not None:
            attributes[name] = value
    for name in REQUIRED_ATTRIBUTES:
        if name not in attributes:
            raise BadHeader(f"{name} is missing")
    if attributes["ce_specversion"] != b"1.0":
        raise BadHeader("ce_specversion must be 1.0")
    if not (attributes["ce_sequence"].isdigit() and len(attributes["ce_sequence"]) <= MAX_SEQUENCE_DIGITS):
        raise BadHeader("ce_sequence must be a whole number")
    for name in ("ce_id", "ce_type", "ce_site", "ce_time"):
        try:
            text = attributes[name].decode()
        except UnicodeDecodeError:
            raise BadHeader(f"{name} is not UTF-8") from None
        if name == "ce_time":
            try:
                datetime.fromisoformat(text)
            except ValueError:
                raise BadHeader("ce_time is not an RFC 3339 time") from None
    return attributes


def _unreadable(error: ValidationError) -> DecodeError:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return BadJson("the value is not JSON")
    place = ".".join(str(part) for part in first["loc"]) or "the event"
    return BadEvent(f"{place}: {first['msg']}")


def traceparent() -> str:
    """A new W3C trace for a request that came without one."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"


def pack_headers(headers: Iterable[tuple[str, bytes | None]]) -> str:
    """Headers as they stand in an outbox or a dead letter: JSON pairs, bytes as Latin-1 so that any byte survives."""
    return orjson.dumps(
        [(name, None if value is None else value.decode("latin-1")) for name, value in headers]
    ).decode()


def unpack_headers(text: str) -> list[tuple[str, bytes | None]]:
    return [(name, None if value is None else value.encode("latin-1")) for name, value in orjson.loads(text)]
