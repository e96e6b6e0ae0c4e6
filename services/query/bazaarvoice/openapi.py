"""An OpenAPI description of the dialect: `python -m services.query.bazaarvoice.openapi [--check]` writes docs/openapi.

Made of the tables that requests are read by, so that it names every parameter, attribute, field and limit there is.
What OpenAPI cannot say is that names, attributes and operators are read in any case.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from services.query.bazaarvoice.attributes import DYNAMIC, FILTERS, SORTS
from services.query.bazaarvoice.conversations import PREFIX, SUBMISSION
from services.query.bazaarvoice.fields import Field, Form
from services.query.bazaarvoice.filters import MAX_FILTERS, OPERATORS
from services.query.bazaarvoice.forms import comment_form, review_form
from services.query.bazaarvoice.includes import TYPES
from services.query.bazaarvoice.openapi_schemas import (
    COUNT,
    INCLUDED,
    TEXT,
    Schema,
    callback,
    list_of,
    members,
    page_of,
    ref,
    schemas,
)
from services.query.bazaarvoice.paging import DEFAULT_LIMIT, MAX_INCLUDED_LIMIT, MAX_LIMIT, MAX_OFFSET
from services.query.bazaarvoice.parameters import Parameters
from services.query.bazaarvoice.posted import FORM
from services.query.bazaarvoice.question import SUBJECTS, Endpoint
from services.query.bazaarvoice.searches import MAX_SEARCH
from services.query.bazaarvoice.submissions import Endpoint as SubmissionEndpoint
from services.query.core.includes import FOLLOWS
from services.query.core.query import Dynamic, Kind, Subject, has_attribute, has_many, kind_of
from services.query.core.query import Field as CoreField
from services.query.core.vocabulary import EMPTY
from shared.events.content import MAX_NAME, MAX_REASON, MAX_TEXT
from shared.events.settings import SiteSettings

FILE = Path(__file__).parents[3] / "docs" / "openapi" / "bazaarvoice.json"
RESPONSES = "/response/v1/clientResponses"

_JSON = "application/json"
_SCRIPT = "application/javascript"
_LOCALE: Schema = {"type": "string", "pattern": "^[A-Za-z]{2,8}(?:[_-][A-Za-z0-9]{1,8}){0,3}$"}
_VERSION: Schema = {"type": "string", "enum": [f"5.{minor}" for minor in (4, 3, 2, 1, 0)]}
_ACTION: Schema = {"type": "string", "enum": ["", "Preview", "Submit"]}
_BOOLEAN: Schema = {"type": "string", "enum": ["true", "false"]}
_PASS_KEY: dict[str, list[str]] = {"PassKey": []}
_QUOTAS = ("QPM-Allotted", "QPM-Current", "Quota-Allotted", "Quota-Current", "Quota-Reset", "Error-Detail")


def document() -> dict[str, object]:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Plaudit as Bazaarvoice's Conversations API",
            "version": "5.4",
            "description": (
                "Names of parameters and fields, attributes and operators are read in any case; of a name that is sent "
                "several times the first counts, unless it is an array here. What is wrong with a request is told with "
                "HTTP 200 and `HasErrors`. Dimensions are those of the site's vocabulary."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            **{f"{PREFIX}/{endpoint}": {"get": _display(endpoint)} for endpoint in Endpoint},
            **{f"{PREFIX}/{name}": _submits(endpoint) for name, endpoint in SUBMISSION.items()},
            **_responses(),
        },
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "PassKey": {"type": "apiKey", "in": "query", "name": "PassKey"},
                "ApiKey": {"type": "http", "scheme": "bearer", "description": "An API key with the scope `reply`."},
            },
        },
    }


def _display(endpoint: Endpoint) -> dict[str, object]:
    if endpoint is Endpoint.STATISTICS:
        parameters = [*_of(Subject.REVIEWS, ""), _comma("Stats", ["Reviews", "NativeReviews"])]
        page, what = "StatisticsPage", "Counts and averages of products."
    else:
        subject = SUBJECTS[endpoint]
        included = [one for one in TYPES.values() if one in FOLLOWS[subject]]
        parameters = [
            *_of(subject, ""),
            _search("Search"),
            _comma("Include", [INCLUDED[one] for one in included]),
            _comma("Stats", ["Reviews"]),
            _comma("FilteredStats", ["Reviews"]),
            _comma("Attributes", ["ModeratorCodes"]),
        ]
        for one in included:
            parameters += [*_of(one, f"_{INCLUDED[one]}"), _search(f"Search_{INCLUDED[one]}")]
        page, what = page_of(subject), f"{INCLUDED[subject]} that are public."
    parameters += [_one("IncentivizedStats", _BOOLEAN), _one("ExcludeFamily", _BOOLEAN)]
    return {
        "operationId": str(endpoint).removesuffix(".json"),
        "summary": what,
        "parameters": [_one("ApiVersion", _VERSION, required=True), *parameters, *_shared()],
        "security": [_PASS_KEY],
        "responses": _answers({"oneOf": [ref(page), ref("Failure")]}, ref("Failure"), (429, 500, 503)),
    }


def _of(subject: Subject, suffix: str) -> list[Schema]:
    """What a request says of one kind of content."""
    limit = MAX_INCLUDED_LIMIT if suffix else MAX_LIMIT
    paging = [_one(f"Limit{suffix}", {**COUNT, "maximum": limit, "default": DEFAULT_LIMIT})]
    if not suffix:
        paging.append(_one("Offset", {**COUNT, "maximum": MAX_OFFSET, "default": 0}))
    kinds: dict[Kind, list[str]] = {}
    for name, kind in _named(FILTERS, subject).items():
        kinds.setdefault(kind, []).append(name)
    operators = "|".join(OPERATORS)
    filters = "|".join(
        f"(?:{'|'.join(names)})(?::(?:{operators}))?:{_VALUES[kind]}(?:,{_VALUES[kind]})*"
        for kind, names in kinds.items()
    )
    sorts = f"^(?:{'|'.join(_named(SORTS, subject))}):(?:asc|desc)$"
    return [
        {
            "name": f"Filter{suffix}",
            "in": "query",
            "style": "form",
            "explode": True,
            "schema": {**list_of({"type": "string", "pattern": f"^(?:{filters})$"}), "maxItems": MAX_FILTERS},
        },
        _comma(f"Sort{suffix}", pattern=sorts),
        *paging,
    ]


def _named(table: Mapping[Subject, Mapping[str, CoreField]], subject: Subject) -> dict[str, Kind]:
    """Names of attributes, as patterns, with what they hold."""
    found = {name: kind_of(attribute) for name, attribute in sorted(table[subject].items())}
    for prefix, dimension in DYNAMIC.items():
        attribute = Dynamic(dimension, "any")
        if has_attribute(subject, attribute) and not (table is SORTS and has_many(attribute)):
            found[f"{prefix}[A-Za-z0-9]+"] = kind_of(attribute)
    return found


_VALUES = {
    Kind.INTEGER: "-?[0-9]{1,18}",
    Kind.NUMBER: r"-?[0-9]{1,9}(?:\.[0-9]{1,4})?",
    Kind.BOOLEAN: "(?:true|false)",
    Kind.TIME: "[0-9]{1,13}",
    # What is escaped in values is left out: commas, colons and backslashes.
    Kind.TEXT: r"[^,:\\\s]+",
}


def _shared() -> list[Schema]:
    return [_one("Locale", _LOCALE), _one("Callback", callback())]


def _one(name: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _search(name: str) -> Schema:
    return _one(name, {"type": "string", "maxLength": MAX_SEARCH})


def _comma(name: str, values: Iterable[str] = (), pattern: str | None = None) -> Schema:
    item: Schema = (
        {"type": "string", "enum": list(values)} if pattern is None else {"type": "string", "pattern": pattern}
    )
    return {"name": name, "in": "query", "style": "form", "explode": False, "schema": list_of(item)}


def _submits(endpoint: SubmissionEndpoint) -> dict[str, object]:
    answer = ref("SubmissionAnswer")
    version = _one("ApiVersion", _VERSION, required=True)
    form = {
        "operationId": endpoint,
        "summary": "Sends what the form holds; it is moderated like everything else.",
        "parameters": _shared()[1:],
        "security": [_PASS_KEY],
        "requestBody": {"required": True, "content": {FORM: {"schema": _form(endpoint)}}},
        "responses": _answers(answer, answer, (413, 415, 429, 500, 503)),
    }
    if endpoint == "submitfeedback":
        return {"post": form}
    subject = "ProductId" if endpoint == "submitreview" else "ReviewId"
    shown = {
        "operationId": f"{endpoint}Form",
        "summary": "The form, with the site's fields.",
        "parameters": [version, _one(subject, TEXT, required=True), *_shared()],
        "security": [_PASS_KEY],
        "responses": _answers(answer, answer, (429, 500, 503)),
    }
    return {"get": shown, "post": form}


def _form(endpoint: SubmissionEndpoint) -> Schema:
    whole: dict[str, Schema] = {"ApiVersion": _VERSION, "Locale": _LOCALE}
    if endpoint == "submitfeedback":
        properties = {
            "ContentId": {"type": "string", "pattern": "^[1-9][0-9]{0,15}$"},
            "ContentType": {"type": "string", "enum": ["review", "review_comment"]},
            "FeedbackType": {"type": "string", "enum": ["helpfulness", "inappropriate"]},
            "Vote": {"type": "string", "enum": ["Positive", "Negative"]},
            "UserId": TEXT,
            "ReasonText": {"type": "string", "maxLength": MAX_REASON},
        }
        required = ["ApiVersion", "ContentId", "ContentType", "FeedbackType", "UserId"]
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
            return _BOOLEAN
        case _:
            shape: Schema = {"type": "string", "minLength": field.least, "maxLength": field.most}
            return shape | ({} if field.form == "any" else {"format": "uri" if field.form == "url" else field.form})


def _responses() -> dict[str, object]:
    attributes: dict[str, Schema] = {"response": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}}
    for name in ("responseBy", "department", "responseType", "responseSource"):
        attributes[name] = {"type": ["string", "null"], "maxLength": MAX_NAME}
    client = {"name": "client", "in": "path", "required": True, "schema": {"type": "string", "pattern": _SITE}}
    review = {
        "name": "reviewId",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[1-9][0-9]{0,15}$"},
    }
    guid = {"name": "responseGuid", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
    several = members({"data": list_of(ref("WrittenResponse"))})
    site: Sequence[object] = (client, review)

    def operations(name: str, path: Sequence[object], body: str) -> dict[str, object]:
        required = ["response"] if body == "post" else []
        sent = {
            "type": "object",
            "properties": {"attributes": {"type": "object", "properties": attributes, "required": required}},
        }
        writes = {
            "operationId": f"{body}{name}",
            "security": [{"ApiKey": []}],
            "requestBody": {"required": True, "content": {_JSON: {"schema": {**sent, "required": ["attributes"]}}}},
            "responses": _plain(ref("WrittenResponse"), (400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 503)),
        }
        reads = {
            "operationId": f"get{name}",
            "security": [],
            "responses": _plain(several, (404, 429, 500, 503)),
        }
        return {"parameters": path, "get": reads, body: writes}

    def single(name: str, path: Sequence[object]) -> dict[str, object]:
        removes = {
            "operationId": f"delete{name}",
            "security": [{"ApiKey": []}],
            "responses": {"204": {"description": "It is gone."}}
            | _plain(None, (401, 403, 404, 409, 410, 429, 500, 503)),
        }
        return {**operations(name, path, "patch"), "delete": removes}

    return {
        f"{RESPONSES}/{{client}}/reviews/{{reviewId}}": operations("Responses", site, "post"),
        f"{RESPONSES}/{{client}}/reviews/{{reviewId}}/{{responseGuid}}": single("Response", (*site, guid)),
        f"{RESPONSES}/{{responseGuid}}": single("ResponseByGuid", (guid,)),
    }


_SITE = "^[a-z0-9][a-z0-9-]{0,62}$"


def _answers(good: Schema, failure: Schema, statuses: Iterable[int]) -> dict[str, object]:
    headers = {f"X-Bazaarvoice-{name}": {"schema": TEXT} for name in _QUOTAS}

    def answer(description: str, schema: Schema) -> dict[str, object]:
        content = {_JSON: {"schema": schema}, _SCRIPT: {"schema": TEXT}}
        return {"description": description, "headers": headers, "content": content}

    wrong = {str(status): answer(_DESCRIPTIONS[status], failure) for status in statuses}
    return {"200": answer("What was asked for, or what is wrong with the question.", good), **wrong, **_TOO_LONG}


def _plain(good: Schema | None, statuses: Iterable[int]) -> dict[str, object]:
    def answer(description: str, schema: Schema) -> dict[str, object]:
        return {"description": description, "content": {_JSON: {"schema": schema}}}

    wrong: dict[str, object] = {str(status): answer(_DESCRIPTIONS[status], ref("Problems")) for status in statuses}
    return wrong if good is None else {"200": answer("As it stands.", good), **wrong, **_TOO_LONG}


_TOO_LONG = {"431": {"description": "The address is too long.", "content": {"text/plain": {"schema": TEXT}}}}
_DESCRIPTIONS = {
    400: "The body is not what it should be.",
    401: "No API key.",
    403: "An API key that may not do this.",
    404: "Nothing public is there.",
    409: "It changed meanwhile.",
    410: "The review is gone for good.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "A field holds what it cannot.",
    429: "Too many requests.",
    500: "A fault of ours.",
    503: "Not just now, or too long a question.",
}


def text() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.query.bazaarvoice.openapi", description=__doc__)
    parser.add_argument("--file", type=Path, default=FILE)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 when the file is not as generated"
    )
    options = parser.parse_args(arguments)
    if not options.check:
        options.file.parent.mkdir(parents=True, exist_ok=True)
        options.file.write_text(text())
    elif not options.file.is_file() or options.file.read_text() != text():
        sys.stderr.write(f"not as generated, run `{parser.prog}`: {options.file}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
