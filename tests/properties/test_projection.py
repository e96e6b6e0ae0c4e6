"""However the topics mix, whatever comes twice: the same public rows, exact statistics, nothing that was withdrawn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as configure
from hypothesis import strategies as st

from shared.events.models import ReviewModerated, Status
from tests.parts import Database
from tests.projection_world import (
    Row,
    World,
    content,
    moderated,
    posted,
    record,
    removed,
    settings,
    submitted,
    tombstone,
    withdrawn,
    world,
)

SITES = ("one", "two")
ENTITIES = (None, "hat", "shirt")
Lane = list[Row]
"""The records of one key on one topic, in the order in which their owner wrote them: all the order that Kafka keeps."""

run = configure(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class History:
    """What the owners of all keys did, in the order in which they did it, and what must be public in the end."""

    records: list[Row] = field(default_factory=list)
    lanes: dict[tuple[str, bytes | None], Lane] = field(default_factory=dict)
    public: dict[tuple[str, int], ReviewModerated] = field(default_factory=dict)
    withdrawn: set[tuple[str, int]] = field(default_factory=set)
    replies: dict[tuple[str, int], dict[int, str]] = field(default_factory=dict)
    sites: dict[str, tuple[int, bool]] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        self.records.append(row)
        self.lanes.setdefault((row.topic, row.key), []).append(row)

    def expected(self) -> set[tuple[Any, ...]]:
        return {
            (
                *key,
                event.published.revision,
                event.published.content.rating,
                event.published.content.entity_id or "",
                tuple(text for _, text in sorted(self.replies.get(key, {}).items())),
            )
            for key, event in self.public.items()
            if event.published is not None and key not in self.withdrawn
        }


@st.composite
def histories(draw: st.DrawFn) -> History:
    history = History()
    counters: dict[Any, int] = {}

    def following(key: Any) -> int:
        counters[key] = counters.get(key, 0) + 1
        return counters[key]

    keys = draw(st.lists(st.tuples(st.sampled_from(SITES), st.integers(1, 3)), min_size=1, max_size=4, unique=True))
    moves = ("approve", "approve", "reject", "hold", "submit", "withdraw", "reply", "remove reply", "settings")
    for move in draw(st.lists(st.sampled_from(moves), min_size=1, max_size=22)):
        key = site, review_id = draw(st.sampled_from(keys))
        gone = key in history.withdrawn
        if move == "settings":
            event = settings(following(site), draw(st.booleans()), site)
            history.sites[site] = (event.sequence, event.settings.enabled)
            history.add(record(event))
        elif move in ("reply", "remove reply"):
            slot = draw(st.integers(0, 1))
            sequence = following(("reply", key, slot))
            if move == "reply":
                text = f"reply {sequence}"
                history.replies.setdefault(key, {})[slot] = text
                history.add(record(posted(review_id, slot, sequence, text, site)))
            else:
                history.replies.get(key, {}).pop(slot, None)
                gone_reply = removed(review_id, slot, sequence, site)
                history.add(record(gone_reply) if draw(st.booleans()) else tombstone(gone_reply))
        elif move == "withdraw":
            # Moderation, which has not heard of it yet, may go on deciding for a while.
            removal = withdrawn(review_id, following(("submitted", key)), site)
            history.add(record(removal))
            if draw(st.booleans()):
                history.add(tombstone(removal))
            history.withdrawn.add(key)
        elif move == "submit":
            if not gone:
                sequence = following(("submitted", key))
                history.add(record(submitted(review_id, sequence, sequence, site)))
        else:
            before = history.public.get(key)
            kept = None if before is None else before.published
            revision = following(("revision", key))
            sequence = following(("moderated", key))
            if move == "approve":
                said = content(revision, draw(st.integers(1, 5)), draw(st.sampled_from(ENTITIES)))
                event_moderated = moderated(review_id, sequence, "approved", revision, revision, site, said)
            elif move == "hold" and kept is not None:
                event_moderated = moderated(review_id, sequence, "held", kept.revision, revision, site, kept.content)
            else:
                status: Status = "rejected" if move == "reject" else "held"
                event_moderated = moderated(review_id, sequence, status, None, revision, site)
            history.public[key] = event_moderated
            history.add(record(event_moderated))
    return history


@st.composite
def deliveries(draw: st.DrawFn, history: History) -> list[list[Row]]:
    """The records of a history as a consumer may get them: lanes mixed, parts of them again, cut into batches."""
    lanes = []
    for lane in history.lanes.values():
        redelivered: Lane = list(lane)
        for _ in range(draw(st.integers(0, 2))):
            start = draw(st.integers(0, len(redelivered) - 1))
            end = draw(st.integers(start + 1, len(redelivered)))
            # At least once: a consumer that lost its place reads on from an earlier one.
            redelivered = redelivered[:end] + redelivered[start:]
        lanes.append(redelivered)
    mixed: list[Row] = []
    while lanes := [lane for lane in lanes if lane]:
        mixed.append(draw(st.sampled_from(lanes)).pop(0))
    batches: list[list[Row]] = []
    while mixed:
        size = draw(st.integers(1, min(len(mixed), 12)))
        batches.append(mixed[:size])
        mixed = mixed[size:]
    # Old records alone, after all others: not what Kafka does, but nothing may hang on that.
    stale = [row for lane in history.lanes.values() for row in lane[:-1]]
    batches += [[row] for row in draw(st.lists(st.sampled_from(stale), max_size=4))] if stale else []
    return batches


@pytest.fixture(scope="module")
async def live(module_database: Database) -> AsyncIterator[World]:
    async with world(module_database.dsn) as made:
        yield made


@pytest.fixture(scope="module")
async def rebuilt(module_database: Database) -> AsyncIterator[World]:
    """The same tables under other names."""
    async with world(module_database.dsn, "rebuilt_") as made:
        yield made


@run
@given(data=st.data())
async def test_every_delivery_of_a_history_gives_the_rows_of_the_history_itself(
    live: World, rebuilt: World, data: st.DataObject
) -> None:
    history = data.draw(histories())
    batches = data.draw(deliveries(history))
    await live.empty()
    await rebuilt.empty()
    for row in history.records:
        await rebuilt.fold(row)
    for batch in batches:
        await live.fold(*batch)
        assert await live.recount() == [], "statistics are exact at every commit"
    assert await live.snapshot() == await rebuilt.snapshot()
    assert await _shown(live) == history.expected()
    assert await _sites(live) == history.sites


@run
@given(data=st.data())
async def test_a_withdrawn_review_never_comes_back(live: World, data: st.DataObject) -> None:
    history = data.draw(histories())
    batches = data.draw(deliveries(history))
    await live.empty()
    seen: set[tuple[str, int]] = set()
    for batch in batches:
        await live.fold(*batch)
        for row in batch:
            key = (row.key or b"").decode().rpartition("/")
            if row.topic == "review-submitted" and b"withdrawn" in dict(row.headers)["ce_type"]:
                seen.add((key[0], int(key[2])))
        assert not seen & {(site, review_id) for site, review_id, *_ in await _shown(live)}


@run
@given(data=st.data())
async def test_a_record_that_cannot_be_read_hides_its_key_until_a_later_one_can(
    live: World, data: st.DataObject
) -> None:
    history = data.draw(histories().filter(lambda h: any(topic == "review-moderated" for topic, _ in h.lanes)))
    victim = data.draw(st.sampled_from(sorted(key for key in history.lanes if key[0] == "review-moderated")))
    lane = history.lanes[victim]
    at = data.draw(st.integers(0, len(lane) - 1))
    lane[at] = lane[at].corrupt()
    site, _, number = (victim[1] or b"").decode().rpartition("/")
    await live.empty()
    for batch in data.draw(deliveries(history)):
        await live.fold(*batch)
        assert await live.recount() == []
    expected = history.expected()
    if at == len(lane) - 1:
        expected = {row for row in expected if row[:2] != (site, int(number))}
    assert await _shown(live) == expected


@run
@given(data=st.data())
async def test_nothing_is_ever_public_that_no_decision_approved(live: World, data: st.DataObject) -> None:
    history = data.draw(histories())
    approved = {
        (event.site, event.review_id, event.published.revision)
        for event in _decisions(history)
        if event.published is not None
    }
    await live.empty()
    for batch in data.draw(deliveries(history)):
        await live.fold(*batch)
        assert {row[:3] for row in await _shown(live)} <= approved


def _decisions(history: History) -> Iterator[ReviewModerated]:
    for row in history.records:
        if row.topic == "review-moderated" and row.value is not None:
            yield ReviewModerated.model_validate_json(row.value)


async def _shown(shop: World) -> set[tuple[Any, ...]]:
    rows = await shop.connection.fetch(
        f"select site, review_id, revision, rating, entity_id, replies from {shop.published}.reviews"
    )
    return {(*tuple(row)[:5], tuple(reply["text"] for reply in orjson.loads(row["replies"]))) for row in rows}


async def _sites(shop: World) -> dict[str, tuple[int, bool]]:
    rows = await shop.connection.fetch(f"select site, sequence, enabled from {shop.published}.sites")
    return {row["site"]: (row["sequence"], row["enabled"]) for row in rows}
