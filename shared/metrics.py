"""Every metric that Plaudit exposes. Labels never carry anything of a person, nor what sites make up: names of rules
would be series without end.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECORDS_PROCESSED = Counter("plaudit_records_processed", "Records whose effects are committed.", ["consumer"])
RECORDS_PARKED = Counter("plaudit_records_parked", "Records put into the dead letters.", ["consumer", "code"])
CONSUMER_RETRIES = Counter("plaudit_consumer_retries", "Waits for a database or broker that is away.", ["consumer"])
CONSUMER_FENCED = Counter("plaudit_consumer_fenced", "Batches rolled back because another had moved on.", ["consumer"])
CONSUMER_STOPPED = Counter("plaudit_consumer_stopped", "Consumers stopped by a systematic failure.", ["consumer"])
CONSUMER_LAG = Gauge("plaudit_consumer_lag_records", "Records not yet processed.", ["consumer", "topic"])
PARTITIONS_ASSIGNED = Gauge("plaudit_partitions_assigned", "Partitions this process consumes.", ["consumer"])

EVENTS_PUBLISHED = Counter("plaudit_events_published", "Events that the relay published.", ["service"])
RELAY_RETRIES = Counter(
    "plaudit_relay_retries", "Waits of the relay for a database or broker that is away.", ["service"]
)

SUBMISSIONS = Counter("plaudit_submissions", "Submissions by channel and outcome.", ["channel", "outcome"])
COMMENTS = Counter("plaudit_comments", "Comments by channel and outcome.", ["channel", "outcome"])
FEEDBACK = Counter(
    "plaudit_feedback", "Votes and reports of abuse by what became of them.", ["content_kind", "kind", "outcome"]
)
CATALOG_CHANGES = Counter(
    "plaudit_catalog_changes", "Entries of catalogs, and vocabularies, by outcome.", ["kind", "outcome"]
)
DECISIONS = Counter("plaudit_decisions", "Decisions on reviews.", ["status", "actor_kind"])
REVIEWS_CHANGED = Counter("plaudit_published_changes", "Published rows written or deleted.", ["change"])

CLASSIFIER_SECONDS = Histogram(
    "plaudit_classifier_seconds",
    "Time of one call of a plug-in classifier.",
    ["classifier"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
CLASSIFIER_FAILURES = Counter(
    "plaudit_classifier_failures",
    "Reviews that a plug-in classifier gave no answer about.",
    ["classifier", "reason"],
)
CLASSIFIER_AVAILABLE = Gauge(
    "plaudit_classifier_available", "0 while a plug-in classifier keeps failing and is seldom asked.", ["classifier"]
)

HTTP_REQUESTS = Counter("plaudit_http_requests", "Requests answered.", ["service", "route", "method", "status"])
HTTP_SECONDS = Histogram(
    "plaudit_http_request_seconds",
    "Time to answer.",
    ["service", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
