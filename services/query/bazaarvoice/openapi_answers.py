"""Answers by status in the OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterable

from services.query.bazaarvoice.openapi_schemas import TEXT, Schema, ref

JSON = "application/json"
_SCRIPT = "application/javascript"
_QUOTAS = ("QPM-Allotted", "QPM-Current", "Quota-Allotted", "Quota-Current", "Quota-Reset", "Error-Detail")


def answers(good: Schema, failure: Schema, statuses: Iterable[int]) -> dict[str, object]:
    headers = {f"X-Bazaarvoice-{name}": {"schema": TEXT} for name in _QUOTAS}

    def answer(description: str, schema: Schema) -> dict[str, object]:
        content = {JSON: {"schema": schema}, _SCRIPT: {"schema": TEXT}}
        return {"description": description, "headers": headers, "content": content}

    wrong = {str(status): answer(_DESCRIPTIONS[status], failure) for status in statuses}
    return {"200": answer("What was asked for, or what is wrong with the question.", good), **wrong, **_TOO_LONG}


def plain(good: Schema | None, statuses: Iterable[int]) -> dict[str, object]:
    def answer(description: str, schema: Schema) -> dict[str, object]:
        return {"description": description, "content": {JSON: {"schema": schema}}}

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
