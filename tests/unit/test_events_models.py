"""What the event models promise beyond their JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.events.content import ReviewContent
from shared.events.examples import EXAMPLES
from shared.events.ids import MAX_REVIEW_ID, reply_id, reply_key, review_key, site_key
from shared.events.models import EVENTS, Event, ReviewModerated, ReviewSubmitted
from shared.events.settings import SiteSettings

times = st.datetimes(timezones=st.just(UTC))
short = st.text(alphabet=st.characters(codec="utf-8"), max_size=12)
contents = st.builds(
    ReviewContent,
    entity_id=st.none() | short,
    author_name=st.none() | short,
    rating=st.integers(1, 5),
    title=st.none() | short,
    text=st.none() | short,
    locale=short,
    review_date=st.none() | times,
)


def fields_of(model: type[BaseModel], seen: set[type[BaseModel]] | None = None) -> Iterator[str]:
    seen = set() if seen is None else seen
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        yield name
        for inner in re.findall(r"shared\.events\.\w+\.(\w+)", str(field.annotation)):
            for module in ("content", "models", "settings"):
                found = getattr(__import__(f"shared.events.{module}", fromlist=[inner]), inner, None)
                if isinstance(found, type) and issubclass(found, BaseModel):
                    yield from fields_of(found, seen)


def test_there_is_an_example_of_every_event() -> None:
    assert set(EXAMPLES) == set(EVENTS)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_events_are_values(event: type[Event]) -> None:
    example = EXAMPLES[event]
    with pytest.raises(ValidationError, match="frozen"):
        example.site = "other"
    assert example == example.model_copy()


BY_ID = {
    "secondary_ratings", "context_data", "tags", "additional_fields", "attributes", "localized", "labels",
    "value_labels",
}  # fmt: skip
"""Mappings whose keys are a site's ids, and no names of ours; a vocabulary has lists under some of these names."""


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_names_on_the_wire_are_snake_case_and_times_are_utc(event: type[Event]) -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
                if name.endswith(("_at", "_date")) and inner is not None:
                    assert inner.endswith("Z")
                if name in BY_ID and isinstance(inner, dict):
                    for one in inner.values():
                        walk(one)
                else:
                    walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(orjson.loads(EXAMPLES[event].model_dump_json()))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TYPE)
def test_no_structured_field_holds_contact_details(event: type[Event]) -> None:
    """Only the masked e-mail, for sites that show it. `email` of the settings says whether a form asks for one."""
    found = {name for name in fields_of(event) if re.search(r"mail|phone|address|(^|_)ip($|_)", name)}
    assert found <= {"author_email_masked", "email", "show_masked_email"}
    if event in (ReviewSubmitted, ReviewModerated):
        assert "author_email_masked" in found  # the walk does reach the content


def test_keys_are_of_site_and_thing() -> None:
    assert review_key("shop", 17) == b"shop/17"
    assert reply_key("shop", reply_id(17, 0)) == b"shop/17.0"
    assert site_key("shop") == b"shop"
    assert MAX_REVIEW_ID == 2**53 - 1 == orjson.loads(orjson.dumps(MAX_REVIEW_ID))


@given(content=contents, submitted_at=times, version=st.none() | st.integers(0, 2**53))
def test_any_submission_comes_back_as_it_went(
    content: ReviewContent, submitted_at: datetime, version: int | None
) -> None:
    example = EXAMPLES[ReviewSubmitted]
    event = example.model_copy(update={"content": content, "submitted_at": submitted_at, "source_version": version})
    assert ReviewSubmitted.model_validate_json(event.model_dump_json()) == event


@pytest.mark.parametrize("rating", [0, 6, 4.5, "5", True, None])
def test_a_rating_is_a_whole_number_from_one_to_five(rating: object) -> None:
    with pytest.raises(ValidationError):
        ReviewContent.model_validate({"rating": rating, "locale": "en"})


def test_settings_of_a_new_site_publish_at_once_and_say_so() -> None:
    settings = SiteSettings()
    assert (settings.enabled, settings.require_approval, settings.show_masked_email) == (True, False, False)
    with pytest.raises(ValidationError, match="min_rating"):
        SiteSettings(min_rating=4, max_rating=3)
