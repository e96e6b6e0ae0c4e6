"""Why intake refuses something: one vocabulary for HTTP answers, result lines and dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from shared.http.errors import ErrorCode

T = TypeVar("T")

UNMAPPED_TOPIC = "UNMAPPED_TOPIC"
"""In dead letters only: no site belongs to the record's topic."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """`message` says what is wrong and the cure, and never repeats what was sent."""

    code: ErrorCode
    message: str
    field: str | None = None


class Refused(Exception):
    """Ends a use case; what it did so far must be rolled back or is nothing."""

    def __init__(
        self,
        refusal: Refusal,
        *,
        review_id: int | None = None,
        comment_id: int | None = None,
        revision: int | None = None,
    ) -> None:
        super().__init__(f"{refusal.code}: {refusal.message}")
        self.refusal = refusal
        self.review_id = review_id
        self.comment_id = comment_id
        self.revision = revision


def accepted(result: T | Refused) -> T:
    """One result of many, for whoever asked for one alone. Raises it where it is Refused."""
    if isinstance(result, Refused):
        raise result
    return result


def unknown_site() -> Refused:
    return Refused(Refusal(ErrorCode.NOT_FOUND, "there is no such site; check the site id in the address"))


def unknown_review() -> Refused:
    return Refused(Refusal(ErrorCode.NOT_FOUND, "there is no such review on this site"))


def unknown_comment() -> Refused:
    return Refused(Refusal(ErrorCode.NOT_FOUND, "there is no such comment on this site"))


def removed(review_id: int, revision: int) -> Refused:
    refusal = Refusal(
        ErrorCode.REMOVED, "the review was removed and its id never comes back; submit a new review instead"
    )
    return Refused(refusal, review_id=review_id, revision=revision)


def removed_comment(comment_id: int, revision: int) -> Refused:
    refusal = Refusal(
        ErrorCode.REMOVED, "the comment was removed and its id never comes back; submit a new comment instead"
    )
    return Refused(refusal, comment_id=comment_id, revision=revision)
