"""The demo's sample, what it makes of answers, and the checks by which it fails."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from rich.console import Console

from services.cli.demo.api import refusal
from services.cli.demo.examples import examples
from services.cli.demo.outcome import (
    Content,
    Outcome,
    Seen,
    Summary,
    differences,
    outcome_of,
    policies,
    summaries,
    summary_differs,
)
from services.cli.demo.sample import (
    APPROVED_BY_HAND,
    REPLIED_TO,
    SITE,
    SampleReview,
    Way,
    cut_off,
    encode,
    load_sample,
    of_way,
    second_opinion,
    too_many_stars,
)
from services.cli.demo.screen import trouble_in
from services.cli.demo.tables import excerpt, outcome_table, seen_text
from services.cli.demo.timing import PublicWatch, percentile
from services.intake.submission import Author, Invalid, parse_submission
from services.moderation.engine.context import Context
from services.moderation.engine.engine import Engine
from services.moderation.engine.signal import Detector, Signal
from services.moderation.judging.bursts import Counts, Limits
from services.moderation.judging.entries import Batch, Before, Revision, entry_of, signals_of
from services.moderation.policy.facts import Facts
from services.moderation.policy.policy import default_policy

SAMPLE = load_sample()
BY_ID = {review.source_id: review for review in SAMPLE}
EXPECTED = {
    "fine": "approved",
    "lookalike": "approved",
    "rating": "approved",
    "mild": "approved",
    "strong": "rejected",
    "disguised": "rejected",
    "several-mild": "held",
    "contact": "held",
    "link": "held",
    "shouting": "held",
    "repetition": "held",
    "vacuous": "held",
    "gibberish": "held",
    "spam": "held",
    "payment": "held",
    "copy": "held",
    "threat": "held",
}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

OUTCOME = Outcome(
    review_id=7,
    source_id="demo-001",
    submitted_at="2026-03-01T12:00:00+00:00",
    status="approved",
    version=1,
    revision=1,
    policy="default@2",
    rule="default",
    codes=(),
    seen=(),
    rating=4,
    title=None,
    text="Boils fast, pours clean.",
    entity_id="kettle",
    entity_name="Kettle",
    public=Content("kettle", 4),
)


def revisions() -> dict[str, Revision]:
    """The sample as moderation gets it, all within a minute, in the order in which it is sent."""
    sent = [review for way in (Way.BATCH, Way.KAFKA, Way.HTTP) for review in of_way(SAMPLE, way)]
    found = {}
    for number, review in enumerate(sent, start=1):
        submission = parse_submission(review.encoded)
        author = submission.author or Author()
        fields = {"title": submission.title, "text": submission.text, "author_name": author.name}
        found[review.source_id] = Revision(
            SITE,
            number,
            1,
            author.id or (str(author.email) if author.email else None),
            submission.entity_id,
            "ingest" if review.way is Way.KAFKA else "api",
            NOON + timedelta(seconds=number / 2),
            {name: text for name, text in fields.items() if text},
        )
    return found


@pytest.fixture(scope="module")
def signals() -> dict[str, tuple[Signal, ...]]:
    """What is found in each review: by itself, and beside those that were sent before it."""
    engine, history = Engine.default(), Batch(Limits(), {})
    found = {}
    for source_id, revision in revisions().items():
        context = Context(locale=BY_ID[source_id].body["locale"], rating=BY_ID[source_id].body["rating"])
        history.take(entry_of(revision), (), Before(Counts(), Limits().entity.most))
        beside = signals_of(revision, history.said(revision))
        found[source_id] = engine.analyse(revision.fields, context) + beside
    return found


@pytest.mark.parametrize("review", SAMPLE, ids=lambda review: review.source_id)
def test_the_policy_sees_every_review_as_it_was_meant(
    review: SampleReview, signals: Mapping[str, tuple[Signal, ...]]
) -> None:
    found = signals[review.source_id]
    facts = Facts(review.body["rating"], review.body["locale"], False, "api", found)
    assert default_policy().decide(facts).status == EXPECTED[review.kind], found


def test_only_the_copy_is_found_by_what_others_wrote(signals: Mapping[str, tuple[Signal, ...]]) -> None:
    """Nor does a demo look like a burst."""
    found = {
        source_id: [
            str(signal.detector) for signal in of_one if signal.detector in (Detector.DUPLICATE, Detector.BURST)
        ]
        for source_id, of_one in signals.items()
    }
    copies = [review.source_id for review in SAMPLE if review.kind == "copy"]
    assert {source_id: those for source_id, those in found.items() if those} == {copy: ["duplicate"] for copy in copies}


def test_the_sample_is_varied() -> None:
    assert 100 <= len(SAMPLE) <= 120
    assert len(BY_ID) == len(SAMPLE)
    assert set(Counter(review.kind for review in SAMPLE)) == set(EXPECTED)
    assert {review.body["locale"][:2] for review in SAMPLE} == {"en", "de", "fr", "es", "it", "pt", "ja", "ar"}
    assert {review.body["rating"] for review in SAMPLE} == {1, 2, 3, 4, 5}
    lengths = sorted(len(review.body.get("text", "")) for review in SAMPLE)
    assert lengths[0] == 0
    assert lengths[-1] > 500
    authors = [review.body.get("author", {}) for review in SAMPLE]
    assert any("email" in author for author in authors)
    assert any("id" in author for author in authors)
    assert not all(authors)


def test_nobody_writes_twice_about_the_same_thing() -> None:
    """Or one of the two would be refused."""
    people = [
        (review.body.get("entity_id"), author.get("id"), author.get("email"))
        for review in SAMPLE
        if (author := review.body.get("author", {})).get("id") or author.get("email")
    ]
    assert len(people) == len(set(people))


def test_no_real_person_can_be_reached() -> None:
    for review in SAMPLE:
        email = review.body.get("author", {}).get("email", "@example.com")
        assert email.endswith("@example.com")
        if "@" in (text := review.body.get("text", "")):
            assert "@example.com" in text
        if review.kind == "link":
            assert "example.com" in text


def test_every_way_has_its_share() -> None:
    assert [len(of_way(SAMPLE, way)) for way in Way] == [len(SAMPLE) // 3] * 3


def test_the_reviews_that_people_act_on_are_of_the_kind_that_they_need() -> None:
    assert BY_ID[APPROVED_BY_HAND].kind == "link"
    assert BY_ID[REPLIED_TO].kind == "fine"


def test_the_mishaps_are_refused_or_read_as_they_are_meant() -> None:
    review = SAMPLE[0]
    with pytest.raises(Invalid, match="rating must be at most 5"):
        parse_submission(encode(too_many_stars(review)))
    with pytest.raises(Invalid, match="not JSON"):
        parse_submission(cut_off(review))
    again = parse_submission(encode(second_opinion(review)))
    first = parse_submission(review.encoded)
    assert (again.author, again.entity_id) == (first.author, first.entity_id)
    assert again.source_id != first.source_id


def case(**changes: Any) -> dict[str, Any]:
    submission = {
        "submitted_at": "2026-03-01T12:00:00Z",
        "source_id": "demo-001",
        "content": {"rating": 4, "title": "Good", "text": "so damn good", "entity_id": None},
    }
    signal = {"detector": "lexicon", "field": "text", "start": 3, "end": 7, "matched": "damn", "severity": "mild"}
    decision = {
        "policy": {"name": "default", "version": 2, "scope": "*"},
        "rule": "default",
        "codes": [],
        "signals": [signal],
        "decided_by": {"kind": "policy", "id": "default"},
    }
    found = {"review_id": 7, "version": 1, "revision": 1, "status": "approved", "submission": submission}
    return {**found, "decisions": [decision], "public": {"submission": submission}, **changes}


def test_an_outcome_is_read_from_a_case() -> None:
    outcome = outcome_of(case())
    assert (outcome.status, outcome.rule, outcome.source_id) == ("approved", "default", "demo-001")
    assert outcome.policy == "default@2"
    assert outcome.seen == (Seen("lexicon", "text", 3, 7, "damn"),)
    assert outcome.public == Content("", 4)


def test_a_persons_decision_names_no_rule_and_keeps_what_the_policy_saw() -> None:
    person = {
        "policy": None,
        "rule": None,
        "codes": ["PRF"],
        "signals": [],
        "decided_by": {"kind": "person", "id": "k"},
    }
    outcome = outcome_of(case(status="rejected", decisions=[*case()["decisions"], person], public=None))
    assert (outcome.rule, outcome.codes, outcome.public) == ("by a person", ("PRF",), None)
    assert outcome.policy == "default@2"
    assert [seen.matched for seen in outcome.seen] == ["damn"]


def test_an_edit_that_waits_leaves_the_older_revision_in_the_summary() -> None:
    older = {"submission": {"content": {"rating": 5, "entity_id": "kettle"}}}
    outcome = outcome_of(case(status="held", revision=2, public=older))
    assert summaries([outcome]) == {"kettle": Summary(1, 5, (0, 0, 0, 0, 1))}


def test_what_no_policy_decided_on_is_counted_apart() -> None:
    person: dict[str, Any] = {
        "policy": None,
        "rule": None,
        "codes": [],
        "signals": [],
        "decided_by": {"kind": "person"},
    }
    by_hand = outcome_of(case(decisions=[person]))
    assert policies([OUTCOME, by_hand, replace(OUTCOME, policy="strict@1"), OUTCOME]) == {
        "default@2": 2,
        "": 1,
        "strict@1": 1,
    }


HELD = replace(OUTCOME, review_id=8, status="held", public=None)


@pytest.mark.parametrize(
    ("public_ids", "problems"),
    [
        ([7], []),
        ([7, 8], ["review 8 is public without being approved"]),
        ([7, 9], ["review 9 is public without being approved"]),
        ([], ["review 7 is approved and not public"]),
        ([7, 7], ["1 reviews were listed twice"]),
    ],
)
def test_a_public_answer_must_be_exactly_what_is_approved(public_ids: list[int], problems: list[str]) -> None:
    assert differences([OUTCOME, HELD], public_ids) == problems


def answered(count: int, average: float | None, *distribution: int) -> Mapping[str, Any]:
    stars = {str(at): number for at, number in enumerate(distribution, start=1)}
    return {"count": count, "average": average, "distribution": stars}


@pytest.mark.parametrize(
    ("answer", "differs"),
    [
        (answered(3, 4.67, 0, 0, 0, 1, 2), False),
        (answered(3, 14 / 3, 0, 0, 0, 1, 2), False),
        (answered(3, 4.6, 0, 0, 0, 1, 2), True),
        (answered(2, 4.67, 0, 0, 0, 1, 2), True),
        (answered(3, 4.67, 0, 0, 1, 0, 2), True),
        (answered(3, None, 0, 0, 0, 1, 2), True),
    ],
)
def test_a_summary_must_be_that_of_the_approved_reviews(answer: Mapping[str, Any], differs: bool) -> None:
    assert summary_differs(Summary(3, 14, (0, 0, 0, 1, 2)), answer) is differs


def test_an_empty_summary_has_no_average() -> None:
    assert not summary_differs(Summary(0, 0, (0, 0, 0, 0, 0)), answered(0, None, 0, 0, 0, 0, 0))
    assert summary_differs(Summary(0, 0, (0, 0, 0, 0, 0)), answered(0, 0.0, 0, 0, 0, 0, 0))


def flagged(text: str, words: str) -> Outcome:
    start = text.index(words)
    return replace(OUTCOME, text=text, seen=(Seen("lexicon", "text", start, start + len(words), words),))


@pytest.mark.parametrize("width", [12, 20, 36, 80])
@pytest.mark.parametrize("review", SAMPLE, ids=lambda review: review.source_id)
def test_an_excerpt_fits(review: SampleReview, width: int) -> None:
    outcome = replace(OUTCOME, title=review.body.get("title"), text=review.body.get("text"))
    assert excerpt(outcome, width, "bold").cell_len <= max(width, len("(a rating without words)"))


def test_an_excerpt_shows_what_was_seen_in_it() -> None:
    long = flagged("word " * 40 + "sh1t" + " word" * 40, "sh1t")
    assert "sh1t" in excerpt(long, 30, "bold").plain
    at_the_end = flagged("word " * 40 + "sh1t", "sh1t")
    shown = excerpt(at_the_end, 30, "bold")
    assert shown.plain.endswith("sh1t")
    assert shown.cell_len == 30
    assert [shown.plain[span.start : span.end] for span in shown.spans] == ["sh1t"]


def test_a_place_in_the_text_is_found_behind_the_title() -> None:
    outcome = replace(flagged("so damn good", "damn"), title="Good")
    shown = excerpt(outcome, 60, "bold")
    assert [shown.plain[span.start : span.end] for span in shown.spans] == ["damn"]


def test_what_was_seen_keeps_its_place_when_it_is_cut() -> None:
    link = Seen("url", "text", 23, 90, "https://shop.example.com/" + "x" * 40)
    assert seen_text((link, link), 22).plain.endswith("… 23–90 +1")
    assert seen_text((link, link), 22).cell_len <= 22
    assert seen_text((replace(link, detector="shouting"),), 22).plain == "shouting 23–90"
    assert seen_text((replace(link, detector="duplicate", start=0),), 22).plain == "duplicate 0–90"


def test_what_was_seen_in_a_name_is_said_without_the_name_being_shown() -> None:
    named = replace(OUTCOME, seen=(Seen("lexicon", "author_name", 0, 5, "Boils"),))
    assert seen_text(named.seen, 22).plain == "Boils name 0–5"
    assert excerpt(named, 40, "bold").spans == []


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_column_of_the_table_is_lost(width: int) -> None:
    console = Console(width=width, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(outcome_table([OUTCOME, HELD], {"demo-001": Way.KAFKA}, width))
    (row,) = [line for line in capture.get().splitlines() if "approved" in line]
    assert row.split()[-4:] == ["4", "Kafka", "approved", "default"]
    assert max(map(len, capture.get().splitlines())) <= width


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([1.0], 0.99, 1.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0), (list(range(1, 101)), 0.99, 99), ([1.0, 5.0], 1, 5.0)],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_a_wait_is_known_only_for_what_was_seen_to_become_public() -> None:
    watch = PublicWatch(api=None)  # type: ignore[arg-type]  # nothing is asked here
    watch.first_seen[2] = 0.0
    assert watch.note({"data": [{"id": 1}, {"id": 2}], "meta": {"total": 3}}, 1_000_000_000.25)
    assert not watch.note({"data": [{"id": 4}, {"id": 1}], "meta": {"total": 3}}, 1_000_000_009.0)
    assert watch.wait_of(1, "2001-09-09T01:46:40Z") == pytest.approx(0.25)
    assert watch.wait_of(2, "2001-09-09T01:46:40Z") is None
    assert watch.wait_of(3, "2001-09-09T01:46:40Z") is None


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('intake     │ {"level": "info", "event": "serving", "port": 1}\n', None),
        ("intake     │ \n", None),
        (
            'intake     │ {"level": "warning", "event": "waiting", "because": "OSError", "logger": "x"}\n',
            "intake: waiting because=OSError",
        ),
        ("kafka      │ ended (killed) after 3.0 s, starts again in 0.2 s\n", "kafka: ended (killed) after 3.0 s"),
        ("query      │ Traceback (most recent call last):\n", "query: Traceback"),
    ],
)
def test_only_trouble_reaches_the_screen(line: str, shown: str | None) -> None:
    said = trouble_in(line)
    assert said is None if shown is None else said is not None and said.startswith(shown)


def test_examples_are_lines_that_a_shell_can_read() -> None:
    addresses = {name: f"http://127.0.0.1:{port}" for name, port in (("query", 1), ("intake", 2), ("moderation", 3))}
    found = examples(addresses, "plk_token", "passkey", HELD, OUTCOME)
    script = "\n".join(example.command for example in found).replace("curl ", "printf '%s\\n' -- ")
    done = subprocess.run(["/bin/sh", "-euc", script], capture_output=True, text=True, check=True)
    bodies = [json.loads(word) for word in done.stdout.splitlines() if word.startswith("{")]
    assert [sorted(body) for body in bodies] == [
        ["_ts", "authorName", "content", "productName", "rating", "title"],
        ["decision", "note", "revision", "version"],
        ["author_name", "text"],
    ]
    assert done.stdout.count("Authorization: Bearer plk_token") == 3
    assert all("\n" not in example.command for example in found)


def test_examples_without_a_held_review_leave_the_moderator_out() -> None:
    addresses = dict.fromkeys(("query", "intake", "moderation"), "http://127.0.0.1:1")
    assert not any(
        "decision" in example.command for example in examples(addresses, "plk_token", "passkey", None, OUTCOME)
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"error": {"code": "CONFLICT", "message": "moved"}}', "CONFLICT: moved"),
        ('{"errors": [{"code": "NOT_FOUND", "message": "gone"}]}', "NOT_FOUND: gone"),
        ("Bad Gateway", "Bad Gateway"),
    ],
)
def test_a_refusal_is_said_in_one_line(body: str, said: str) -> None:
    assert refusal(httpx.Response(400, text=body)) == said
