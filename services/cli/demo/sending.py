"""Sends the sample in, by every way there is, together with what senders get wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer

from services.cli.demo.api import Api, refusal
from services.cli.demo.errors import DemoFailed
from services.cli.demo.sample import TOPIC, SampleReview, Way, cut_off, encode, second_opinion, too_many_stars
from shared.kafka.client import KafkaSettings

PAUSE_SECONDS = 0.05
"""Between single submissions: people do not write all at once, and each is to find the way free."""


@dataclass(frozen=True)
class Mishap:
    """Something that was sent wrongly or twice, and what intake said to it; a dead letter's answer comes later."""

    way: Way
    what: str
    answer: str


@dataclass(frozen=True)
class Answers:
    """How often intake gave which outcome, and what it said to the mishaps."""

    outcomes: tuple[str, ...]
    mishaps: tuple[Mishap, ...]


async def send_singly(api: Api, reviews: Sequence[SampleReview]) -> Answers:
    """One request each, with a pause between; then the first again, one with 7 stars, and one by the same person."""
    outcomes = []
    for review in reviews:
        answer = await api.submit(review.body)
        if answer.status_code not in (200, 201):
            raise DemoFailed(f"intake refused {review.source_id}: {refusal(answer)}")
        outcomes.append(str(answer.json()["outcome"]))
        await asyncio.sleep(PAUSE_SECONDS)
    again = await api.submit(reviews[0].body)
    stars = await api.submit(too_many_stars(reviews[0]))
    second = await api.submit(second_opinion(reviews[0]))
    mishaps = (
        Mishap(Way.HTTP, "the first one again", _said(again)),
        Mishap(Way.HTTP, "rating 7", _said(stars)),
        Mishap(Way.HTTP, "a second review by the same person", _said(second)),
    )
    return Answers(tuple(outcomes), mishaps)


async def send_batch(api: Api, reviews: Sequence[SampleReview]) -> Answers:
    """One request of NDJSON; its last lines are the first one again, and one that is no JSON."""
    results = await api.submit_batch([*(review.encoded for review in reviews), reviews[0].encoded, b'{"rating": 5,'])
    if len(results) != len(reviews) + 2:
        raise DemoFailed(f"intake answered {len(results)} lines to a batch of {len(reviews) + 2}")
    *accepted, again, broken = results
    for review, result in zip(reviews, accepted, strict=True):
        if result["outcome"] == "refused":
            raise DemoFailed(f"intake refused {review.source_id}: {_line(result)}")
    mishaps = (
        Mishap(Way.BATCH, "the first one again", f"line {again['line']}: {_line(again)}"),
        Mishap(Way.BATCH, "half a line", f"line {broken['line']}: {_line(broken)}"),
    )
    return Answers(tuple(result["outcome"] for result in accepted), mishaps)


async def send_records(kafka: KafkaSettings, reviews: Sequence[SampleReview]) -> int:
    """A record each, keyed by the sender's id; then the first again, one that breaks off, one with 7 stars.

    Returns how many records will become dead letters. Kafka has them all when this returns; intake answers none. The
    one that breaks off has the key of the one sent again: once it is parked, intake has seen the other too.
    """
    producer = AIOKafkaProducer(**kafka.client_options("plaudit-demo"), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        keyed = [(review.source_id, review.encoded) for review in reviews]
        key = reviews[0].source_id
        wrong = [(key, cut_off(reviews[0])), (key, encode(too_many_stars(reviews[0])))]
        records = [*keyed, keyed[0], *wrong]
        sends = [await producer.send(TOPIC, value, key=key.encode()) for key, value in records]
        await asyncio.gather(*sends)
    finally:
        await producer.stop()
    return len(wrong)


def _said(answer: httpx.Response) -> str:
    if answer.status_code in (200, 201):
        return f"{answer.status_code} {answer.json()['outcome']}"
    return f"{answer.status_code} {refusal(answer)}"


def _line(result: dict[str, Any]) -> str:
    error = result.get("error")
    return f"refused, {error['code']}: {error['message']}" if error else str(result["outcome"])
