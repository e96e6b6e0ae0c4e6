from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.intake import Accepted, IntakeRefused
from services.query.lynkow.submission import Submission, read_submission, render_accepted, translate
from services.query.problem import Problem
from shared.events.settings import FieldSettings, FormFields, SiteSettings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GOOD: dict[str, Any] = {"authorName": "Jane D.", "rating": 5, "content": "Soft, warm and well made."}
OPEN = SiteSettings()


def site(email: FieldSettings | None = None, title: FieldSettings | None = None, **settings: Any) -> SiteSettings:
    fields = FormFields(email=email or FieldSettings(), title=title or FieldSettings())
    return SiteSettings(fields=fields, **settings)


def read(settings: SiteSettings = OPEN, locale: str | None = None, **changes: Any) -> Submission:
    return read_submission(GOOD | changes, settings, NOW, locale)


def refused(settings: SiteSettings = OPEN, **changes: Any) -> tuple[int, list[str | None]]:
    with pytest.raises(Problem) as error:
        read(settings, **changes)
    return error.value.status, [detail.field for detail in error.value.details]


def ms(age: timedelta) -> int:
    return int((NOW - age).timestamp() * 1000)


def test_the_least_that_is_taken() -> None:
    assert read().neutral() == {
        "rating": 5,
        "text": "Soft, warm and well made.",
        "author": {"name": "Jane D."},
        "form": {"honeypot": ""},
    }


def test_everything_given() -> None:
    submission = read(
        title=" Great! ",
        authorEmail="jane@example.com",
        locale="fr",
        productName="Blue shirt",
        content="Line one,\r\nline two.",
        _ts=ms(timedelta(seconds=30)),
        _hp="",
        honeypot=None,
    )
    assert submission.neutral() == {
        "rating": 5,
        "title": "Great!",
        "text": "Line one,\nline two.",
        "author": {"name": "Jane D.", "email": "jane@example.com"},
        "entity_id": "Blue shirt",
        "entity_name": "Blue shirt",
        "locale": "fr",
        "form": {"honeypot": "", "opened_at": NOW - timedelta(seconds=30)},
    }


@pytest.mark.parametrize("trap", ["_hp", "honeypot"])
@pytest.mark.parametrize("filling", ["x", " ", True, 0, ["x"]])
def test_a_filled_honeypot(trap: str, filling: Any) -> None:
    assert refused(**{trap: filling}) == (403, [None])


@pytest.mark.parametrize("field", ["_ts", "timestamp"])
@pytest.mark.parametrize(
    "form",
    [lambda at: int(at.timestamp() * 1000), lambda at: at.isoformat(), lambda at: str(int(at.timestamp() * 1000))],
)
def test_the_time_that_the_form_was_open(field: str, form: Any) -> None:
    assert refused(**{field: form(NOW - timedelta(seconds=2))}) == (403, [None])
    assert refused(**{field: form(NOW + timedelta(hours=1))}) == (403, [None])
    assert read(**{field: form(NOW - timedelta(seconds=4))}).opened_at == NOW - timedelta(seconds=4)
    # A clock that is somewhat ahead says nothing.
    assert read(**{field: form(NOW + timedelta(minutes=1))}).opened_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize("value", ["soon", True, [], {}, 1e300, -1e300, "9" * 17])
def test_a_time_that_is_none(value: Any) -> None:
    assert refused(_ts=value) == (422, ["_ts"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("authorName", None),
        ("authorName", "J"),
        ("authorName", " J "),
        ("authorName", "J" * 101),
        ("authorName", 7),
        ("authorName", "Jane\nDoe"),
        ("rating", None),
        ("rating", 0),
        ("rating", 6),
        ("rating", "5"),
        ("rating", True),
        ("rating", 4.5),
        ("content", None),
        ("content", "too short"),
        ("content", "x" * 5001),
        ("content", "x" * 20 + "\x07"),
        ("content", "x" * 20 + "\ud800"),
        ("title", "x" * 201),
        ("title", ["x"]),
        ("authorEmail", "jane"),
        ("authorEmail", "jane@example"),
        ("authorEmail", "a b@example.com"),
        ("locale", "*"),
        ("locale", 5),
        ("productName", "x" * 256),
    ],
)
def test_bad_fields(field: str, value: Any) -> None:
    assert refused(**{field: value}) == (422, [field])


@pytest.mark.parametrize(("content", "title"), [("x" * 10, "y"), ("x" * 5000, "y" * 200), ("💚" * 10, "💚")])
def test_lengths_at_the_edge_count_characters(content: str, title: str) -> None:
    submission = read(content=content, title=title)
    assert (submission.content, submission.title) == (content, title)


def test_every_bad_field_is_said_at_once() -> None:
    assert refused(authorName="", rating=9, content="short") == (422, ["authorName", "content", "rating"])


def test_no_message_repeats_what_was_sent() -> None:
    with pytest.raises(Problem) as error:
        read(authorEmail="jane-at-example", authorName="J" * 101, content="tiny", locale="!!!!")
    said = " ".join(detail.message for detail in error.value.details)
    assert not any(value in said for value in ("jane", "JJ", "tiny", "!!!!"))


def test_the_sites_own_range_of_ratings() -> None:
    narrow = site(min_rating=2, max_rating=4)
    assert refused(narrow, rating=1) == (422, ["rating"])
    assert refused(narrow, rating=5) == (422, ["rating"])
    assert read(narrow, rating=4).rating == 4


def test_when_the_email_is_mandatory() -> None:
    hidden, shown = FieldSettings(enabled=False), FieldSettings(required=True)
    assert refused(site(email=shown)) == (422, ["authorEmail"])
    # Without anonymous reviews the e-mail is mandatory whatever the fields say.
    assert refused(site(email=hidden, allow_anonymous=False)) == (422, ["authorEmail"])
    assert read(site(email=hidden, allow_anonymous=False), authorEmail="j@example.com").author_email == "j@example.com"
    assert read(site(email=hidden), authorEmail="j@example.com").author_email is None


def test_when_the_title_is_mandatory() -> None:
    assert refused(site(title=FieldSettings(required=True)), title=" ") == (422, ["title"])
    assert read(site(title=FieldSettings(enabled=False)), title="Kept out").title is None


def test_the_answer_says_back_what_was_taken_and_no_email() -> None:
    accepted = Accepted(7, "jane-d-7", "2026-03-01T11:59:59.5Z")
    shown = render_accepted(read(authorEmail="jane@example.com"), accepted, site(default_locale="de"), NOW)
    assert shown == {
        "id": 7,
        "slug": "jane-d-7",
        "status": "pending",
        "rating": 5,
        "title": None,
        "content": GOOD["content"],
        "authorName": "Jane D.",
        "locale": "de",
        "createdAt": "2026-03-01T11:59:59.500+00:00",
    }
    without = render_accepted(read(locale="fr"), Accepted(7, "jane-d-7", None), OPEN, NOW)
    assert (without["locale"], without["createdAt"]) == ("fr", "2026-03-01T12:00:00.000+00:00")


@pytest.mark.parametrize(
    ("refusal", "status", "field"),
    [
        (IntakeRefused(403, "SPAM", "m", "form.opened_at", None), 403, None),
        (IntakeRefused(422, "VALIDATION_ERROR", "text is too long", "text", None), 422, "content"),
        (IntakeRefused(422, "VALIDATION_ERROR", "m", "author.email", None), 422, "authorEmail"),
        (IntakeRefused(409, "ALREADY_REVIEWED", "m", None, None), 422, "authorEmail"),
        (IntakeRefused(422, "IDEMPOTENCY_KEY_REUSED", "m", None, None), 422, "Idempotency-Key"),
        (IntakeRefused(404, "NOT_FOUND", "m", None, None), 404, None),
        (IntakeRefused(413, "PAYLOAD_TOO_LARGE", "m", None, None), 413, None),
        (IntakeRefused(409, "CONFLICT", "m", None, None), 400, None),
        (IntakeRefused(429, "TOO_MANY_REQUESTS", "m", None, "7"), 429, None),
    ],
)
def test_refusals_of_intake_in_this_dialects_words(refusal: IntakeRefused, status: int, field: str | None) -> None:
    problem = translate(refusal)
    assert (problem.status, problem.details[0].field) == (status, field)
    assert problem.headers == ({"Retry-After": "7"} if status == 429 else {})


def test_a_message_of_intake_names_this_dialects_field() -> None:
    problem = translate(IntakeRefused(422, "VALIDATION_ERROR", "text is too long", "text", None))
    assert problem.details[0].message == "content is too long"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
_NAMES = ["authorName", "rating", "content", "title", "authorEmail", "locale", "productName", "_hp", "_ts", "timestamp"]


@given(st.dictionaries(st.sampled_from(_NAMES), _JSON), st.none() | st.text(max_size=10))
def test_any_object_is_taken_or_refused(body: dict[str, Any], locale: str | None) -> None:
    with contextlib.suppress(Problem):
        assert 1 <= read_submission(GOOD | body, OPEN, NOW, locale).rating <= 5
