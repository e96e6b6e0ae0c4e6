"""What a public form sends: checked by this dialect's rules, and put into intake's neutral words. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.query.core.query import storable
from services.query.intake import Accepted, IntakeRefused
from services.query.lynkow.render import timestamp
from services.query.problem import Detail, Problem, problem
from shared.events.content import MAX_ENTITY_ID
from shared.events.settings import SiteSettings

FASTEST = timedelta(seconds=3)
CLOCKS_APART = timedelta(minutes=5)
"""How far a visitor's clock may run ahead of ours; up to there it says nothing about how long the form was open."""

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+")
_LOCALE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_BREAKS = re.compile(r"[\t\n]")
_DIGITS = re.compile(r"[0-9]{1,16}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIELDS = {
    "rating": "rating",
    "title": "title",
    "text": "content",
    "author": "authorName",
    "author.name": "authorName",
    "author.email": "authorEmail",
    "entity_id": "productName",
    "entity_name": "productName",
    "locale": "locale",
    "form.honeypot": "_hp",
    "form.opened_at": "_ts",
}


@dataclass(frozen=True, slots=True)
class Submission:
    author_name: str
    rating: int
    content: str
    title: str | None
    author_email: str | None
    locale: str | None
    product_name: str | None
    opened_at: datetime | None

    def neutral(self) -> dict[str, object]:
        """Intake's request; what was not given is left out."""
        author = {"name": self.author_name, "email": self.author_email}
        whole: dict[str, object] = {
            "rating": self.rating,
            "title": self.title,
            "text": self.content,
            "author": {name: value for name, value in author.items() if value is not None},
            "entity_id": self.product_name,
            "entity_name": self.product_name,
            "locale": self.locale,
            "form": {"honeypot": ""} | ({"opened_at": self.opened_at} if self.opened_at else {}),
        }
        return {name: value for name, value in whole.items() if value is not None}


def read_submission(
    body: Mapping[str, Any], settings: SiteSettings, now: datetime, locale: str | None = None
) -> Submission:
    """Raises Problem: 403 for spam, else 422 with every bad field. `locale` is for bodies without one."""
    if any(body.get(trap) not in (None, "") for trap in ("_hp", "honeypot")):
        raise _spam()
    fields = _Fields(body)
    opened_at = fields.moment("_ts", "timestamp")
    if opened_at is not None:
        age = now - opened_at
        if timedelta(0) <= age < FASTEST or age < -CLOCKS_APART:
            raise _spam()
    email_settings, title_settings = settings.fields.email, settings.fields.title
    email_required = not settings.allow_anonymous or (email_settings.enabled and email_settings.required)
    title = email = None
    # A field that the site does not show is not collected either, whatever an old form still sends.
    if title_settings.enabled:
        title = fields.text("title", 1, 200, required=title_settings.required, one_line=False)
    if email_settings.enabled or email_required:
        email = fields.email("authorEmail", required=email_required)
    name = fields.text("authorName", 2, 100, required=True)
    content = fields.text("content", 10, 5000, required=True, one_line=False)
    rating = fields.rating("rating", settings.min_rating, settings.max_rating)
    language = fields.locale("locale", locale)
    product = fields.text("productName", 1, MAX_ENTITY_ID)
    if fields.problems:
        raise Problem(422, fields.problems)
    assert name is not None
    assert content is not None
    return Submission(name, rating, content, title, email, language, product, opened_at)


def render_accepted(
    submission: Submission, accepted: Accepted, settings: SiteSettings, now: datetime
) -> dict[str, Any]:
    """`pending`, the vendor's word for a review that nobody has judged yet, also where approval is quick.

    Says back what the site took from the submitter, and nothing else: no e-mail, nothing of an earlier review.
    """
    return {
        "id": accepted.review_id,
        "slug": accepted.slug,
        "status": "pending",
        "rating": submission.rating,
        "title": submission.title,
        "content": submission.content,
        "authorName": submission.author_name,
        "locale": (submission.locale or settings.default_locale).replace("_", "-"),
        "createdAt": timestamp(_created_at(accepted, now)),
    }


def translate(refused: IntakeRefused) -> Problem:
    """Intake's refusal in this dialect's statuses and field names."""
    if refused.code == "SPAM":
        return _spam()
    field = None if refused.field is None else _FIELDS.get(refused.field)
    if refused.code == "ALREADY_REVIEWED":
        return problem(
            422, "there is a review by this author already; it can be changed, not written again", "authorEmail"
        )
    if refused.code == "IDEMPOTENCY_KEY_REUSED":
        return problem(422, "the key was used for another submission; take a new one", "Idempotency-Key")
    if refused.code == "VALIDATION_ERROR":
        ours = refused.field is not None and field is not None
        inner = refused.field.rpartition(".")[2] if refused.field is not None else ""
        message = refused.message
        if ours and message.startswith(f"{inner} "):
            message = f"{field} {message.removeprefix(f'{inner} ')}"
        return problem(422, message, field)
    if refused.status == 429:
        return problem(429, "too many requests; try again later", Retry_After=refused.retry_after or "1")
    status = refused.status if refused.status in (404, 413) else 400
    return problem(status, refused.message, field)


def _spam() -> Problem:
    # Which trap it was is not said: it would teach whoever walks into it.
    return problem(403, "the submission looks automated; open the form again and take your time")


def _created_at(accepted: Accepted, now: datetime) -> datetime:
    if accepted.created_at is not None:
        return datetime.fromisoformat(accepted.created_at).astimezone(UTC)
    return now


class _Fields:
    """Reads one field after the other, keeping what is wrong instead of stopping at it."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body
        self.problems: list[Detail] = []

    def wrong(self, field: str, message: str) -> None:
        self.problems.append(Detail(f"{field} {message}", field))

    def text(
        self, field: str, shortest: int, longest: int, *, required: bool = False, one_line: bool = True
    ) -> str | None:
        """Without the white space around it; blank counts as not given."""
        value = self._body.get(field)
        if value is None:
            value = ""
        if not isinstance(value, str):
            self.wrong(field, "must be a string")
            return None
        value = value.replace("\r\n", "\n").replace("\r", "\n").strip()
        if not value:
            if required:
                self.wrong(field, "is missing; it must be sent")
            return None
        if not shortest <= len(value) <= longest:
            self.wrong(field, f"must have {shortest} to {longest} characters")
        elif _CONTROLS.search(value) or not storable(value):
            self.wrong(field, "holds a control character; remove it")
        elif one_line and _LINE_BREAKS.search(value):
            self.wrong(field, "must be one line")
        else:
            return value
        return None

    def email(self, field: str, *, required: bool) -> str | None:
        value = self.text(field, 3, 254, required=required)
        if value is not None and not _EMAIL.fullmatch(value):
            self.wrong(field, "is not an e-mail address; send one like name@example.com")
            return None
        return value

    def rating(self, field: str, lowest: int, highest: int) -> int:
        value = self._body.get(field)
        if type(value) is not int or not lowest <= value <= highest:
            missing = "is missing; it " if value is None else ""
            self.wrong(field, f"{missing}must be a whole number from {lowest} to {highest}")
            return 0
        return value

    def locale(self, field: str, otherwise: str | None) -> str | None:
        value = self._body.get(field)
        if value is None or value == "":
            value = otherwise
        if value is None:
            return None
        if not isinstance(value, str) or len(value) > 35 or not _LOCALE.fullmatch(value):
            self.wrong(field, "must be a language tag such as en or pt-BR")
            return None
        return value

    def moment(self, *synonyms: str) -> datetime | None:
        """ISO 8601, or milliseconds since 1970 as a number or as digits."""
        for field in synonyms:
            value = self._body.get(field)
            if value is None or value == "":
                continue
            try:
                return _moment(value)
            except (ValueError, OverflowError, TypeError):
                self.wrong(field, "must be the time at which the form was opened, ISO 8601 or milliseconds since 1970")
                return None
        return None


def _moment(value: object) -> datetime:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, str):
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return _EPOCH + timedelta(milliseconds=value)
