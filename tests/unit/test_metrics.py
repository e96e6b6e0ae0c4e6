"""Metrics have few series, whatever tenants do."""

from __future__ import annotations

from prometheus_client.metrics import MetricWrapperBase

from shared import metrics

BOUNDED = {
    "actor_kind", "channel", "change", "classifier", "code", "consumer", "content_kind", "kind", "method", "outcome",
    "reason", "route", "service", "status", "topic",
}  # fmt: skip
"""Of labels with these names the values are ours, or the operator's."""


def test_labels_hold_nothing_that_sites_make_up() -> None:
    found = [metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)]
    assert metrics.DECISIONS in found
    assert {label for metric in found for label in metric._labelnames} <= BOUNDED
