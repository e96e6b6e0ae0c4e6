"""The consumer loop, with a database and a broker in memory that fail when told to."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kafka.consumer import Consumer, Failure, Poison, Systematic
from shared.kafka.record import Record, TopicPartition
from tests.memory import (
    Away,
    MemoryBroker,
    MemoryDatabase,
    MemoryProcessor,
    MemoryProgress,
    MemoryReader,
    PromptClock,
    Tx,
    read_all,
)

TOPIC = "t"
POISON = b"poison"
"""A value that the processor recognises as one that can never be processed."""
BOMB = b"bomb"
"""A value that makes it fail without saying which record it was."""


class Group:
    """Consumers of one group over one broker and one database, as Kafka would run them."""

    def __init__(self, partitions: int = 2, trusted: bool = True) -> None:
        self.broker = MemoryBroker(partitions)
        self.database = MemoryDatabase()
        self.clock = PromptClock()
        self.processor = MemoryProcessor(trusted=trusted)
        self.processor.before = refuse
        self.readiness: list[bool] = []
        self.consumer, self.reader = self.member()

    def member(self) -> tuple[Consumer[Tx], MemoryReader]:
        consumer = Consumer(
            self.processor,
            MemoryProgress(self.database, self.processor.name),
            self.clock,
            random.Random(1),
            self.readiness.append,
        )
        return consumer, MemoryReader(self.broker)

    @property
    def places(self) -> list[TopicPartition]:
        return [TopicPartition(TOPIC, number) for number in range(self.broker.partitions)]

    def fill(self, values: Sequence[bytes], partition: int = 0) -> list[Record]:
        return [self.broker.append(TOPIC, b"k", value, partition=partition) for value in values]

    async def start(self) -> None:
        await self.consumer.assigned(self.places, self.reader)

    async def run(self, limit: int = 10) -> None:
        await self.start()
        await read_all(self.consumer, self.reader, limit)

    def processed(self, partition: int = 0) -> list[bytes | None]:
        return [record.value for record in self.database.effects if record.partition == partition]

    def parked(self) -> list[tuple[bytes | None, str]]:
        return [(record.value, failure.code) for record, failure in self.database.parked]

    def offset(self, partition: int = 0) -> int | None:
        return self.database.offsets.get((self.processor.name, TopicPartition(TOPIC, partition)))


def refuse(records: Sequence[Record]) -> None:
    for record in records:
        if record.value == POISON:
            raise Poison(record, Failure("bad_json", "the value is not JSON"))
        if record.value == BOMB:
            raise ValueError("a fault that blames no record")


def numbered(count: int, **special: bytes) -> list[bytes]:
    values = [b"%d" % number for number in range(count)]
    for place, value in special.items():
        values[int(place[1:])] = value
    return values


async def test_effects_and_progress_come_together() -> None:
    group = Group()
    group.fill(numbered(25))
    group.fill([b"a", b"b"], partition=1)
    await group.run(limit=10)
    assert group.processed() == numbered(25)
    assert group.processed(1) == [b"a", b"b"]
    assert (group.offset(0), group.offset(1)) == (25, 2)
    assert group.readiness[-1] is True


@pytest.mark.parametrize("step", ["begin", "commit", "load", "seek"])
async def test_what_is_away_is_waited_for_and_nothing_is_parked(step: str) -> None:
    group = Group()
    group.fill(numbered(5))
    faults = group.broker.faults if step == "seek" else group.database.faults
    faults.next(step, Away(), Away(), Away())
    await group.run()
    assert faults.met[step] == 3
    assert group.processed() == numbered(5)
    assert group.parked() == []
    assert False in group.readiness
    assert group.readiness[-1] is True
    assert group.clock.sleeps[:3] == sorted(group.clock.sleeps[:3])
    assert len(group.clock.sleeps) == 3


async def test_poison_is_parked_and_its_neighbours_are_processed_in_order() -> None:
    group = Group()
    group.fill(numbered(6, _2=POISON, _4=POISON))
    await group.run()
    assert group.processed() == [b"0", b"1", b"3", b"5"]
    assert group.parked() == [(POISON, "bad_json"), (POISON, "bad_json")]
    assert [record.offset for record in group.database.closed_keys] == [2, 4]
    assert group.offset() == 6
    assert not group.consumer.failed.done()


async def test_poison_is_not_processed_in_part() -> None:
    """The batch begins again without it: what the first attempt did is rolled back."""
    group = Group()
    group.fill(numbered(3, _2=POISON))
    await group.run()
    assert [len(batch) for batch in group.processor.batches] == [3, 2]
    assert group.processed() == [b"0", b"1"]


async def test_a_batch_of_nothing_but_poison_moves_on() -> None:
    group = Group()
    group.fill([POISON] * 3)
    await group.run()
    assert (len(group.parked()), group.processed(), group.offset()) == (3, [], 3)


async def test_a_record_that_fails_without_being_named_is_found_in_a_big_batch() -> None:
    group = Group()
    group.fill(numbered(200, _137=BOMB))
    await group.run(limit=200)
    assert group.parked() == [(BOMB, "processing_failed")]
    assert group.processed() == [value for value in numbered(200) if value != b"137"]
    assert len(group.processor.batches) < 20, "halves, not one by one"
    assert group.database.parked[0][1].reason == "ValueError"


async def test_the_reason_of_a_failure_never_quotes_what_it_stumbled_over() -> None:
    group = Group()
    group.fill([BOMB])
    await group.run()
    assert "blames" not in group.database.parked[0][1].reason


async def test_a_database_that_goes_away_while_parking_is_waited_for() -> None:
    group = Group()
    group.fill(numbered(3, _1=BOMB))
    # The pieces are [0 1 2], [0], [1 2], [1] alone, then [1] parked: the fifth transaction.
    group.database.faults.next("begin", None, None, None, None, Away(), Away())
    await group.run()
    assert group.database.faults.met["begin"] == 2
    assert group.parked() == [(BOMB, "processing_failed")]
    assert group.processed() == [b"0", b"2"]


async def test_many_failures_in_a_row_stop_a_trusted_consumer() -> None:
    group = Group()
    group.fill([POISON] * 200)
    await group.run(limit=10)
    with pytest.raises(Systematic, match="in a row"):
        group.consumer.failed.result()
    assert len(group.parked()) == Consumer.MOST_FAILURES_IN_A_ROW
    assert group.readiness[-1] is False


async def test_many_failures_in_a_row_stop_it_also_when_a_good_record_follows_in_the_batch() -> None:
    group = Group()
    group.fill([POISON] * 60 + [b"good"])
    await group.run(limit=100)
    with pytest.raises(Systematic):
        group.consumer.failed.result()


async def test_failures_that_are_not_in_a_row_do_not_stop_it() -> None:
    group = Group()
    group.fill([POISON, b"good"] * 100)
    await group.run(limit=25)
    assert not group.consumer.failed.done()
    assert group.offset() == 200


async def test_other_systems_cannot_stop_a_consumer_of_untrusted_records() -> None:
    group = Group(trusted=False)
    group.fill([POISON] * 120)
    await group.run()
    assert not group.consumer.failed.done()
    assert len(group.parked()) == 120


async def test_a_systematic_failure_stops_at_once_and_processes_nothing_more() -> None:
    group = Group()
    group.fill(numbered(5))
    group.processor.before = lambda records: raise_(Systematic("unknown type"))
    await group.run()
    with pytest.raises(Systematic, match="unknown type"):
        group.consumer.failed.result()
    assert (group.processed(), group.parked(), group.offset()) == ([], [], None)
    await group.consumer.handle(group.fill([b"later"]), group.reader)
    assert len(group.processor.batches) == 1


def raise_(error: BaseException) -> None:
    raise error


async def test_a_processor_that_blames_a_stranger_is_stopped() -> None:
    group = Group()
    stranger = group.fill([b"stranger"], partition=1)[0]
    group.fill(numbered(2))
    group.processor.before = lambda records: raise_(Poison(stranger, Failure("bad_json", "")))
    await group.consumer.assigned([TopicPartition(TOPIC, 0)], group.reader)
    await read_all(group.consumer, group.reader)
    with pytest.raises(Systematic, match="blamed"):
        group.consumer.failed.result()


async def test_a_record_that_cannot_even_be_parked_stops_the_consumer() -> None:
    group = Group()
    group.fill(numbered(2, _1=BOMB))

    async def park(tx: Tx, record: Record, failure: Failure) -> None:
        raise KeyError("a fault of the processor")

    group.processor.park = park  # type: ignore[method-assign]  # one faulty processor needs no class
    await group.run()
    with pytest.raises(KeyError):
        group.consumer.failed.result()
    assert group.processed() == [b"0"]
    assert group.offset() == 1


async def test_a_consumer_that_was_overtaken_rolls_back_and_reads_on_from_where_the_other_is() -> None:
    group = Group(partitions=1)
    group.fill(numbered(10))
    await group.start()
    stale = group.reader.poll(4)
    other, its_reader = group.member()
    await other.assigned(group.places, its_reader)
    await other.handle(its_reader.poll(6), its_reader)
    await group.consumer.handle(stale, group.reader)
    assert group.reader.places == {TopicPartition(TOPIC, 0): 6}
    await read_all(group.consumer, group.reader)
    assert group.processed() == numbered(10)


async def test_the_first_to_commit_a_partition_wins() -> None:
    """Neither has a stored offset: both begin at None."""
    group = Group(partitions=1)
    group.fill(numbered(4))
    other, its_reader = group.member()
    await group.start()
    await other.assigned(group.places, its_reader)
    await asyncio.gather(
        group.consumer.handle(group.reader.poll(4), group.reader), other.handle(its_reader.poll(4), its_reader)
    )
    assert group.processed() == numbered(4)


async def test_a_commit_of_unknown_outcome_takes_effect_once() -> None:
    group = Group()
    group.fill(numbered(6))
    group.database.faults.next("committed", Away())
    await group.run(limit=3)
    assert group.database.faults.met["committed"] == 1
    assert group.processed() == numbered(6)
    assert group.offset() == 6


async def test_records_of_partitions_of_others_are_dropped() -> None:
    group = Group()
    mine, theirs = group.fill([b"mine"]), group.fill([b"theirs"], partition=1)
    await group.consumer.assigned([TopicPartition(TOPIC, 0)], group.reader)
    await group.consumer.handle([*mine, *theirs], group.reader)
    assert (group.processed(0), group.processed(1)) == ([b"mine"], [])


async def test_redelivered_records_are_dropped() -> None:
    group = Group()
    records = group.fill(numbered(4))
    await group.start()
    await group.consumer.handle(records[:3], group.reader)
    await group.consumer.handle(records[1:], group.reader)
    await group.consumer.handle(records, group.reader)
    assert group.processed() == numbered(4)


async def test_gaps_that_compaction_leaves_are_passed() -> None:
    group = Group()
    records = group.fill(numbered(9))
    await group.start()
    await group.consumer.handle([records[0], records[4], records[8]], group.reader)
    assert (group.processed(), group.offset()) == ([b"0", b"4", b"8"], 9)


async def test_records_read_before_the_stored_offset_was_known_are_dropped() -> None:
    """While places are looked up, the client reads from Kafka's committed offset, which may be ahead of ours."""
    group = Group(partitions=1)
    records = group.fill(numbered(10))
    slow = asyncio.Event()
    load = MemoryProgress(group.database, "test").load

    async def slow_load(partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int | None]:
        await slow.wait()
        return await load(partitions)

    group.consumer._progress.load = slow_load  # type: ignore[method-assign]  # a database that is slow for once
    assigning = asyncio.create_task(group.start())
    await asyncio.sleep(0)
    handling = asyncio.create_task(group.consumer.handle(records[7:], group.reader))
    await asyncio.sleep(0)
    slow.set()
    await asyncio.gather(assigning, handling)
    assert (group.processed(), group.offset()) == ([], None)
    await read_all(group.consumer, group.reader)
    assert group.processed() == numbered(10)


async def test_a_fault_at_assignment_stops_the_consumer_instead_of_dropping_all_that_it_reads() -> None:
    """aiokafka logs what a rebalance listener raises, and goes on."""
    group = Group()
    group.database.faults.next("load", LookupError("no table of offsets"))
    await group.start()
    with pytest.raises(LookupError):
        group.consumer.failed.result()
    assert group.readiness[-1] is False


async def test_a_batch_that_waits_for_the_database_is_given_up_when_partitions_are_revoked() -> None:
    group = Group(partitions=1)
    group.fill(numbered(3))
    await group.start()
    group.database.faults.always("begin", Away())
    handling = asyncio.create_task(group.consumer.handle(group.reader.poll(3), group.reader))
    for _ in range(5):
        await asyncio.sleep(0)
    assert group.clock.sleeps
    await asyncio.wait_for(group.consumer.revoked(group.places), 5)
    await handling
    assert group.consumer.positions == {}
    group.database.faults.clear()
    await group.run()
    assert group.processed() == numbered(3)


async def test_a_batch_in_hand_is_committed_before_partitions_go() -> None:
    group = Group(partitions=1)
    group.fill(numbered(3))
    await group.start()
    handling = asyncio.create_task(group.consumer.handle(group.reader.poll(3), group.reader))
    await asyncio.sleep(0)
    await group.consumer.revoked(group.places)
    assert group.offset() == 3
    await handling


async def test_nothing_is_taken_after_stop() -> None:
    group = Group(partitions=1)
    group.fill(numbered(3))
    await group.start()
    await group.consumer.stop()
    await group.consumer.handle(group.reader.poll(3), group.reader)
    assert group.processed() == []


values = st.lists(st.sampled_from([b"good", b"good", b"good", POISON, BOMB]), max_size=30)
events = st.tuples(
    st.sampled_from(["poll", "poll", "poll", "rebalance", "steal", "freeze", "thaw", "redeliver"]),
    st.integers(0, 1),
    st.integers(0, 30),
)
faults = st.lists(
    st.tuples(st.sampled_from(["begin", "commit", "committed", "load"]), st.integers(0, 4), st.integers(1, 3)),
    max_size=5,
)


class Member:
    """A process with a consumer; while it is frozen it holds the batch that it read and hears of nothing."""

    def __init__(self, group: Group) -> None:
        self.consumer, self.reader = group.member()
        self.held: list[Record] | None = None

    async def act(self, event: str, number: int, group: Group, limit: int) -> None:
        if event == "thaw" and self.held is not None:
            held, self.held = self.held, None
            await self.consumer.handle(held, self.reader)
        elif self.held is not None:
            return
        elif event == "poll":
            await self.consumer.handle(self.reader.poll(limit), self.reader)
        elif event == "freeze":
            self.held = self.reader.poll(limit)
        elif event == "steal":  # Kafka gave the partitions to this one, and the other was never told
            await self.consumer.assigned(group.places, self.reader)
        elif event == "redeliver" and self.reader.places:
            place, read = list(self.reader.places.items())[number % len(self.reader.places)]
            start = number % (read + 1)
            await self.consumer.handle(group.broker.logs.get(place, [])[start : start + limit], self.reader)

    async def leave(self) -> None:
        if self.held is None:
            await self.consumer.revoked(list(self.consumer.positions))
            self.reader.forget()


@given(
    logs=st.lists(values, min_size=1, max_size=3),
    plan=st.lists(events, max_size=15),
    failing=faults,
    limit=st.integers(1, 12),
)
async def test_every_record_takes_effect_once_and_in_order_or_is_parked(
    logs: list[list[bytes]], plan: list[tuple[str, int, int]], failing: list[tuple[str, int, int]], limit: int
) -> None:
    """Whatever is away, taken over, frozen or sent again; and progress never passes a record that is neither."""
    group = Group(partitions=len(logs), trusted=False)
    for partition, log in enumerate(logs):
        group.fill([value if value != b"good" else b"%d" % number for number, value in enumerate(log)], partition)
    for step, skipped, times in failing:
        group.database.faults.next(step, *[None] * skipped, *[Away()] * times)
    members = [Member(group), Member(group)]
    await members[0].act("steal", 0, group, limit)
    for event, chosen, number in plan:
        if event == "rebalance":
            for member in members:
                await member.leave()
            event = "steal"
        await members[chosen].act(event, number, group, limit)
        assert_kept(group)
    last = Member(group)
    await last.act("steal", 0, group, limit)
    await read_all(last.consumer, last.reader, limit)
    for member in members:
        await member.act("thaw", 0, group, limit)
        assert not member.consumer.failed.done()
        assert_kept(group)
    for partition, log in enumerate(logs):
        assert (group.offset(partition) or 0) == len(log)


def assert_kept(group: Group) -> None:
    done: dict[int, list[int]] = defaultdict(list)
    parked: dict[int, list[int]] = defaultdict(list)
    for record in group.database.effects:
        done[record.partition].append(record.offset)
        assert record.value not in (POISON, BOMB)
    for record, _ in group.database.parked:
        parked[record.partition].append(record.offset)
        assert record.value in (POISON, BOMB)
    for partition in range(group.broker.partitions):
        assert done[partition] == sorted(set(done[partition])), "once, and in order"
        everything = sorted(done[partition] + parked[partition])
        assert everything == list(range(group.offset(partition) or 0)), "progress passes nothing that is not done"
