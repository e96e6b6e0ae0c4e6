"""The display endpoints in the OpenAPI description: what they are asked, and the envelope of their answers."""

from __future__ import annotations

from collections.abc import Mapping

from services.query.bazaarvoice.attributes import DYNAMIC, FILTERS, SORTS
from services.query.bazaarvoice.errors import Code
from services.query.bazaarvoice.filters import MAX_FILTERS, OPERATORS
from services.query.bazaarvoice.includes import TYPES
from services.query.bazaarvoice.openapi_answers import answers
from services.query.bazaarvoice.openapi_parameters import BOOLEAN, PASS_KEY, VERSION, comma, parameter, shared
from services.query.bazaarvoice.openapi_schemas import (
    COUNT,
    INCLUDED,
    MAYBE,
    NAMES,
    NONE,
    NOTHING,
    TEXT,
    Schema,
    list_of,
    members,
    ordered,
    page_of,
    ref,
)
from services.query.bazaarvoice.paging import DEFAULT_LIMIT, MAX_INCLUDED_LIMIT, MAX_LIMIT, MAX_OFFSET
from services.query.bazaarvoice.question import SUBJECTS, Endpoint
from services.query.bazaarvoice.searches import MAX_SEARCH
from services.query.bazaarvoice.sorts import ALGORITHMS, DIRECTIONS, RELEVANCY
from services.query.core.includes import FOLLOWS
from services.query.core.query import Dynamic, Field, Kind, Subject, has_attribute, has_many, kind_of


def operation(endpoint: Endpoint) -> dict[str, object]:
    if endpoint is Endpoint.STATISTICS:
        parameters = [*_of(Subject.REVIEWS, ""), comma("Stats", ["Reviews", "NativeReviews"])]
        page, what = "StatisticsPage", "Counts and averages of products."
    else:
        subject = SUBJECTS[endpoint]
        included = [one for one in TYPES.values() if one in FOLLOWS[subject]]
        parameters = [
            *_of(subject, ""),
            _search("Search"),
            comma("Include", [INCLUDED[one] for one in included]),
            comma("Stats", ["Reviews"]),
            comma("FilteredStats", ["Reviews"]),
            comma("Attributes", ["ModeratorCodes"]),
        ]
        for one in included:
            parameters += [*_of(one, f"_{INCLUDED[one]}"), _search(f"Search_{INCLUDED[one]}")]
        page, what = page_of(subject), f"{INCLUDED[subject]} that are public."
    parameters += [parameter("IncentivizedStats", BOOLEAN), parameter("ExcludeFamily", BOOLEAN)]
    return {
        "operationId": str(endpoint).removesuffix(".json"),
        "summary": what,
        "parameters": [parameter("ApiVersion", VERSION, required=True), *parameters, *shared()],
        "security": [PASS_KEY],
        "responses": answers({"oneOf": [ref(page), ref("Failure")]}, ref("Failure"), (429, 500, 503)),
    }


def _of(subject: Subject, suffix: str) -> list[Schema]:
    """What a request says of one kind of content."""
    limit = MAX_INCLUDED_LIMIT if suffix else MAX_LIMIT
    paging = [parameter(f"Limit{suffix}", {**COUNT, "maximum": limit, "default": DEFAULT_LIMIT})]
    if not suffix:
        paging.append(parameter("Offset", {**COUNT, "maximum": MAX_OFFSET, "default": 0}))
    kinds: dict[Kind, list[str]] = {}
    for name, kind in _named(FILTERS, subject).items():
        kinds.setdefault(kind, []).append(name)
    operators = "|".join(OPERATORS)
    filters = "|".join(
        f"(?:{'|'.join(names)})(?::(?:{operators}))?:{_VALUES[kind]}(?:,{_VALUES[kind]})*"
        for kind, names in kinds.items()
    )
    sorts = f"(?:{'|'.join(_named(SORTS, subject))}):(?:{'|'.join(DIRECTIONS)})"
    if subject is Subject.REVIEWS:
        sorts += f"|{RELEVANCY}:(?:{'|'.join(ALGORITHMS)})"
    return [
        {
            "name": f"Filter{suffix}",
            "in": "query",
            "style": "form",
            "explode": True,
            "schema": {**list_of({"type": "string", "pattern": f"^(?:{filters})$"}), "maxItems": MAX_FILTERS},
        },
        comma(f"Sort{suffix}", pattern=f"^(?:{sorts})$"),
        *paging,
    ]


def _named(table: Mapping[Subject, Mapping[str, Field]], subject: Subject) -> dict[str, Kind]:
    """Names of attributes, as patterns, with what they hold."""
    found = {name: kind_of(attribute) for name, attribute in sorted(table[subject].items())}
    for prefix, dimension in DYNAMIC.items():
        attribute = Dynamic(dimension, "any")
        if has_attribute(subject, attribute) and not (table is SORTS and has_many(attribute)):
            found[f"{prefix}[A-Za-z0-9]+"] = kind_of(attribute)
    return found


_VALUES = {
    Kind.INTEGER: r"-?[0-9]{1,18}(?:\.[0-9]{1,4})?",
    Kind.NUMBER: r"-?[0-9]{1,9}(?:\.[0-9]{1,4})?",
    Kind.BOOLEAN: "(?:true|false)",
    Kind.TIME: "[0-9]{1,13}",
    # What is escaped in values is left out: commas, colons and backslashes.
    Kind.TEXT: r"[^,:\\\s]+",
}


def _search(name: str) -> Schema:
    return parameter(name, {"type": "string", "maxLength": MAX_SEARCH})


def schemas() -> dict[str, Schema]:
    included: dict[str, Schema] = {}
    for subject, name in INCLUDED.items():
        included |= ordered(name, ref(NAMES[subject]))
    none_or_zero: Schema = {"enum": [0, None]}
    found = {page_of(subject): _page(ref(name), members({}, included)) for subject, name in NAMES.items()}
    return found | {
        "StatisticsPage": _page(ref("ProductStatistics"), NOTHING),
        "Error": members({"Message": TEXT, "Code": {"enum": [code.value for code in Code]}}),
        "Failure": members(
            {
                **dict.fromkeys(("Limit", "Offset", "TotalResults"), none_or_zero),
                "Locale": MAYBE,
                "Results": NONE,
                "Includes": NOTHING,
                "HasErrors": {"const": True},
                "Errors": {**list_of(ref("Error")), "minItems": 1},
            }
        ),
    }


def _page(result: Schema, included: Schema) -> Schema:
    return members(
        {
            "Limit": {**COUNT, "maximum": MAX_LIMIT},
            "Offset": {**COUNT, "maximum": MAX_OFFSET},
            "TotalResults": COUNT,
            "Locale": TEXT,
            "Results": {**list_of(result), "maxItems": MAX_LIMIT},
            "Includes": included,
            "HasErrors": {"const": False},
            "Errors": NONE,
        }
    )
