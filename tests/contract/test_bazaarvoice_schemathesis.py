"""Whatever a generator makes of the OpenAPI description, good and bad, gets an answer that is described there."""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import jsonschema
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.query.bazaarvoice.openapi import document
from services.query.bazaarvoice.question import SUBJECTS
from services.query.bazaarvoice.response_guid import Place, response_guid
from tests.parts import Database
from tests.public_edge import KEYS, SHOP, PublicEdge, public_edge

EXAMPLES = int(os.environ.get("PLAUDIT_TEST_EXAMPLES", "3"))
"""Of each operation, good and bad ones each. A hundred take some minutes."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENT: Any = document()
# Its types have parameters that say nothing here.
SCHEMA: Any = schemathesis.openapi.from_dict(document())
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]
_JSONP = re.compile(r"([A-Za-z0-9_.]+)\((.*)\);", re.DOTALL)


@pytest.fixture(scope="module")
async def edge(module_database: Database) -> AsyncIterator[PublicEdge]:
    async with public_edge(module_database) as running:
        yield running


async def test_every_answer_is_as_described(edge: PublicEdge) -> None:
    seen: Counter[tuple[str, int, str]] = Counter()
    # The edge is served by this loop.
    await asyncio.to_thread(_ask, edge, seen)
    assert {status for _, status, _ in seen} <= {200, 204, 400, 401, 404, 422, 431}
    for operation in OPERATIONS:
        outcomes = {(status, outcome) for label, status, outcome in seen if label == operation.label}
        if operation.path.startswith("/data/"):
            assert (200, "refused") in outcomes
    answered = {label for label, _, outcome in seen if outcome == "answered"}
    # Nobody guesses the ids and dimensions that the others ask for.
    pages = {f"GET /data/{endpoint}" for endpoint in SUBJECTS}
    assert pages <= answered, seen
    assert any(label.startswith("POST /response/") for label in answered)


def _ask(edge: PublicEdge, seen: Counter[tuple[str, int, str]]) -> None:
    review_id = edge.worlds[SHOP].reviews[0]["review_id"]
    known = {"client": SHOP, "reviewId": str(review_id), "responseGuid": response_guid(Place(review_id, 0))}
    quick = settings(max_examples=EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    for operation in OPERATIONS:
        named = {one.name: known[one.name] for one in operation.path_parameters} or None
        for mode, path in ((GenerationMode.POSITIVE, named), (GenerationMode.NEGATIVE, None)):
            cases = operation.as_strategy(generation_mode=mode, path_parameters=path)
            quick(given(case=cases)(_asker(edge, seen)))()


def _asker(edge: PublicEdge, seen: Counter[tuple[str, int, str]]) -> Callable[[Any], None]:
    def ask(case: Any) -> None:
        is_data = case.operation.path.startswith("/data/")
        response = case.call(
            base_url=edge.url,
            params={"PassKey": KEYS[SHOP]} if is_data else None,
            headers=None if is_data else {"Authorization": "Bearer plk_reply"},
            timeout=30,
        )
        case.validate_response(response, checks=CHECKS)
        seen[case.operation.label, response.status_code, _outcome(case, response)] += 1

    return ask


def _outcome(case: Any, response: Any) -> str:
    if response.status_code != 200 or not case.operation.path.startswith("/data/"):
        return "answered" if response.status_code in (200, 204) else "refused"
    body, media_type = response.content.decode(), response.headers["content-type"][0]
    if media_type.startswith("application/javascript"):
        called = _JSONP.fullmatch(body)
        assert called is not None
        described = case.operation.definition.raw["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(orjson.loads(called[2]), {**described, "components": DOCUMENT["components"]})
        body = called[2]
    return "refused" if orjson.loads(body)["HasErrors"] else "answered"
