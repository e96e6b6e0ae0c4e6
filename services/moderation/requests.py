"""What is read from requests in the same way everywhere: the site, parameters, pages."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request

from services.moderation.policies.reference import EVERY_SITE
from services.moderation.queue import MAX_LIMIT
from shared.access import ApiKey, ApiKeys, Scope
from shared.http.auth import authenticate
from shared.http.errors import ApiError, ErrorCode

DEFAULT_LIMIT = 50
BODY_LIMIT = 32 * 1024
EVERY_SITE_KEY = ""
"""Site of what concerns every site, when a key is checked: no site has this name, so only keys of every site pass."""

_SITE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def site_of(request: Request) -> str:
    site: str = request.path_params["site"]
    if not _SITE.fullmatch(site):
        raise ApiError(ErrorCode.NOT_FOUND, "there is no site of this name")
    return site


async def scope_of(request: Request, keys: ApiKeys, *allowed: Scope) -> tuple[str, ApiKey]:
    """The site of the path, or EVERY_SITE where it names none; and the key that may do one of `allowed` there."""
    if "site" not in request.path_params:
        return EVERY_SITE, await authenticate(request, keys, EVERY_SITE_KEY, *allowed)
    site = site_of(request)
    return site, await authenticate(request, keys, site, *allowed)


def params_of(request: Request, *known: str) -> Mapping[str, str]:
    for name, _ in request.query_params.multi_items():
        if name not in known:
            raise invalid(None, f"there is no such parameter; known are {', '.join(known) or 'none'}")
        if len(request.query_params.getlist(name)) > 1:
            raise invalid(name, f"{name} must be given once")
    return request.query_params


def limit_of(params: Mapping[str, str]) -> int:
    text = params.get("limit", str(DEFAULT_LIMIT))
    if not is_id(text) or not 1 <= int(text) <= MAX_LIMIT:
        raise invalid("limit", f"limit must be a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def before_of(params: Mapping[str, str]) -> int | None:
    before = params.get("before")
    if before is None:
        return None
    if not is_id(before):
        raise invalid("before", "must be next_before of a page")
    return int(before)


def is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def invalid(field: str | None, message: str) -> ApiError:
    return ApiError(ErrorCode.VALIDATION_ERROR, message, field=field)
