"""The response API in the OpenAPI description, which has an envelope of its own."""

from __future__ import annotations

from collections.abc import Sequence

from services.query.bazaarvoice.openapi_answers import JSON, plain
from services.query.bazaarvoice.openapi_schemas import ID, MAYBE, TEXT, Schema, list_of, members, ref
from shared.events.content import MAX_NAME, MAX_TEXT

RESPONSES = "/response/v1/clientResponses"
_SITE = "^[a-z0-9][a-z0-9-]{0,62}$"


def paths() -> dict[str, object]:
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
            "requestBody": {"required": True, "content": {JSON: {"schema": {**sent, "required": ["attributes"]}}}},
            "responses": plain(ref("WrittenResponse"), (400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 503)),
        }
        reads = {
            "operationId": f"get{name}",
            "security": [],
            "responses": plain(several, (404, 429, 500, 503)),
        }
        return {"parameters": path, "get": reads, body: writes}

    def single(name: str, path: Sequence[object]) -> dict[str, object]:
        removes = {
            "operationId": f"delete{name}",
            "security": [{"ApiKey": []}],
            "responses": {"204": {"description": "It is gone."}}
            | plain(None, (401, 403, 404, 409, 410, 429, 500, 503)),
        }
        return {**operations(name, path, "patch"), "delete": removes}

    return {
        f"{RESPONSES}/{{client}}/reviews/{{reviewId}}": operations("Responses", site, "post"),
        f"{RESPONSES}/{{client}}/reviews/{{reviewId}}/{{responseGuid}}": single("Response", (*site, guid)),
        f"{RESPONSES}/{{responseGuid}}": single("ResponseByGuid", (guid,)),
    }


def schemas() -> dict[str, Schema]:
    attributes = ("responseBy", "department", "responseType", "responseSource")
    response = members(
        {
            "type": {"const": "clientResponse"},
            "id": {"type": "string", "format": "uuid"},
            "attributes": members(
                {"response": TEXT, "created": TEXT, "updated": TEXT, **dict.fromkeys(attributes, MAYBE)}
            ),
            "relationships": members(
                {"review": members({"data": members({"type": {"const": "review"}, "id": ID, "clientName": TEXT})})}
            ),
        }
    )
    problem = members({"status": TEXT, "title": TEXT, "detail": TEXT}, {"source": members({"pointer": TEXT})})
    return {
        "WrittenResponse": response,
        "Problems": members({"errors": {**list_of(problem), "minItems": 1}}),
    }
