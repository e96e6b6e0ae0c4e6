"""What a public form must show before its submission is taken."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.intake.refusal import Refusal
from services.intake.submission import Author, Form, Submission
from shared.events.settings import SiteSettings
from shared.http.errors import ErrorCode

FASTEST = timedelta(seconds=3)
"""Nobody reads a form, rates and writes in less."""
CLOCKS_APART = timedelta(minutes=5)
"""How far a visitor's clock may be ahead of ours."""


def refuse_spam(form: Form, now: datetime) -> Refusal | None:
    """The message does not say which trap it was: it would teach whoever walks into it."""
    spam = Refusal(
        ErrorCode.SPAM, "the submission looks automated; open the form again, take your time and send it once more"
    )
    if form.honeypot:
        return spam
    if form.opened_at is None:
        return None  # not every form can tell; the trap above and the limits per address remain
    age = now - form.opened_at
    # A clock that is somewhat ahead proves nothing about how long the form was open: the benefit of the doubt.
    if timedelta(0) <= age < FASTEST or age < -CLOCKS_APART:
        return spam
    return None


def refuse_form(submission: Submission, settings: SiteSettings, now: datetime) -> Refusal | None:
    """Rules for the public's own submissions; other systems' records are taken as they are."""
    if submission.form is None:
        return None
    refusal = _refuse_visit(submission.form, settings, now)
    if refusal is not None:
        return refusal
    if not settings.min_rating <= submission.rating <= settings.max_rating:
        allowed = f"from {settings.min_rating} to {settings.max_rating}"
        return Refusal(ErrorCode.VALIDATION_ERROR, f"rating must be {allowed} on this site", "rating")
    refusal = _refuse_anonymous(submission.author, settings)
    if refusal is not None:
        return refusal
    if submission.title is None and settings.fields.title.required:
        return Refusal(ErrorCode.VALIDATION_ERROR, "title is missing; this site asks for it", "title")
    return None


def refuse_comment_form(
    form: Form | None, author: Author | None, settings: SiteSettings, now: datetime
) -> Refusal | None:
    """Likewise, of comments: what a site asks for of a review's title and rating is nothing to them."""
    if form is None:
        return None
    return _refuse_visit(form, settings, now) or _refuse_anonymous(author, settings)


def _refuse_visit(form: Form, settings: SiteSettings, now: datetime) -> Refusal | None:
    if not settings.enabled:
        return Refusal(ErrorCode.FORBIDDEN, "this site takes no reviews at present")
    return refuse_spam(form, now)


def _refuse_anonymous(author: Author | None, settings: SiteSettings) -> Refusal | None:
    email = author.email if author is not None else None
    if email is None and (not settings.allow_anonymous or settings.fields.email.required):
        return Refusal(ErrorCode.VALIDATION_ERROR, "email is missing; this site asks for it", "author.email")
    return None
