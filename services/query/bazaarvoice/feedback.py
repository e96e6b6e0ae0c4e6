"""A vote or a report of abuse, out of the vendor's parameters, into intake's neutral words, and said back. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from services.query.bazaarvoice.errors import Code, Refused, VendorError
from services.query.bazaarvoice.parameters import Parameters
from services.query.bazaarvoice.users import user_id_of
from shared.events.content import MAX_REASON, MAX_SOURCE_ID
from shared.events.ids import MAX_REVIEW_ID
from shared.http.client_address import network_of

ContentKind = Literal["review", "comment"]

_KINDS: dict[str, ContentKind] = {"review": "review", "review_comment": "comment"}
_TYPES: dict[str, Literal["helpfulness", "inappropriate"]] = {
    "helpfulness": "helpfulness",
    "inappropriate": "inappropriate",
}
_VOTES: dict[str, Literal["positive", "negative"]] = {"positive": "positive", "negative": "negative"}
_ID = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Feedback:
    content_kind: ContentKind
    content_id: int
    user_id: str | None
    network: str
    """The caller's, who is the voter where there is no user id."""
    vote: Literal["positive", "negative"] | None
    """None: a report that the content is inappropriate."""
    reason: str | None

    def neutral(self) -> dict[str, object]:
        """Intake's request. Who votes again changes the vote: there is one for each voter."""
        voter = {"network": self.network} if self.user_id is None else {"id": self.user_id}
        if self.vote is not None:
            return {"voter": voter, "kind": "helpfulness", "vote": self.vote}
        report: dict[str, object] = {"voter": voter, "kind": "inappropriate", "vote": "inappropriate"}
        return report if self.reason is None else report | {"reason": self.reason}

    def said(self) -> dict[str, object]:
        """`Feedback` of the answer. A network is nobody's id, and is not said."""
        if self.vote is not None:
            return {"Helpfulness": {"Vote": self.vote.upper(), "AuthorId": self.user_id}}
        return {"Inappropriate": {"ReasonText": self.reason, "AuthorId": self.user_id}}


def read_feedback(sent: Parameters, caller: str) -> Feedback:
    """`caller` is the address or network that the request came from. Raises Refused with everything that is wrong."""
    errors: list[VendorError] = []

    def wrong(code: Code, message: str) -> None:
        errors.append(VendorError(code, message))

    content_id = read_id(sent.scalar("contentid"))
    if not sent.scalar("contentid"):
        wrong(Code.MISSING_SUBJECT_ID, "ContentId is missing: send the id of the review or comment.")
    elif content_id is None:
        errors.append(NO_SUCH_CONTENT)
    kind = _KINDS.get(sent.scalar("contenttype").lower())
    if kind is None:
        wrong(Code.INVALID_PARAMETERS, "ContentType must be review or review_comment.")
    feedback_type = _TYPES.get(sent.scalar("feedbacktype").lower())
    if feedback_type is None:
        wrong(Code.INVALID_PARAMETERS, "FeedbackType must be helpfulness or inappropriate.")
    vote = _VOTES.get(sent.scalar("vote").lower()) if feedback_type == "helpfulness" else None
    if feedback_type == "helpfulness" and vote is None:
        wrong(Code.INVALID_PARAMETERS, "Vote must be Positive or Negative.")
    user_id, network = user_id_of(sent), network_of(caller) or ""
    if user_id is None:
        if not network:
            wrong(Code.MISSING_USER_ID, "UserId is missing: send the site's own id of the person.")
    elif len(user_id) > MAX_SOURCE_ID or not user_id.isprintable():
        wrong(Code.INVALID_PARAMETERS, f"UserId must be one line of at most {MAX_SOURCE_ID} characters.")
    reason = sent.scalar("reasontext").replace("\r\n", "\n").replace("\r", "\n") or None
    if reason is not None and (len(reason) > MAX_REASON or _CONTROLS.search(reason)):
        wrong(Code.INVALID_PARAMETERS, f"ReasonText must be text of at most {MAX_REASON} characters.")
    if errors:
        raise Refused(errors)
    assert content_id is not None
    assert kind is not None
    return Feedback(kind, content_id, user_id, network, vote, reason)


def read_id(text: str) -> int | None:
    """Of a review or comment; None for what can be none."""
    number = int(text) if _ID.fullmatch(text) else 0
    return number if 0 < number <= MAX_REVIEW_ID else None


NO_SUCH_CONTENT = VendorError(Code.INVALID_SUBJECT_ID, "There is no such public review or comment.")
