"""Lynkow's public API: which path is which question, and its envelope for what goes wrong."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import orjson

from services.query.core.answers import ReviewPage, Summary
from services.query.core.reader import ReviewReader
from services.query.exchange import JSON, NO_STORE, Request, Response, cacheable
from services.query.intake import Intake, IntakeRefused
from services.query.lynkow import render
from services.query.lynkow.parameters import parse_entity_id, parse_listing, parse_locale
from services.query.lynkow.slug import review_id_of
from services.query.lynkow.submission import Submission, read_submission, render_accepted, translate
from services.query.problem import Problem, method_not_allowed, not_found, problem
from shared.clock import Clock

MAX_BODY_BYTES = 64 * 1024

# The vendor's for settings and a single review. A list is asked again each time, so that a review that was approved or
# removed shows at the next look; its tag makes that cheap.
SETTINGS_CACHE = b"public, max-age=300"
REVIEW_CACHE = b"public, max-age=60"
LIST_CACHE = b"public, no-cache"

_CODES = {
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    422: "VALIDATION_ERROR",
    429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_ERROR",
    503: "SERVICE_UNAVAILABLE",
}
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Route(StrEnum):
    """Names of what there is, as in metrics."""

    LIST = "lynkow.reviews"
    REVIEW = "lynkow.review"
    SETTINGS = "lynkow.settings"
    SUBMIT = "lynkow.submit"
    SUMMARY = "summary"


_ALLOW = {
    Route.LIST: "GET, HEAD, POST, OPTIONS",
    Route.REVIEW: "GET, HEAD, OPTIONS",
    Route.SETTINGS: "GET, HEAD, OPTIONS",
    Route.SUBMIT: "POST, OPTIONS",
    Route.SUMMARY: "GET, HEAD, OPTIONS",
}


class Target(NamedTuple):
    """`site` is None where the path names none."""

    route: Route
    site: str | None
    argument: str = ""


@dataclass(frozen=True)
class Sites:
    """Which site a path without one means: the host's, else the default."""

    default: str | None = None
    by_host: Mapping[str, str] | None = None

    def resolve(self, host: str) -> str:
        name = host.lower()
        # A port, and not a part of an IPv6 address.
        if (colon := name.rfind(":")) > name.rfind("]"):
            name = name[:colon]
        site = (self.by_host or {}).get(name) or self.default
        if site is None:
            raise not_found(
                "the address names no site: ask /public/{siteId}/…, or have the operator set PLAUDIT_DEFAULT_SITE "
                "or PLAUDIT_HOST_SITES"
            )
        return site


def locate(path: str) -> Target:
    """Pure. A first segment `reviews` or `summary` is never a site. Raises Problem 404."""
    segments = path.removesuffix("/").split("/")
    if len(segments) > 2 and segments[0] == "" and segments[1] == "public":
        rest = segments[2:]
        site = None if rest[0] in ("reviews", "summary") else rest.pop(0)
        match rest:
            case ["reviews"] if site != "":
                return Target(Route.LIST, site)
            case ["reviews", "settings"] if site != "":
                return Target(Route.SETTINGS, site)
            case ["reviews", "submit"] if site != "":
                return Target(Route.SUBMIT, site)
            case ["reviews", argument] if site != "" and argument:
                return Target(Route.REVIEW, site, argument)
            case ["summary"] if site != "":
                return Target(Route.SUMMARY, site)
    raise not_found("there is nothing at this path; reviews are at /public/{siteId}/reviews")


class Lynkow:
    """`secret` is one for all processes, so that they know a request sent again by the same digest."""

    def __init__(self, reader: ReviewReader, intake: Intake, sites: Sites, clock: Clock, secret: bytes) -> None:
        self._reader = reader
        self._intake = intake
        self._sites = sites
        self._clock = clock
        self._secret = secret

    async def answer(self, request: Request) -> Response:
        target = locate(request.path)
        route, method = target.route, request.method
        submits = route is Route.SUBMIT or (route is Route.LIST and method == "POST")
        if method != ("POST" if submits else "GET"):
            raise method_not_allowed(_ALLOW[route])
        site = target.site
        if site is None:
            site = self._sites.resolve(request.header(b"host"))
        if submits:
            return await self._submit(site, request)
        match route:
            case Route.LIST:
                return await self._list(site, request)
            case Route.REVIEW:
                return await self._review(site, target.argument)
            case Route.SETTINGS:
                return await self._settings(site)
            case _:
                return await self._summary(site, request)

    def allowed(self, request: Request) -> str:
        return _ALLOW[locate(request.path).route]

    def refuse(self, request: Request, problem: Problem) -> Response:
        code = _CODES.get(problem.status, "BAD_REQUEST")
        errors = [
            {"code": code, "message": detail.message} | ({} if detail.field is None else {"field": detail.field})
            for detail in problem.details
        ]
        return Response("refused", problem.status, orjson.dumps({"errors": errors}), [JSON])

    async def _list(self, site: str, request: Request) -> Response:
        listing = parse_listing(request.query)
        page = await self._reader.reviews(listing.query(_known(site)), render.REVIEW)
        if page is None:
            raise _no_such_site()
        if not page.enabled:
            page = ReviewPage(False, 0, "[]")
        return cacheable(Route.LIST, render.review_list(page, listing), LIST_CACHE)

    async def _review(self, site: str, slug_or_id: str) -> Response:
        review_id = review_id_of(slug_or_id)
        found = None if review_id is None else await self._reader.review(_known(site), review_id, render.REVIEW)
        if found is None or not found.enabled or found.document is None:
            raise not_found("there is no such review, or it is not public")
        return cacheable(Route.REVIEW, found.document.encode(), REVIEW_CACHE)

    async def _settings(self, site: str) -> Response:
        found = await self._reader.site(_known(site))
        if found is None:
            raise _no_such_site()
        return cacheable(Route.SETTINGS, render.settings(found), SETTINGS_CACHE)

    async def _summary(self, site: str, request: Request) -> Response:
        entity_id = parse_entity_id(request.query)
        found = await self._reader.summary(_known(site), entity_id)
        if found is None:
            raise _no_such_site()
        if not found.enabled:
            found = Summary(False, 0, 0, (0, 0, 0, 0, 0))
        return cacheable(Route.SUMMARY, render.summary(site, entity_id, found), LIST_CACHE)

    async def _submit(self, site: str, request: Request) -> Response:
        body = await _read_object(request)
        key = request.header(b"idempotency-key") or None
        if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
            raise problem(422, "the key must be 1 to 255 printable characters", "Idempotency-Key")
        found = await self._reader.site(_known(site))
        if found is None:
            raise _no_such_site()
        if not found.settings.enabled:
            raise problem(403, "this site takes no reviews at present")
        now = self._clock.now()
        submission = read_submission(body, found.settings, now, parse_locale(request.query))
        try:
            accepted = await self._intake.submit(
                site, submission.neutral(), _forwarded_key(self._secret, site, key, submission)
            )
        except IntakeRefused as refused:
            raise translate(refused) from None
        shown = render_accepted(submission, accepted, found.settings, now)
        return Response(Route.SUBMIT, 201, orjson.dumps(shown), [JSON, NO_STORE])


_SITE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


def _known(site: str) -> str:
    """The site as it may be asked for; ids of another form are nobody's."""
    if not _SITE.fullmatch(site):
        raise _no_such_site()
    return site


def _forwarded_key(secret: bytes, site: str, key: str | None, submission: Submission) -> str | None:
    """Visitors' keys as intake gets them. All come under our own API key there: of two visitors with one key, one
    would get the other's answer or be refused. Intake keeps it for a day, and without the secret nobody can try out
    whose e-mail it is made of."""
    if key is None:
        return None
    said = orjson.dumps([site, key, submission.author_name, submission.author_email])
    return hmac.digest(secret, said, "sha256").hex()


def _no_such_site() -> Problem:
    return not_found("there is no such site; check the site id in the address")


async def _read_object(request: Request) -> Mapping[str, object]:
    media_type = request.header(b"content-type").partition(";")[0].strip().lower()
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise problem(415, "send the body as application/json")
    try:
        body = orjson.loads(await request.body(MAX_BODY_BYTES))
    except orjson.JSONDecodeError:
        raise problem(400, "the body is not valid JSON in UTF-8") from None
    if not isinstance(body, dict):
        raise problem(400, "the body must be a JSON object")
    return body
