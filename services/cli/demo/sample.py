"""The reviews of the demo, and the ways by which they go in. Everything here is fixed: the same in every run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any

SITE = "demo"
TOPIC = "demo-reviews"
APPROVED_BY_HAND = "demo-038"
"""Held for its link, which turns out to be harmless."""
REPLIED_TO = "demo-056"
"""Approved and critical: the owner answers it."""


class Way(StrEnum):
    """How a review is sent."""

    HTTP = "HTTP"
    BATCH = "batch"
    KAFKA = "Kafka"


_IN_TURN = (Way.HTTP, Way.BATCH, Way.KAFKA)


@dataclass(frozen=True)
class SampleReview:
    """`kind` is what its author had in mind (fine, disguised, lookalike, …) and is not sent; `body` is what is."""

    source_id: str
    kind: str
    way: Way
    body: Mapping[str, Any]

    @property
    def encoded(self) -> bytes:
        return encode(self.body)


def load_sample() -> tuple[SampleReview, ...]:
    """A third each singly over HTTP, in one batch over HTTP, and over Kafka."""
    lines = files("services.cli.demo").joinpath("sample.ndjson").read_text("utf-8").splitlines()
    return tuple(_review(json.loads(line), _IN_TURN[at % len(_IN_TURN)]) for at, line in enumerate(lines))


def of_way(sample: Sequence[SampleReview], way: Way) -> tuple[SampleReview, ...]:
    return tuple(review for review in sample if review.way is way)


def encode(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def too_many_stars(review: SampleReview) -> Mapping[str, Any]:
    """A submission that no site takes, under an id of its own."""
    return {**review.body, "source_id": f"{review.source_id}-seven-stars", "rating": 7}


def second_opinion(review: SampleReview) -> Mapping[str, Any]:
    """The same person about the same product once more, as another record."""
    return {**review.body, "source_id": f"{review.source_id}-again", "rating": 1, "text": "On second thoughts, no."}


def cut_off(review: SampleReview) -> bytes:
    """A record whose sender broke off in the middle."""
    return review.encoded[: len(review.encoded) // 2]


def _review(line: dict[str, Any], way: Way) -> SampleReview:
    kind = line.pop("kind")
    return SampleReview(line["source_id"], kind, way, line)
