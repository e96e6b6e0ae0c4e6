"""Details of a review: what senders may say of them, and what events then say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.decide import Candidate
from services.intake.details import MAX_VOTES, revised
from services.intake.plan import Plan, Site, Stamp
from services.intake.submission import MAX_BODY_BYTES, Invalid, Submission, parse_submission
from shared.events.cloudevents import MAX_VALUE_BYTES, to_json
from shared.events.content import (
    MAX_BADGES,
    MAX_CAPTION,
    MAX_DIMENSION_VALUE,
    MAX_DIMENSIONS,
    MAX_MEDIA,
    MAX_PROS,
    MAX_TAG_DIMENSIONS,
    MAX_TAG_TEXT,
    MAX_TAGS,
    MAX_URL,
    Badge,
    Photo,
    ReviewDetails,
    SyndicationSource,
    Video,
    VotesBefore,
)
from shared.events.ids import MAX_REVIEW_ID, ReviewId
from shared.events.models import Decision, Published, ReviewModerated, ReviewSubmitted
from shared.events.settings import SiteSettings

URL = "https://shop.example/1.jpg"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING: dict[str, Any] = {
    "pros": "Quick\r\nQuiet",
    "cons": "Stiff lid",
    "is_recommended": False,
    "secondary_ratings": {"Fit_22": 3, "Quality": 100},
    "context_data": {"Age": "25to34", "a.b-c": "Überall"},
    "tags": {"Pro": ["Quiet", "Quick", "Quiet"], "Con": []},
    "additional_fields": {"Kitchen": "Small\nbut bright"},
    "badges": [{"id": "Staff", "kind": "Affiliation"}, {"id": "top-10"}],
    "photos": [{"url": URL, "caption": "The kettle"}, {"id": "1", "url": URL, "large_url": URL}],
    "videos": [{"url": "http://video.example/watch?v=1", "host": "video.example", "iframe_url": ""}],
    "product_recommendation_ids": ["kettle-3", "kettle-3", "mug"],
    "author_location": "Lisbon",
    "affiliation": "Staff of the shop",
    "campaign_id": "spring",
    "submission_id": "abc",
    "is_incentivized": True,
    "syndication": {"name": "other.example", "content_link": "https://other.example/r/1"},
    "votes_before": {"positive": 3, "inappropriate": 1},
}


def accepted(**details: Any) -> ReviewDetails | None:
    said = parse_submission(orjson.dumps({"rating": 5, "details": details})).details
    assert said is not None
    return said.to_content()


def refused(details: Any) -> list[tuple[str | None, str]]:
    with pytest.raises(Invalid) as caught:
        parse_submission(orjson.dumps({"rating": 5, "details": details}))
    return [(problem.field, problem.message) for problem in caught.value.problems]


def test_everything_that_there_is_to_say() -> None:
    assert accepted(**EVERYTHING) == ReviewDetails(
        pros="Quick\nQuiet",
        cons="Stiff lid",
        is_recommended=False,
        secondary_ratings={"Fit_22": 3, "Quality": 100},
        context_data={"Age": "25to34", "a.b-c": "Überall"},
        tags={"Pro": ("Quiet", "Quick")},
        additional_fields={"Kitchen": "Small\nbut bright"},
        badges=(Badge(id="Staff", kind="Affiliation"), Badge(id="top-10")),
        photos=(Photo(id="2", url=URL, caption="The kettle"), Photo(id="1", url=URL, large_url=URL)),
        videos=(Video(url="http://video.example/watch?v=1", host="video.example"),),
        product_recommendation_ids=("kettle-3", "mug"),
        author_location="Lisbon",
        affiliation="Staff of the shop",
        campaign_id="spring",
        submission_id="abc",
        is_incentivized=True,
        syndication=SyndicationSource(name="other.example", content_link="https://other.example/r/1"),
        votes_before=VotesBefore(positive=3, inappropriate=1),
    )
    assert set(EVERYTHING) == set(ReviewDetails.model_fields), "a new detail must be shown here"


@pytest.mark.parametrize(
    "nothing",
    [
        {},
        dict.fromkeys(EVERYTHING),
        {"pros": " ", "author_location": "", "context_data": {}, "tags": {"Pro": [" ", None], "Con": None}},
        {
            "secondary_ratings": {"Fit": None},
            "additional_fields": {"Kitchen": "\n"},
            "product_recommendation_ids": [""],
        },
        {"votes_before": {"positive": 0}, "is_incentivized": False, "photos": [], "unknown": 1},
    ],
)
def test_details_that_say_nothing_are_none(nothing: dict[str, Any]) -> None:
    assert accepted(**nothing) is None


def test_a_no_is_said_and_an_unknown_answer_is_not() -> None:
    said = accepted(is_recommended=False)
    assert said is not None
    assert said.is_recommended is False


@pytest.mark.parametrize(
    ("details", "field", "cure"),
    [
        ([], "details", "must be a JSON object"),
        ({"pros": 5}, "details.pros", "must be a string"),
        ({"cons": "x" * (MAX_PROS + 1)}, "details.cons", "is longer than 3000 characters; shorten it"),
        ({"pros": "a\x07b"}, "details.pros", "holds a control character; remove all but line feeds and tabs"),
        ({"campaign_id": "a\nb"}, "details.campaign_id", "holds a control character or a line break; remove it"),
        ({"is_recommended": "yes"}, "details.is_recommended", "must be true or false"),
        ({"is_incentivized": 1}, "details.is_incentivized", "must be true or false"),
        ({"secondary_ratings": {"Fit": 0}}, "details.secondary_ratings.Fit", "must be at least 1"),
        ({"secondary_ratings": {"Fit": 101}}, "details.secondary_ratings.Fit", "must be at most 100"),
        (
            {"secondary_ratings": {"Fit": "4"}},
            "details.secondary_ratings.Fit",
            "must be a whole number, without quotes",
        ),
        ({"secondary_ratings": [4]}, "details.secondary_ratings", "must be a JSON object"),
        ({"context_data": {"Age": 30}}, "details.context_data.Age", "must be a string"),
        ({"context_data": {"Age": "3\x000"}}, "details.context_data.Age", "holds a control character or a line break"),
        (
            {"context_data": {"Your age": "30"}},
            "details.context_data",
            "has a key that is no id; ids have 1 to 100 let",
        ),
        ({"context_data": {"": "30"}}, "details.context_data", "has a key that is no id"),
        ({"context_data": {"A" * 101: "30"}}, "details.context_data", "has a key that is no id"),
        ({"additional_fields": {"Size\n": "XL"}}, "details.additional_fields", "has a key that is no id"),
        (
            {"additional_fields": {str(number): "x" for number in range(MAX_DIMENSIONS + 1)}},
            "details.additional_fields",
            "has more than 50 entries; send fewer",
        ),
        (
            {"additional_fields": {"Size": "x" * (MAX_DIMENSION_VALUE + 1)}},
            "details.additional_fields.Size",
            "is longer than 500 characters; shorten it",
        ),
        ({"tags": {"Pro": "Quiet"}}, "details.tags.Pro", "must be a list"),
        ({"tags": {"Pro": ["Quiet", 7]}}, "details.tags.Pro.1", "must be a string"),
        ({"tags": {"Pro": ["x"] * (MAX_TAGS + 1)}}, "details.tags.Pro", "has more than 20 entries; send fewer"),
        (
            {"tags": {str(number): ["x"] for number in range(MAX_TAG_DIMENSIONS + 1)}},
            "details.tags",
            "has more than 20 entries; send fewer",
        ),
        (
            {"tags": {"Pro": ["x" * 500] * 4, "Con": ["x"]}},
            "details.tags",
            "has more than 2000 characters in all; send fewer or shorter ones",
        ),
        (
            {"badges": [{"id": "a b"}]},
            "details.badges.0.id",
            "is no id; ids have 1 to 100 letters, digits, points, hyp",
        ),
        ({"badges": [{"kind": "Custom"}]}, "details.badges.0.id", "is missing; it must be sent"),
        (
            {"badges": [{"id": "a", "kind": "custom"}]},
            "details.badges.0.kind",
            "must be one of 'Custom', 'Merit', 'Aff",
        ),
        ({"badges": [{"id": "a"}, {"id": "a"}]}, "details.badges", "has the same id twice; every entry needs its own"),
        ({"badges": [{"id": "a"}] * (MAX_BADGES + 1)}, "details.badges", "has more than 20 entries; send fewer"),
        ({"photos": [{"url": "photo.jpg"}]}, "details.photos.0.url", "is not an absolute http or https address; send"),
        ({"photos": [{"url": ""}]}, "details.photos.0.url", "is not an absolute http or https address; send one like"),
        ({"photos": [{"caption": "x"}]}, "details.photos.0.url", "is missing; it must be sent"),
        (
            {"photos": [{"url": URL + "x" * MAX_URL}]},
            "details.photos.0.url",
            "is longer than 2000 characters; shorten it",
        ),
        ({"photos": [{"url": URL, "caption": "x" * (MAX_CAPTION + 1)}]}, "details.photos.0.caption", "is longer than"),
        (
            {"photos": [{"url": URL, "id": "a"}] * 2},
            "details.photos",
            "has the same id twice; every entry needs its own",
        ),
        ({"photos": [{"url": URL}] * (MAX_MEDIA + 1)}, "details.photos", "has more than 20 entries; send fewer"),
        ({"photos": [None]}, "details.photos.0", "must be a JSON object"),
        ({"videos": [{"url": URL, "iframe_url": "//x.example"}]}, "details.videos.0.iframe_url", "is not an absolute"),
        ({"product_recommendation_ids": ["x" * 256]}, "details.product_recommendation_ids.0", "is longer than 255"),
        ({"product_recommendation_ids": ["x"] * 51}, "details.product_recommendation_ids", "has more than 50 entries"),
        ({"author_location": "x" * 201}, "details.author_location", "is longer than 200 characters; shorten it"),
        ({"syndication": {}}, "details.syndication.name", "is missing; it must be sent"),
        (
            {"syndication": {"name": " "}},
            "details.syndication.name",
            "is empty; fill it in, or leave out all that it be",
        ),
        ({"votes_before": {"positive": -1}}, "details.votes_before.positive", "must be at least 0"),
        ({"votes_before": {"negative": MAX_VOTES + 1}}, "details.votes_before.negative", "must be at most 1000000000"),
        ({"votes_before": 3}, "details.votes_before", "must be a JSON object"),
    ],
)
def test_a_refusal_names_the_field_and_the_cure(details: Any, field: str, cure: str) -> None:
    ((named, message),) = refused(details)
    assert named == field
    assert message.startswith(f"{field if field != 'details' else 'details'} {cure}"), message


def test_neither_messages_nor_fields_repeat_what_was_sent() -> None:
    secret = "geheim geheim"
    wrong = refused(
        {
            "pros": [secret],
            "context_data": {secret: 7},
            "tags": {secret: secret},
            "badges": [{"id": secret, "kind": secret}],
            "photos": [{"url": secret}],
        }
    )
    assert len(wrong) == 6
    assert "geheim" not in str(wrong)


def test_details_are_not_in_the_repr() -> None:
    said = parse_submission(orjson.dumps({"rating": 5, "details": {"pros": "geheim"}}))
    assert "geheim" not in repr(said)


@pytest.mark.parametrize(
    "url",
    [
        "http://a",
        "HTTPS://EXAMPLE.COM",
        "https://example.com:8443/a/b.jpg?size=1,2&x={a}|b#c",
        "https://[2001:db8::1]/a.jpg",
        "https://bücher.example/größe.jpg",
        "https://example.com/a'b(1)@2x.jpg",
        "http://www.youtube.com/v/Vs2b2TcvueE&rel=0",
    ],
)
def test_addresses_that_pages_can_show(url: str) -> None:
    said = accepted(photos=[{"url": url}])
    assert said is not None
    assert said.photos[0].url == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "//example.com/a.jpg",
        "/a.jpg",
        "ftp://example.com/a.jpg",
        "https://",
        "https:///a.jpg",
        "https:example.com",
        "https://user:secret@example.com/a.jpg",
        "https://example.com/a b.jpg",
        'https://example.com/"onload="x',
        "https://example.com/<script>",
        "https://example.com/a\\b",
        "https://example.com/\u2028",
        "https://example.com/a\x85",
        " https://example.com/a.jpg",
        "https://example.com/a.jpg\n",
        "https://?x",
    ],
)
def test_addresses_that_could_be_something_else_are_refused(url: str) -> None:
    assert [field for field, _ in refused({"photos": [{"url": url}]})] == ["details.photos.0.url"]


def test_photos_without_an_id_get_the_next_number_that_is_free() -> None:
    ids = [None, "1", None, "5", None, None]
    said = accepted(photos=[{"url": URL} | ({"id": one} if one else {}) for one in ids])
    assert said is not None
    assert [photo.id for photo in said.photos] == ["2", "1", "3", "5", "6", "7"]
    plain = accepted(photos=[{"url": URL}, {"url": URL}])
    assert plain is not None
    assert [photo.id for photo in plain.photos] == ["1", "2"]


@pytest.mark.parametrize(
    ("given", "before", "after"),
    [
        (None, None, None),
        (None, {"pros": "a"}, None),
        (None, {"pros": "a", "votes_before": {"positive": 3}}, {"votes_before": {"positive": 3}}),
        ({}, {"votes_before": {"positive": 3}}, {"votes_before": {"positive": 3}}),
        ({"cons": "b"}, {"pros": "a"}, {"cons": "b"}),
        ({"cons": "b"}, {"votes_before": {"positive": 3}}, {"cons": "b", "votes_before": {"positive": 3}}),
        ({"votes_before": {"negative": 1}}, {"votes_before": {"positive": 3}}, {"votes_before": {"negative": 1}}),
        ({"votes_before": {"positive": 0}}, {"votes_before": {"positive": 3}}, None),
        ({"votes_before": None}, {"votes_before": {"positive": 3}}, {"votes_before": {"positive": 3}}),
    ],
)
def test_an_edit_says_all_but_the_votes_of_before(given: Any, before: Any, after: Any) -> None:
    said = parse_submission(orjson.dumps({"rating": 5, "details": given})).details
    was = None if before is None else ReviewDetails.model_validate(before)
    assert revised(said, was) == (None if after is None else ReviewDetails.model_validate(after))


# How large events may become.

MARGIN = 16 * 1024
"""What an event may be longer than the body that it came from: names of fields without a value, ids, times."""
FOR_DECISIONS = 240 * 1024
"""What is left at least of a moderated event for the decision and its signals."""


def events_of(body: bytes) -> tuple[ReviewSubmitted, ReviewModerated]:
    """What intake and moderation make of it, with every name and number that is not the sender's as long as can be."""
    said: Submission = parse_submission(body)
    assert said.details is not None
    candidate = Candidate(
        entity_id=said.entity_id,
        entity_name=said.entity_name,
        author_id="0" * 32,
        author_name=said.author.name if said.author is not None else None,
        email_masked="x" * 254,
        rating=said.rating,
        title=said.title,
        text=said.text,
        locale=said.locale,
        review_date=said.review_date,
        source=said.source,
        source_id=said.source_id,
        source_version=said.source_version,
        details=said.details.to_content(),
    )
    site = Site("s" * 63, "", SiteSettings(show_masked_email=True), 2**31 - 1, b"")
    plan = Plan(site, NOW, [], iter([ReviewId(MAX_REVIEW_ID)]))
    plan.submit(candidate, Stamp("import", None))
    assert plan.events[0].value is not None
    submitted = ReviewSubmitted.model_validate_json(plan.events[0].value)
    published = Published.model_validate(
        submitted.model_dump(include={"revision", "slug", "created_at", "submitted_at", "content"})
        | {"published_at": NOW}
    )
    decision = Decision(version=1, actor_kind="policy", actor="default", decided_at=NOW)
    return submitted, ReviewModerated(
        site=site.site,
        sequence=1,
        review_id=submitted.review_id,
        revision=1,
        status="approved",
        decision=decision,
        published=published,
    )


def padded(body: dict[str, Any], unit: str) -> bytes:
    """As much of `unit` in all details as makes the body exactly as long as intake takes; addresses fill the rest."""
    details = body["details"]
    shortest = MAX_TAG_TEXT // (MAX_TAG_DIMENSIONS * MAX_TAGS)
    details["tags"] = {
        # Each another one: the same again would be dropped.
        f"t{dimension}": [f"{number:02}{unit * ((shortest - 2) // len(unit))}" for number in range(MAX_TAGS)]
        for dimension in range(MAX_TAG_DIMENSIONS)
    }
    value, caption = (unit * (most // len(unit)) for most in (MAX_DIMENSION_VALUE, MAX_CAPTION))
    media = [*details["photos"], *details["videos"]]
    places: list[tuple[dict[str, str], str, str]] = [
        *((details.setdefault("additional_fields", {}), str(number), value) for number in range(MAX_DIMENSIONS)),
        *((details.setdefault("context_data", {}), str(number), value) for number in range(MAX_DIMENSIONS)),
        *((medium, "caption", caption) for medium in media),
        *((medium, name, f"http://a/{'x' * 1_900}") for name in ("thumbnail_url", "url") for medium in media),
        *((photo, "large_url", f"http://a/{'x' * 1_900}") for photo in details["photos"]),
    ]
    for where, name, text in places:
        before = where.get(name)
        where[name] = text
        if len(orjson.dumps(body)) > MAX_BODY_BYTES:
            if before is None:
                del where[name]
            else:
                where[name] = before
    return orjson.dumps(body).ljust(MAX_BODY_BYTES)


@pytest.mark.parametrize("unit", ["x", '"', "\\", "\n\t", "é", "👍🏽"])
def test_the_largest_body_makes_an_event_that_every_reader_takes(unit: str) -> None:
    """Text is never longer in an event than in a body; what is shortest in a body grows the most."""
    line = unit if unit != "\n\t" else "x"
    body = {
        "rating": 5,
        "title": "x" + unit * (2_999 // len(unit)),
        "text": "x" + unit * (9_999 // len(unit)),
        "author": {"name": line * (100 // len(line)), "email": "a@b.example"},
        "entity_id": line * (255 // len(line)),
        "source": "s",
        "source_id": "1",
        "details": {
            "badges": [{"id": str(number)} for number in range(MAX_BADGES)],
            "photos": [{"url": "http://a"} for _ in range(MAX_MEDIA)],
            "videos": [{"url": "http://a"} for _ in range(MAX_MEDIA)],
            "syndication": {"name": "x"},
            "votes_before": {"positive": 1},
        },
    }
    raw = padded(body, line)
    assert len(raw) == MAX_BODY_BYTES
    assert len(raw.rstrip()) > 0.98 * MAX_BODY_BYTES
    for event in events_of(raw):
        assert len(to_json(event)) <= MAX_BODY_BYTES + MARGIN
        assert len(to_json(event)) > 0.95 * MAX_BODY_BYTES, "else it was no large body"
    assert MAX_BODY_BYTES + MARGIN + FOR_DECISIONS <= MAX_VALUE_BYTES


_IDS = st.text("abcXYZ019_.-", min_size=1, max_size=8)
_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40) | st.just("\n\r\n\t")
_LINES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40)
_URLS = st.just("http://a") | st.just("https://b/c.jpg?d")


def _part(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


_MEDIA = {"thumbnail_url": _URLS, "caption": _TEXTS}
_DETAILS = _part(
    pros=_TEXTS,
    is_recommended=st.booleans() | st.none(),
    secondary_ratings=st.dictionaries(_IDS, st.integers(1, 100), max_size=6),
    context_data=st.dictionaries(_IDS, _LINES, max_size=6),
    tags=st.dictionaries(_IDS, st.lists(_LINES, max_size=6), max_size=6),
    additional_fields=st.dictionaries(_IDS, _TEXTS, max_size=6),
    badges=st.lists(st.fixed_dictionaries({"id": _IDS}), max_size=20, unique_by=lambda badge: badge["id"]),
    photos=st.lists(st.fixed_dictionaries({"url": _URLS}, optional=_MEDIA), max_size=20),
    videos=st.lists(st.fixed_dictionaries({"url": _URLS}, optional=_MEDIA), max_size=20),
    product_recommendation_ids=st.lists(_LINES, max_size=6),
    author_location=_LINES,
    is_incentivized=st.booleans(),
    votes_before=_part(positive=st.integers(0, MAX_VOTES), negative=st.integers(0, MAX_VOTES)),
)


@settings(max_examples=200, deadline=None)
@given(_DETAILS)
def test_whatever_is_said_its_event_is_little_longer_and_says_it_again(details: dict[str, Any]) -> None:
    body = orjson.dumps({"rating": 5, "details": details})
    submitted, moderated = events_of(body)
    assert max(len(to_json(submitted)), len(to_json(moderated))) <= len(body) + MARGIN
    said = submitted.content.details
    assert said == accepted(**details)
    if said is not None:
        assert accepted(**said.model_dump(mode="json")) == said, "what an event says can be sent again as it is"
