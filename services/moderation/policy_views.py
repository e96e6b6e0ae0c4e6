"""Policies and words as the HTTP API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.moderation.policies.activation import Standing
from services.moderation.policies.reference import EVERY_SITE, Reference
from services.moderation.policies.shadow_summary import Summary
from services.moderation.policies.versions import PolicyVersion, Saved
from services.moderation.policies.words import ListedWord
from services.moderation.policy.problem import describe_problems
from shared.access import ApiKey


def reference_view(reference: Reference | None) -> dict[str, Any] | None:
    return None if reference is None else reference._asdict()


def version_view(version: PolicyVersion, key: ApiKey) -> dict[str, Any]:
    """Without the source, which may be long. Who made what every site may use, and why, is for keys of every site."""
    tells = version.scope != EVERY_SITE or key.site is None
    return {
        "scope": version.scope,
        "name": version.name,
        "version": version.version,
        "digest": version.digest,
        "created_at": version.created_at,
        "created_by": {
            "id": version.created_by if tells else None,
            "moderator": version.moderator if tells else None,
        },
        "note": version.note if tells else None,
    }


def saved_view(saved: Saved, key: ApiKey) -> dict[str, Any]:
    warnings = describe_problems(saved.warnings)
    return {**version_view(saved.version, key), "created": saved.created, "warnings": warnings}


def standing_view(own: Standing, everywhere: Standing) -> dict[str, Any]:
    """What decides in a scope: its own, and where it has none, what decides on every site."""
    inherited = everywhere if own.active is None else Standing()
    followed = own.rollout is None
    rollout, percent = (inherited.rollout, inherited.percent) if followed else (own.rollout, own.percent)
    return {
        "active": reference_view(own.active or everywhere.active),
        "is_inherited": own.active is None,
        "rollout": None if rollout is None else {**rollout._asdict(), "percent": percent},
        "shadow": reference_view(own.shadow or inherited.shadow),
    }


def summary_view(summary: Summary) -> dict[str, Any]:
    return {
        "policy": reference_view(summary.policy),
        "reviews": summary.reviews,
        "changed": summary.changed,
        "failed": summary.failed,
        "since": summary.since,
        "until": summary.until,
        "outcomes": [{"live": one.live, "shadow": one.shadow, "reviews": one.reviews} for one in summary.outcomes],
        "rules": [{"rule": one.rule, "reviews": one.reviews, "changed": one.changed} for one in summary.rules],
        "changes": list(summary.changes),
    }


def words_view(words: Sequence[ListedWord], languages: Sequence[str], scope: str) -> dict[str, Any]:
    return {
        "words": [_word_view(one) for one in words if one.scope == scope],
        "inherited": [_word_view(one) for one in words if one.scope != scope],
        "languages": languages,
    }


def _word_view(listed: ListedWord) -> dict[str, Any]:
    return {**listed.word._asdict(), "added_at": listed.added_at, "added_by": listed.added_by}
