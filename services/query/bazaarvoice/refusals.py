"""Intake's refusals as errors of the vendor's forms."""

from __future__ import annotations

from services.query.bazaarvoice.errors import Code, VendorError
from services.query.bazaarvoice.feedback import NO_SUCH_CONTENT
from services.query.bazaarvoice.form_errors import FieldError, FormCode
from services.query.intake import IntakeRefused
from services.query.problem import problem

_FIELDS = {
    "rating": "rating",
    "title": "title",
    "author": "usernickname",
    "author.id": "userid",
    "author.name": "usernickname",
    "author.email": "useremail",
    "entity_id": "productid",
    "locale": "locale",
    "location": "userlocation",
    "campaign_id": "campaignid",
    "details.author_location": "userlocation",
    "details.campaign_id": "campaignid",
    "details.photos": "photo",
    "details.videos": "video",
}
# Of these the rest of the name is a dimension of the site.
_PREFIXES = {
    "details.secondary_ratings.": "rating_",
    "details.context_data.": "contextdatavalue_",
    "details.additional_fields.": "additionalfield_",
    "details.tags.": "tag_",
}


def translate(refused: IntakeRefused, text_field: str) -> tuple[list[VendorError], list[FieldError]]:
    """Of the whole request and of its fields. `text_field` is what intake calls `text`.

    Raises Problem 429 where intake asks to wait.
    """
    match refused.code:
        case "TOO_MANY_REQUESTS":
            raise problem(429, "too many requests; try again later", Retry_After=refused.retry_after or "1")
        case "ALREADY_REVIEWED":
            message = "This person has a review of this product already: it can be changed, not written again."
            return [VendorError(Code.DUPLICATE_SUBMISSION, message)], [
                FieldError("userid", FormCode.DUPLICATE, message)
            ]
        case "SPAM":
            message = "The submission looks automated; open the form again and take your time."
            return [], [FieldError(text_field, FormCode.REJECTED, message)]
        case "NOT_FOUND" | "REMOVED":
            return [NO_SUCH_CONTENT], []
        case "VALIDATION_ERROR":
            name = _name_of(refused.field or "", text_field)
            if name is None:
                return [VendorError(Code.BAD_REQUEST, refused.message)], []
            code = FormCode.INVALID_EMAILADDRESS if name == "useremail" else FormCode.INVALID
            if " is missing" in refused.message:
                code = FormCode.REQUIRED
            _, _, problem_of_it = refused.message.partition(" ")
            return [], [FieldError(name, code, f"{name} {problem_of_it}")]
        case _:
            return [VendorError(Code.BAD_REQUEST, refused.message)], []


def _name_of(field: str, text_field: str) -> str | None:
    if field == "text":
        return text_field
    for prefix, ours in _PREFIXES.items():
        if field.startswith(prefix):
            return ours + field.removeprefix(prefix).partition(".")[0]
    while field and field not in _FIELDS:
        field = field.rpartition(".")[0]
    return _FIELDS.get(field)
