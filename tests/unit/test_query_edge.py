"""The edge around a dialect that answers from memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.query.client import Clients, ForwardedHeader, forwarded_for
from services.query.core.answers import ReviewPage, SingleReview, Site, Summary
from services.query.core.connections import TooBusy, TooSlow, Unreachable
from services.query.core.document import Document
from services.query.core.query import ReviewQuery
from services.query.cors import Cors
from services.query.edge import Edge
from services.query.exchange import Receive, Request, Scope, Send
from services.query.intake import Accepted
from services.query.lynkow.dialect import Lynkow, Sites
from services.query.router import Router
from shared.events.settings import SiteSettings
from shared.http.client_address import parse_networks
from shared.http.rate_limit import Rate, RateLimiter


@dataclass
class Clock:
    seconds: float = 0.0

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Reviews:
    """No reviews at all; `error` is raised instead when it is set."""

    error: Exception | None = None
    sites: list[str] = field(default_factory=list)

    def _seen(self, site: str) -> None:
        self.sites.append(site)
        if self.error is not None:
            raise self.error

    async def site(self, site: str) -> Site | None:
        self._seen(site)
        return Site("Shop", SiteSettings())

    async def reviews(self, query: ReviewQuery, document: Document) -> ReviewPage | None:
        self._seen(query.site)
        return ReviewPage(True, 0, "[]")

    async def review(self, site: str, review_id: int, document: Document) -> SingleReview | None:
        self._seen(site)
        return SingleReview(True, None)

    async def summary(self, site: str, entity_id: str | None) -> Summary | None:
        self._seen(site)
        return Summary(True, 0, 0, (0, 0, 0, 0, 0))


class NoIntake:
    async def submit(self, site: str, submission: Any, idempotency_key: str | None) -> Accepted:
        raise AssertionError("nothing was to be submitted")


async def probes(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"probe"})


Build = Callable[..., httpx.AsyncClient]


def client(
    reviews: Reviews | None = None,
    *,
    sites: Sites | None = None,
    cors: Cors | None = None,
    trusted: tuple[str, ...] = (),
    header: ForwardedHeader = "x-forwarded-for",
    reads: RateLimiter | None = None,
    writes: RateLimiter | None = None,
    peer: str = "203.0.113.9",
) -> httpx.AsyncClient:
    edge = Edge(
        Router(Lynkow(reviews or Reviews(), NoIntake(), sites or Sites(), Clock(), b"secret")),
        probes,
        cors=cors or Cors(),
        clients=Clients(parse_networks(trusted), header),
        reads=reads,
        writes=writes,
    )
    transport = httpx.ASGITransport(edge, client=(peer, 5000))
    return httpx.AsyncClient(transport=transport, base_url="http://edge.example")


def error_of(response: httpx.Response) -> tuple[int, str]:
    (error,) = response.json()["errors"]
    assert error["message"]
    return response.status_code, error["code"]


async def test_probes_are_not_the_dialects() -> None:
    for path in ("/live", "/ready", "/metrics"):
        assert (await client().get(path)).content == b"probe"


async def test_an_answer_has_a_strong_tag_and_is_not_sent_twice() -> None:
    first = await client().get("/public/shop/reviews")
    tag = first.headers["etag"]
    assert tag.startswith('"')
    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await client().get("/public/shop/reviews", headers={"If-None-Match": given})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert again.headers["access-control-allow-origin"] == "*"
        assert "content-length" not in again.headers
    assert (await client().get("/public/shop/reviews", headers={"If-None-Match": '"other"'})).status_code == 200
    assert (await client().get("/public/shop/reviews?page=2")).headers["etag"] != tag


async def test_head_is_get_without_the_body() -> None:
    got, head = await client().get("/public/shop/reviews"), await client().head("/public/shop/reviews")
    assert head.content == b""
    for name in ("content-length", "etag", "content-type", "cache-control"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/public/shop/reviews", "GET, HEAD, POST, OPTIONS"),
        ("POST", "/public/shop/reviews/a-7", "GET, HEAD, OPTIONS"),
        ("PUT", "/public/shop/reviews/settings", "GET, HEAD, OPTIONS"),
        ("GET", "/public/shop/reviews/submit", "POST, OPTIONS"),
        ("HEAD", "/public/shop/reviews/submit", "POST, OPTIONS"),
        ("PATCH", "/public/shop/summary", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_says_which_are_right(method: str, path: str, allow: str) -> None:
    response = await client().request(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allow)
    if method != "HEAD":
        assert error_of(response) == (405, "BAD_REQUEST")


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/public", "/public/", "/public/shop", "/public//reviews", "/public/shop/reviews/a/b", "/public/shop/x"),
        *("/x", "/public/Shop/reviews", "/public/%00/reviews", "/public/shop%2Freviews/x/y", "/" + "a/" * 50),
    ],
)
async def test_unknown_paths(path: str) -> None:
    response = await client().get(path)
    assert error_of(response) == (404, "NOT_FOUND")
    assert response.headers["cache-control"] == "no-store"


async def test_a_slash_at_the_end_does_no_harm() -> None:
    assert (await client().get("/public/shop/reviews/")).status_code == 200


async def test_paths_without_a_site() -> None:
    reviews = Reviews()
    sites = Sites("main", {"reviews.shop.example": "shop"})
    for host, site in (("reviews.shop.example", "shop"), ("Reviews.Shop.example:8443", "shop"), ("[::1]:80", "main")):
        assert (await client(reviews, sites=sites).get("/public/reviews", headers={"Host": host})).status_code == 200
        assert reviews.sites[-1] == site
    for path in ("/public/reviews/settings", "/public/summary"):
        assert (await client(reviews, sites=sites).get(path)).status_code == 200
    refused = await client().get("/public/reviews")
    assert error_of(refused) == (404, "NOT_FOUND")
    assert "PLAUDIT_DEFAULT_SITE" in refused.text


async def test_preflight() -> None:
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, x-sdk-version",
    }
    response = await client().options("/public/shop/reviews", headers=asked)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == "content-type, x-sdk-version"
    listed = Cors(["https://shop.example"])
    allowed = await client(cors=listed).options("/public/shop/reviews", headers=asked)
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    other = await client(cors=listed).options(
        "/public/shop/reviews", headers=asked | {"Origin": "https://evil.example"}
    )
    assert "access-control-allow-origin" not in other.headers
    assert "access-control-allow-methods" not in other.headers
    assert "Origin" in other.headers["vary"]


async def test_every_answer_can_be_read_by_pages_of_other_origins() -> None:
    for path in ("/public/shop/reviews", "/nowhere", "/public/shop/reviews?page=x"):
        assert (await client().get(path)).headers["access-control-allow-origin"] == "*"
    response = await client(cors=Cors(["https://shop.example"])).get(
        "/public/shop/reviews", headers={"Origin": "https://x"}
    )
    assert "access-control-allow-origin" not in response.headers
    assert response.headers["vary"] == "Origin"


async def test_options_without_a_preflight() -> None:
    response = await client().options("/public/shop/reviews/submit")
    assert (response.status_code, response.headers["allow"]) == (204, "POST, OPTIONS")
    assert error_of(await client().options("/nowhere")) == (404, "NOT_FOUND")


async def test_each_client_has_limits_of_its_own_and_submits_others_than_reads() -> None:
    clock = Clock()
    reads, writes = RateLimiter(Rate(1, 2), clock), RateLimiter(Rate(0.1, 1), clock)
    here, there = (client(reads=reads, writes=writes, peer=peer) for peer in ("203.0.113.9", "203.0.113.10"))
    path = "/public/shop/reviews"
    assert [(await here.get(path)).status_code for _ in range(3)] == [200, 200, 429]
    refused = await here.get(path)
    assert error_of(refused) == (429, "TOO_MANY_REQUESTS")
    assert refused.headers["retry-after"] == "1"
    assert (await there.get(path)).status_code == 200
    assert (await here.get("/live")).status_code == 200
    assert [(await here.post(path, json={})).status_code for _ in range(2)] == [422, 429]
    assert (await here.post(path, json={})).headers["retry-after"] == "10"
    clock.seconds += 1
    assert (await here.get(path)).status_code == 200


async def statuses(reads: RateLimiter, headers: dict[str, str], peer: str, **options: Any) -> int:
    response = await client(reads=reads, peer=peer, **options).get("/public/shop/reviews", headers=headers)
    return response.status_code


@pytest.mark.parametrize(
    ("header", "name", "form"),
    [("x-forwarded-for", "X-Forwarded-For", "{}"), ("forwarded", "Forwarded", 'proto=https;for="{}"')],
)
async def test_the_address_behind_a_trusted_proxy(header: ForwardedHeader, name: str, form: str) -> None:
    options = {"trusted": ("10.0.0.0/8",), "header": header}

    def limiter() -> RateLimiter:
        return RateLimiter(Rate(0.001, 1), Clock())

    def sent(*hops: str) -> dict[str, str]:
        return {name: ", ".join(form.format(hop) for hop in hops)}

    reads = limiter()
    assert await statuses(reads, sent("198.51.100.1"), "10.0.0.5", **options) == 200
    assert await statuses(reads, sent("198.51.100.2"), "10.0.0.5", **options) == 200
    assert await statuses(reads, sent("198.51.100.1"), "10.0.0.6", **options) == 429
    # What the client wrote itself, further left, changes nothing.
    assert await statuses(reads, sent("192.0.2.77", "198.51.100.1"), "10.0.0.5", **options) == 429
    # Without trust in the peer the header is hearsay.
    reads = limiter()
    assert await statuses(reads, sent("198.51.100.1"), "203.0.113.9", **options) == 200
    assert await statuses(reads, sent("198.51.100.2"), "203.0.113.9", **options) == 429


async def test_only_the_chosen_header_is_believed() -> None:
    reads = RateLimiter(Rate(0.001, 1), Clock())
    options = {"trusted": ("10.0.0.0/8",), "header": "forwarded"}
    headers = {"Forwarded": "for=198.51.100.1"}
    assert await statuses(reads, headers, "10.0.0.5", **options) == 200
    assert await statuses(reads, headers | {"X-Forwarded-For": "192.0.2.1"}, "10.0.0.5", **options) == 429


async def test_only_the_end_of_the_header_counts() -> None:
    clients = Clients(parse_networks(("10.0.0.0/8",)))

    def group(header: str) -> str:
        async def receive() -> dict[str, object]:
            raise AssertionError("no body is needed")

        headers = [(b"x-forwarded-for", header.encode())]
        scope = {"method": "GET", "path": "/", "query_string": b"", "headers": headers, "client": ("10.0.0.5", 1)}
        return clients.group(Request(scope, receive))

    assert group("192.0.2.1, " * 10_000 + "198.51.100.1") == group("198.51.100.1")
    # An address that the cut goes through is none, whatever its rest looks like.
    proxies = ", ".join(["10.0.0.7"] * 101) + " " * 7
    cut = f"192.0.2.1, {proxies}"
    assert cut[-1024:].startswith("2.0.2.1, ")
    assert group(cut) == group(proxies)
    assert group(cut) not in (group("192.0.2.1"), group("2.0.2.1"))
    assert group("1" * 2000) == group("")


async def test_one_ipv6_network_is_one_client() -> None:
    reads = RateLimiter(Rate(0.001, 1), Clock())
    assert await statuses(reads, {}, "2001:db8::1") == 200
    assert await statuses(reads, {}, "2001:db8::2") == 429
    assert await statuses(reads, {}, "2001:db8:0:1::2") == 200


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ('For="[2001:db8:cafe::17]:4711"', "[2001:db8:cafe::17]:4711"),
        ("for=192.0.2.43, for=198.51.100.17", "192.0.2.43, 198.51.100.17"),
        ("proto=https", "unknown"),
        ("", "unknown"),
    ],
)
def test_forwarded(header: str, expected: str) -> None:
    assert forwarded_for(header) == expected


@pytest.mark.parametrize("error", [TooBusy(), TooSlow(), Unreachable()])
async def test_a_database_that_does_not_answer_is_worth_another_try(error: Exception) -> None:
    response = await client(Reviews(error)).get("/public/shop/reviews")
    assert error_of(response) == (503, "SERVICE_UNAVAILABLE")
    assert int(response.headers["retry-after"]) >= 1


async def test_a_fault_of_ours_tells_its_request_id_and_nothing_else() -> None:
    response = await client(Reviews(RuntimeError("secret"))).get(
        "/public/shop/reviews", headers={"X-Request-Id": "abc-1"}
    )
    assert error_of(response) == (500, "INTERNAL_ERROR")
    assert response.headers["x-request-id"] == "abc-1"
    assert "abc-1" in response.text
    assert "secret" not in response.text


async def test_request_ids_are_made_where_none_can_be_used() -> None:
    for given in ("", "x" * 200, "a b"):
        made = (await client().get("/public/shop/reviews", headers={"X-Request-Id": given})).headers["x-request-id"]
        assert len(made) == 32


async def test_bodies_that_are_no_submission() -> None:
    path = "/public/shop/reviews"
    for content, headers, status in (
        (b"", {}, 400),
        (b"[1]", {}, 400),
        (b"{", {}, 400),
        (b'{"authorName":"\xff"}', {}, 400),
        (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b" " * 70_000, {}, 413),
        (b"{}", {"Idempotency-Key": "x" * 256}, 422),
    ):
        response = await client().post(path, content=content, headers=headers)
        assert response.status_code == status
        assert response.json()["errors"]
