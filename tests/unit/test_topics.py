"""Topics as they are written down, and the partition of a key."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner, murmur2

from shared.events.models import EVENTS
from shared.events.topics import COMPACTED, DAY_MS, PARTITIONS, TOPICS, ingest_topic

# From org.apache.kafka.common.utils.Utils of kafka-clients 4.1.0: (key, murmur2, toPositive(murmur2) % 12).
VECTORS: list[tuple[bytes, int, int]] = [
    (b"", 275646681, 9),
    (b"a", -1563381124, 4),
    (b"ab", 316155434, 2),
    (b"abc", 479470107, 3),
    (b"abcd", -1323649548, 8),
    (b"abcde", 461995741, 1),
    (b"shop", -1567320428, 0),
    (b"shop/1", 876769945, 1),
    (b"shop/2", -1123126543, 1),
    (b"shop/10", 1817151469, 1),
    (b"shop/4503599627370497", 1584003942, 6),
    (b"shop/9007199254740991", 1107679177, 1),
    (b"shop/4503599627370497.0", -1678129859, 9),
    (b"other-shop/1", -98721226, 10),
    ("bücher/17".encode(), 1335450450, 6),
    ("店/17".encode(), -1317292495, 1),
    (b"a-site-with-quite-a-long-name/123456789", -1245046413, 11),
]


@pytest.mark.parametrize(("key", "hashed", "partition"), VECTORS)
def test_keys_go_where_kafkas_own_client_sends_them(key: bytes, hashed: int, partition: int) -> None:
    assert murmur2(key) == hashed % 2**32
    everything = list(range(PARTITIONS))
    assert DefaultPartitioner()(key, everything, everything) == partition


def test_a_partition_count_is_for_life() -> None:
    """Another number would send newer records of a key away from its older ones. It takes a replay into new topics."""
    assert {spec.name: spec.partitions for spec in TOPICS} == {
        "review-submitted": 12,
        "review-moderated": 12,
        "reply-posted": 12,
        "site-settings-changed": 12,
        "comment-submitted": 12,
        "comment-moderated": 12,
        "review-feedback": 12,
        "catalog-updated": 12,
    }


def test_our_topics_are_compacted_and_keep_every_transition_for_a_week() -> None:
    for spec in TOPICS:
        assert spec.config == COMPACTED
    assert COMPACTED["cleanup.policy"] == "compact"
    assert int(COMPACTED["min.compaction.lag.ms"]) == 7 * DAY_MS
    assert int(COMPACTED["max.compaction.lag.ms"]) == 14 * DAY_MS
    assert int(COMPACTED["delete.retention.ms"]) == 30 * DAY_MS


def test_ingest_topics_are_not() -> None:
    spec = ingest_topic("review-ingest")
    assert spec.config == {"cleanup.policy": "delete", "retention.ms": str(7 * DAY_MS)}
    assert spec.events == ()


def test_every_event_has_one_topic() -> None:
    written = [event for spec in TOPICS for event in spec.events]
    assert len(written) == len(set(written))
    assert set(written) == set(EVENTS)
