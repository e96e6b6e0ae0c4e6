"""The relay, with an outbox and a broker in memory that fail when told to."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events.cloudevents import Encoded
from shared.kafka.relay import Publisher, Relay, RelayFenced
from tests.memory import Away, MemoryBroker, MemoryOutbox, MemoryPublisher, VirtualClock, is_away

TOPIC = "review-submitted"


class World:
    def __init__(self, partitions: int = 3) -> None:
        self.clock = VirtualClock()
        self.outbox = MemoryOutbox(self.clock)
        self.broker = MemoryBroker(partitions)
        self.publishers: list[MemoryPublisher] = []
        self.readiness: list[bool] = []
        self.written: dict[bytes, list[bytes]] = defaultdict(list)

    def publisher(self) -> MemoryPublisher:
        self.publishers.append(MemoryPublisher(self.broker, "plaudit-test-relay"))
        return self.publishers[-1]

    def relay(self, holder: str = "one", publisher: Callable[[], Publisher] | None = None) -> Relay:
        return Relay(
            "test",
            holder,
            self.outbox,
            publisher or self.publisher,
            self.clock,
            random.Random(1),
            self.readiness.append,
            is_away,
        )

    def write(self, key: bytes, count: int = 1) -> None:
        """As services do: the next events of the key, each with an id of its own."""
        events = []
        for _ in range(count):
            fact = key + b":%d" % (len(self.written[key]) + 1)
            self.written[key].append(fact)
            events.append(Encoded(TOPIC, key, fact, (("ce_id", fact),)))
        self.outbox.append(events)

    def leader(self) -> str | None:
        return self.outbox.lease[0] if self.outbox.lease else None

    def delivered(self) -> dict[bytes, list[bytes]]:
        """Per key, in the order of its partition, each event once: as a reader that drops duplicates by id has it."""
        facts: dict[bytes, list[bytes]] = defaultdict(list)
        for record in self.broker.records(TOPIC):
            assert record.key is not None
            assert record.value is not None
            if record.value not in facts[record.key]:
                facts[record.key].append(record.value)
        return facts

    @asynccontextmanager
    async def running(self, *relays: Relay) -> AsyncIterator[list[asyncio.Task[None]]]:
        """Stops them at the end, unless they ended by themselves."""
        stop = asyncio.Event()
        tasks = [asyncio.create_task(relay.run(stop)) for relay in relays]
        await self.clock.settle()
        try:
            yield tasks
        finally:
            stop.set()
            await self.clock.advance(30)
            for task in tasks:
                if not task.done():
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_is_written_is_published_in_order_and_deleted() -> None:
    world = World()
    world.write(b"a", 3)
    async with world.running(world.relay()):
        await world.clock.advance(2)
        world.write(b"b", 2)
        world.write(b"a", 2)
        await world.clock.advance(2)
        assert world.delivered() == world.written
        assert world.outbox.rows == {}
    assert world.readiness[-1] is True


async def test_a_new_row_is_published_when_it_is_written_not_at_the_next_poll() -> None:
    world = World()
    async with world.running(world.relay()):
        await world.clock.advance(5.5)
        before = world.clock.seconds
        world.write(b"a")
        await world.clock.settle()
        assert world.delivered() == world.written
        assert world.clock.seconds == before


async def test_more_than_a_batch_goes_without_waiting() -> None:
    world = World()
    for _ in range(3):
        world.write(b"a", Relay.BATCH - 1)
    async with world.running(world.relay()):
        assert world.delivered() == world.written
        assert world.clock.seconds == 0


async def test_a_crash_between_publish_and_delete_sends_again_and_loses_nothing() -> None:
    world = World()
    world.write(b"a", 3)
    world.outbox.faults.next("delete", Away())
    async with world.running(world.relay()):
        await world.clock.advance(5)
        assert [record.value for record in world.broker.records(TOPIC)] == world.written[b"a"] * 2
        assert world.delivered() == world.written
        assert world.outbox.rows == {}


@pytest.mark.parametrize("step", ["lease", "read", "delete"])
async def test_a_database_that_is_away_is_waited_for(step: str) -> None:
    world = World()
    world.write(b"a", 3)
    world.outbox.faults.next(step, Away(), Away())
    async with world.running(world.relay()):
        await world.clock.advance(10)
        assert world.outbox.faults.met[step] == 2
        assert world.delivered() == world.written
        assert (False in world.readiness, world.readiness[-1]) == (True, True)


@pytest.mark.parametrize("step", ["start", "publish", "committed"])
async def test_a_broker_that_is_away_is_waited_for_with_a_new_producer(step: str) -> None:
    world = World()
    world.write(b"a", 3)
    world.broker.faults.next(step, Away(), Away())
    async with world.running(world.relay()):
        await world.clock.advance(10)
        assert world.delivered() == world.written
        assert len(world.publishers) == 3
        assert all(publisher.stopped for publisher in world.publishers[:-1])


async def test_a_fault_ends_the_relay() -> None:
    world = World()
    world.outbox.faults.next("read", ValueError("a fault of ours"))
    async with world.running(world.relay()) as [task]:
        await world.clock.advance(1)
        with pytest.raises(ValueError, match="a fault of ours"):
            task.result()
    assert world.publishers[0].stopped


async def test_a_fault_while_the_lease_is_renewed_still_stops_the_producer() -> None:
    world = World()
    async with world.running(world.relay()) as [task]:
        world.outbox.faults.next("lease", ValueError("a fault of ours"))
        await world.clock.advance(Relay.LEASE_SECONDS)
    assert isinstance(task.exception(), ValueError)
    assert world.publishers[0].stopped


async def test_two_relays_publish_nothing_twice() -> None:
    world = World()
    async with world.running(world.relay("one"), world.relay("two")):
        for _ in range(30):
            world.write(b"a")
            await world.clock.advance(1)
        assert [record.value for record in world.broker.records(TOPIC)] == world.written[b"a"]
        assert len(world.publishers) == 1
        assert world.readiness[-1] is True


async def test_a_standby_takes_over_at_once_when_the_other_stops() -> None:
    world = World()
    async with world.running(world.relay("two")):
        assert world.leader() == "two"
    assert world.leader() is None
    async with world.running(world.relay("one")):
        assert world.leader() == "one"


async def test_a_standby_takes_over_when_the_lease_is_over() -> None:
    world = World()
    assert await world.outbox.take_lease("dead", Relay.LEASE_SECONDS)
    world.write(b"a")
    async with world.running(world.relay("two")):
        await world.clock.advance(Relay.LEASE_SECONDS - 1)
        assert world.delivered() == {}
        await world.clock.advance(3)
        assert world.delivered() == world.written


class Frozen:
    """A producer whose process is stopped in mid-batch until `thaw`."""

    def __init__(self, inner: MemoryPublisher) -> None:
        self._inner = inner
        self.reached = asyncio.Event()
        self.thaw = asyncio.Event()

    async def start(self) -> None:
        await self._inner.start()

    async def publish(self, rows: object) -> None:
        self.reached.set()
        await self.thaw.wait()
        await self._inner.publish(rows)  # type: ignore[arg-type]  # passed on as it came

    async def stop(self) -> None:
        await self._inner.stop()


async def test_a_relay_that_was_frozen_is_fenced_and_puts_nothing_behind_its_successor() -> None:
    """Without the fence, compaction would keep the older event for ever."""
    world = World(partitions=1)
    frozen = Frozen(world.publisher())
    world.write(b"a", 2)
    stop = asyncio.Event()
    first = asyncio.create_task(world.relay("one", lambda: frozen).run(stop))
    await frozen.reached.wait()
    world.outbox.lease = None  # its lease ran out: a frozen process renews nothing
    async with world.running(world.relay("two")):
        world.write(b"a", 2)
        await world.clock.advance(2)
        frozen.thaw.set()
        await world.clock.advance(2)
        assert not first.done()  # it stands by
        assert [record.value for record in world.broker.records(TOPIC)] == world.written[b"a"]
    stop.set()
    await world.clock.advance(2)
    await first


async def test_a_lease_that_was_lost_ends_the_publishing_and_not_the_process() -> None:
    world = World()
    async with world.running(world.relay("one")) as [task]:
        world.outbox.lease = ("two", world.clock.monotonic() + 1000)
        world.write(b"a")
        await world.clock.advance(Relay.LEASE_SECONDS)
        assert not task.done()
        assert world.publishers[0].stopped
        world.write(b"b")
        await world.clock.advance(5)
        assert b"b" not in world.delivered()


async def test_a_lease_that_cannot_be_renewed_for_a_while_does_not_stop_the_publishing() -> None:
    world = World()
    async with world.running(world.relay("one")):
        world.outbox.faults.next("lease", Away(), Away())
        await world.clock.advance(Relay.LEASE_SECONDS * 0.9)
        world.write(b"a")
        await world.clock.settle()
        assert world.outbox.faults.met["lease"] == 2
        assert world.delivered() == world.written


actions = st.lists(
    st.tuples(
        st.sampled_from(["write", "write", "turn", "turn", "begin", "fail", "sent"]),
        st.integers(0, 3),
        st.integers(1, 4),
    ),
    max_size=40,
)


@given(plan=actions, batch=st.integers(1, 5))
async def test_order_per_key_is_kept_and_nothing_is_lost(plan: list[tuple[str, int, int]], batch: int) -> None:
    """Any number of relays at once, crashes between any two steps, commits of unknown outcome, and no lease at all."""
    world = World(partitions=2)
    relays = [world.relay(str(number)) for number in range(4)]
    for relay in relays:
        relay.BATCH = batch
    producers: list[MemoryPublisher | None] = [None] * 4
    for action, who, count in plan:
        if action == "write":
            world.write(b"key-%d" % who, count)
        elif action == "begin":  # this process starts, or starts again
            producers[who] = beginning = world.publisher()
            await beginning.start()
        elif action == "fail":
            (world.outbox if count % 2 else world.broker).faults.next("delete" if count % 2 else "publish", Away())
        elif action == "sent":
            world.broker.faults.next("committed", Away())
        elif (producer := producers[who]) is not None:
            try:
                await relays[who].publish_once(producer)
            except (RelayFenced, Away):
                producers[who] = None
        assert_order(world)
    world.outbox.faults.clear()
    world.broker.faults.clear()
    last = world.publisher()
    await last.start()
    while await relays[0].publish_once(last):
        pass
    assert {key: facts for key, facts in world.written.items() if facts} == world.delivered()


def assert_order(world: World) -> None:
    """What was delivered of a key is a beginning of what was written, and what was deleted was delivered."""
    delivered = world.delivered()
    for key, facts in delivered.items():
        assert facts == world.written[key][: len(facts)]
    waiting = {row.value for row in world.outbox.rows.values()}
    for key, facts in world.written.items():
        assert {fact for fact in facts if fact not in waiting} <= set(delivered.get(key, []))


@given(plan=actions)
async def test_the_newest_record_of_a_key_is_its_newest_event(plan: list[tuple[str, int, int]]) -> None:
    """What compaction keeps, once all is published: a batch that is sent again comes as a whole."""
    world = World(partitions=1)
    relay = world.relay()
    producer = world.publisher()
    await producer.start()
    for action, who, count in plan:
        if action == "write":
            world.write(b"key-%d" % who, count)
        elif action in ("fail", "sent"):
            (world.outbox.faults.next("delete", Away()) if action == "fail" else None)
            (world.broker.faults.next("committed", Away()) if action == "sent" else None)
        else:
            try:
                await relay.publish_once(producer)
            except Away:
                producer = world.publisher()
                await producer.start()
    world.outbox.faults.clear()
    world.broker.faults.clear()
    while await relay.publish_once(producer):
        pass
    newest = {record.key: record.value for record in world.broker.records(TOPIC)}
    assert newest == {key: facts[-1] for key, facts in world.written.items() if facts}
