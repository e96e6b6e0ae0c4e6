"""The submission endpoints in the OpenAPI description: their forms, and what they answer."""

from __future__ import annotations

from services.query.bazaarvoice.fields import Field, Form
from services.query.bazaarvoice.form_errors import FormCode
from services.query.bazaarvoice.forms import comment_form, review_form
from services.query.bazaarvoice.openapi_answers import answers
from services.query.bazaarvoice.openapi_parameters import BOOLEAN, LOCALE, PASS_KEY, VERSION, parameter, shared
from services.query.bazaarvoice.openapi_schemas import (
    FLAG,
    MAYBE,
    MAYBE_FLAG,
    NONE,
    NOTHING,
    TEXT,
    TIME,
    Schema,
    list_of,
    members,
    ordered,
    ref,
)
from services.query.bazaarvoice.parameters import Parameters
from services.query.bazaarvoice.posted import FORM
from services.query.bazaarvoice.submissions import Endpoint
from services.query.core.vocabulary import EMPTY
from shared.events.content import MAX_REASON
from shared.events.settings import SiteSettings

_ACTION: Schema = {"type": "string", "enum": ["", "Preview", "Submit"]}


def operations(endpoint: Endpoint) -> dict[str, object]:
    answer = ref("SubmissionAnswer")
    version = parameter("ApiVersion", VERSION, required=True)
    form = {
        "operationId": endpoint,
        "summary": "Sends what the form holds; it is moderated like everything else.",
        "parameters": shared()[1:],
        "security": [PASS_KEY],
        "requestBody": {"required": True, "content": {FORM: {"schema": _form(endpoint)}}},
        "responses": answers(answer, answer, (413, 415, 429, 500, 503)),
    }
    if endpoint == "submitfeedback":
        return {"post": form}
    subject = "ProductId" if endpoint == "submitreview" else "ReviewId"
    shown = {
        "operationId": f"{endpoint}Form",
        "summary": "The form, with the site's fields.",
        "parameters": [version, parameter(subject, TEXT, required=True), *shared()],
        "security": [PASS_KEY],
        "responses": answers(answer, answer, (429, 500, 503)),
    }
    return {"get": shown, "post": form}


def _form(endpoint: Endpoint) -> Schema:
    whole: dict[str, Schema] = {"ApiVersion": VERSION, "Locale": LOCALE}
    if endpoint == "submitfeedback":
        properties = {
            "Action": _ACTION,
            "ContentId": {"type": "string", "pattern": "^[1-9][0-9]{0,15}$"},
            "ContentType": {"type": "string", "enum": ["review", "review_comment"]},
            "FeedbackType": {"type": "string", "enum": ["helpfulness", "inappropriate"]},
            "Vote": {"type": "string", "enum": ["Positive", "Negative"]},
            "UserId": TEXT,
            "User": TEXT,
            "ReasonText": {"type": "string", "maxLength": MAX_REASON},
        }
        required = ["ApiVersion", "ContentId", "ContentType", "FeedbackType"]
        return {"type": "object", "properties": {**whole, **properties}, "required": required}
    settings = SiteSettings()
    sent = Parameters([])
    form = review_form(settings, EMPTY, sent, True) if endpoint == "submitreview" else comment_form(settings)
    fields = _fields(form)
    return {
        "type": "object",
        "properties": {
            **whole,
            "Action": _ACTION,
            "User": TEXT,
            **{name: schema for name, (schema, _) in fields.items()},
        },
        "required": ["ApiVersion", *(name for name, (_, required) in fields.items() if required)],
        **({"patternProperties": _DIMENSIONS} if endpoint == "submitreview" else {}),
    }


_DIMENSIONS: Schema = {
    "^rating_.+$": {"type": "integer", "minimum": 1},
    "^contextdatavalue_.+$": TEXT,
    "^additionalfield_.+$": TEXT,
    "^tag_.+_[0-9]+$": TEXT,
    "^tagid_.+_[0-9]+$": TEXT,
    "^tagid_.+/.+$": BOOLEAN,
    "^(photo|video)(url|caption)_[0-9]+$": TEXT,
}


def _fields(form: Form) -> dict[str, tuple[Schema, bool]]:
    return {
        field.id: (_field(field), field.required or field.id in ("productid", "reviewid")) for field in form.fields()
    }


def _field(field: Field) -> Schema:
    match field.type:
        case "IntegerInput":
            return {"type": "integer", "minimum": field.least, "maximum": field.most}
        case "BooleanInput":
            return BOOLEAN
        case _:
            shape: Schema = {"type": "string", "minLength": field.least, "maxLength": field.most}
            return shape | ({} if field.form == "any" else {"format": "uri" if field.form == "url" else field.form})


def schemas() -> dict[str, Schema]:
    """`Review`, `Comment` and `Feedback` say back what was just sent, and are not those of display."""
    field_error = members({"Field": TEXT, "Message": TEXT, "Code": {"enum": [code.value for code in FormCode]}})
    form_errors = members({**ordered("FieldErrors", field_error), "GroupErrors": NOTHING, "GroupErrorsOrder": NONE})
    named = members({"Type": {"enum": ["Field", "Group"]}, "Id": TEXT})
    length: Schema = {"type": ["integer", "null"], "minimum": 0}
    form_field = members(
        {
            "Options": list_of(members({"Label": MAYBE, "Value": TEXT, "Selected": FLAG})),
            **dict.fromkeys(("Type", "Id"), TEXT),
            "Required": FLAG,
            **dict.fromkeys(("Label", "Value", "Default"), MAYBE),
            **dict.fromkeys(("MinLength", "MaxLength"), length),
        }
    )
    group = members(
        {
            "Type": {"const": "InputGroup"},
            "SubElements": list_of(named),
            "Required": FLAG,
            "Label": MAYBE,
            "Id": TEXT,
        }
    )
    said: dict[str, Schema] = {
        "SubmissionTime": TIME,
        "SubmissionId": {"type": "null"},
        "Title": MAYBE,
        "TypicalHoursToPost": {"type": "null"},
        "SendEmailAlertWhenPublished": {"const": False},
    }
    review: dict[str, Schema] = {
        **said,
        "Id": {"type": "null"},
        "SendEmailAlertWhenCommented": {"const": False},
        "Rating": {"type": "integer"},
        "ReviewText": MAYBE,
        "IsRecommended": MAYBE_FLAG,
    }
    comment: dict[str, Schema] = {**said, "Id": MAYBE, "CommentText": MAYBE}
    helpful = members({"Helpfulness": members({"Vote": {"enum": ["POSITIVE", "NEGATIVE"]}, "AuthorId": MAYBE})})
    reported = members({"Inappropriate": members({"ReasonText": MAYBE, "AuthorId": MAYBE})})
    answer: dict[str, Schema] = {
        "Locale": MAYBE,
        "Errors": list_of(ref("Error")),
        "Form": list_of(named),
        "FormErrors": {"oneOf": [form_errors, NOTHING]},
        "SubmissionId": MAYBE,
        "TypicalHoursToPost": {"type": ["integer", "null"]},
        "Data": {"oneOf": [members({**ordered("Fields", ref("FormField")), **ordered("Groups", group)}), NOTHING]},
        "HasErrors": FLAG,
    }
    token: dict[str, Schema] = {"AuthorSubmissionToken": {"type": "null"}}
    return {
        "FormField": form_field,
        "SubmissionAnswer": members(
            answer,
            {
                **token,
                "Review": members(review),
                "Comment": members(comment),
                "Feedback": {"oneOf": [helpful, reported]},
            },
        ),
    }
