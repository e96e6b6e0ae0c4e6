"""What a public form must show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.intake.anti_spam import refuse_comment_form, refuse_form, refuse_spam
from services.intake.submission import Author, Form, Submission
from shared.events.settings import FieldSettings, FormFields, SiteSettings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FORM = Form(opened_at=NOW - timedelta(minutes=1))


@pytest.mark.parametrize(
    ("seconds_ago", "refused"),
    [(0, True), (2.9, True), (3, False), (3600 * 24, False), (-1, False), (-299, False), (-301, True)],
)
def test_a_form_is_open_for_three_seconds_and_not_opened_in_the_future(seconds_ago: float, refused: bool) -> None:
    spam = refuse_spam(Form(honeypot="", opened_at=NOW - timedelta(seconds=seconds_ago)), NOW)
    assert (spam is not None and spam.code.value == "SPAM") == refused


def test_a_filled_honeypot_is_spam_however_long_it_took() -> None:
    assert refuse_spam(Form(honeypot="x", opened_at=FORM.opened_at), NOW) is not None


def test_a_form_that_does_not_say_when_it_was_opened_is_taken() -> None:
    assert refuse_spam(Form(), NOW) is None


@pytest.mark.parametrize(
    ("settings", "fields", "code", "field"),
    [
        (SiteSettings(), {}, None, None),
        (SiteSettings(enabled=False), {}, "FORBIDDEN", None),
        (SiteSettings(min_rating=3), {"rating": 2}, "VALIDATION_ERROR", "rating"),
        (SiteSettings(max_rating=4), {"rating": 5}, "VALIDATION_ERROR", "rating"),
        (SiteSettings(allow_anonymous=False), {}, "VALIDATION_ERROR", "author.email"),
        (SiteSettings(allow_anonymous=False), {"author": Author(email="a@b.org")}, None, None),
        (SiteSettings(fields=FormFields(title=FieldSettings(required=True))), {}, "VALIDATION_ERROR", "title"),
        (SiteSettings(fields=FormFields(email=FieldSettings(required=True))), {}, "VALIDATION_ERROR", "author.email"),
    ],
)
def test_the_sites_rules_are_for_forms_only(
    settings: SiteSettings, fields: dict[str, Any], code: str | None, field: str | None
) -> None:
    refusal = refuse_form(Submission(**{"rating": 5, "form": FORM, **fields}), settings, NOW)
    assert (refusal and (refusal.code.value, refusal.field)) == (code and (code, field))
    assert refuse_form(Submission(**{"rating": 5, **fields}), settings, NOW) is None


@pytest.mark.parametrize(
    ("settings", "author", "code"),
    [
        (SiteSettings(), None, None),
        (SiteSettings(enabled=False), None, "FORBIDDEN"),
        (SiteSettings(min_rating=3, fields=FormFields(title=FieldSettings(required=True))), None, None),
        (SiteSettings(allow_anonymous=False), Author(id="7"), "VALIDATION_ERROR"),
        (SiteSettings(allow_anonymous=False), Author(email="a@example.com"), None),
    ],
)
def test_comments_by_form_meet_what_concerns_them(
    settings: SiteSettings, author: Author | None, code: str | None
) -> None:
    refusal = refuse_comment_form(FORM, author, settings, NOW)
    assert (refusal.code.value if refusal is not None else None) == code
    assert refuse_comment_form(None, author, settings, NOW) is None, "other systems' are taken as they are"
    spam = refuse_comment_form(Form(honeypot="x"), author, settings, NOW)
    assert spam is not None
    assert spam.code.value in ("SPAM", "FORBIDDEN")
