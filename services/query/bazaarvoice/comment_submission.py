"""A comment that somebody sends: out of the vendor's form, into intake's neutral words, and said back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.query.bazaarvoice.fields import Value
from services.query.bazaarvoice.submission import author, present, written


def neutral(values: Mapping[str, Value], user_id: str | None, locale: str) -> dict[str, object]:
    """Intake's request; what was not given is left out."""
    return present(
        {
            "author": author(values, user_id),
            "title": values.get("title"),
            "text": values["commenttext"],
            "locale": locale,
            "location": values.get("userlocation"),
            "campaign_id": values.get("campaignid"),
            "form": {"honeypot": ""},
        }
    )


def said(values: Mapping[str, Value], now: datetime, comment_id: int | None) -> dict[str, object]:
    """`Comment` of the answer: what the sender just sent, as far as it was good, and the id of what was taken."""
    return {
        "SubmissionTime": written(now),
        "CommentText": values.get("commenttext"),
        "SubmissionId": None,
        "Title": values.get("title"),
        "TypicalHoursToPost": None,
        "Id": None if comment_id is None else str(comment_id),
        "SendEmailAlertWhenPublished": False,
    }
