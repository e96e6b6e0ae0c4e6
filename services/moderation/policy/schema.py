"""What conditions may name: `review`, `signals` and their fields, as types that CEL checks expressions against."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from services.moderation.engine.signal import Category, Detector, Severity, Signal
from services.moderation.policy.facts import CHANNELS, KINDS, Facts, repeated
from services.moderation.policy.facts import SIGNAL_FIELDS as PLACES

if TYPE_CHECKING:
    from cel_expr_python import cel

REVIEW: Final = "plaudit.Review"
SIGNAL: Final = "plaudit.Signal"

REVIEW_FIELDS: Final = {
    "site": str,
    "entity_id": str,
    "channel": str,
    "source": str,
    "locale": str,
    "rating": int,
    "title": str,
    "text": str,
    "author_name": str,
    "has_text": bool,
    "words": int,
    "revision": int,
    "is_edit": bool,
    "require_approval": bool,
    "author_known": bool,
    "kind": str,
    "pros": str,
    "cons": str,
    "is_recommended": bool,
    "is_incentivized": bool,
    "is_syndicated": bool,
    "photos": int,
    "videos": int,
    "campaign_id": str,
}
SIGNAL_FIELDS: Final = {
    "detector": str,
    "category": str,
    "severity": str,
    "field": str,
    "start": int,
    "end": int,
    "matched": str,
    "confidence": float,
    "detail": str,
    "repeated": bool,
}
"""The attributes of signals, and what `facts.repeated` says of each."""

VOCABULARY: Final = {
    (SIGNAL, "detector"): tuple(detector.value for detector in Detector),
    (SIGNAL, "category"): tuple(category.value for category in Category),
    (SIGNAL, "severity"): (*(severity.value for severity in Severity), ""),
    (SIGNAL, "field"): PLACES,
    (REVIEW, "channel"): CHANNELS,
    (REVIEW, "kind"): KINDS,
}
"""The values that these fields take. A plug-in's detector has its own name and is not among them, nor are the fields
that have a number or the id of a dimension.
"""


class Schema:
    """Types and environment of all conditions. Importing CEL and protobuf takes longer than the rest of the policy, so
    it waits until the first policy is compiled.
    """

    def __init__(self) -> None:
        from cel_expr_python import cel
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

        field = descriptor_pb2.FieldDescriptorProto
        kinds = {str: field.TYPE_STRING, int: field.TYPE_INT64, bool: field.TYPE_BOOL, float: field.TYPE_DOUBLE}
        file = descriptor_pb2.FileDescriptorProto(name="plaudit.proto", package="plaudit", syntax="proto3")
        for name, fields in ((REVIEW, REVIEW_FIELDS), (SIGNAL, SIGNAL_FIELDS)):
            message = file.message_type.add(name=name.partition(".")[2])
            for number, (attribute, kind) in enumerate(fields.items(), 1):
                message.field.add(name=attribute, number=number, type=kinds[kind], label=field.LABEL_OPTIONAL)
        pool = descriptor_pool.DescriptorPool()
        pool.Add(file)
        self._review: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName(REVIEW))
        self._signal: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName(SIGNAL))
        # No functions of our own: each call of one written in Python leaks memory in the bindings (0.1.3: 50 to 250
        # bytes).
        self.environment = cel.NewEnv(
            descriptor_pool=pool,
            variables={"review": cel.Type(REVIEW), "signals": cel.Type.List(cel.Type(SIGNAL))},
        )

    def activation(
        self, facts: Facts, review_fields: Collection[str], signal_fields: Collection[str]
    ) -> cel.Activation:
        """The variables of one evaluation, with no other fields filled in than those given."""
        own = [field for field in signal_fields if field != "repeated"]
        signals = [self._signal(**_values(signal, own)) for signal in facts.signals]
        if "repeated" in signal_fields:
            for message, is_repeated in zip(signals, repeated(facts.signals), strict=True):
                message.repeated = is_repeated
        return self.environment.Activation(
            {"review": self._review(**_values(facts, review_fields)), "signals": signals}
        )


@lru_cache(maxsize=1)
def schema() -> Schema:
    return Schema()


def _values(of: Facts | Signal, fields: Iterable[str]) -> dict[str, Any]:
    values = {}
    for field in fields:
        value = getattr(of, field)
        if value is not None:
            values[field] = _utf8(value) if isinstance(value, str) else value
    return values


def _utf8(text: str) -> str:
    """Lone surrogates, which protobuf refuses, become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
