"""Who is calling, from `Authorization: Bearer` or `X-Api-Key`."""

from __future__ import annotations

from starlette.requests import Request

from shared.access import ApiKey, ApiKeys, Scope
from shared.http.errors import ApiError, ErrorCode


async def authenticate(request: Request, keys: ApiKeys, site: str, *scopes: Scope) -> ApiKey:
    """The caller's key; any one of `scopes` on `site` will do. Raises UNAUTHENTICATED or FORBIDDEN."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    token = value.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    challenge = {"WWW-Authenticate": "Bearer"}
    if not token:
        raise ApiError(
            ErrorCode.UNAUTHENTICATED,
            "send an API key as `Authorization: Bearer plk_…` or `X-Api-Key`",
            headers=challenge,
        )
    key = await keys.find(token)
    if key is None:
        raise ApiError(ErrorCode.UNAUTHENTICATED, "the API key is unknown, expired or revoked", headers=challenge)
    if not any(key.allows(scope, site) for scope in scopes):
        raise ApiError(
            ErrorCode.FORBIDDEN, f"the API key must belong to this site and have the scope {' or '.join(scopes)}"
        )
    return key
