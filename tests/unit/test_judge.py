"""All that an author wrote is judged, under names that stay; and what conditions are told of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.moderation.engine.engine import Engine
from services.moderation.judging.judge import Judge, facts, fields_of, writing
from services.moderation.judging.rulebook import NO_VOCABULARY
from services.moderation.policy.facts import NUMBERED_FIELDS, SIGNAL_FIELDS
from shared.events.content import (
    CommentContent,
    Photo,
    ReviewContent,
    ReviewDetails,
    SyndicationSource,
    Video,
)
from shared.events.models import CommentSubmitted, ReviewSubmitted

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PHOTOS = (Photo(id="1", url="https://p"), Photo(id="2", url="https://p", caption="On the hob"))
VIDEOS = (Video(url="https://v", caption="It boils"),)
DETAILS = ReviewDetails(
    pros="Quick",
    cons="Loud",
    is_recommended=True,
    context_data={"Age": "25to34"},
    tags={"Use": ("Tea", "Coffee")},
    additional_fields={"Kitchen": "Small", "Empty": ""},
    photos=PHOTOS,
    videos=VIDEOS,
    author_location="Lisbon",
    is_incentivized=True,
    syndication=SyndicationSource(name="Maker"),
    campaign_id="spring",
)


def review(**content: Any) -> ReviewSubmitted:
    return ReviewSubmitted(
        site="shop",
        sequence=1,
        review_id=7,
        revision=1,
        slug="s",
        created_at=NOW,
        submitted_at=NOW,
        content=ReviewContent(rating=4, locale="en", **content),
        channel="api",
        settings_version=1,
        require_approval=False,
    )


def comment(**content: Any) -> CommentSubmitted:
    return CommentSubmitted(
        site="shop",
        sequence=1,
        comment_id=8,
        review_id=7,
        revision=1,
        created_at=NOW,
        submitted_at=NOW,
        content=CommentContent(locale="en", **content),
        channel="api",
        settings_version=1,
        require_approval=True,
    )


def test_every_field_of_a_review_has_its_name() -> None:
    assert fields_of(review(title="Good", text="Boils.", author_name="Ann", details=DETAILS)) == {
        "title": "Good",
        "text": "Boils.",
        "author_name": "Ann",
        "pros": "Quick",
        "cons": "Loud",
        "author_location": "Lisbon",
        "additional_field.Kitchen": "Small",
        "tag.Use.1": "Tea",
        "tag.Use.2": "Coffee",
        "photo_caption.2": "On the hob",
        "video_caption.1": "It boils",
    }


def test_a_review_without_details_has_the_fields_that_it_always_had() -> None:
    assert fields_of(review(text="Boils.")) == {"text": "Boils."}
    assert fields_of(review(text="Boils.", details=ReviewDetails())) == {"text": "Boils."}


def test_every_field_of_a_comment_has_its_name() -> None:
    event = comment(title="Lid", text="Mine too.", author_name="Bo", author_location="Porto", photos=PHOTOS)
    assert fields_of(event) == {
        "title": "Lid",
        "text": "Mine too.",
        "author_name": "Bo",
        "author_location": "Porto",
        "photo_caption.2": "On the hob",
    }
    assert writing(event).rating is None


def test_what_conditions_are_told_of_a_review() -> None:
    seen = facts(review(details=DETAILS), ())
    assert (seen.kind, seen.rating, seen.pros, seen.cons) == ("review", 4, "Quick", "Loud")
    assert (seen.is_recommended, seen.is_incentivized, seen.is_syndicated) == (True, True, True)
    assert (seen.photos, seen.videos, seen.campaign_id) == (2, 1, "spring")
    assert (seen.has_text, seen.words) == (True, 2)


def test_a_rating_only_has_no_text_title_pros_or_cons() -> None:
    assert not facts(review(), ()).has_text
    assert not facts(review(details=DETAILS.model_copy(update={"pros": None, "cons": None})), ()).has_text
    assert facts(review(details=ReviewDetails(cons="Loud")), ()).has_text
    not_recommended = ReviewDetails(is_recommended=False)
    assert not facts(review(details=not_recommended), ()).is_recommended


def test_what_conditions_are_told_of_a_comment() -> None:
    seen = facts(comment(text="Mine too.", author_id="a", photos=PHOTOS), ())
    assert (seen.kind, seen.rating, seen.entity_id, seen.photos) == ("comment", None, "", 2)
    assert (seen.author_known, seen.require_approval, seen.words) == (True, True, 2)


def test_the_engine_looks_into_every_field() -> None:
    judge = Judge(Engine.default())
    rude = "What a fucking mess"
    details = ReviewDetails(
        pros=rude,
        cons=rude,
        tags={"Use": (rude,)},
        additional_fields={"Kitchen": rude},
        photos=(Photo(id="1", url="https://p", caption=rude),),
        videos=(Video(url="https://v", caption=rude),),
        author_location=rude,
    )
    found = {signal.field for signal in judge.read(review(text="Fine.", details=details), NO_VOCABULARY)}
    assert found == {
        "pros",
        "cons",
        "author_location",
        "additional_field.Kitchen",
        "tag.Use.1",
        "photo_caption.1",
        "video_caption.1",
    }


def test_numbers_of_models_and_nothing_to_complain_of_are_no_findings() -> None:
    judge = Judge(Engine.default())
    details = ReviewDetails(
        cons="None",
        additional_fields={"Model": "XKCDQWRTZ-9000 asdfghjkl qwertyuiop"},
        author_location="WEST SIDE OF NYC",
    )
    assert judge.read(review(text="Fits well.", details=details), NO_VOCABULARY) == ()


def test_docs_name_every_field() -> None:
    text = (Path(__file__).parents[2] / "docs/moderation.md").read_text("utf-8")
    table = text.partition("<!-- fields -->")[2].partition("<!-- /fields -->")[0]
    named = re.findall(r"`([a-z_]+\.?)[^`]*`", table)
    assert sorted(named) == sorted((*SIGNAL_FIELDS, *NUMBERED_FIELDS))


def test_fields_are_those_that_policies_know() -> None:
    for event in (review(title="t", text="t", author_name="a", details=DETAILS), comment(text="t", photos=PHOTOS)):
        assert all(field in SIGNAL_FIELDS or field.startswith(NUMBERED_FIELDS) for field in fields_of(event))
