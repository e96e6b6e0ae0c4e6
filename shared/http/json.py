"""JSON in and out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from shared.http.errors import ApiError, ErrorCode

DEFAULT_LIMIT = 256 * 1024


async def read_body(request: Request, limit: int = DEFAULT_LIMIT) -> bytes:
    """The whole body; raises PAYLOAD_TOO_LARGE as soon as it is known to be over `limit` bytes."""
    too_large = ApiError(ErrorCode.PAYLOAD_TOO_LARGE, f"the body must not be larger than {limit} bytes")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)


def require_content_type(request: Request, expected: str) -> None:
    given = request.headers.get("content-type", expected).partition(";")[0].strip().lower()
    if given != expected:
        raise ApiError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, f"send the body as {expected}")


async def read_json(request: Request, limit: int = DEFAULT_LIMIT) -> Any:
    require_content_type(request, "application/json")
    return parse_json(await read_body(request, limit))


async def read_object(request: Request, limit: int = DEFAULT_LIMIT) -> dict[str, Any]:
    value = await read_json(request, limit)
    if not isinstance(value, dict):
        raise ApiError(ErrorCode.BAD_REQUEST, "the body must be a JSON object")
    return value


def parse_json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ApiError(
            ErrorCode.BAD_REQUEST, f"the body is not valid JSON (line {error.lineno}, column {error.colno})"
        ) from None


def json_response(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(data), status, headers, media_type="application/json")
