"""Whoever has something public, in the vendor's shape."""

from __future__ import annotations

import re
from typing import Any

from services.query.bazaarvoice.labels import Json, Labels
from services.query.bazaarvoice.render_parts import badges, context_data, moment
from services.query.core.answers import Row

NO_RANK = "NONE"
_RANK = re.compile(r"top(1|10|25|50|100|250|500|1000)", re.IGNORECASE)


def author(row: Row, labels: Labels) -> Json:
    """Without statistics. Name, location, badges and times are those of what the author wrote last."""
    found = row["badges"] or []
    shown: Json = {
        "Id": row["author_id"],
        "UserNickname": row["author_name"],
        "Location": row["author_location"],
        "ContributorRank": _rank(found),
        "ModerationStatus": "APPROVED",
        "SubmissionId": None,
        "SubmissionTime": moment(row["content_date"]),
        "LastModeratedTime": moment(row["published_at"]),
        "ReviewIds": [str(one) for one in row.get("review_ids") or ()],
        "CommentIds": [str(one) for one in row.get("comment_ids") or ()],
        # What the vendor's authors have and ours have none of.
        "QuestionIds": [],
        "AnswerIds": [],
        "StoryIds": [],
        "ThirdPartyIds": [],
        "ProductRecommendationIds": [],
        "Avatar": {},
        "Photos": [],
        "Videos": [],
        "SecondaryRatings": {},
        "SecondaryRatingsOrder": [],
        "AdditionalFields": {},
        "AdditionalFieldsOrder": [],
    }
    shown["Badges"], shown["BadgesOrder"] = badges(found, "REVIEWER", labels) if found else ({}, [])
    shown["ContextDataValues"], shown["ContextDataValuesOrder"] = (
        context_data(values, labels) if (values := row["context_data"]) else ({}, [])
    )
    return shown


def _rank(found: list[dict[str, Any]]) -> str:
    """`TOP_25` of a badge of merit `top25`; the best of several."""
    ranks = [
        int(match[1]) for badge in found if badge.get("kind") == "Merit" and (match := _RANK.fullmatch(badge["id"]))
    ]
    return f"TOP_{min(ranks)}" if ranks else NO_RANK
