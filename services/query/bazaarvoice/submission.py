"""A review that somebody sends: out of the vendor's form, into intake's neutral words, and said back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.query.bazaarvoice import media
from services.query.bazaarvoice.fields import Value
from services.query.bazaarvoice.parameters import Parameters
from shared.events.vocabulary import Vocabulary

INCENTIVIZED = "IncentivizedReview"
"""The vendor's own context data dimension by which authors say that they got something for their review."""
SCORE = "NetPromoterScore"
"""Kept where the site has an additional field of that name, and nowhere else: the vendor shows it to nobody."""
_YES = frozenset({"true", "yes", "1"})


def is_incentivized(sent: Parameters) -> bool:
    """Also where the site's vocabulary has no such dimension: what was paid for is never counted as if it was not."""
    return sent.scalar(f"contextdatavalue_{INCENTIVIZED}".lower()).lower() in _YES


def neutral(
    values: Mapping[str, Value], vocabulary: Vocabulary, user_id: str | None, locale: str, *, incentivized: bool
) -> dict[str, object]:
    """Intake's request; what was not given is left out."""
    return present(
        {
            "rating": values["rating"],
            "title": values.get("title"),
            "text": values.get("reviewtext"),
            "author": author(values, user_id),
            "entity_id": values["productid"],
            "locale": locale,
            "form": {"honeypot": ""},
            "details": present(_details(values, vocabulary, incentivized)),
        }
    )


def author(values: Mapping[str, Value], user_id: str | None) -> dict[str, object]:
    return present({"id": user_id, "name": values.get("usernickname"), "email": values.get("useremail")})


def said(values: Mapping[str, Value], now: datetime) -> dict[str, object]:
    """`Review` of the answer: what the sender just sent, as far as it was good, and nothing that is stored."""
    return {
        "SendEmailAlertWhenCommented": False,
        "Rating": values.get("rating") or 0,
        "SubmissionTime": written(now),
        "ReviewText": values.get("reviewtext"),
        "SubmissionId": None,
        "Title": values.get("title"),
        "IsRecommended": values.get("isrecommended"),
        "TypicalHoursToPost": None,
        "Id": None,
        "SendEmailAlertWhenPublished": False,
    }


def written(moment: datetime) -> str:
    """`2017-09-20T16:33:13.774+00:00`, of a moment in UTC."""
    return moment.isoformat(timespec="milliseconds")


def present(mapping: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in mapping.items() if value is not None and value not in ({}, [])}


def _details(values: Mapping[str, Value], vocabulary: Vocabulary, incentivized: bool) -> dict[str, object]:
    fields = [term.id for term in vocabulary.additional_fields]
    additional = _dimensions(values, "additionalfield", fields)
    if SCORE in fields and "netpromoterscore" in values:
        additional[SCORE] = str(values["netpromoterscore"])
    return {
        "is_recommended": values.get("isrecommended"),
        "secondary_ratings": _dimensions(values, "rating", [term.id for term in vocabulary.secondary_ratings]),
        "context_data": _dimensions(values, "contextdatavalue", [term.id for term in vocabulary.context_data]),
        "tags": {term.id: found for term in vocabulary.tags if (found := _tags(values, term.id))},
        "additional_fields": additional,
        "photos": media.photos(values),
        "videos": media.videos(values),
        "author_location": values.get("userlocation"),
        "campaign_id": values.get("campaignid"),
        "is_incentivized": True if incentivized else None,
    }


def _dimensions(values: Mapping[str, Value], prefix: str, ids: list[str]) -> dict[str, Value]:
    return {name: values[f"{prefix}_{name}"] for name in ids if f"{prefix}_{name}" in values}


def _tags(values: Mapping[str, Value], name: str) -> list[Value]:
    """In the order of their numbers, which may have gaps; then those that were ticked."""
    numbered = [
        (int(number), prefix, values[known])
        for prefix in (f"tag_{name}_", f"tagid_{name}_")
        for known in values
        if known.startswith(prefix) and (number := known.removeprefix(prefix)).isdecimal()
    ]
    # By number, and of one number as the form names it first.
    ordered = [value for _, _, value in sorted(numbered, key=lambda one: one[:2])]
    prefix = f"tagid_{name}/"
    ticked = [name.removeprefix(prefix).strip() for name in values if name.startswith(prefix) and values[name] is True]
    # Clients may send the same tag by both names.
    return [tag for tag in dict.fromkeys([*ordered, *ticked]) if tag != ""]
