"""Cases as the HTTP API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from services.moderation.case import Case
from services.moderation.cases import signals_of
from services.moderation.queue import History, Page


def page_view(page: Page) -> dict[str, Any]:
    cases = [{**case_view(case), "open_reports": page.reports.get(case.review_id, 0)} for case in page.cases]
    return {"cases": cases, "next_cursor": page.next_cursor}


def case_view(case: Case) -> dict[str, Any]:
    """`version` and `revision` are what a decision must name; `submission` is the event of the revision to judge.

    `case_id` is the number in the case's address: the review's, or of a comment its own.
    """
    is_comment = case.kind == "comment"
    return {
        "case_id": case.review_id,
        "kind": case.kind,
        "review_id": case.parent_id if is_comment else case.review_id,
        "comment_id": case.review_id if is_comment else None,
        "site": case.site,
        "version": case.version,
        "revision": case.revision,
        "status": case.status,
        "queue": case.queue,
        "rule": case.rule,
        "codes": case.codes,
        "entity_id": case.entity_id or None,
        "locale": case.locale,
        "rating": case.rating,
        "opened_at": case.opened_at,
        "updated_at": case.updated_at,
        "submission": _json(case.submission),
        "public_revision": case.public_revision,
        "first_published_at": case.first_published_at,
        "publish_count": case.publish_count,
        "is_featured": case.is_featured,
        "display_order": case.display_order,
    }


def history_view(history: History) -> dict[str, Any]:
    """A case with what is public of it and every decision: what it replaced and from which signals it came."""
    case = history.case
    public = None
    if case.public_revision is not None:
        public = {
            "revision": case.public_revision,
            "since": case.public_since,
            "submission": _json(case.public_text),
        }
    return {
        **case_view(case),
        "public": public,
        "decisions": _decisions(history.decisions),
        "placements": [dict(row) for row in history.placements],
        "open_reports": history.open_reports,
        "reports": [dict(row) for row in history.reports],
    }


def _decisions(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    views: list[dict[str, Any]] = []
    public_before: int | None = None
    for row in rows:
        policy = None
        if row["policy"] is not None:
            policy = {"name": row["policy"], "version": row["policy_version"], "scope": row["policy_scope"]}
        views.append(
            {
                "version": row["version"],
                "revision": row["revision"],
                "status": row["status"],
                "public_revision": row["public_revision"],
                "replaced": {"status": row["previous_status"], "public_revision": public_before},
                "decided_by": {"kind": row["actor_kind"], "id": row["actor"], "moderator": row["moderator"]},
                "policy": policy,
                "rule": row["rule"],
                "codes": row["codes"],
                "signals": signals_of(row["signals"]),
                "note": row["note"],
                "decided_at": row["decided_at"],
            }
        )
        public_before = row["public_revision"]
    return views


def _json(text: str | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)
